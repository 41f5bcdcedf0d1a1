//! Where the caller is: Geolocation, Geolocation-Routing, Geolocation-Error (RFC 6442).

use super::name_addr::name_addrs;
use super::with_params::headers_with_params;
use crate::parse::lex;

name_addrs! {
    /// Where the location is to be found: a URI, or `cid:` for a part of the body (RFC 6442 §4.1).
    ///
    /// ```
    /// use sip_core::{Geolocation, Header, Text};
    ///
    /// let location = Geolocation::parse(&Text::from_static("<cid:target123@atlanta.example.com>"))?;
    /// assert_eq!(location.uri().scheme(), b"cid");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Geolocation = lex::name_addr, list;
}

headers_with_params! {
    /// Whether proxies may use the location to route by (RFC 6442 §4.2).
    GeolocationRouting {
        /// `yes`, `no` or another word, which means `no`.
        word: lex::token
    }

    /// Why a location was of no use (RFC 6442 §4.4).
    ///
    /// ```
    /// use sip_core::{GeolocationError, Header, Text};
    ///
    /// let error = GeolocationError::parse(&Text::from_static("300 ; code=\"Dereference Failure\""))?;
    /// assert_eq!(error.code(), b"300");
    /// assert_eq!(error.params().unquoted("code").as_deref(), Some(&b"Dereference Failure"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    GeolocationError {
        /// One to three digits; of three, the first tells the kind.
        code: lex::three_digits
    }
}

impl GeolocationRouting {
    /// Whether they may.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.word().eq_ignore_ascii_case(b"yes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn what_is_not_yes_is_no() {
        assert!(GeolocationRouting::new("Yes").unwrap().is_allowed());
        assert!(!GeolocationRouting::new("maybe=yes").is_ok_and(|word| word.is_allowed()));
        assert!(!GeolocationRouting::new("perhaps").unwrap().is_allowed());
    }

    #[test]
    fn a_code_is_one_to_three_digits() {
        assert!(GeolocationError::new("7").is_ok());
        for bad in ["", "1000", "x", "100 x"] {
            assert!(GeolocationError::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_location_stands_in_brackets() {
        let bare = Text::from_static("cid:target123@atlanta.example.com");
        assert!(Geolocation::parse(&bare).is_err());
    }
}
