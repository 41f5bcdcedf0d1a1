//! The grammar of values: one function per ABNF rule, named as the rule (RFC 3261 §25.1).
//!
//! Folding is undone before a value gets here, so linear white space is a run of SP and HTAB. Where the wire is
//! wider than the grammar, the function says so. Octets from 0x80 up are taken wherever text may stand.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::char;
use nom::combinator::{all_consuming, opt, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::{preceded, terminated};
use nom::{Err, IResult, Parser};

use crate::header::{HeaderError, HeaderName};

/// What a rule gives back: the octets it left, and what it read.
pub(crate) type Parsed<'a, T = &'a [u8]> = IResult<&'a [u8], T, Mismatch>;

/// A rule that did not match, with that many octets of the value unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mismatch {
    left: usize,
    rule: &'static str,
}

impl Mismatch {
    pub(crate) fn at<'a, T>(input: &'a [u8], rule: &'static str) -> Parsed<'a, T> {
        Err(Err::Error(Mismatch {
            left: input.len(),
            rule,
        }))
    }
}

/// Calls what did not match by the name of the rule that wanted it.
fn named(rule: &'static str, error: Err<Mismatch>) -> Err<Mismatch> {
    error.map(|mismatch| Mismatch { rule, ..mismatch })
}

impl ParseError<&[u8]> for Mismatch {
    fn from_error_kind(input: &[u8], kind: ErrorKind) -> Mismatch {
        Mismatch {
            left: input.len(),
            rule: match kind {
                ErrorKind::Eof => "end of value",
                ErrorKind::Char => "separator",
                _ => "value",
            },
        }
    }

    fn append(_: &[u8], _: ErrorKind, other: Mismatch) -> Mismatch {
        other
    }
}

/// What a value should have held, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Octets from the start of the value.
    pub(crate) offset: usize,
    /// The name of the rule.
    pub(crate) rule: &'static str,
}

/// Reads all of a header value with `rule`; white space at its end means nothing.
pub(crate) fn value<'a, T>(
    value: &'a [u8],
    rule: impl Parser<&'a [u8], Output = T, Error = Mismatch>,
) -> Result<T, Expected> {
    exactly(value, terminated(rule, sws))
}

/// Reads all of `value` with `rule`.
pub(crate) fn exactly<'a, T>(
    value: &'a [u8],
    rule: impl Parser<&'a [u8], Output = T, Error = Mismatch>,
) -> Result<T, Expected> {
    if value.len() > crate::span::MAX_VALUE {
        return Err(Expected {
            offset: crate::span::MAX_VALUE,
            rule: "end of value",
        });
    }
    match all_consuming(rule).parse(value) {
        Ok((_, read)) => Ok(read),
        Err(Err::Error(mismatch) | Err::Failure(mismatch)) => Err(Expected {
            offset: value.len() - mismatch.left,
            rule: mismatch.rule,
        }),
        // The `complete` rules never ask for more.
        Err(Err::Incomplete(_)) => Err(Expected {
            offset: value.len(),
            rule: "value",
        }),
    }
}

impl Expected {
    /// The same, said of the value of a header.
    pub(crate) fn in_header(self, name: HeaderName) -> HeaderError {
        HeaderError::malformed(name, self.offset, self.rule)
    }
}

// -- octets ---------------------------------------------------------------------------------------------------

const TOKEN: u16 = 1;
const USER: u16 = 1 << 1;
const PASSWORD: u16 = 1 << 2;
const URI_PARAM: u16 = 1 << 3;
const URI_HEADER: u16 = 1 << 4;
const LABEL: u16 = 1 << 5;
const QDTEXT: u16 = 1 << 6;
const GEN_VALUE: u16 = 1 << 7;
const DISPLAY: u16 = 1 << 8;
const VISIBLE: u16 = 1 << 9;
const CTEXT: u16 = 1 << 10;

