//! URIs and their parts (RFC 3261 §25.1).

use nom::Parser;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::opt;
use nom::sequence::{preceded, terminated};

use super::octets::{PASSWORD, URI_HEADER, URI_PARAM, USER, VISIBLE, escaped_run, is};
use super::{HostPart, Mismatch, Parsed, hostport, named};

/// The parts of a SIP URI after its scheme, each a slice of it.
pub(crate) struct SipUriParts<'a> {
    pub(crate) userinfo: Option<(&'a [u8], Option<&'a [u8]>)>,
    pub(crate) host: HostPart<'a>,
    pub(crate) port: Option<u16>,
    /// With the leading `;`; empty when there are none.
    pub(crate) params: &'a [u8],
}

/// `SIP-URI`, `SIPS-URI` after the colon: `[userinfo] hostport uri-parameters [headers]`.
///
/// The first `@` ends the userinfo and no second one may follow: who looked for the last would route elsewhere.
pub(crate) fn sip_uri(input: &[u8]) -> Parsed<'_, SipUriParts<'_>> {
    let (input, userinfo) = opt(userinfo).parse(input)?;
    let (input, (host, port)) = hostport(input)?;
    let (input, params) = uri_parameters(input)?;
    let (input, _) = opt(headers).parse(input)?;
    Ok((
        input,
        SipUriParts {
            userinfo,
            host,
            port,
            params,
        },
    ))
}

/// `userinfo = (user / telephone-subscriber) [":" password] "@"`
fn userinfo(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    terminated((user, opt(preceded(char(':'), password))), char('@')).parse(input)
}

/// `user = 1*(unreserved / escaped / user-unreserved)`, also unescaped `#` and octets from 0x80 up.
pub(crate) fn user(input: &[u8]) -> Parsed<'_> {
    match escaped_run(input, USER)? {
        (_, []) => Mismatch::at(input, "user"),
        read => Ok(read),
    }
}

/// `password = *(unreserved / escaped / "&" / "=" / "+" / "$" / ",")`
fn password(input: &[u8]) -> Parsed<'_> {
    escaped_run(input, PASSWORD)
}

/// `uri-parameters = *(";" uri-parameter)`, the leading `;` included.
pub(crate) fn uri_parameters(input: &[u8]) -> Parsed<'_> {
    let mut left = input;
    while let Some((b';', parameter)) = left.split_first() {
        left = uri_parameter(parameter)?.0;
    }
    Ok((left, &input[..input.len() - left.len()]))
}

/// `other-param = pname ["=" pvalue]`, which covers all the others; a value may be empty and may hold `=`.
pub(crate) fn uri_parameter(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    let (left, name) = pname(input)?;
    match left.split_first() {
        Some((b'=', value)) => {
            let (left, _) = pvalue(value)?;
            Ok((left, (name, Some(&value[..value.len() - left.len()]))))
        }
        _ => Ok((left, (name, None))),
    }
}

/// `pname = 1*paramchar`
pub(crate) fn pname(input: &[u8]) -> Parsed<'_> {
    match escaped_run(input, URI_PARAM)? {
        (_, []) => Mismatch::at(input, "uri-parameter"),
        read => Ok(read),
    }
}

/// `pvalue = 1*paramchar`, widened as [`uri_parameter`] says.
pub(crate) fn pvalue(input: &[u8]) -> Parsed<'_> {
    let mut left = escaped_run(input, URI_PARAM)?.0;
    while let Some((b'=', more)) = left.split_first() {
        left = escaped_run(more, URI_PARAM)?.0;
    }
    Ok((left, &input[..input.len() - left.len()]))
}

/// `headers = "?" header *("&" header)`, without the `?`.
fn headers(input: &[u8]) -> Parsed<'_> {
    preceded(char('?'), |input| escaped_run(input, URI_HEADER)).parse(input)
}

/// `scheme = ALPHA *(ALPHA / DIGIT / "+" / "-" / ".")`
pub(crate) fn scheme(input: &[u8]) -> Parsed<'_> {
    if !input.first().is_some_and(u8::is_ascii_alphabetic) {
        return Mismatch::at(input, "scheme");
    }
    take_while(|octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.'))
        .parse(input)
}

/// `absoluteURI`, widened behind its colon to every visible octet that cannot end it in a header.
pub(crate) fn absolute_uri(input: &[u8]) -> Parsed<'_> {
    let (left, _) = scheme(input)?;
    let Some((b':', opaque)) = left.split_first() else {
        return Mismatch::at(left, "colon after the scheme");
    };
    take_while1(|octet| is(octet, VISIBLE) && !matches!(octet, b'<' | b'>' | b'"'))
        .parse(opaque)
        .map_err(|error| named("absoluteURI", error))
}

/// `Service-ID = "urn:urn-7:" urn-service-id` (RFC 6050 §4.4), widened to a name of dots and labels of any form.
pub(crate) fn service_id(input: &[u8]) -> Parsed<'_> {
    const URN: &[u8] = b"urn:urn-7:";
    let Some((urn, name)) = input.split_at_checked(URN.len()) else {
        return Mismatch::at(input, "Service-ID");
    };
    if !urn.eq_ignore_ascii_case(URN) {
        return Mismatch::at(input, "Service-ID");
    }
    let (left, _) = super::token(name)?;
    Ok((left, &input[..input.len() - left.len()]))
}
