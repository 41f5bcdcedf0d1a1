//! Request methods (RFC 3261 §7.1 and the extensions that add their own).

use std::fmt;
use std::str::FromStr;

use crate::Text;
use crate::parse::lex::is_token;
use crate::text::ForbiddenOctet;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $token:literal,)*) => {
        /// What a request asks for. Case matters: `invite` is another method than `INVITE` (§7.1).
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// A method this crate has no word for; [`Method::from_token`] never puts a known one here.
            Other(Text),
        }

        impl Method {
            /// The token as it is printed.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Method::$variant => $token,)*
                    Method::Other(token) => token,
                }
            }

            /// The token as a text, without a copy.
            pub(crate) fn to_text(&self) -> Text {
                match self {
                    $(Method::$variant => Text::received(bytes::Bytes::from_static($token)),)*
                    Method::Other(token) => token.clone(),
                }
            }

            pub(crate) fn known(token: &[u8]) -> Option<Method> {
                match token {
                    $(found if found == $token => Some(Method::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

methods! {
    /// Opens a session (§13).
    Invite = b"INVITE",
    /// Confirms the final response to an INVITE (§13.2.2.4, §17.1.1.3).
    Ack = b"ACK",
    /// Ends a session (§15).
    Bye = b"BYE",
    /// Calls a pending INVITE off (§9).
    Cancel = b"CANCEL",
    /// Binds an address of record to contacts (§10).
    Register = b"REGISTER",
    /// Asks for capabilities (§11).
    Options = b"OPTIONS",
    /// Acknowledges a provisional response (RFC 3262).
    Prack = b"PRACK",
    /// Changes a session before or after it is answered (RFC 3311).
    Update = b"UPDATE",
    /// Carries application data inside a session (RFC 6086).
    Info = b"INFO",
    /// Asks for a resource's events (RFC 6665).
    Subscribe = b"SUBSCRIBE",
    /// Tells of an event (RFC 6665).
    Notify = b"NOTIFY",
    /// Asks the other side to contact a third (RFC 3515).
    Refer = b"REFER",
    /// Carries an instant message (RFC 3428).
    Message = b"MESSAGE",
    /// Publishes event state (RFC 3903).
    Publish = b"PUBLISH",
}

/// The text is not a token (§25.1), so it cannot name a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a method is one token")]
pub struct MethodError;

impl Method {
    /// Reads a method; `None` when `token` is no token (§25.1).
    #[must_use]
    pub fn from_token(token: &Text) -> Option<Method> {
        match Method::known(token) {
            Some(method) => Some(method),
            None => is_token(token).then(|| Method::Other(token.clone())),
        }
    }

    /// A copy that holds none of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> Method {
        match self {
            Method::Other(token) => Method::Other(token.detached()),
            known => known.clone(),
        }
    }
}

impl FromStr for Method {
    type Err = MethodError;
    fn from_str(token: &str) -> Result<Method, MethodError> {
        let token = Text::new(token).map_err(|_: ForbiddenOctet| MethodError)?;
        Method::from_token(&token).ok_or(MethodError)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_matters() {
        assert_eq!("INVITE".parse(), Ok(Method::Invite));
        assert_eq!(
            "invite".parse(),
            Ok(Method::Other(Text::from_static("invite")))
        );
    }

    #[test]
    fn an_unknown_method_is_a_token_all_the_same() {
        let odd = "!interesting-Method0123456789_*+`.%indeed'~";
        assert_eq!(odd.parse::<Method>().unwrap().to_string(), odd);
        assert_eq!("".parse::<Method>(), Err(MethodError));
        assert_eq!("IN VITE".parse::<Method>(), Err(MethodError));
        assert_eq!("INVITE\r\n".parse::<Method>(), Err(MethodError));
    }
}