/// The classes of each octet, one bit each: a rule is one look-up an octet.
static CLASSES: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = classes(octet as u8);
        octet += 1;
    }
    table
};

const fn classes(octet: u8) -> u16 {
    let alphanum = octet.is_ascii_alphanumeric();
    let high = octet >= 0x80;
    let mark = matches!(
        octet,
        b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
    );
    let unreserved = alphanum || mark;
    let visible = octet > b' ' && octet != 0x7f;
    let blank = matches!(octet, b' ' | b'\t');
    let mut bits = 0;
    if alphanum
        || matches!(
            octet,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        )
    {
        bits |= TOKEN;
    }
    // `#` stands in dialled digits, and nothing else of a SIP URI can begin with it.
    if unreserved
        || high
        || matches!(
            octet,
            b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' | b'#'
        )
    {
        bits |= USER;
    }
    if unreserved || high || matches!(octet, b'&' | b'=' | b'+' | b'$' | b',') {
        bits |= PASSWORD;
    }
    if unreserved
        || high
        || matches!(
            octet,
            b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$' | b',' | b'#'
        )
    {
        bits |= URI_PARAM;
    }
    if unreserved
        || matches!(
            octet,
            b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$' | b'&' | b'='
        )
    {
        bits |= URI_HEADER;
    }
    if alphanum || matches!(octet, b'-' | b'_') {
        bits |= LABEL;
    }
    if (visible || blank) && !matches!(octet, b'"' | b'\\') {
        bits |= QDTEXT;
    }
    if visible && !matches!(octet, b'"' | b',' | b';' | b'<' | b'>') {
        bits |= GEN_VALUE;
    }
    if (visible || blank) && !matches!(octet, b'"' | b',' | b';' | b'<' | b'>') {
        bits |= DISPLAY;
    }
    if visible {
        bits |= VISIBLE;
    }
    if (visible || blank) && !matches!(octet, b'(' | b')' | b'\\') {
        bits |= CTEXT;
    }
    bits
}

fn is(octet: u8, class: u16) -> bool {
    CLASSES[octet as usize] & class != 0
}

fn run(class: u16) -> impl Fn(u8) -> bool {
    move |octet| is(octet, class)
}

/// At least one octet of `class`, called `rule`.
fn run_of<'a>(input: &'a [u8], class: u16, rule: &'static str) -> Parsed<'a> {
    let end = input
        .iter()
        .position(|octet| !is(*octet, class))
        .unwrap_or(input.len());
    if end == 0 {
        return Mismatch::at(input, rule);
    }
    let (read, left) = input.split_at(end);
    Ok((left, read))
}

/// Any number of octets of `class` and of `escaped = "%" HEXDIG HEXDIG`. A lone `%` ends the run.
fn escaped_run(input: &[u8], class: u16) -> Parsed<'_> {
    let mut end = 0;
    while let Some(&octet) = input.get(end) {
        if is(octet, class) {
            end += 1;
        } else if octet == b'%' && input.get(end + 1..end + 3).is_some_and(is_hex) {
            end += 3;
        } else {
            break;
        }
    }
    let (read, left) = input.split_at(end);
    Ok((left, read))
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

// -- white space and separators -------------------------------------------------------------------------------

/// `SWS = [LWS]`
pub(crate) fn sws(input: &[u8]) -> Parsed<'_> {
    let is_blank = |octet: &u8| matches!(octet, b' ' | b'\t');
    let end = match input.first() {
        Some(first) if is_blank(first) => input
            .iter()
            .position(|octet| !is_blank(octet))
            .unwrap_or(input.len()),
        _ => 0,
    };
    let (read, left) = input.split_at(end);
    Ok((left, read))
}

/// `LWS = [*WSP CRLF] 1*WSP`
pub(crate) fn lws(input: &[u8]) -> Parsed<'_> {
    match sws(input)? {
        (_, []) => Mismatch::at(input, "LWS"),
        read => Ok(read),
    }
}

