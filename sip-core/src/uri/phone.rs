//! Telephone numbers as users of SIP URIs, and back (RFC 3261 §19.1.6; RFC 3966 §3).

use super::escape::{octets, write_escape};
use super::tel::{Separators, ordered_params, without_separators};
use super::{HostPort, SipUri, TelUri, Uri};
use crate::Text;

impl TelUri {
    /// The same number as everybody would write it: without visual separators, in small letters, `isub` or `ext` first,
    /// then `phone-context`, then the other parameters by name. Equivalent numbers have one canonical form.
    ///
    /// ```
    /// use sip_core::TelUri;
    ///
    /// let uri: TelUri = "tel:863-1234;Tsp=a.b;phone-context=+1-914-555".parse()?;
    /// assert_eq!(uri.canonical().to_string(), "tel:8631234;phone-context=+1914555;tsp=a.b");
    /// # Ok::<(), sip_core::UriError>(())
    /// ```
    #[must_use]
    pub fn canonical(&self) -> TelUri {
        let mut out = b"tel:".to_vec();
        out.extend(without_separators(self.number()));
        write_params(self, Separators::Dropped, &mut out);
        // Nothing that made it a number is gone.
        read(out).unwrap_or_else(|| self.clone())
    }

    /// The number as the user of a SIP URI: `sip:+358-555-1234567;postd=pp22@foo.com;user=phone`.
    ///
    /// Parameters are put in order, and all is in small letters, so that numbers written alike make equivalent URIs.
    /// Visual separators stay as they are; those of [`TelUri::canonical`] are gone.
    ///
    /// ```
    /// use sip_core::TelUri;
    ///
    /// let uri: TelUri = "tel:+1-201-555-0123;ext=7".parse()?;
    /// let sip = uri.to_sip("gateway.example".parse()?);
    /// assert_eq!(sip.to_string(), "sip:+1-201-555-0123;ext=7@gateway.example;user=phone");
    /// assert_eq!(TelUri::from_sip(&sip), Some(uri));
    /// # Ok::<(), sip_core::UriError>(())
    /// ```
    #[must_use]
    pub fn to_sip(&self, host_port: HostPort) -> SipUri {
        let mut subscriber = self.number().to_ascii_lowercase();
        write_params(self, Separators::Kept, &mut subscriber);
        SipUri::of_subscriber(&subscriber, host_port)
    }

    /// The number that is the user of `uri`. `None` unless `uri` says so (`;user=phone`) and it is one.
    #[must_use]
    pub fn from_sip(uri: &SipUri) -> Option<TelUri> {
        let kind = uri.params().value("user")?;
        if !kind.eq_ignore_ascii_case(b"phone") {
            return None;
        }
        let mut out = b"tel:".to_vec();
        for octet in octets(uri.user()?) {
            match octet.value {
                value if octet.escaped && !is_plain(value) => write_escape(value, &mut out),
                value => out.push(value),
            }
        }
        read(out)
    }
}

fn read(text: Vec<u8>) -> Option<TelUri> {
    match Uri::parse(&Text::composed(text)) {
        Ok(Uri::Tel(uri)) => Some(uri),
        _ => None,
    }
}

fn write_params(uri: &TelUri, separators: Separators, out: &mut Vec<u8>) {
    for (name, value) in ordered_params(uri, separators) {
        out.push(b';');
        out.extend_from_slice(&name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(&value);
        }
    }
}

