//! One part of a multipart body: its header lines and its content (RFC 2046 §5.1.1, RFC 2045 §3).

use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

use crate::header::unfolded;
use crate::{ContentType, Header, HeaderError, HeaderErrorKind, HeaderName, Text};

/// A part of a body, which it shares the octets of.
///
/// Its headers are read like those of a message, by the types of [`header`](crate::header):
///
/// ```
/// use bytes::Bytes;
/// use sip_core::multipart::Multipart;
/// use sip_core::{ContentDisposition, HeaderName, Text};
///
/// let body = Bytes::from_static(
///     b"--b\r\nContent-Type: application/pidf+xml\r\nContent-Disposition: render;handling=optional\r\n\
///       Content-ID: <here@ada.example>\r\n\r\n<presence/>\r\n--b--\r\n",
/// );
/// let multipart = Multipart::read(&"multipart/mixed;boundary=b".parse()?, body)?;
/// let part = multipart.parts().next().unwrap();
/// assert!(part.content_type()?.is("application/pidf+xml"));
/// assert_eq!(part.header::<ContentDisposition>()?.unwrap().disposition(), b"render");
/// let content_id = HeaderName::Other(Text::from_static("Content-ID"));
/// assert_eq!(part.raw(&content_id).unwrap(), "<here@ada.example>");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Part {
    body: Bytes,
    head: Range<usize>,
    content: Range<usize>,
}

impl Part {
    /// The part at `range` of `body`: header lines, an empty line, content. Without an empty line it is all header.
    pub(super) fn new(body: &Bytes, range: Range<usize>) -> Part {
        let mut at = range.start;
        let (head_end, content_start) = loop {
            let rest = &body[at..range.end];
            match rest {
                [b'\n', ..] => break (at, at + 1),
                [b'\r', b'\n', ..] => break (at, at + 2),
                _ => match memchr(b'\n', rest) {
                    Some(lf) => at += lf + 1,
                    None => break (range.end, range.end),
                },
            }
        };
        Part {
            body: body.clone(),
            head: range.start..head_end,
            content: content_start..range.end,
        }
    }

    /// What the part carries, as it came: a Content-Transfer-Encoding is not undone, and SIP has no need of one
    /// (RFC 5621 §3.2).
    #[must_use]
    pub fn content(&self) -> Bytes {
        self.body.slice(self.content.clone())
    }

    /// Where the content stands in the body that [`Multipart::read`](super::Multipart::read) was given.
    #[must_use]
    pub fn content_range(&self) -> Range<usize> {
        self.content.clone()
    }

    /// What the content is; `text/plain` where nothing is said (RFC 2046 §5.1.1).
    ///
    /// # Errors
    /// When the header is unreadable, or stands twice.
    pub fn content_type(&self) -> Result<ContentType, HeaderError> {
        Ok(self.header()?.unwrap_or(ContentType::TEXT))
    }

    /// A header of the part.
    ///
    /// # Errors
    /// When it is unreadable, or stands twice.
    pub fn header<H: Header>(&self) -> Result<Option<H>, HeaderError> {
        let name = H::NAME;
        let mut values = self.values(&name);
        match (values.next(), values.next()) {
            (value, None) => value.map(|value| H::parse(&value)).transpose(),
            (_, Some(_)) => Err(HeaderError {
                kind: HeaderErrorKind::Repeated,
                name: H::NAME,
            }),
        }
    }

    /// The value of the first header of that name, folding undone, otherwise as it came.
    #[must_use]
    pub fn raw(&self, name: &HeaderName) -> Option<Text> {
        self.values(name).next()
    }

    fn values(&self, name: &HeaderName) -> impl Iterator<Item = Text> {
        self.lines().filter_map(move |line| {
            let colon = memchr(b':', &self.body[line.clone()])?;
            let found = self.body.slice(line.start..line.start + colon);
            let found = HeaderName::from_text(&Text::received(found).trimmed());
            (found == *name).then(|| self.value(line.start + colon + 1..line.end))
        })
    }

    fn value(&self, range: Range<usize>) -> Text {
        let octets = &self.body[range.clone()];
        let value = match memchr::memchr2(b'\r', b'\n', octets) {
            Some(_) => Text::received(unfolded(octets)),
            None => Text::received(self.body.slice(range)),
        };
        value.trimmed()
    }

    /// The header lines without their line ends, each with the folded lines that go on from it.
    fn lines(&self) -> impl Iterator<Item = Range<usize>> {
        let head = &self.body[..self.head.end];
        let mut at = self.head.start;
        std::iter::from_fn(move || {
            let start = at;
            while at < head.len() {
                at = memchr(b'\n', &head[at..]).map_or(head.len(), |lf| at + lf + 1);
                if !matches!(head.get(at), Some(b' ' | b'\t')) {
                    let line = head[start..at].trim_ascii_end();
                    return Some(start..start + line.len());
                }
            }
            None
        })
    }
}
