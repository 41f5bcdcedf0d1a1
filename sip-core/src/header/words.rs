//! Headers for people to read (RFC 3261 §20.25, §20.26, §20.35, §20.36, §20.41).

use std::fmt;

use super::{Header, HeaderError, HeaderName};
use crate::Text;
use crate::parse::lex;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(Text);

            impl $name {
                /// A copy of `text`, without the white space around it.
                ///
                /// # Errors
                /// If it holds control characters.
                pub fn new(text: impl AsRef<[u8]>) -> Result<$name, HeaderError> {
                    $name::parse(&Text::received(bytes::Bytes::copy_from_slice(text.as_ref())))
                }
            }

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    let text = value.trimmed();
                    match lex::exactly(&text, lex::text_utf8_trim) {
                        Ok(_) => Ok($name(text)),
                        Err(expected) => Err(expected.in_header(Self::NAME)),
                    }
                }

                fn as_text(&self) -> Text {
                    self.0.clone()
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

words! {
    /// What the client is (§20.41). Products and comments are not told apart: nothing may depend on them.
    UserAgent

    /// What the server is (§20.35).
    Server

    /// What the call is about (§20.36).
    Subject

    /// Whom the sender belongs to (§20.25).
    Organization

    /// How urgent the call is: `emergency`, `urgent`, `normal`, `non-urgent` or another (§20.26).
    Priority
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_to_read_is_taken_and_nothing_may_be_there() {
        for text in ["", "Softphone/1.0 (beta; (nested) \\) \")", "café"] {
            assert_eq!(UserAgent::new(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Subject::new(" tea  at\tfive ").unwrap().as_text(),
            "tea  at\tfive"
        );
        assert!(Server::new("a\r\nVia: x").is_err());
        assert!(Server::new("a\0b").is_err());
    }
}
