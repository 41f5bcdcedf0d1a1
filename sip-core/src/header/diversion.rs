//! Where a call has been before: Diversion (RFC 5806), History-Info (RFC 7044, and RFC 4244 before it).

use std::borrow::Cow;

use super::name_addr::name_addrs;
use super::{HeaderError, Privacy, Reason};
use crate::parse::lex;

name_addrs! {
    /// Who has diverted the call, latest first (RFC 5806 §4).
    ///
    /// ```
    /// use sip_core::{Diversion, Header, Text};
    ///
    /// let value = Text::from_static("<sip:bob@example.com>;reason=no-answer;counter=1;privacy=\"off\"");
    /// let diversion = Diversion::parse(&value)?;
    /// assert_eq!(diversion.reason().as_deref(), Some(&b"no-answer"[..]));
    /// assert_eq!((diversion.counter(), diversion.is_screened()), (Some(1), false));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Diversion = lex::name_addr, list;

    /// Where the request has been aimed at, oldest first (RFC 7044 §5).
    ///
    /// ```
    /// use sip_core::{Header, HistoryInfo, Text};
    ///
    /// let entry = HistoryInfo::parse(&Text::from_static(
    ///     "<sip:UserB@example.com?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1.2;mp=1.1",
    /// ))?;
    /// assert_eq!((entry.index(), entry.mapped_from()), (Some(&b"1.2"[..]), Some(&b"1.1"[..])));
    /// assert_eq!(entry.reason().unwrap()?.cause(), Some(486));
    /// assert!(entry.privacy().unwrap()?.asks_for("history"));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    HistoryInfo = lex::name_addr, list;
}

impl Diversion {
    /// Why: `user-busy`, `no-answer`, `unconditional`, `time-of-day` …, without quotes.
    #[must_use]
    pub fn reason(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("reason")
    }

    /// How often this user diverted it; `None` also for what is no number of one or two digits.
    #[must_use]
    pub fn counter(&self) -> Option<u8> {
        self.two_digits("counter")
    }

    /// How often it may be diverted at all.
    #[must_use]
    pub fn limit(&self) -> Option<u8> {
        self.two_digits("limit")
    }

    /// What of it is to be hidden: `full`, `name`, `uri`, `off`, without quotes.
    #[must_use]
    pub fn privacy(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("privacy")
    }

    /// Whether the network has checked who diverted.
    #[must_use]
    pub fn is_screened(&self) -> bool {
        let screen = self.params().unquoted("screen");
        screen.is_some_and(|screen| screen.eq_ignore_ascii_case(b"yes"))
    }

    fn two_digits(&self, name: &str) -> Option<u8> {
        let value = self.params().value(name)?;
        let number = lex::exactly(value, |input| lex::number(input, 99, "1*2DIGIT"));
        number.ok().map(|number| number as u8)
    }
}

impl HistoryInfo {
    /// Its place in the tree of forwardings, as `1.2.1`; `None` also for what is none.
    #[must_use]
    pub fn index(&self) -> Option<&[u8]> {
        self.index_in("index")
    }

    /// The index of the entry whose user is the same, under another URI: `rc`.
    #[must_use]
    pub fn recursed_from(&self) -> Option<&[u8]> {
        self.index_in("rc")
    }

    /// The index of the entry whose user is another: `mp`.
    #[must_use]
    pub fn mapped_from(&self) -> Option<&[u8]> {
        self.index_in("mp")
    }

    /// The index of the entry whose URI is the same: `np`.
    #[must_use]
    pub fn passed_on_from(&self) -> Option<&[u8]> {
        self.index_in("np")
    }

    /// Why the request was aimed elsewhere afterwards; it stands in the URI.
    #[must_use]
    pub fn reason(&self) -> Option<Result<Reason, HeaderError>> {
        self.as_uri().as_sip()?.header()
    }

    /// Whether the entry is to be hidden; it stands in the URI.
    #[must_use]
    pub fn privacy(&self) -> Option<Result<Privacy, HeaderError>> {
        self.as_uri().as_sip()?.header()
    }

    fn index_in(&self, name: &str) -> Option<&[u8]> {
        let value = self.params().value(name)?;
        let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        value
            .split(|octet| *octet == b'.')
            .all(is_number)
            .then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn a_diversion_stands_in_brackets() {
        for bad in [
            "",
            "sip:bob@example.com;reason=busy",
            "<sip:bob@example.com",
        ] {
            assert!(Diversion::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_counter_has_two_digits() {
        let value = "<sip:a@b>;counter=100;limit=07;screen=\"Yes\"";
        let diversion = Diversion::parse(&Text::from_static(value)).unwrap();
        assert_eq!((diversion.counter(), diversion.limit()), (None, Some(7)));
        assert!(diversion.is_screened());
    }

    #[test]
    fn an_index_is_numbers_with_points_between() {
        for (value, index) in [
            ("<sip:a@b>;index=1", Some(&b"1"[..])),
            ("<sip:a@b>;index=1.10.2", Some(b"1.10.2")),
            ("<sip:a@b>;index=1.", None),
            ("<sip:a@b>;index=1..2", None),
            ("<sip:a@b>;index=x", None),
            ("<sip:a@b>;index", None),
            ("<sip:a@b>", None),
        ] {
            let entry = HistoryInfo::parse(&Text::from_static(value)).unwrap();
            assert_eq!(entry.index(), index, "{value}");
        }
    }

    #[test]
    fn a_header_in_the_uri_smuggles_no_line() {
        let value = "<sip:a@b?Reason=SIP%0D%0AVia:x>;index=1;rc=1;np=1";
        let entry = HistoryInfo::parse(&Text::from_static(value)).unwrap();
        assert!(entry.reason().unwrap().is_err());
        assert!(entry.privacy().is_none());
        assert_eq!(entry.recursed_from(), entry.passed_on_from());
    }
}
