//! Where a user can be reached: Contact (RFC 3261 §20.10).

use std::fmt;

use super::name_addr::NameAddr;
use super::{Header, HeaderError, HeaderName, ListHeader};
use crate::params::{Params, unquote};
use crate::parse::lex;
use crate::{Text, Uri};

/// An address to reach a user at, or `*` for all of a user's bindings (§10.2.2).
///
/// ```
/// use sip_core::{Contact, Header, Q, Text};
///
/// let contact = Contact::parse(&Text::from_static("<sip:ada@192.0.2.4;transport=tcp>;q=0.33;expires=3600"))?;
/// assert_eq!(contact.q(), Some(Ok(Q::from_thousandths(330).unwrap())));
/// assert_eq!(contact.expires(), Some(Ok(3600)));
/// assert_eq!(contact.uri().unwrap().to_string(), "sip:ada@192.0.2.4;transport=tcp");
/// assert!(Contact::parse(&Text::from_static("*"))?.is_star());
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Contact {
    /// `*`: all bindings, in a REGISTER that removes them.
    Star,
    /// An address with parameters.
    Addr(NameAddr),
}

/// How much an address is preferred: 0 to 1 in thousandths (`qvalue`, §25.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Q(u16);

impl Q {
    /// 1, the most preferred; also what an address without a q-value is taken for.
    pub const MAX: Q = Q(1000);
    /// 0, the least preferred.
    pub const MIN: Q = Q(0);

    /// That many thousandths, up to 1000.
    #[must_use]
    pub fn from_thousandths(thousandths: u16) -> Option<Q> {
        (thousandths <= 1000).then_some(Q(thousandths))
    }

    /// 0 to 1000.
    #[must_use]
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

impl Default for Q {
    fn default() -> Q {
        Q::MAX
    }
}

impl fmt::Display for Q {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1000.. => f.write_str("1"),
            0 => f.write_str("0"),
            thousandths => f.write_str(format!("0.{thousandths:03}").trim_end_matches('0')),
        }
    }
}

impl Contact {
    /// `<uri>`
    #[must_use]
    pub fn new(uri: &Uri) -> Contact {
        Contact::Addr(NameAddr::new(None, uri))
    }

    /// Whether it is `*`.
    #[must_use]
    pub fn is_star(&self) -> bool {
        matches!(self, Contact::Star)
    }

    /// The URI; `None` for `*`.
    #[must_use]
    pub fn uri(&self) -> Option<Uri> {
        self.addr().map(NameAddr::uri)
    }

    /// The name to show.
    #[must_use]
    pub fn display(&self) -> Option<Text> {
        self.addr()?.display()
    }

    /// The parameters of the header, not those of the URI.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        match self {
            Contact::Star => Params::of_header(b""),
            Contact::Addr(addr) => addr.params(),
        }
    }

    /// The q-value.
    #[must_use]
    pub fn q(&self) -> Option<Result<Q, HeaderError>> {
        let value = self.params().value("q")?;
        Some(self.read_param(value, lex::exactly(value, lex::qvalue).map(Q)))
    }

    /// How long the binding is to last, in seconds; what four octets cannot hold is the longest they can. Where
    /// it is unreadable, one hour is meant (§10.3 step 6).
    #[must_use]
    pub fn expires(&self) -> Option<Result<u32, HeaderError>> {
        let value = self.params().value("expires")?;
        let seconds = lex::exactly(&unquote(value), lex::delta_seconds);
        Some(self.read_param(value, seconds))
    }

    /// With the parameter set. A value that is no token is quoted; of `*` nothing changes.
    ///
    /// # Errors
    /// If `name` is no token.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Result<Contact, super::NotToken> {
        super::token::token(name.as_bytes())?;
        let value = value.map(super::token::token_or_quoted);
        Ok(match self {
            Contact::Star => Contact::Star,
            Contact::Addr(addr) => Contact::Addr(addr.with_param(name, value.as_deref())),
        })
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> Contact {
        match self {
            Contact::Star => Contact::Star,
            Contact::Addr(addr) => Contact::Addr(addr.detached()),
        }
    }

    fn addr(&self) -> Option<&NameAddr> {
        match self {
            Contact::Star => None,
            Contact::Addr(addr) => Some(addr),
        }
    }

    /// Says where in the whole value a parameter's value went wrong.
    fn read_param<T>(
        &self,
        value: &[u8],
        read: Result<T, lex::Expected>,
    ) -> Result<T, HeaderError> {
        read.map_err(|expected| {
            let text = self.addr().map_or(value, |addr| addr.text());
            let start = crate::span::Span::of(value, text).start();
            HeaderError::malformed(Self::NAME, start + expected.offset, expected.rule)
        })
    }
}

