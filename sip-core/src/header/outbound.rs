//! What Contact says of flows and instances: `reg-id` and `+sip.instance` (RFC 5626), GRUUs (RFC 5627).

use std::borrow::Cow;

use super::{Contact, HeaderError, HeaderName};
use crate::parse::lex;
use crate::{Text, Uri};

impl Contact {
    /// The instance of the user agent, as `urn:uuid:…`, without quotes and brackets (RFC 5626 §4.1). Compared octet by
    /// octet.
    ///
    /// ```
    /// use sip_core::{Contact, Header, Text};
    ///
    /// let contact = Contact::parse(&Text::from_static(
    ///     "<sip:line1@192.0.2.2;transport=tcp>; reg-id=1; \
    ///      +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"",
    /// ))?;
    /// assert_eq!(contact.instance().as_deref(), Some(&b"urn:uuid:00000000-0000-1000-8000-000A95A0E128"[..]));
    /// assert_eq!(contact.reg_id(), Some(Ok(1)));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    #[must_use]
    pub fn instance(&self) -> Option<Cow<'_, [u8]>> {
        let inside = |value: &[u8]| value.starts_with(b"<") && value.ends_with(b">");
        match self.params().unquoted("+sip.instance")? {
            Cow::Borrowed(value) => {
                Some(Cow::Borrowed(value.strip_prefix(b"<")?.strip_suffix(b">")?))
            }
            Cow::Owned(mut value) if inside(&value) => {
                value.pop();
                value.remove(0);
                Some(Cow::Owned(value))
            }
            Cow::Owned(_) => None,
        }
    }

    /// Which of a user agent's flows this is: 1 to 2^31-1 (RFC 5626 §10).
    #[must_use]
    pub fn reg_id(&self) -> Option<Result<u32, HeaderError>> {
        let value = self.params().value("reg-id")?;
        let number = |input| lex::number(input, (1 << 31) - 1, "number below 2^31");
        Some(match lex::exactly(value, number) {
            Ok(0) => Err(self.bad_param(value, 0, "number from 1")),
            Ok(number) => Ok(number),
            Err(expected) => Err(self.bad_param(value, expected.offset, expected.rule)),
        })
    }

    /// The public GRUU a registrar has given the instance (RFC 5627 §4.2).
    ///
    /// ```
    /// use sip_core::{Contact, Header, Text};
    ///
    /// let contact = Contact::parse(&Text::from_static(
    ///     "<sip:callee@192.0.2.1>;pub-gruu=\"sip:callee@example.com;gr=urn:uuid:f81d4fae\";temp-gruu=\"sip:t@example.com;gr\"",
    /// ))?;
    /// assert!(contact.pub_gruu().unwrap()?.as_sip().unwrap().is_gruu());
    /// assert_eq!(contact.temp_gruu().unwrap()?.to_string(), "sip:t@example.com;gr");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    #[must_use]
    pub fn pub_gruu(&self) -> Option<Result<Uri, HeaderError>> {
        self.gruu("pub-gruu")
    }

    /// The temporary GRUU a registrar has given the instance with this very response (RFC 5627 §4.2).
    #[must_use]
    pub fn temp_gruu(&self) -> Option<Result<Uri, HeaderError>> {
        self.gruu("temp-gruu")
    }

    fn gruu(&self, name: &str) -> Option<Result<Uri, HeaderError>> {
        let value = self.params().value(name)?;
        let unquoted = self.params().unquoted(name)?;
        let uri = Text::new(&*unquoted)
            .ok()
            .and_then(|text| Uri::parse(&text).ok())
            .filter(|uri| uri.as_sip().is_some());
        Some(uri.ok_or_else(|| self.bad_param(value, 0, "SIP URI")))
    }

    /// Says where in the whole value a parameter's value went wrong.
    fn bad_param(&self, value: &[u8], offset: usize, expected: &'static str) -> HeaderError {
        let start = match self {
            Contact::Star => 0,
            Contact::Addr(addr) => crate::span::Span::of(value, addr.text()).start(),
        };
        HeaderError::malformed(HeaderName::Contact, start + offset, expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Header;

    fn contact(value: &'static str) -> Contact {
        Contact::parse(&Text::from_static(value)).unwrap()
    }

    #[test]
    fn a_flow_has_a_number_from_1_to_two_to_the_31() {
        assert_eq!(
            contact("<sip:a@b>;reg-id=2147483647").reg_id(),
            Some(Ok((1 << 31) - 1))
        );
        for bad in [
            "<sip:a@b>;reg-id=0",
            "<sip:a@b>;reg-id=2147483648",
            "<sip:a@b>;reg-id=4294967297",
            "<sip:a@b>;reg-id=x",
        ] {
            let error = contact(bad).reg_id().unwrap().unwrap_err();
            assert!(error.to_string().contains("octet 17"), "{error}");
        }
        assert_eq!(contact("<sip:a@b>").reg_id(), None);
        assert_eq!(contact("*").reg_id(), None);
    }

    #[test]
    fn an_instance_stands_in_quotes_and_brackets() {
        let escaped = contact("<sip:a@b>;+sip.instance=\"\\<urn:x>\"");
        assert_eq!(escaped.instance().as_deref(), Some(&b"urn:x"[..]));
        for bad in [
            "<sip:a@b>;+sip.instance=\"urn:x\"",
            "<sip:a@b>;+sip.instance",
        ] {
            assert_eq!(contact(bad).instance(), None, "{bad}");
        }
    }

    #[test]
    fn a_gruu_is_a_sip_uri() {
        // RFC 5627 §7: quoted-pairs may stand in it.
        let escaped = contact("<sip:a@b>;pub-gruu=\"sip:\\a@b;gr\"");
        assert_eq!(
            escaped.pub_gruu().unwrap().unwrap().to_string(),
            "sip:a@b;gr"
        );
        for bad in ["<sip:a@b>;pub-gruu=\"tel:1\"", "<sip:a@b>;pub-gruu=\"\""] {
            assert!(contact(bad).pub_gruu().unwrap().is_err(), "{bad}");
        }
    }
}
