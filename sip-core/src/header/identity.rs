//! Who the network says is calling, and what of it may be shown (RFC 3325, RFC 3323).

use std::borrow::Cow;

use super::name_addr::name_addrs;
use super::with_params::headers_with_params;
use crate::parse::lex;

name_addrs! {
    /// Who the caller is, asserted by the network it trusts (RFC 3325 §9.1). One that comes from outside the trust
    /// domain is to be removed (§5).
    PAssertedIdentity = lex::address, list;

    /// Which of its identities a caller would like asserted (RFC 3325 §9.2).
    PPreferredIdentity = lex::address, list;

    /// Who the caller is, as networks said it before RFC 3325.
    RemotePartyId = lex::address, list;
}

headers_with_params! {
    /// What of the caller is to be hidden (RFC 3323 §4.2): words between semicolons.
    ///
    /// ```
    /// use sip_core::{Header, Privacy, Text};
    ///
    /// let privacy = Privacy::parse(&Text::from_static("header; ID"))?;
    /// assert!(privacy.asks_for("id") && !privacy.asks_for("session"));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Privacy {
        /// The first word: `none`, `id`, `user`, `header`, `session` or `critical`.
        first: lex::token
    }
}

impl RemotePartyId {
    /// Whose identity it is: `calling` or `called`.
    #[must_use]
    pub fn party(&self) -> Option<&[u8]> {
        self.params().value("party")
    }

    /// Whether the network has checked it.
    #[must_use]
    pub fn is_screened(&self) -> bool {
        let screen = self.params().value("screen");
        screen.is_some_and(|screen| screen.eq_ignore_ascii_case(b"yes"))
    }

    /// What of it is to be hidden: `full`, `name`, `uri`, `off`, without quotes.
    #[must_use]
    pub fn privacy(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("privacy")
    }
}

impl Privacy {
    /// Whether `word` stands in it.
    #[must_use]
    pub fn asks_for(&self, word: &str) -> bool {
        self.first().eq_ignore_ascii_case(word.as_bytes()) || self.params().contains(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text, Uri};

    #[test]
    fn an_identity_may_stand_without_brackets() {
        for value in [
            "tel:+14085264000",
            "\"Cullen Jennings\" <sip:fluffy@cisco.com>",
        ] {
            let identity = PAssertedIdentity::parse(&Text::from_static(value)).unwrap();
            assert_eq!(identity.as_text(), value);
        }
        let uri: Uri = "tel:+14085264000".parse().unwrap();
        let named = PAssertedIdentity::named("C. J.", &uri);
        assert_eq!(named.as_text(), "\"C. J.\" <tel:+14085264000>");
    }

    #[test]
    fn an_older_network_says_what_it_checked() {
        let value = "\"A\" <sip:a@b>;party=calling;screen=YES;privacy=full";
        let party = RemotePartyId::parse(&Text::from_static(value)).unwrap();
        assert_eq!(party.party(), Some(&b"calling"[..]));
        assert!(party.is_screened());
        assert_eq!(party.privacy().as_deref(), Some(&b"full"[..]));
    }

    #[test]
    fn privacy_is_a_list_between_semicolons() {
        assert_eq!(Privacy::new("none").unwrap().first(), b"none");
        for bad in ["", ";id", "id;", "id;;user", "id,user"] {
            assert!(Privacy::new(bad).is_err(), "{bad}");
        }
    }
}
