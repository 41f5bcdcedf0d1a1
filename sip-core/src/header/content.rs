//! What the body is, and what bodies are welcome (RFC 3261 §20.1–§20.3, §20.11–§20.15, §20.24).

use std::str::FromStr;

use super::with_params::headers_with_params;
use super::{Header, HeaderError, HeaderName, Q};
use crate::Text;
use crate::params::Params;
use crate::parse::lex::{self, Parsed};
use crate::span::Span;

/// The media type of the body (§20.15). Type and subtype are the same in any case.
///
/// ```
/// use sip_core::ContentType;
///
/// let content_type: ContentType = "multipart/mixed; boundary=\"a;b\"".parse()?;
/// assert!(content_type.is("Multipart/Mixed"));
/// assert_eq!(content_type.params().unquoted("boundary").as_deref(), Some(&b"a;b"[..]));
/// assert!(ContentType::SDP.is("application/sdp"));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentType {
    text: Text,
    kind: Span,
    subtype: Span,
    params: Span,
}

impl ContentType {
    /// `application/sdp`: a session description (RFC 8866).
    pub const SDP: ContentType = ContentType::known("application/sdp", 11);
    /// `text/plain`
    pub const TEXT: ContentType = ContentType::known("text/plain", 4);
    /// `message/sipfrag`: a part of a message, as NOTIFY carries it for REFER (RFC 3420).
    pub const SIPFRAG: ContentType = ContentType::known("message/sipfrag", 7);

    const fn known(text: &'static str, slash: u32) -> ContentType {
        let length = text.len() as u32;
        ContentType {
            text: Text::from_static(text),
            kind: Span::between(0, slash),
            subtype: Span::between(slash + 1, length),
            params: Span::between(length, length),
        }
    }

    /// `application` of `application/sdp`.
    #[must_use]
    pub fn kind(&self) -> &[u8] {
        self.kind.bytes(&self.text)
    }

    /// `sdp` of `application/sdp`.
    #[must_use]
    pub fn subtype(&self) -> &[u8] {
        self.subtype.bytes(&self.text)
    }

    /// Whether it is `media_type`, written `type/subtype`.
    #[must_use]
    pub fn is(&self, media_type: &str) -> bool {
        media_type.split_once('/').is_some_and(|(kind, subtype)| {
            self.kind().eq_ignore_ascii_case(kind.as_bytes())
                && self.subtype().eq_ignore_ascii_case(subtype.as_bytes())
        })
    }

    /// The parameters: `charset`, `boundary` …
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::of_header(self.params.bytes(&self.text))
    }
}

impl Header for ContentType {
    const NAME: HeaderName = HeaderName::ContentType;

    fn parse(value: &Text) -> Result<ContentType, HeaderError> {
        let text = value.trimmed();
        let rule = |input| {
            let (left, media_type) = lex::media_type(input)?;
            let (left, params) = lex::params(left, |_, _| Ok(()))?;
            Ok((left, (media_type, params)))
        };
        match lex::value(&text, rule) {
            Ok(((kind, subtype), params)) => Ok(ContentType {
                kind: Span::of(kind, &text),
                subtype: Span::of(subtype, &text),
                params: Span::of(params, &text),
                text,
            }),
            Err(expected) => Err(expected.in_header(Self::NAME)),
        }
    }

    fn as_text(&self) -> Text {
        self.text.clone()
    }
}

impl FromStr for ContentType {
    type Err = HeaderError;
    fn from_str(value: &str) -> Result<ContentType, HeaderError> {
        ContentType::parse(&Text::received(bytes::Bytes::copy_from_slice(
            value.as_bytes(),
        )))
    }
}

headers_with_params! {
    /// How the body is to be understood (§20.11).
    ContentDisposition {
        /// `session`, `render`, `icon`, `alert` …
        disposition: lex::token
    }

    /// What has been done to the body, as `gzip` (§20.12).
    ContentEncoding {
        /// `gzip`, `identity` …
        coding: lex::token, list
    }

    /// The language of the body (§20.13).
    ContentLanguage {
        /// `fr`, `en-gb` …
        language: lex::token, list
    }

    /// A kind of body that is welcome (§20.1).
    Accept {
        /// `type/subtype`, `type/*` or `*/*`
        media_range: media_range, list
    }

    /// A coding of the body that is welcome (§20.2).
    AcceptEncoding {
        /// `gzip`, `identity`, `*` …
        coding: lex::token, list
    }

    /// A language that is welcome in reason phrases and bodies (§20.3).
    AcceptLanguage {
        /// `da`, `en-gb`, `*` …
        language: lex::token, list
    }

    /// The version of MIME the body follows (§20.24): 1.0.
    MimeVersion {
        /// `1.0`
        version: lex::token
    }
}

impl Accept {
    /// How welcome it is; 1 where nothing is said, and `None` where it is unreadable.
    #[must_use]
    pub fn q(&self) -> Option<Q> {
        match self.params().value("q") {
            Some(q) => Q::from_thousandths(lex::exactly(q, lex::qvalue).ok()?),
            None => Some(Q::MAX),
        }
    }
}

/// `media-range` without its parameters; `*` is a token too.
fn media_range(input: &[u8]) -> Parsed<'_> {
    let (left, _) = lex::media_type(input)?;
    Ok((left, &input[..input.len() - left.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_may_stand_around_the_slash() {
        let odd: ContentType = "application / SDP ; charset = \"x/y\"".parse().unwrap();
        assert!(odd.is("application/sdp"));
        assert_eq!(odd.params().value("charset"), Some(&b"\"x/y\""[..]));
        for bad in [
            "",
            "application",
            "application/",
            "/sdp",
            "a/b c",
            "a/b;",
            "a/b, c/d",
            "a/b\r\nVia: x",
        ] {
            assert!(bad.parse::<ContentType>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_constants_read_back() {
        for known in [ContentType::SDP, ContentType::TEXT, ContentType::SIPFRAG] {
            assert_eq!(ContentType::parse(&known.as_text()), Ok(known));
        }
    }

    #[test]
    fn a_range_may_be_anything() {
        let any = Accept::new("*/*;q=0.3").unwrap();
        assert_eq!(any.media_range(), b"*/*");
        assert_eq!(any.q().map(Q::thousandths), Some(300));
        assert_eq!(Accept::new("text/*").unwrap().q(), Some(Q::MAX));
        assert_eq!(Accept::new("text/*;q=7").unwrap().q(), None);
    }
}
