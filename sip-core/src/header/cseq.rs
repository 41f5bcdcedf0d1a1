//! The order of requests: CSeq (RFC 3261 §20.16).

use std::hash::{Hash, Hasher};

use super::{Header, HeaderError, HeaderName};
use crate::parse::lex;
use crate::span::Span;
use crate::{Method, Text};

/// A sequence number and the method of the request. Equal when both are, however the number is written.
///
/// ```
/// use sip_core::{CSeq, Header, Method, Text};
///
/// let cseq = CSeq::parse(&Text::from_static("0009  INVITE"))?;
/// assert_eq!((cseq.number(), cseq.method()), (9, Method::Invite));
/// assert_eq!(cseq, CSeq::new(9, Method::Invite));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CSeq {
    text: Text,
    number: u32,
    method: Method,
}

impl CSeq {
    /// The largest number: a CSeq is less than 2^31 (§8.1.1.5).
    pub const MAX: u32 = (1 << 31) - 1;

    /// `number method`; a number above [`CSeq::MAX`] is taken for it.
    #[must_use]
    pub fn new(number: u32, method: Method) -> CSeq {
        let number = number.min(CSeq::MAX);
        let mut out = Text::number(number).to_vec();
        out.push(b' ');
        out.extend_from_slice(method.as_bytes());
        let text = Text::composed(out);
        CSeq {
            text,
            number,
            method,
        }
    }

    /// The number, below 2^31.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method.clone()
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> CSeq {
        CSeq {
            text: self.text.detached(),
            number: self.number,
            method: self.method.detached(),
        }
    }
}

impl Header for CSeq {
    const NAME: HeaderName = HeaderName::CSeq;

    fn parse(value: &Text) -> Result<CSeq, HeaderError> {
        CSeq::read(value.clone())
    }

    fn read(value: Text) -> Result<CSeq, HeaderError> {
        let text = value.into_trimmed();
        let (number, method) = match lex::exactly(&text, lex::cseq) {
            Ok(read) => read,
            Err(expected) => return Err(expected.in_header(Self::NAME)),
        };
        let method = Method::known(method)
            .unwrap_or_else(|| Method::Other(Span::of(method, &text).text(&text)));
        Ok(CSeq {
            number,
            method,
            text,
        })
    }

    fn as_text(&self) -> Text {
        self.text.clone()
    }
}

impl PartialEq for CSeq {
    fn eq(&self, other: &CSeq) -> bool {
        self.number == other.number && self.method == other.method
    }
}

impl Eq for CSeq {}

impl Hash for CSeq {
    fn hash<S: Hasher>(&self, state: &mut S) {
        self.number.hash(state);
        self.method.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cseq(value: &'static str) -> Result<(u32, Method), HeaderError> {
        let cseq = CSeq::parse(&Text::from_static(value))?;
        Ok((cseq.number(), cseq.method()))
    }

    #[test]
    fn a_number_is_below_two_to_the_31() {
        assert_eq!(cseq("2147483647 INVITE"), Ok((CSeq::MAX, Method::Invite)));
        for bad in [
            "2147483648 INVITE",
            "36893488147419103232 REGISTER",
            "4294967297 ACK",
            "-1 ACK",
            "0x1 ACK",
        ] {
            assert!(cseq(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn number_and_method_are_both_there() {
        for bad in [
            "1",
            "1INVITE",
            "INVITE",
            "INVITE 1",
            "",
            "1 INVITE x",
            "1 IN,VITE",
            "1 ",
        ] {
            assert!(cseq(bad).is_err(), "{bad}");
        }
        assert_eq!(cseq(" 0009\t  INVITE "), Ok((9, Method::Invite)));
    }

    #[test]
    fn any_token_is_a_method() {
        let odd = "!interesting-Method0123456789_*+`.%indeed'~";
        assert_eq!(
            cseq("139122385 !interesting-Method0123456789_*+`.%indeed'~"),
            Ok((139_122_385, odd.parse().unwrap()))
        );
    }
}