/// Octets that a number or a parameter of it may hold without an escape (RFC 3966 §3), `#` among them.
fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$#".contains(&octet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tel(text: &str) -> TelUri {
        text.parse().unwrap()
    }

    fn sip(text: &str) -> SipUri {
        text.parse().unwrap()
    }

    fn at_foo(text: &str) -> String {
        tel(text).to_sip("foo.com".parse().unwrap()).to_string()
    }

    #[test]
    fn the_number_and_its_parameters_are_the_user() {
        // RFC 3261 §19.1.6
        let made = "sip:+358-555-1234567;postd=pp22@foo.com;user=phone";
        assert_eq!(at_foo("tel:+358-555-1234567;postd=pp22"), made);
        assert_eq!(at_foo("tel:+358-555-1234567;POSTD=PP22"), made);
        let made = "sip:+358-555-1234567;phone-context=5;tsp=a.b@foo.com;user=phone";
        assert_eq!(at_foo("tel:+358-555-1234567;tsp=a.b;phone-context=5"), made);
        assert_eq!(at_foo("tel:+358-555-1234567;phone-context=5;tsp=a.b"), made);
        let made = "sip:+358-555-1234567;isub=1411;postd=pp22@foo.com;user=phone";
        assert_eq!(at_foo("tel:+358-555-1234567;postd=pp22;isub=1411"), made);
        assert_eq!(at_foo("tel:+358-555-1234567;isub=1411;postd=pp22"), made);
    }

    #[test]
    fn equivalent_numbers_put_by_hand_into_sip_uris_are_not_equivalent() {
        // RFC 3261 §19.1.6
        for (a, b) in [
            ("+358-555-1234567;postd=pp22", "+358-555-1234567;POSTD=PP22"),
            (
                "+358-555-1234567;postd=pp22;isub=1411",
                "+358-555-1234567;isub=1411;postd=pp22",
            ),
        ] {
            assert!(tel(&format!("tel:{a}")).equivalent(&tel(&format!("tel:{b}"))));
            let at_foo = |user: &str| sip(&format!("sip:{user}@foo.com;user=phone"));
            assert!(!at_foo(a).equivalent(&at_foo(b)));
        }
    }

    #[test]
    fn the_canonical_form_is_in_order_and_without_separators() {
        for (written, canonical) in [
            ("TEL:+1-(201).555-0123", "tel:+12015550123"),
            (
                "tel:7042;phone-context=Example.COM",
                "tel:7042;phone-context=example.com",
            ),
            (
                "tel:863-1234;phone-context=+1-914-555",
                "tel:8631234;phone-context=+1914555",
            ),
            (
                "tel:+1;z;phone-context=+9;a=B;ext=1-2",
                "tel:+1;ext=12;phone-context=+9;a=b;z",
            ),
            ("tel:*21#A", "tel:*21#a"),
        ] {
            assert_eq!(tel(written).canonical().to_string(), canonical);
            assert!(tel(written).equivalent(&tel(canonical)));
        }
    }

    #[test]
    fn what_a_user_part_may_not_hold_is_escaped_there() {
        let odd = "tel:*21#;phone-context=a.b;x=[a:b];y=%3b";
        let made = "sip:*21%23;phone-context=a.b;x=%5Ba%3Ab%5D;y=%3B@foo.com;user=phone";
        assert_eq!(at_foo(odd), made);
        let back = TelUri::from_sip(&sip(made)).unwrap();
        assert_eq!(back.to_string(), odd.replace("%3b", "%3B"));
        assert!(back.equivalent(&tel(odd)));
    }

    #[test]
    fn a_user_is_a_number_only_where_the_uri_says_so() {
        // RFC 3261 §19.1.3
        let phone = sip("sip:+1-212-555-1212:1234@gateway.com;User=Phone");
        assert_eq!(TelUri::from_sip(&phone), Some(tel("tel:+1-212-555-1212")));
        assert_eq!(
            TelUri::from_sip(&sip("sip:%2b1%35@h;user=phone")),
            Some(tel("tel:+15"))
        );
        for other in [
            "sips:1212@gateway.com",
            "sip:1212@gateway.com;user=ip",
            "sip:alice@gateway.com;user=phone",
            "sip:gateway.com;user=phone",
            "sip:+1%00@gateway.com;user=phone",
            "sip:+1%3bx@gateway.com;user=phone",
        ] {
            assert_eq!(TelUri::from_sip(&sip(other)), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_number_comes_back_from_its_sip_uri(
            text in "tel:(\\+[0-9.()-]{0,5}1|[0-9a-f*#-]{0,5}2)(;(isub|ext|phone-context|[a-c]{1,3})(=[0-9a-c:+.-]{1,4})?){0,4}"
        ) {
            let number = tel(&text);
            let sip = number.to_sip("[2001:db8::1]:5070".parse().unwrap());
            let back = TelUri::from_sip(&sip).unwrap();
            prop_assert!(back.equivalent(&number), "{number} {sip} {back}");
            prop_assert_eq!(back.to_sip(sip.host_port()), sip);
            let canonical = number.canonical();
            prop_assert!(canonical.equivalent(&number));
            prop_assert_eq!(&canonical.canonical(), &canonical);
            prop_assert_eq!(&back.canonical(), &canonical);
        }
    }
}
