//! What two neighbours protect their messages with, agreed on before the first of them (RFC 3329).

use super::with_params::headers_with_params;
use crate::parse::lex;

headers_with_params! {
    /// A mechanism the client has (RFC 3329 §2.2).
    SecurityClient {
        /// `digest`, `tls`, `ipsec-ike`, `ipsec-man`, or what others may add: `ipsec-3gpp`.
        mechanism: lex::token, list
    }

    /// A mechanism the server has; `q` says which it would rather use (RFC 3329 §2.2).
    ///
    /// ```
    /// use sip_core::{Header, SecurityServer, Text};
    ///
    /// let offered = SecurityServer::parse(&Text::from_static("digest;d-qop=auth;q=0.1"))?;
    /// assert_eq!(offered.mechanism(), b"digest");
    /// assert_eq!(offered.params().value("d-qop"), Some(&b"auth"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    SecurityServer {
        /// As in [`SecurityClient::mechanism`].
        mechanism: lex::token, list
    }

    /// The server's own list, sent back so that nobody between can have shortened it (RFC 3329 §2.2).
    SecurityVerify {
        /// As in [`SecurityClient::mechanism`].
        mechanism: lex::token, list
    }
}