fn separator<'a>(input: &'a [u8], octet: char, rule: &'static str) -> Parsed<'a, char> {
    let (after, _) = sws(input)?;
    match char::<_, Mismatch>(octet).parse(after) {
        Ok((left, found)) => Ok((sws(left)?.0, found)),
        Err(_) => Mismatch::at(after, rule),
    }
}

/// `SLASH = SWS "/" SWS`
pub(crate) fn slash(input: &[u8]) -> Parsed<'_, char> {
    separator(input, '/', "SLASH")
}

/// `SEMI = SWS ";" SWS`
pub(crate) fn semi(input: &[u8]) -> Parsed<'_, char> {
    separator(input, ';', "SEMI")
}

/// `EQUAL = SWS "=" SWS`
pub(crate) fn equal(input: &[u8]) -> Parsed<'_, char> {
    separator(input, '=', "EQUAL")
}

/// `COMMA = SWS "," SWS`
pub(crate) fn comma(input: &[u8]) -> Parsed<'_, char> {
    separator(input, ',', "COMMA")
}

/// `COLON = SWS ":" SWS`
pub(crate) fn colon(input: &[u8]) -> Parsed<'_, char> {
    separator(input, ':', "COLON")
}

// -- words ----------------------------------------------------------------------------------------------------

/// `token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")`
pub(crate) fn token(input: &[u8]) -> Parsed<'_> {
    run_of(input, TOKEN, "token")
}

/// ``word`` of a Call-ID, widened to every visible octet: it is only ever compared (§20.8).
pub(crate) fn word(input: &[u8]) -> Parsed<'_> {
    run_of(input, VISIBLE, "word")
}

/// [`word`] that parameters may follow: it ends at `;` and `,`.
pub(crate) fn word_before_params(input: &[u8]) -> Parsed<'_> {
    take_while1(|octet| is(octet, VISIBLE) && !matches!(octet, b';' | b','))
        .parse(input)
        .map_err(|error| named("word", error))
}

/// `quoted-string = SWS DQUOTE *(qdtext / quoted-pair) DQUOTE`, quotes included, space before it not.
/// A `quoted-pair` may hold any octet but CR and LF.
pub(crate) fn quoted_string(input: &[u8]) -> Parsed<'_> {
    let (input, _) = sws(input)?;
    if input.first() != Some(&b'"') {
        return Mismatch::at(input, "quoted-string");
    }
    let mut end = 1;
    loop {
        match input.get(end) {
            Some(b'"') => {
                let (read, left) = input.split_at(end + 1);
                return Ok((left, read));
            }
            Some(b'\\') if is_pair(input, end) => end += 2,
            Some(&octet) if is(octet, QDTEXT) => end += 1,
            _ => return Mismatch::at(&input[end..], "quoted-string"),
        }
    }
}

fn is_pair(input: &[u8], backslash: usize) -> bool {
    matches!(input.get(backslash + 1), Some(octet) if !matches!(octet, b'\r' | b'\n'))
}

/// `comment = LPAREN *(ctext / quoted-pair / comment) RPAREN`, parentheses included. Nesting is counted, not
/// recursed into.
pub(crate) fn comment(input: &[u8]) -> Parsed<'_> {
    if input.first() != Some(&b'(') {
        return Mismatch::at(input, "comment");
    }
    let (mut end, mut depth) = (0, 0_usize);
    loop {
        match input.get(end) {
            Some(b'(') => depth += 1,
            Some(b')') => depth -= 1,
            Some(b'\\') if is_pair(input, end) => end += 1,
            Some(&octet) if is(octet, CTEXT) => {}
            _ => return Mismatch::at(&input[end..], "comment"),
        }
        end += 1;
        if depth == 0 {
            let (read, left) = input.split_at(end);
            return Ok((left, read));
        }
    }
}

