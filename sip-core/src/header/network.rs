//! What networks of 3GPP tell each other: P-Access-Network-Info and its kin (RFC 7315).

use std::borrow::Cow;

use super::name_addr::name_addrs;
use super::with_params::headers_with_params;
use crate::params::unquote;
use crate::parse::lex::{self, Mismatch, Parsed};

name_addrs! {
    /// Another identity of the user who has just registered (RFC 7315 §4.1).
    PAssociatedUri = lex::name_addr, list;

    /// The identity the request was for, before the Request-URI became a contact (RFC 7315 §4.2).
    ///
    /// ```
    /// use sip_core::{Header, PCalledPartyId, Text};
    ///
    /// let called = PCalledPartyId::parse(&Text::from_static("<sip:user1-business@example.com>"))?;
    /// assert_eq!(called.uri().to_string(), "sip:user1-business@example.com");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    PCalledPartyId = lex::name_addr;
}

headers_with_params! {
    /// How the phone is connected (RFC 7315 §4.4).
    ///
    /// ```
    /// use sip_core::{Header, PAccessNetworkInfo, Text};
    ///
    /// let value = "3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11;network-provided";
    /// let info = PAccessNetworkInfo::parse(&Text::from_static(value))?;
    /// assert_eq!(info.access(), b"3GPP-UTRAN-TDD");
    /// assert_eq!(info.params().value("utran-cell-id-3gpp"), Some(&b"234151D0FCE11"[..]));
    /// assert!(info.is_network_provided());
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    PAccessNetworkInfo {
        /// The access type or class: `IEEE-802.11`, `3GPP-E-UTRAN-FDD` …
        access: lex::token, list
    }

    /// A network the phone visits (RFC 7315 §4.3).
    PVisitedNetworkId {
        /// As written, quotes included.
        network: lex::token_or_quoted, list
    }

    /// What the bills of one call are found again by (RFC 7315 §4.6).
    ///
    /// ```
    /// use sip_core::{Header, PChargingVector, Text};
    ///
    /// let value = "icid-value=1234bc9876e; icid-generated-at=192.0.6.8; orig-ioi=home1.net";
    /// let vector = PChargingVector::parse(&Text::from_static(value))?;
    /// assert_eq!(&*vector.icid(), b"1234bc9876e");
    /// assert_eq!(vector.params().value("orig-ioi"), Some(&b"home1.net"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    PChargingVector {
        /// `icid-value=…`, as written.
        icid_param: icid
    }

    /// Who collects the charges (RFC 7315 §4.5).
    PChargingFunctionAddresses {
        /// The first of its parameters, as written: `ccf=…`, `ecf=…`.
        first_param: param, list
    }
}

impl PAccessNetworkInfo {
    /// Whether the network says so, and not the phone.
    #[must_use]
    pub fn is_network_provided(&self) -> bool {
        self.params().contains("network-provided")
    }
}

impl PVisitedNetworkId {
    /// The name without quotes.
    #[must_use]
    pub fn name(&self) -> Cow<'_, [u8]> {
        unquote(self.network())
    }
}

impl PChargingVector {
    /// The identity of the call in the bills, without quotes.
    #[must_use]
    pub fn icid(&self) -> Cow<'_, [u8]> {
        value_of(self.icid_param()).unwrap_or_default()
    }
}

impl PChargingFunctionAddresses {
    /// Addresses by what they are for: `ccf` charging data, `ecf` charging on the fly, `ccf-2` and `ecf-2` in their
    /// place; without quotes.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let first = self.first_param();
        let (_, (found, _)) = lex::generic_param(first).ok()?;
        if found.eq_ignore_ascii_case(name.as_bytes()) {
            return value_of(first);
        }
        self.params().unquoted(name)
    }
}

fn value_of(param: &[u8]) -> Option<Cow<'_, [u8]>> {
    let (_, (_, value)) = lex::generic_param(param).ok()?;
    value.map(unquote)
}

/// `generic-param`, as written.
fn param(input: &[u8]) -> Parsed<'_> {
    let (left, _) = lex::generic_param(input)?;
    Ok((left, &input[..input.len() - left.len()]))
}

/// `icid-value = "icid-value" EQUAL gen-value`
fn icid(input: &[u8]) -> Parsed<'_> {
    match lex::generic_param(input)? {
        (left, (name, Some(_))) if name.eq_ignore_ascii_case(b"icid-value") => {
            Ok((left, &input[..input.len() - left.len()]))
        }
        _ => Mismatch::at(input, "icid-value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Joined, Text};

    #[test]
    fn a_vector_begins_with_its_icid() {
        for bad in [
            "",
            "orig-ioi=home1.net;icid-value=1",
            "icid-value",
            "icid-value 1",
        ] {
            assert!(PChargingVector::new(bad).is_err(), "{bad}");
        }
        let quoted = PChargingVector::new("ICID-Value = \"a;b\";term-ioi=x").unwrap();
        assert_eq!(&*quoted.icid(), b"a;b");
    }

    #[test]
    fn addresses_are_found_by_name_wherever_they_stand() {
        let value = "ccf=\"aaa://ccf.example.com\" ; ecf=[2001:db8::1];ccf-2=192.0.8.2";
        let addresses = PChargingFunctionAddresses::new(value).unwrap();
        assert_eq!(
            addresses.address("CCF").as_deref(),
            Some(&b"aaa://ccf.example.com"[..])
        );
        assert_eq!(
            addresses.address("ecf").as_deref(),
            Some(&b"[2001:db8::1]"[..])
        );
        assert_eq!(addresses.address("ecf-2"), None);
        assert!(PChargingFunctionAddresses::new("").is_err());
    }

    #[test]
    fn a_network_may_have_a_name_in_quotes() {
        // RFC 7315 §4.3.2.3
        let value = Text::from_static("other.net,\"Visited network, number 1\"");
        let networks = Joined::<PVisitedNetworkId>::parse(&value).unwrap();
        let names: Vec<_> = networks
            .members()
            .map(|network| network.unwrap().name().into_owned())
            .collect();
        assert_eq!(names, [&b"other.net"[..], b"Visited network, number 1"]);
    }

    #[test]
    fn identities_stand_in_brackets() {
        for bad in ["", "sip:a@b", "tel:+1"] {
            assert!(
                PAssociatedUri::parse(&Text::from_static(bad)).is_err(),
                "{bad}"
            );
            assert!(
                PCalledPartyId::parse(&Text::from_static(bad)).is_err(),
                "{bad}"
            );
        }
    }
}
