//! Which provisional response a PRACK acknowledges: RAck (RFC 3262 §7.2).

use super::{CSeq, Header, HeaderError, HeaderName};
use crate::parse::lex::{self, Parsed};
use crate::span::Span;
use crate::{Method, Text};

/// The RSeq of the response, and the CSeq of the request it answers.
///
/// ```
/// use sip_core::{CSeq, Header, Method, RAck, Text};
///
/// let rack = RAck::parse(&Text::from_static("776656 1 INVITE"))?;
/// assert_eq!((rack.rseq(), rack.cseq()), (776656, CSeq::new(1, Method::Invite)));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RAck {
    rseq: u32,
    cseq: CSeq,
}

impl RAck {
    /// Acknowledges the response `rseq` to the request `cseq`.
    #[must_use]
    pub fn new(rseq: u32, cseq: CSeq) -> RAck {
        RAck { rseq, cseq }
    }

    /// The number of the response.
    #[must_use]
    pub fn rseq(&self) -> u32 {
        self.rseq
    }

    /// Number and method of the request.
    #[must_use]
    pub fn cseq(&self) -> CSeq {
        self.cseq.clone()
    }
}

/// `response-num LWS CSeq-num LWS Method`
fn rack(input: &[u8]) -> Parsed<'_, (u32, u32, &[u8])> {
    let (left, rseq) = lex::number(input, u32::MAX, "response-num")?;
    let (left, _) = lex::lws(left)?;
    let (left, (number, method)) = lex::cseq(left)?;
    Ok((left, (rseq, number, method)))
}

impl Header for RAck {
    const NAME: HeaderName = HeaderName::RAck;

    fn parse(value: &Text) -> Result<RAck, HeaderError> {
        let text = value.trimmed();
        let (rseq, number, method) = match lex::exactly(&text, rack) {
            Ok(read) => read,
            Err(expected) => return Err(expected.in_header(Self::NAME)),
        };
        let at = Span::of(method, &text);
        match Method::from_token(&at.text(&text)) {
            Some(method) => Ok(RAck::new(rseq, CSeq::new(number, method))),
            None => Err(HeaderError::malformed(Self::NAME, at.start(), "Method")),
        }
    }

    fn as_text(&self) -> Text {
        let mut out = Text::number(self.rseq).to_vec();
        out.push(b' ');
        out.extend_from_slice(&self.cseq.as_text());
        Text::composed(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_parts_are_there() {
        for bad in [
            "",
            "1",
            "1 2",
            "1 INVITE",
            "1 2147483648 INVITE",
            "4294967296 1 INVITE",
            "1 2 INVITE x",
        ] {
            assert!(RAck::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
        let rack = RAck::parse(&Text::from_static(" 007\t01 INVITE ")).unwrap();
        assert_eq!(rack.as_text(), "7 1 INVITE");
    }
}
