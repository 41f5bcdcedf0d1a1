//! Short sequences of words (RFC 3261 §25.1).

use nom::Parser;

use super::{Parsed, lws, number, slash, token};

/// `sent-protocol = protocol-name SLASH protocol-version SLASH transport`
pub(crate) fn sent_protocol(input: &[u8]) -> Parsed<'_, [&[u8]; 3]> {
    let (left, (name, _, version, _, transport)) =
        (token, slash, token, slash, token).parse(input)?;
    Ok((left, [name, version, transport]))
}

/// `media-type` without its parameters: `m-type SLASH m-subtype`.
pub(crate) fn media_type(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let (left, (kind, _, subtype)) = (token, slash, token).parse(input)?;
    Ok((left, (kind, subtype)))
}

/// `CSeq` without its name: `1*DIGIT LWS Method`. The number stays below 2^31 (§8.1.1.5).
pub(crate) fn cseq(input: &[u8]) -> Parsed<'_, (u32, &[u8])> {
    let (left, number) = number(input, (1 << 31) - 1, "sequence number below 2^31")?;
    let (left, _) = lws(left)?;
    let (left, method) = token(left)?;
    Ok((left, (number, method)))
}
