//! Addresses to look at or to answer to (RFC 3261 §20.4, §20.9, §20.18, §20.31).

use super::name_addr::name_addrs;
use crate::parse::lex;

name_addrs! {
    /// A ring tone (§20.4).
    AlertInfo = lex::name_addr, list;

    /// More about the caller or the called: what for, the `purpose` parameter says (§20.9).
    CallInfo = lex::name_addr, list;

    /// More about the error of this response (§20.18).
    ErrorInfo = lex::name_addr, list;

    /// Where to call back (§20.31).
    ReplyTo = lex::address;
}

impl CallInfo {
    /// What it is for: `icon`, `info`, `card` or another word (§20.9).
    #[must_use]
    pub fn purpose(&self) -> Option<&[u8]> {
        self.params().value("purpose")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn any_uri_may_tell_more() {
        let value = "<http://www.example.com/alice/photo.jpg?a,b> ;purpose=icon";
        let info = CallInfo::parse(&Text::from_static(value)).unwrap();
        assert_eq!(
            info.uri().to_string(),
            "http://www.example.com/alice/photo.jpg?a,b"
        );
        assert_eq!(info.purpose(), Some(&b"icon"[..]));
        assert_eq!(info.as_text(), value);
    }
}
