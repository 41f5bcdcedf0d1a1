//! The session description of a message, which is its body or a part of it (RFC 3261 §7.4, RFC 5621 §4).

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Multipart, MultipartError, Part};
use crate::parts::Parts;
use crate::{ContentDisposition, ContentType, Message, Request, Response};

/// Where the description stands, and the bodies around it, the outermost first.
struct Found {
    range: Range<usize>,
    around: SmallVec<[Level; 2]>,
}

/// A multipart body that is being walked through.
struct Level {
    multipart: Multipart,
    /// Where it starts in the body of the message.
    start: usize,
    /// Its next part.
    at: Option<usize>,
}

impl Parts {
    fn session_description(&self) -> Result<Option<Bytes>, MultipartError> {
        let found = self.find_session()?;
        Ok(found.map(|found| self.body.slice(found.range)))
    }

    fn replace_session_description(&mut self, sdp: &[u8]) -> Result<bool, MultipartError> {
        let Some(Found { range, around }) = self.find_session()? else {
            return Ok(false);
        };
        if around
            .iter()
            .any(|level| level.multipart.is_delimited_by(sdp))
        {
            return Err(MultipartError::Smuggled);
        }
        let before = &self.body[..range.start];
        let after = &self.body[range.end..];
        let body = Bytes::from([before, sdp, after].concat());
        self.replace_body(body);
        Ok(true)
    }

    fn find_session(&self) -> Result<Option<Found>, MultipartError> {
        if self.body.is_empty() {
            return Ok(None);
        }
        match self.headers.optional::<ContentType>()? {
            Some(content_type) => find(&content_type, &self.body, self.max_parts_depth),
            None => Ok(None),
        }
    }
}

/// The first `application/sdp` whose disposition is that of a session, without recursion. A part that cannot be read is
/// passed over, and matters only if no description is found: then there may be one.
fn find(
    content_type: &ContentType,
    body: &Bytes,
    max_depth: u8,
) -> Result<Option<Found>, MultipartError> {
    if is_sdp(content_type) {
        let range = 0..body.len();
        let around = SmallVec::new();
        return Ok(Some(Found { range, around }));
    }
    if !Multipart::is_type(content_type) {
        return Ok(None);
    }
    let mut around: SmallVec<[Level; 2]> = SmallVec::new();
    if max_depth == 0 {
        return Err(MultipartError::Depth);
    }
    around.push(Level::open(content_type, body.clone(), 0)?);
    let mut unread = None;
    while let Some(level) = around.last_mut() {
        let Some(part) = level.multipart.next_part(&mut level.at) else {
            around.pop();
            continue;
        };
        let Range { start, end } = part.content_range();
        let (start, end) = (level.start + start, level.start + end);
        let opened = match part.content_type() {
            Ok(content_type) if is_sdp(&content_type) && is_of_session(&part) => {
                let range = start..end;
                return Ok(Some(Found { range, around }));
            }
            Ok(content_type) if !Multipart::is_type(&content_type) => continue,
            Ok(_) if around.len() >= usize::from(max_depth) => Err(MultipartError::Depth),
            Ok(content_type) => Level::open(&content_type, part.content(), start),
            Err(error) => Err(error.into()),
        };
        match opened {
            Ok(inner) => around.push(inner),
            Err(error) => drop(unread.get_or_insert(error)),
        }
    }
    unread.map_or(Ok(None), Err)
}

impl Level {
    fn open(
        content_type: &ContentType,
        body: Bytes,
        start: usize,
    ) -> Result<Level, MultipartError> {
        if is_secured(content_type) {
            return Err(MultipartError::Secured);
        }
        let multipart = Multipart::read(content_type, body)?;
        Ok(Level {
            at: multipart.first,
            multipart,
            start,
        })
    }
}

fn is_sdp(content_type: &ContentType) -> bool {
    content_type.is("application/sdp")
}

fn is_secured(content_type: &ContentType) -> bool {
    content_type.is("multipart/signed") || content_type.is("multipart/encrypted")
}

/// `session` is what a session description is for where nothing is said (RFC 3261 §20.11); `early-session` (RFC 3959) is
/// not for this one.
fn is_of_session(part: &Part) -> bool {
    match part.header::<ContentDisposition>() {
        Ok(Some(found)) => found.disposition().eq_ignore_ascii_case(b"session"),
        Ok(None) | Err(_) => true,
    }
}

/// The same methods for whatever has [`Parts`].
macro_rules! session_description_of {
    ($($message:ty)*) => {
        $(
            impl $message {
                /// The session description: the body if it is `application/sdp`, or else the first such part of a
                /// `multipart/…` body, which may be nested as deep as [`Limits`](crate::Limits) say (RFC 5621 §4). `None`
                /// when there is none.
                ///
                /// # Errors
                /// When the body cannot be read so far that one could tell.
                ///
                /// ```
                /// use bytes::Bytes;
                /// use sip_core::{Limits, parse_message};
                ///
                /// let mut message = parse_message(Bytes::from_static(
                ///     b"ACK sip:bob@b.example SIP/2.0\r\nc: multipart/mixed;boundary=b\r\nl: 59\r\n\r\n\
                ///       --b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n",
                /// ), &Limits::default())?;
                /// assert_eq!(message.session_description()?.unwrap(), "v=0\r\n");
                ///
                /// assert!(message.replace_session_description(b"v=0\r\ns=-\r\n")?);
                /// assert!(message.body().ends_with(b"\r\n\r\nv=0\r\ns=-\r\n\r\n--b--\r\n"));
                /// # Ok::<(), Box<dyn std::error::Error>>(())
                /// ```
                pub fn session_description(&self) -> Result<Option<Bytes>, MultipartError> {
                    self.parts().session_description()
                }

                /// Puts `sdp` in place of what `session_description` gives, and sets Content-Length; every other octet of
                /// the body stays. `false`, and nothing done, when there is none.
                ///
                /// # Errors
                /// When the body cannot be read, or `sdp` holds a boundary of it.
                pub fn replace_session_description(&mut self, sdp: &[u8]) -> Result<bool, MultipartError> {
                    self.parts_mut().replace_session_description(sdp)
                }
            }
        )*
    };
}

session_description_of! { Message Request Response }