/// `TEXT-UTF8-TRIM`, possibly empty, in any encoding: everything up to the end but control characters.
pub(crate) fn text_utf8_trim(input: &[u8]) -> Parsed<'_> {
    let (left, read) =
        take_while(|octet| octet == b'\t' || octet >= b' ' && octet != 0x7f).parse(input)?;
    Ok((left, read.trim_ascii_end()))
}

// -- numbers --------------------------------------------------------------------------------------------------

/// `1*DIGIT` up to `max`; leading zeros mean nothing, and what is larger does not match: it never wraps.
pub(crate) fn number<'a>(input: &'a [u8], max: u32, rule: &'static str) -> Parsed<'a, u32> {
    match saturating(input) {
        Ok((left, number)) if number <= u64::from(max) => Ok((left, number as u32)),
        _ => Mismatch::at(input, rule),
    }
}

/// `delta-seconds = 1*DIGIT`; what four octets cannot hold counts as the longest time they can.
pub(crate) fn delta_seconds(input: &[u8]) -> Parsed<'_, u32> {
    match saturating(input) {
        Ok((left, seconds)) => Ok((left, u32::try_from(seconds).unwrap_or(u32::MAX))),
        Err(_) => Mismatch::at(input, "delta-seconds"),
    }
}

fn saturating(input: &[u8]) -> Parsed<'_, u64> {
    let (left, digits) = take_while1(|octet: u8| octet.is_ascii_digit()).parse(input)?;
    let number = digits.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Ok((left, number))
}

/// `qvalue = ("0" ["." 0*3DIGIT]) / ("1" ["." 0*3("0")])`, in thousandths.
pub(crate) fn qvalue(input: &[u8]) -> Parsed<'_, u16> {
    let (left, whole) = match input.split_first() {
        Some((digit @ (b'0' | b'1'), left)) => (left, u16::from(digit - b'0') * 1000),
        _ => return Mismatch::at(input, "qvalue"),
    };
    let Some((b'.', decimals)) = left.split_first() else {
        return Ok((left, whole));
    };
    let (left, digits) = take_while(|octet: u8| octet.is_ascii_digit()).parse(decimals)?;
    let thousandths = digits
        .iter()
        .zip([100, 10, 1])
        .map(|(digit, weight)| u16::from(digit - b'0') * weight)
        .sum::<u16>();
    if digits.len() > 3 || whole + thousandths > 1000 {
        return Mismatch::at(input, "qvalue");
    }
    Ok((left, whole + thousandths))
}

// -- hosts ----------------------------------------------------------------------------------------------------

/// A host as it is written, and the address if it is one.
#[derive(Clone, Copy)]
pub(crate) struct HostPart<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) ip: Option<IpAddr>,
}

/// `host = hostname / IPv4address / IPv6reference`
pub(crate) fn host(input: &[u8]) -> Parsed<'_, HostPart<'_>> {
    if input.first() == Some(&b'[') {
        return ipv6reference(input);
    }
    let (left, text) = hostname(input)?;
    let ip = ipv4address(text).map(IpAddr::V4);
    Ok((left, HostPart { text, ip }))
}

/// `hostname = *(domainlabel ".") toplabel ["."]`, widened: labels may be all digits, hold `_`, and end in `-`.
pub(crate) fn hostname(input: &[u8]) -> Parsed<'_> {
    if input.first() == Some(&b'-') {
        return Mismatch::at(input, "host");
    }
    let (mut left, _) = label(input)?;
    while let Some((b'.', more)) = left.split_first() {
        left = match label(more) {
            Ok((left, _)) => left,
            Err(_) if more.first() == Some(&b'.') => return Mismatch::at(more, "host"),
            // The dot that may end a name.
            Err(_) => more,
        };
    }
    Ok((left, &input[..input.len() - left.len()]))
}

/// `domainlabel`, widened as [`hostname`] says.
fn label(input: &[u8]) -> Parsed<'_> {
    run_of(input, LABEL, "host")
}

