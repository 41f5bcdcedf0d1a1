//! Whether a digest's `uri` names what is requested (RFC 7616 §3.4.6; RFC 3261 §22.4, item 5).

use std::borrow::Cow;

use sip_core::{SipUri, Text, Uri, unescape};

/// How closely the `uri` of credentials must match the Request-URI. A response overheard elsewhere must not open
/// another destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UriCheck {
    /// They are the same text, or equivalent SIP URIs (RFC 3261 §19.1.4).
    #[default]
    Equivalent,
    /// They name the same user: behind a proxy that writes its own idea of host, port and parameters into the
    /// Request-URI, which RFC 3261 allows for.
    SameUser,
}

impl UriCheck {
    pub(super) fn names(self, signed: &Text, requested: &Uri) -> bool {
        if *signed == *requested.as_text() {
            return true;
        }
        let Ok(signed) = Uri::parse(signed) else {
            return false;
        };
        match self {
            UriCheck::Equivalent => requested.equivalent(&signed),
            UriCheck::SameUser => {
                let users = signed.as_sip().zip(requested.as_sip());
                users.is_some_and(|(one, another)| user(one) == user(another))
            }
        }
    }
}

fn user(uri: &SipUri) -> Option<Cow<'_, [u8]>> {
    uri.user().map(unescape)
}
