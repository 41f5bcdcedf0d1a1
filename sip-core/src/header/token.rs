//! Words the protocol compares: one token each (RFC 3261 §25.1).

use crate::Text;
use crate::params::write_quoted;
use crate::parse::lex;

/// The text is empty, or holds what a `token` may not (§25.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token: octet {offset} cannot stand in it")]
pub struct NotToken {
    /// The first octet that is wrong.
    pub offset: usize,
}

impl NotToken {
    pub(crate) fn check(text: &[u8]) -> Result<(), NotToken> {
        match lex::exactly(text, lex::token) {
            Ok(_) => Ok(()),
            Err(expected) => Err(NotToken {
                offset: expected.offset,
            }),
        }
    }
}

/// A copy of `text`, if it is a token.
pub(crate) fn token(text: &[u8]) -> Result<Text, NotToken> {
    NotToken::check(text)?;
    Ok(Text::composed(text.to_vec()))
}

/// `text` as a parameter's value: a token if it is one, or else quoted.
pub(crate) fn token_or_quoted(text: &str) -> Vec<u8> {
    if lex::exactly(text.as_bytes(), lex::token).is_ok() {
        return text.as_bytes().to_vec();
    }
    let mut quoted = Vec::with_capacity(text.len() + 2);
    write_quoted(text.as_bytes(), &mut quoted);
    quoted
}

/// A newtype around a token. One that was received may hold more than the grammar allows, as base64 does: it is
/// only ever compared and sent back.
macro_rules! token_types {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(Text);

            impl $name {
                /// A copy of `token`.
                ///
                /// # Errors
                /// If it is no token.
                pub fn new(token: impl AsRef<[u8]>) -> Result<$name, $crate::header::NotToken> {
                    $crate::header::token::token(token.as_ref()).map($name)
                }

                /// The octets.
                #[must_use]
                pub fn as_bytes(&self) -> &[u8] {
                    self.0.as_bytes()
                }

                /// The text.
                #[must_use]
                pub fn as_text(&self) -> &Text {
                    &self.0
                }

                /// A copy that lets go of the message it was read from.
                #[must_use]
                pub fn detached(&self) -> $name {
                    $name(self.0.detached())
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    self.0.fmt(f)
                }
            }

            impl PartialEq<str> for $name {
                fn eq(&self, other: &str) -> bool {
                    self.0 == *other
                }
            }

            impl PartialEq<&str> for $name {
                fn eq(&self, other: &&str) -> bool {
                    self.0 == **other
                }
            }
        )*
    };
}
pub(crate) use token_types;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_word() {
        assert!(token(b"z9hG4bK-.!%66*_+`'~").is_ok());
        assert_eq!(token(b""), Err(NotToken { offset: 0 }));
        assert_eq!(token(b"a b"), Err(NotToken { offset: 1 }));
        assert_eq!(token(b"ab\r\n"), Err(NotToken { offset: 2 }));
    }
}
