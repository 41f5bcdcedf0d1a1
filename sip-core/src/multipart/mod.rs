//! Bodies of several parts, and the session description among them (RFC 2046 §5.1, RFC 5621).
//!
//! ```
//! use bytes::Bytes;
//! use sip_core::ContentType;
//! use sip_core::multipart::Multipart;
//!
//! let content_type: ContentType = "multipart/mixed; boundary=b1".parse()?;
//! let body = Bytes::from_static(
//!     b"--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b1\r\n\r\nHello\r\n--b1--\r\n",
//! );
//! let multipart = Multipart::read(&content_type, body)?;
//! let parts: Vec<_> = multipart.parts().collect();
//! assert_eq!(parts.len(), 2);
//! assert_eq!(parts[0].content(), "v=0\r\n");
//! assert!(parts[1].content_type()?.is("text/plain"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod part;
mod session;

use bytes::Bytes;
use memchr::memmem::Finder;

pub use part::Part;

use crate::{ContentType, HeaderError};

/// A body of type `multipart/…`, whatever its subtype (RFC 5621 §4.2), to be walked part by part.
///
/// What stands before the first delimiter and behind the last is passed over. Lines may end in LF alone, and a body that ends
/// without its close-delimiter ends its last part.
#[derive(Clone, Debug)]
pub struct Multipart {
    body: Bytes,
    /// LF, two hyphens and the boundary: what every delimiter but one at the very start begins with.
    delimiter: Finder<'static>,
    /// Where the first part starts.
    first: Option<usize>,
}

/// A body whose parts cannot be told apart. The peer erred; a proxy can still forward it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MultipartError {
    /// The Content-Type of the message or of a part cannot be read.
    #[error(transparent)]
    ContentType(#[from] HeaderError),
    /// The Content-Type names no boundary of 1 to 70 octets that does not end in a space (RFC 2046 §5.1.1).
    #[error("no usable boundary")]
    Boundary,
    /// No line of the body is a delimiter.
    #[error("expected a boundary delimiter line")]
    Delimiter,
    /// Parts within parts go deeper than [`Limits::max_parts_depth`](crate::Limits::max_parts_depth).
    #[error("nested too deep")]
    Depth,
    /// The description may stand inside of a `multipart/signed` or `multipart/encrypted` (RFC 3261 §23), where nobody on
    /// the way can read or change it.
    #[error("signed or encrypted")]
    Secured,
    /// What is to be put into a part holds a delimiter of the body around it.
    #[error("a boundary delimiter line in the new content")]
    Smuggled,
}

/// A delimiter line.
struct Delimiter {
    /// Where the content before it ends.
    start: usize,
    /// Where the next part starts; `None` after the close-delimiter.
    next: Option<usize>,
}

impl Multipart {
    /// Takes a body apart, as far as its first delimiter.
    ///
    /// # Errors
    /// When there is no boundary, or no delimiter.
    pub fn read(content_type: &ContentType, body: Bytes) -> Result<Multipart, MultipartError> {
        let params = content_type.params();
        let boundary = params
            .unquoted("boundary")
            .filter(|boundary| matches!(boundary.len(), 1..=70) && !boundary.ends_with(b" "))
            .ok_or(MultipartError::Boundary)?;
        let needle = [b"\n--", &boundary[..]].concat();
        let mut multipart = Multipart {
            body,
            delimiter: Finder::new(&needle).into_owned(),
            first: None,
        };
        let first = multipart
            .first_delimiter()
            .ok_or(MultipartError::Delimiter)?;
        multipart.first = first.next;
        Ok(multipart)
    }

    /// Whether bodies of this type have parts.
    #[must_use]
    pub fn is_type(content_type: &ContentType) -> bool {
        content_type.kind().eq_ignore_ascii_case(b"multipart")
    }

    /// The parts, in order. None of them is looked into: a part may itself be of type `multipart/…`.
    pub fn parts(&self) -> impl Iterator<Item = Part> {
        let mut at = self.first;
        std::iter::from_fn(move || self.next_part(&mut at))
    }

    /// The part that starts at `at`, which moves on to the next.
    fn next_part(&self, at: &mut Option<usize>) -> Option<Part> {
        let start = (*at)?;
        // The line end of one delimiter may be the beginning of the next: a part of nothing at all.
        let end = match self.delimiter_from(start - 1) {
            Some(delimiter) => {
                *at = delimiter.next;
                delimiter.start.max(start)
            }
            None => {
                *at = None;
                self.body.len()
            }
        };
        Some(Part::new(&self.body, start..end))
    }

    fn first_delimiter(&self) -> Option<Delimiter> {
        let dashes = &self.delimiter.needle()[1..];
        let at_start = self.body.starts_with(dashes);
        at_start
            .then(|| self.delimiter_with_end(0, dashes.len()))
            .flatten()
            .or_else(|| self.delimiter_from(0))
    }

    /// The first delimiter whose line end stands at `from` or behind it.
    fn delimiter_from(&self, from: usize) -> Option<Delimiter> {
        let mut from = from;
        loop {
            let lf = from + self.delimiter.find(&self.body[from..])?;
            let end = lf + self.delimiter.needle().len();
            let start = lf - usize::from(self.body[..lf].ends_with(b"\r"));
            match self.delimiter_with_end(start, end) {
                None => from = lf + 1,
                found => return found,
            }
        }
    }

    /// A delimiter whose boundary ends at `end`, if what follows says so: a longer boundary is another one.
    fn delimiter_with_end(&self, start: usize, end: usize) -> Option<Delimiter> {
        let rest = &self.body[end..];
        let (closes, rest) = match rest.strip_prefix(b"--") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let is_padding = |octet: &u8| matches!(octet, b' ' | b'\t');
        let padding = rest.iter().take_while(|octet| is_padding(octet)).count();
        let line_end = match &rest[padding..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            // The body ends here, and so does what the delimiter would have begun.
            [] => return Some(Delimiter { start, next: None }),
            _ => return None,
        };
        let next = self.body.len() - rest.len() + padding + line_end;
        let next = (!closes).then_some(next);
        Some(Delimiter { start, next })
    }

    /// Whether `content` could end the part it is put into.
    fn is_delimited_by(&self, content: &[u8]) -> bool {
        content.starts_with(&self.delimiter.needle()[1..]) || self.delimiter.find(content).is_some()
    }
}
