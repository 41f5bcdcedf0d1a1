//! Subscriptions: Event, Allow-Events, Subscription-State (RFC 6665 §8.2), and the tags of PUBLISH (RFC 3903 §11).

use super::options::read_token;
use super::with_params::headers_with_params;
use super::{Header, HeaderError, HeaderName};
use crate::Text;
use crate::parse::lex;

headers_with_params! {
    /// What is watched (RFC 6665 §8.2.1).
    ///
    /// ```
    /// use sip_core::{Event, Header, Text};
    ///
    /// let event = Event::parse(&Text::from_static("dialog;id=7"))?;
    /// assert_eq!((event.package(), event.id().unwrap()), (&b"dialog"[..], Text::from_static("7")));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Event {
        /// The event package with its templates: `presence`, `presence.winfo` …
        package: lex::token
    }

    /// A package the sender understands (RFC 6665 §8.2.2).
    AllowEvents {
        /// The event package.
        package: lex::token, list
    }

    /// What has become of a subscription (RFC 6665 §8.2.3).
    SubscriptionState {
        /// `active`, `pending`, `terminated` or another.
        state: lex::token
    }
}

impl Event {
    /// Tells subscriptions of one dialog to one package apart; compared octet by octet.
    #[must_use]
    pub fn id(&self) -> Option<Text> {
        self.0.param("id")
    }
}

impl SubscriptionState {
    /// How long it is to last, in seconds.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.0.seconds("expires")
    }

    /// Why it ended: `deactivated`, `rejected`, `timeout` …
    #[must_use]
    pub fn reason(&self) -> Option<Text> {
        self.0.param("reason")
    }

    /// When to subscribe again, in seconds.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        self.0.seconds("retry-after")
    }
}

macro_rules! entity_tags {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(Text);

            impl $name {
                /// The tag, compared octet by octet.
                #[must_use]
                pub fn as_bytes(&self) -> &[u8] {
                    &self.0
                }
            }

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    read_token(value, Self::NAME).map($name)
                }

                fn as_text(&self) -> Text {
                    self.0.clone()
                }
            }
        )*
    };
}

entity_tags! {
    /// The name of what was published, made by the server (RFC 3903 §11.3.1).
    SipEtag

    /// The publication that is refreshed, changed or removed (RFC 3903 §11.3.2).
    SipIfMatch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_may_end_with_a_reason() {
        let value = Text::from_static("terminated ;reason=probation; retry-after = 60");
        let state = SubscriptionState::parse(&value).unwrap();
        assert_eq!(state.state(), b"terminated");
        assert_eq!((state.retry_after(), state.expires()), (Some(60), None));
        assert_eq!(state.reason().unwrap(), "probation");
    }

    #[test]
    fn a_package_may_have_templates() {
        assert_eq!(
            Event::new("presence.winfo").unwrap().package(),
            b"presence.winfo"
        );
        for bad in ["", ";id=1", "a b", "a,b"] {
            assert!(Event::new(bad).is_err(), "{bad}");
        }
        assert_eq!(
            SipIfMatch::parse(&Text::from_static("dx200xyz "))
                .unwrap()
                .as_bytes(),
            b"dx200xyz"
        );
    }
}