impl Header for Contact {
    const NAME: HeaderName = HeaderName::Contact;
    const LIST: bool = true;
    const ENDS_AT_COMMA: bool = true;

    fn parse(value: &Text) -> Result<Contact, HeaderError> {
        Contact::read(value.clone())
    }

    fn read(value: Text) -> Result<Contact, HeaderError> {
        if value.trim_ascii() == b"*" {
            return Ok(Contact::Star);
        }
        NameAddr::of(Self::NAME, value, lex::address).map(Contact::Addr)
    }

    fn as_text(&self) -> Text {
        match self {
            Contact::Star => Text::from_static("*"),
            Contact::Addr(addr) => addr.text().clone(),
        }
    }
}

impl ListHeader for Contact {}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(value: &'static str) -> Contact {
        Contact::parse(&Text::from_static(value)).unwrap()
    }

    #[test]
    fn parameters_behind_a_bare_uri_are_the_headers() {
        // RFC 4475 §3.3.13, §3.3.14 (cparam01, cparam02)
        let bare = contact("sip:+19725552222@gw1.example.net;unknownparam");
        assert!(bare.params().contains("unknownparam"));
        assert!(bare.uri().unwrap().as_sip().unwrap().params().is_empty());
        let bracketed = contact("<sip:+19725552222@gw1.example.net;unknownparam>");
        assert!(bracketed.params().is_empty());
        assert!(
            bracketed
                .uri()
                .unwrap()
                .as_sip()
                .unwrap()
                .params()
                .contains("unknownparam")
        );
    }

    #[test]
    fn headers_in_a_bare_uri_are_refused() {
        // RFC 4475 §3.1.2.11 (regbadct)
        let bad = "sip:user@example.com?Route=%3Csip:sip.example.com%3E";
        assert!(Contact::parse(&Text::from_static(bad)).is_err());
    }

    #[test]
    fn empty_parameters_are_refused() {
        // RFC 4475 §3.1.2.1 (badinv01)
        let bad = "\"Joe\" <sip:joe@example.org>;;;;";
        assert!(Contact::parse(&Text::from_static(bad)).is_err());
    }

    #[test]
    fn a_q_value_lies_between_0_and_1() {
        let q = |text: &str| {
            let value = Text::new(format!("<sip:a@b>;q={text}")).unwrap();
            Contact::parse(&value)
                .unwrap()
                .q()
                .unwrap()
                .ok()
                .map(Q::thousandths)
        };
        assert_eq!(
            [q("0"), q("1"), q("0.33"), q("1.000"), q("0.7"), q("0.")],
            [0, 1000, 330, 1000, 700, 0].map(Some)
        );
        assert_eq!(
            [q("1.001"), q("2"), q("0.1234"), q("-1"), q(".5"), q("")],
            [None; 6]
        );
    }

    #[test]
    fn an_overlarge_expiry_is_the_longest_and_an_unreadable_one_an_error() {
        assert_eq!(
            contact("<sip:a@b>;expires=280297596632815").expires(),
            Some(Ok(u32::MAX))
        );
        assert_eq!(contact("<sip:a@b>;EXPIRES = 0060 ").expires(), Some(Ok(60)));
        assert_eq!(contact("<sip:a@b>;expires=\"60\"").expires(), Some(Ok(60)));
        let error = contact("<sip:a@b>;expires=-1")
            .expires()
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error,
            HeaderError::malformed(HeaderName::Contact, 18, "delta-seconds")
        );
        assert_eq!(contact("<sip:a@b>").expires(), None);
    }

    #[test]
    fn parameters_are_set_and_quoted_where_they_need_it() {
        let contact = contact("<sip:a@b>;expires=60;ob")
            .with_param("expires", Some("30"))
            .unwrap();
        let contact = contact
            .with_param("+sip.instance", Some("<urn:uuid:1>"))
            .unwrap();
        assert_eq!(
            contact.as_text(),
            "<sip:a@b>;expires=30;ob;+sip.instance=\"<urn:uuid:1>\""
        );
        assert!(contact.with_param("a b", None).is_err());
        assert_eq!(contact.expires(), Some(Ok(30)));
        assert_eq!(Contact::parse(&contact.as_text()), Ok(contact));
    }

    #[test]
    fn q_prints_as_short_as_it_can() {
        for (q, text) in [
            (0, "0"),
            (1000, "1"),
            (500, "0.5"),
            (330, "0.33"),
            (7, "0.007"),
        ] {
            assert_eq!(Q(q).to_string(), text);
        }
    }
}