fn ipv4address(text: &[u8]) -> Option<Ipv4Addr> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `IPv6reference = "[" IPv6address "]"`
pub(crate) fn ipv6reference(input: &[u8]) -> Parsed<'_, HostPart<'_>> {
    let (left, text) = recognize((char('['), take_while(is_ipv6_octet), char(']')))
        .parse(input)
        .or_else(|_: Err<Mismatch>| Mismatch::at(input, "IPv6reference"))?;
    match ipv6address(&text[1..text.len() - 1]) {
        Some(ip) => Ok((
            left,
            HostPart {
                text,
                ip: Some(IpAddr::V6(ip)),
            },
        )),
        None => Mismatch::at(input, "IPv6address"),
    }
}

/// `IPv6address`; also with the three colons before an IPv4 address that RFC 3261's grammar asks for by mistake
/// (RFC 5118 §4.10).
pub(crate) fn ipv6address(text: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(text).ok()?;
    text.parse().ok().or_else(|| {
        let colons = text.find(":::").filter(|_| text.contains('.'))?;
        let mut repaired = [0; 45];
        let length = text.len() - 1;
        let (before, after) = (&text.as_bytes()[..colons], &text.as_bytes()[colons + 1..]);
        repaired.get_mut(..colons)?.copy_from_slice(before);
        repaired.get_mut(colons..length)?.copy_from_slice(after);
        std::str::from_utf8(&repaired[..length]).ok()?.parse().ok()
    })
}

fn is_ipv6_octet(octet: u8) -> bool {
    octet.is_ascii_hexdigit() || matches!(octet, b':' | b'.')
}

/// `port = 1*DIGIT`, up to 65535.
pub(crate) fn port(input: &[u8]) -> Parsed<'_, u16> {
    let (left, port) = number(input, u32::from(u16::MAX), "port")?;
    Ok((left, port as u16))
}

/// `hostport = host [":" port]`
pub(crate) fn hostport(input: &[u8]) -> Parsed<'_, (HostPart<'_>, Option<u16>)> {
    let (left, host) = host(input)?;
    match left.split_first() {
        Some((b':', digits)) => {
            let (left, port) = port(digits)?;
            Ok((left, (host, Some(port))))
        }
        _ => Ok((left, (host, None))),
    }
}

/// `sent-by = host [COLON port]`: as [`hostport`], with white space around the colon.
pub(crate) fn sent_by(input: &[u8]) -> Parsed<'_, (HostPart<'_>, Option<u16>)> {
    let (left, host) = host(input)?;
    match colon(left) {
        Ok((digits, _)) => {
            let (left, port) = port(digits)?;
            Ok((left, (host, Some(port))))
        }
        Err(_) => Ok((left, (host, None))),
    }
}

// -- URIs -----------------------------------------------------------------------------------------------------

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

// -- parameters and addresses -----------------------------------------------------------------------------------

/// `generic-param = token [EQUAL gen-value]`
pub(crate) fn generic_param(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    let (left, name) = token(input)?;
    match equal(left) {
        Ok((value, _)) => {
            let (left, value) = gen_value(value)?;
            Ok((left, (name, Some(value))))
        }
        Err(_) => Ok((left, (name, None))),
    }
}

/// `gen-value = token / host / quoted-string`, widened: it may be empty, and hold anything that does not end it.
pub(crate) fn gen_value(input: &[u8]) -> Parsed<'_> {
    if input.first() == Some(&b'"') {
        return quoted_string(input);
    }
    take_while(run(GEN_VALUE)).parse(input)
}

/// Whether `value` is a [`gen_value`] that is neither empty nor quoted.
pub(crate) fn is_unquoted(value: &[u8]) -> bool {
    !matches!(value.first(), None | Some(b'"'))
}

