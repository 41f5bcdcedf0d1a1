//! Headers a SIP URI asks for: `?Subject=tea&Priority=urgent` (RFC 3261 §19.1.1).

use std::borrow::Cow;

use super::{SipUri, unescape};
use crate::{Header, HeaderError, HeaderName, Text};

impl SipUri {
    /// The headers of the URI, name and value, escapes undone; the one called `body` is the body. What a peer escaped
    /// may hold anything, line ends as well.
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
        let headers = self.header_part().unwrap_or_default();
        let headers = headers.split(|octet| *octet == b'&');
        headers.filter(|header| !header.is_empty()).map(|header| {
            let name_end = memchr::memchr(b'=', header).unwrap_or(header.len());
            let (name, value) = header.split_at(name_end);
            (unescape(name), unescape(value.get(1..).unwrap_or_default()))
        })
    }

    /// The first header of that type in the URI.
    ///
    /// ```
    /// use sip_core::{Replaces, Uri};
    ///
    /// let uri: Uri = "sip:bob@example.com?Replaces=12345%40h%3Bto-tag%3D1%3Bfrom-tag%3D2".parse()?;
    /// let replaces: Replaces = uri.as_sip().unwrap().header().unwrap()?;
    /// assert_eq!(replaces.call_id(), b"12345@h");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn header<H: Header>(&self) -> Option<Result<H, HeaderError>> {
        let is_wanted = |name: &[u8]| match Text::new(name) {
            Ok(name) => HeaderName::from_text(&name) == H::NAME,
            Err(_) => false,
        };
        let (_, value) = self.headers().find(|(name, _)| is_wanted(name))?;
        Some(match Text::new(&*value) {
            Ok(value) => H::parse(&value),
            Err(forbidden) => Err(HeaderError::malformed(H::NAME, forbidden.offset, "value")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Subject, Uri};

    fn uri(text: &str) -> SipUri {
        let uri: Uri = text.parse().unwrap();
        uri.as_sip().unwrap().clone()
    }

    #[test]
    fn names_and_values_are_unescaped() {
        let uri = uri("sip:a@b?%53ubject=tea%20time&&to=&body=a%3Db&x");
        let all: Vec<_> = uri.headers().collect();
        let all: Vec<(&[u8], &[u8])> = all.iter().map(|(n, v)| (&**n, &**v)).collect();
        assert_eq!(
            all,
            [
                (&b"Subject"[..], &b"tea time"[..]),
                (b"to", b""),
                (b"body", b"a=b"),
                (b"x", b"")
            ]
        );
        let subject: Subject = uri.header().unwrap().unwrap();
        assert_eq!(subject.as_text(), "tea time");
    }

    #[test]
    fn an_escaped_line_end_makes_no_header() {
        let uri = uri("sip:a@b?Subject=tea%0D%0AVia:%20x");
        assert!(uri.header::<Subject>().unwrap().is_err());
        assert!(uri.header::<crate::Via>().is_none());
    }
}
