//! What kind of phone a caller wants to reach, and how: Accept-Contact, Reject-Contact, Request-Disposition (RFC 3841).

use super::capabilities::Feature;
use super::tokens::tokens;
use super::with_params::headers_with_params;
use crate::parse::lex;

headers_with_params! {
    /// Features of the phones the caller would like to reach (RFC 3841 §9.2).
    ///
    /// ```
    /// use sip_core::{AcceptContact, Header, Text};
    ///
    /// let wanted = AcceptContact::parse(&Text::from_static("*;mobility=\"mobile\";methods=\"INVITE\";require"))?;
    /// assert!(wanted.is_required() && !wanted.is_explicit());
    /// let features: Vec<_> = wanted.features().map(|feature| feature.tag()).collect();
    /// assert_eq!(features, [&b"mobility"[..], b"methods"]);
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    AcceptContact {
        /// Always `*`.
        star: lex::star, list
    }

    /// Features of phones the caller would rather not reach (RFC 3841 §9.2).
    RejectContact {
        /// Always `*`.
        star: lex::star, list
    }
}

impl AcceptContact {
    /// The features wanted.
    pub fn features(&self) -> impl Iterator<Item = Feature<'_>> {
        Feature::all_in(self.params())
    }

    /// Whether phones without them are not to be reached at all.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.params().contains("require")
    }

    /// Whether phones that say nothing of a feature are to be taken for phones without it.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.params().contains("explicit")
    }
}

impl RejectContact {
    /// The features not wanted; a phone is to have all of them to be passed over.
    pub fn features(&self) -> impl Iterator<Item = Feature<'_>> {
        Feature::all_in(self.params())
    }
}

tokens! {
    /// What the caller asks of servers on the way: `proxy` or `redirect`, `cancel` or `no-cancel`, `fork` or `no-fork`,
    /// `recurse` or `no-recurse`, `parallel` or `sequential`, `queue` or `no-queue` (RFC 3841 §9.1).
    ///
    /// ```
    /// use sip_core::{Header, Joined, RequestDisposition, Text};
    ///
    /// let wishes = Joined::<RequestDisposition>::parse(&Text::from_static("proxy, recurse, parallel"))?;
    /// assert!(wishes.members().flatten().any(|wish| wish.is("recurse")));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    RequestDisposition, list;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_begins_with_a_star() {
        for bad in ["", "audio", "*audio", "<sip:a@b>;audio", "*;", "* audio"] {
            assert!(AcceptContact::new(bad).is_err(), "{bad}");
        }
        let any = AcceptContact::new("*").unwrap();
        assert_eq!(any.features().count(), 0);
    }

    #[test]
    fn a_feature_is_named_without_its_value() {
        // RFC 3841 §7.2.4
        let rejected = RejectContact::new("*;actor=\"msg-taker\";video").unwrap();
        let features: Vec<_> = rejected.features().collect();
        assert!(features[0].accepts("MSG-taker") && !features[0].accepts("principal"));
        assert!(features[1].accepts("TRUE"));
    }

    #[test]
    fn a_disposition_is_a_word() {
        assert!(RequestDisposition::new("no fork").is_err());
        assert!(RequestDisposition::new("No-Fork").unwrap().is("no-fork"));
    }
}
