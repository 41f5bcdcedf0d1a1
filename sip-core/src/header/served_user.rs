//! Whom a request is served for: P-Served-User (RFC 5502).

use super::name_addr::name_addrs;
use crate::parse::lex;

name_addrs! {
    /// The user an application server is to serve, with `sescase` and `regstate` (RFC 5502 §6).
    ///
    /// ```
    /// use sip_core::{Header, PServedUser, Text};
    ///
    /// let served = PServedUser::parse(&Text::from_static("<sip:ada@example.com>;sescase=orig;regstate=reg"))?;
    /// assert_eq!(served.uri().to_string(), "sip:ada@example.com");
    /// assert_eq!(served.params().value("sescase"), Some(&b"orig"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    PServedUser = lex::address;
}
