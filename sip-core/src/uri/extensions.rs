//! URI parameters of extensions: GRUUs (RFC 5627), outbound (RFC 5626), push notifications (RFC 8599).

use std::borrow::Cow;

use super::{SipUri, unescape};

impl SipUri {
    /// Whether a user agent asks for its later requests to come over the same flow: `ob` (RFC 5626 §5.4).
    #[must_use]
    pub fn is_outbound(&self) -> bool {
        self.params().contains("ob")
    }

    /// Whether it reaches one instance of a user agent from everywhere: `gr` (RFC 5627 §3.1).
    #[must_use]
    pub fn is_gruu(&self) -> bool {
        self.params().contains("gr")
    }

    /// The instance a public GRUU names, as `urn:uuid:…`, escapes undone; `None` for a temporary one, whose `gr` has no
    /// value.
    #[must_use]
    pub fn gruu_instance(&self) -> Option<Cow<'_, [u8]>> {
        self.unescaped("gr")
    }

    /// The push notification service that wakes this device, as `apns` or `fcm`; empty when it is asked for without a
    /// name (RFC 8599 §8).
    ///
    /// ```
    /// use sip_core::Uri;
    ///
    /// let uri: Uri = "sip:alice@192.0.2.4;pn-provider=acme;pn-param=acme-param;pn-prid=ZTY4ZDJlMzODE1NmUgKi0K".parse()?;
    /// let device = uri.as_sip().unwrap();
    /// assert_eq!(device.push_provider().as_deref(), Some(&b"acme"[..]));
    /// assert_eq!(device.push_resource().as_deref(), Some(&b"ZTY4ZDJlMzODE1NmUgKi0K"[..]));
    /// # Ok::<(), sip_core::UriError>(())
    /// ```
    #[must_use]
    pub fn push_provider(&self) -> Option<Cow<'_, [u8]>> {
        match self.params().get("pn-provider")? {
            Some(value) => Some(unescape(value)),
            None => Some(Cow::Borrowed(b"")),
        }
    }

    /// What the service wants to know besides, as an app's name: `pn-param`, escapes undone (RFC 8599 §8).
    #[must_use]
    pub fn push_param(&self) -> Option<Cow<'_, [u8]>> {
        self.unescaped("pn-param")
    }

    /// The device in the eyes of the service: `pn-prid`, escapes undone (RFC 8599 §8).
    #[must_use]
    pub fn push_resource(&self) -> Option<Cow<'_, [u8]>> {
        self.unescaped("pn-prid")
    }

    /// By what the proxy knows the device again in requests inside a dialog: `pn-purr`, escapes undone (RFC 8599 §6.1).
    #[must_use]
    pub fn push_unique_reference(&self) -> Option<Cow<'_, [u8]>> {
        self.unescaped("pn-purr")
    }

    fn unescaped(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.params().value(name).map(unescape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uri;

    fn uri(text: &str) -> SipUri {
        let uri: Uri = text.parse().unwrap();
        uri.as_sip().unwrap().clone()
    }

    #[test]
    fn a_gruu_names_an_instance_or_hides_it() {
        let public = uri("sip:callee@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        assert!(public.is_gruu());
        assert_eq!(
            public.gruu_instance().as_deref(),
            Some(&b"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"[..])
        );
        let temporary = uri("sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr");
        assert!(temporary.is_gruu());
        assert_eq!(temporary.gruu_instance(), None);
        assert!(!uri("sip:gr@example.com;ob").is_gruu());
        assert!(uri("sip:gr@example.com;ob").is_outbound());
    }

    #[test]
    fn a_push_service_may_be_asked_for_without_a_name() {
        let asking = uri("sip:a@b;pn-provider");
        assert_eq!(asking.push_provider().as_deref(), Some(&b""[..]));
        assert_eq!(asking.push_resource(), None);
        let escaped = uri("sip:a@b;pn-provider=apns;pn-param=T.com.x;pn-prid=a%3Bb;pn-purr=z");
        assert_eq!(escaped.push_resource().as_deref(), Some(&b"a;b"[..]));
        assert_eq!(escaped.push_param().as_deref(), Some(&b"T.com.x"[..]));
        assert_eq!(escaped.push_unique_reference().as_deref(), Some(&b"z"[..]));
        assert_eq!(uri("sip:a@b").push_provider(), None);
    }
}
