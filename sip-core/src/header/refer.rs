//! Calls that take the place of others: Refer-To (RFC 3515), Referred-By (RFC 3892), Replaces (RFC 3891).

use super::name_addr::name_addrs;
use super::with_params::headers_with_params;
use crate::Text;
use crate::parse::lex;

name_addrs! {
    /// Whom the recipient of REFER is to contact (RFC 3515 §2.1). A URI with headers stands in brackets.
    ReferTo = lex::address;

    /// Who asked for the request that comes of a REFER (RFC 3892 §2.1).
    ReferredBy = lex::address;
}

headers_with_params! {
    /// The dialog the new call takes the place of (RFC 3891 §6.1).
    ///
    /// ```
    /// use sip_core::{Header, Replaces, Text};
    ///
    /// let replaces = Replaces::parse(&Text::from_static("98732@sip.example.com;from-tag=r33;to-tag=7;early-only"))?;
    /// assert_eq!(replaces.call_id(), b"98732@sip.example.com");
    /// assert_eq!(replaces.to_tag().unwrap(), "7");
    /// assert!(replaces.is_early_only());
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Replaces {
        /// The Call-ID of that dialog.
        call_id: lex::word_before_params
    }
}

impl Replaces {
    /// The tag of the recipient's side.
    #[must_use]
    pub fn to_tag(&self) -> Option<Text> {
        self.0.param("to-tag")
    }

    /// The tag of the far side.
    #[must_use]
    pub fn from_tag(&self) -> Option<Text> {
        self.0.param("from-tag")
    }

    /// Only a dialog that is not answered yet may be replaced.
    #[must_use]
    pub fn is_early_only(&self) -> bool {
        self.params().contains("early-only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, uri::unescape};

    #[test]
    fn a_transfer_carries_its_replaces_in_the_uri() {
        let value = "<sip:bob@example.com?Replaces=12345%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>";
        let refer = ReferTo::parse(&Text::from_static(value)).unwrap();
        let uri = refer.uri();
        let header = uri.as_sip().unwrap().header_part().unwrap();
        let replaces = Replaces::new(&unescape(header)["Replaces=".len()..]).unwrap();
        assert_eq!(replaces.call_id(), b"12345@h");
        assert_eq!(replaces.from_tag().unwrap(), "2");
        assert!(ReferTo::parse(&Text::from_static("sip:bob@example.com?Replaces=1")).is_err());
    }

    #[test]
    fn a_call_id_ends_at_the_first_semicolon() {
        for bad in ["", ";to-tag=1", "a b;to-tag=1", "a;"] {
            assert!(Replaces::new(bad).is_err(), "{bad}");
        }
    }
}