/// `*(SEMI generic-param)`, the leading `;` included; `see` is shown each parameter and may refuse it.
///
/// Every header's parameters are read here. An empty parameter does not match (RFC 4475 §3.1.2.1).
pub(crate) fn params<'a>(
    input: &'a [u8],
    mut see: impl FnMut(&'a [u8], Option<&'a [u8]>) -> Result<(), &'static str>,
) -> Parsed<'a> {
    let mut left = input;
    while let Ok((parameter, _)) = semi(left) {
        let (after, (name, value)) = generic_param(parameter)?;
        if let Err(rule) = see(name, value) {
            return Mismatch::at(parameter, rule);
        }
        left = after;
    }
    Ok((left, &input[..input.len() - left.len()]))
}

/// A display name and a URI, neither looked into.
pub(crate) struct AddrPart<'a> {
    /// As written, quotes included; empty when there is none.
    pub(crate) display: &'a [u8],
    /// Without its brackets.
    pub(crate) uri: &'a [u8],
}

/// `name-addr / addr-spec`. Without brackets the URI ends at the first `;`, what follows belongs to the header,
/// and `,` and `?` may not stand in it (§20).
pub(crate) fn address(input: &[u8]) -> Parsed<'_, AddrPart<'_>> {
    match display_name(input) {
        Ok((left @ [b'<', ..], display)) => bracketed(left, display),
        Ok(_) if input.first() != Some(&b'"') => addr_spec(input),
        _ => name_addr(input),
    }
}

/// `name-addr = [display-name] LAQUOT addr-spec RAQUOT`
pub(crate) fn name_addr(input: &[u8]) -> Parsed<'_, AddrPart<'_>> {
    let (left, display) = display_name(input)?;
    bracketed(left, display)
}

/// `"<" addr-spec RAQUOT`
fn bracketed<'a>(input: &'a [u8], display: &'a [u8]) -> Parsed<'a, AddrPart<'a>> {
    let Some((b'<', after)) = input.split_first() else {
        return Mismatch::at(input, "name-addr");
    };
    let Some(end) = memchr::memchr(b'>', after) else {
        return Mismatch::at(&after[after.len()..], "RAQUOT");
    };
    let (uri, left) = (&after[..end], &after[end + 1..]);
    Ok((sws(left)?.0, AddrPart { display, uri }))
}

/// `display-name = *(token LWS) / quoted-string`, and the white space behind it. The space before `<` may be
/// missing (RFC 4475 §3.1.1.6), and words may hold whatever cannot be taken for something else.
pub(crate) fn display_name(input: &[u8]) -> Parsed<'_> {
    if input.first() == Some(&b'"') {
        let (left, name) = quoted_string(input)?;
        return Ok((sws(left)?.0, name));
    }
    let end = input
        .iter()
        .position(|octet| !is(*octet, DISPLAY))
        .unwrap_or(input.len());
    let (name, left) = input.split_at(end);
    Ok((left, name.trim_ascii_end()))
}

/// A bare `addr-spec`, as [`address`] allows it.
fn addr_spec(input: &[u8]) -> Parsed<'_, AddrPart<'_>> {
    let (left, uri) = take_while(|octet| {
        is(octet, VISIBLE) && !matches!(octet, b';' | b',' | b'?' | b'<' | b'>' | b'"')
    })
    .parse(input)?;
    Ok((
        left,
        AddrPart {
            display: &input[..0],
            uri,
        },
    ))
}

// -- authentication ---------------------------------------------------------------------------------------------

/// The value of an `auth-param` whose quotes were left out: up to the next comma or white space.
pub(crate) fn unquoted_auth_value(input: &[u8]) -> Parsed<'_> {
    take_while1(|octet| is(octet, VISIBLE) && !matches!(octet, b',' | b'"'))
        .parse(input)
        .map_err(|error| named("auth-param", error))
}

// -- small sequences ---------------------------------------------------------------------------------------------

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
