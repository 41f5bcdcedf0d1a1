//! The grammar of values: one function per ABNF rule, named as the rule (RFC 3261 §25.1).
//!
//! Folding is undone before a value gets here, so linear white space is a run of SP and HTAB. Where the wire is
//! wider than the grammar, the function says so. Octets from 0x80 up are taken wherever text may stand.

mod addresses;
mod hosts;
mod numbers;
mod octets;
mod sequences;
mod uris;
mod words;

pub(crate) use addresses::*;
pub(crate) use hosts::*;
pub(crate) use numbers::*;
pub(crate) use sequences::*;
pub(crate) use uris::*;
pub(crate) use words::*;

use nom::combinator::all_consuming;
use nom::error::{ErrorKind, ParseError};
use nom::sequence::terminated;
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
pub(crate) fn named(rule: &'static str, error: Err<Mismatch>) -> Err<Mismatch> {
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

impl Expected {
    /// The same, said of the value of a header.
    pub(crate) fn in_header(self, name: HeaderName) -> HeaderError {
        HeaderError::malformed(name, self.offset, self.rule)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(read: Result<&[u8], Expected>) -> Option<(usize, &'static str)> {
        read.err().map(|expected| (expected.offset, expected.rule))
    }

    #[test]
    fn a_mismatch_says_where_and_what() {
        assert_eq!(missing(value(b"a ", token)), None);
        assert_eq!(missing(exactly(b"a ", token)), Some((1, "end of value")));
        assert_eq!(missing(exactly(b"", token)), Some((0, "token")));
        assert_eq!(
            missing(exactly(b"\"ab", quoted_string)),
            Some((3, "quoted-string"))
        );
        assert_eq!(missing(exactly(b"(a(b)", comment)), Some((5, "comment")));
        assert_eq!(missing(exactly(b"a..b", hostname)), Some((2, "host")));
    }

    #[test]
    fn white_space_is_optional_or_required_as_the_rule_says() {
        assert!(exactly(b" \t/ ", slash).is_ok());
        assert!(exactly(b"/", slash).is_ok());
        assert_eq!(missing(exactly(b"", lws)), Some((0, "LWS")));
    }

    #[test]
    fn a_quoted_pair_holds_anything_but_a_line_end() {
        assert!(exactly(b"\"\\\0\\\x7f\\\"\xff\"", quoted_string).is_ok());
        for bad in [&b"\"\\\r\""[..], b"\"\0\"", b"\"\\"] {
            assert!(exactly(bad, quoted_string).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_may_end_in_a_dot_and_hold_digits_only() {
        for host in [
            &b"example.com."[..],
            b"1.2",
            b"a_b.c-d",
            b"xn--bcher-kva.example",
        ] {
            assert!(exactly(host, hostname).is_ok(), "{host:?}");
        }
        for bad in [&b""[..], b".", b".a", b"-a", b"a..", b"a b", b"a/b"] {
            assert!(exactly(bad, hostname).is_err(), "{bad:?}");
        }
    }
}
