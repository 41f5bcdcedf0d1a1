//! What both sides understand: option tags and methods (RFC 3261 §19.2, §20.5, §20.29, §20.32, §20.37, §20.40).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use super::{Header, HeaderError, HeaderName, ListHeader, NotToken, token};
use crate::parse::lex;
use crate::{Method, Text};

/// The name of an extension, as `path` or `100rel` (§19.2); the same in any case.
#[derive(Clone, Debug)]
pub struct OptionTag(Text);

impl OptionTag {
    /// A copy of `tag`.
    ///
    /// # Errors
    /// If it is no token.
    pub fn new(tag: impl AsRef<[u8]>) -> Result<OptionTag, NotToken> {
        token::token(tag.as_ref()).map(OptionTag)
    }

    /// The text.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        &self.0
    }
}

impl Deref for OptionTag {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for OptionTag {
    fn eq(&self, other: &OptionTag) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for OptionTag {}

impl PartialEq<&str> for OptionTag {
    fn eq(&self, other: &&str) -> bool {
        self.0.eq_ignore_ascii_case(other.as_bytes())
    }
}

impl Hash for OptionTag {
    fn hash<S: Hasher>(&self, state: &mut S) {
        for octet in self.0.as_bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for OptionTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! option_tags {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(pub OptionTag);

            impl $name {
                /// A copy of `tag`.
                ///
                /// # Errors
                /// If it is no token.
                pub fn new(tag: impl AsRef<[u8]>) -> Result<$name, NotToken> {
                    OptionTag::new(tag).map($name)
                }
            }

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;
                const LIST: bool = true;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    read_token(value, Self::NAME).map(|tag| $name(OptionTag(tag)))
                }

                fn as_text(&self) -> Text {
                    self.0.0.clone()
                }
            }

            impl ListHeader for $name {}

            impl Deref for $name {
                type Target = OptionTag;
                fn deref(&self) -> &OptionTag {
                    &self.0
                }
            }
        )*
    };
}

option_tags! {
    /// An extension the sender supports (§20.37).
    ///
    /// ```
    /// use sip_core::{Header, Supported, Text};
    ///
    /// assert_eq!(*Supported::parse(&Text::from_static("Path"))?, "path");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Supported

    /// An extension the far end must understand (§20.32).
    Require

    /// An extension every proxy must understand (§20.29).
    ProxyRequire

    /// An extension the sender did not understand (§20.40).
    Unsupported
}

/// A method the sender understands (§20.5).
///
/// ```
/// use sip_core::{Allow, Header, Method, Text};
///
/// assert_eq!(Allow::parse(&Text::from_static("INVITE"))?, Allow(Method::Invite));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Allow(pub Method);

impl Header for Allow {
    const NAME: HeaderName = HeaderName::Allow;
    const LIST: bool = true;

    fn parse(value: &Text) -> Result<Allow, HeaderError> {
        let token = read_token(value, Self::NAME)?;
        Method::from_token(&token)
            .map(Allow)
            .ok_or_else(|| HeaderError::malformed(Self::NAME, 0, "Method"))
    }

    fn as_text(&self) -> Text {
        self.0.to_text()
    }
}

impl ListHeader for Allow {}

/// A value that is one token.
pub(crate) fn read_token(value: &Text, name: HeaderName) -> Result<Text, HeaderError> {
    let text = value.trimmed();
    match lex::exactly(&text, lex::token) {
        Ok(_) => Ok(text),
        Err(expected) => Err(expected.in_header(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_one_token_in_any_case() {
        let tag = Require::parse(&Text::from_static(" nothingSupportsThis ")).unwrap();
        assert_eq!(tag, Require::new("NOTHINGsupportsthis").unwrap());
        assert_eq!(tag.as_text(), "nothingSupportsThis");
        for bad in ["", "a b", "a;b", "a\"b"] {
            assert!(Require::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_method_keeps_its_case() {
        let odd = Allow::parse(&Text::from_static("invite")).unwrap();
        assert_ne!(odd, Allow(Method::Invite));
        assert_eq!(odd.as_text(), "invite");
        assert_eq!(Allow(Method::Publish).as_text(), "PUBLISH");
    }
}
