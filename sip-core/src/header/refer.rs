//! Calls somebody else asked for: Refer-To (RFC 3515), Referred-By (RFC 3892), Refer-Sub (RFC 4488).

use std::borrow::Cow;

use super::name_addr::name_addrs;
use super::with_params::headers_with_params;
use super::{HeaderError, Replaces};
use crate::parse::lex;

name_addrs! {
    /// Whom the recipient of REFER is to contact (RFC 3515 §2.1). A URI with headers stands in brackets.
    ReferTo = lex::address;

    /// Who asked for the request that comes of a REFER (RFC 3892 §3).
    ReferredBy = lex::address;
}

headers_with_params! {
    /// Whether the REFER is to make a subscription of its own (RFC 4488 §4).
    ReferSub {
        /// `true`, `false` or another word.
        word: lex::token
    }
}

impl ReferTo {
    /// The call that is to be replaced, where the URI carries one (RFC 3891 §3).
    #[must_use]
    pub fn replaces(&self) -> Option<Result<Replaces, HeaderError>> {
        self.as_uri().as_sip()?.header()
    }
}

impl ReferredBy {
    /// The Content-ID of the body that proves who refers, without quotes (RFC 3892 §3).
    #[must_use]
    pub fn cid(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("cid")
    }
}

impl ReferSub {
    /// Whether no subscription is wanted.
    #[must_use]
    pub fn is_false(&self) -> bool {
        self.word().eq_ignore_ascii_case(b"false")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn a_transfer_carries_its_replaces_in_the_uri() {
        let value = "<sip:bob@example.com?Replaces=12345%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>";
        let refer = ReferTo::parse(&Text::from_static(value)).unwrap();
        let replaces = refer.replaces().unwrap().unwrap();
        assert_eq!(replaces.call_id(), b"12345@h");
        assert_eq!(replaces.from_tag(), "2");
        assert!(ReferTo::parse(&Text::from_static("sip:bob@example.com?Replaces=1")).is_err());
    }

    #[test]
    fn who_refers_may_bring_a_proof() {
        // RFC 3892 §3
        let value = "sip:referror@referror.example;cid=\"20398823.2UWQFN309shb3@referror.example\"";
        let referred = ReferredBy::parse(&Text::from_static(value)).unwrap();
        let cid = referred.cid().unwrap();
        assert_eq!(&*cid, b"20398823.2UWQFN309shb3@referror.example");
    }

    #[test]
    fn a_subscription_may_be_declined() {
        assert!(ReferSub::new("False").unwrap().is_false());
        assert!(!ReferSub::new("true;x").unwrap().is_false());
        assert!(ReferSub::new("").is_err());
    }
}
