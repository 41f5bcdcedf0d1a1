//! Session descriptions: read where a relay needs it, rewritten line by line, and otherwise left as they came (RFC 8866).
//!
//! ```
//! use std::net::IpAddr;
//!
//! use bytes::Bytes;
//! use sip_core::sdp::Sdp;
//!
//! let sdp = Sdp::parse(Bytes::from_static(
//!     b"v=0\r\no=ada 1 7 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
//!       m=audio 49170 RTP/AVP 0 8\r\na=rtcp:49171\r\n",
//! ))?;
//! assert!(sdp.connections().any(|connection| connection.is_private()));
//!
//! // What a media relay does: its address in every c=, its port in every m= that runs over UDP.
//! let relay: IpAddr = "192.0.2.1".parse()?;
//! let mut edit = sdp.relay().expect("nobody relays it yet");
//! edit.set_connection_address(relay);
//! for media in sdp.media().filter(|media| media.is_over_udp()) {
//!     edit.set_port(media.index(), 30_000);
//!     edit.set_rtcp_port(media.index(), 30_001);
//! }
//! let relayed = edit.finish();
//! assert_eq!(
//!     relayed,
//!     "v=0\r\no=ada 1 7 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
//!      m=audio 30000 RTP/AVP 0 8\r\na=rtcp:30001\r\na=nortpproxy:yes\r\n"
//! );
//!
//! // The next one leaves it alone.
//! assert!(Sdp::parse(relayed)?.relay().is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attribute;
mod candidate;
mod connection;
mod edit;
mod error;
mod lex;
mod lines;
mod media;
mod origin;

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

pub use attribute::{Attribute, Direction, Rtcp};
pub use candidate::Candidate;
pub use connection::Connection;
pub use edit::SdpEdit;
pub use error::SdpError;
pub use media::Media;
pub use origin::Origin;

use crate::span::{MAX_VALUE, narrow};
use lines::{Line, Lines};

/// A session description: the octets it came in, and where its media descriptions begin.
///
/// Parsing judges what a relay builds upon: that every line is `letter=value`, and that each `m=` and `c=` can be read.
/// Other values are read when asked for. Lines end in CRLF or LF, and the last may lack its end (§5). Type letters the RFC
/// does not know are kept: whoever plays the session may reject them, a relay has no need to.
#[derive(Clone, Debug)]
pub struct Sdp {
    body: Bytes,
    /// Where the last line ends; blank lines may follow.
    end: u32,
    /// Where each `m=` line starts.
    media: SmallVec<[u32; 8]>,
    /// Where the `c=` line of the session starts.
    connection: Option<u32>,
    /// The direction of the session, if it says one.
    direction: Option<Direction>,
}

/// A part of a session description that has a connection and attributes of its own (§5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// Everything before the first `m=`.
    Session,
    /// A media description, counted from 0; rejected ones count too.
    Media(usize),
}

impl Sdp {
    /// Reads a description, in one pass; nothing is copied.
    ///
    /// # Errors
    /// When it does not begin with `v=0`, a line is no `letter=value`, or an `m=` or `c=` cannot be read.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_core::sdp::Sdp;
    ///
    /// let error = Sdp::parse(Bytes::from_static(b"v=0\r\nm=audio 70000 RTP/AVP 0\r\n")).unwrap_err();
    /// assert_eq!(error.to_string(), "expected port at octet 13");
    /// ```
    pub fn parse(body: Bytes) -> Result<Sdp, SdpError> {
        if body.len() > MAX_VALUE {
            return Err(SdpError::new(MAX_VALUE, "end of session description"));
        }
        let end = lines::end_of_last_line(&body)?;
        let mut sdp = Sdp {
            end: narrow(end),
            media: SmallVec::new(),
            connection: None,
            direction: None,
            body,
        };
        let version = Line::read(&sdp.body[..end], 0)?;
        lines::check_version(&version)?;
        let mut at = version.next;
        let body = sdp.body.clone();
        while at < end {
            let line = Line::read(&body[..end], at)?;
            sdp.note(&line)?;
            at = line.next;
        }
        Ok(sdp)
    }

    /// Reads what is read at once, and notes where it stands.
    fn note(&mut self, line: &Line<'_>) -> Result<(), SdpError> {
        let start = narrow(line.start);
        let of_session = self.media.is_empty();
        match line.letter {
            b'm' => {
                lex::read(line, lex::media_field)?;
                self.media.push(start);
            }
            b'c' => {
                lex::read(line, lex::connection_field)?;
                if of_session {
                    self.connection.get_or_insert(start);
                }
            }
            b'a' if of_session && self.direction.is_none() => {
                self.direction = Attribute::of(line).and_then(|attribute| attribute.direction());
            }
            _ => {}
        }
        Ok(())
    }

    /// The description, as it came.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.body
    }

    /// Who made it (§5.2): the first `o=` line.
    ///
    /// # Errors
    /// When the line cannot be read.
    pub fn origin(&self) -> Result<Option<Origin<'_>>, SdpError> {
        let mut lines = self.lines_of(Section::Session);
        let line = lines.find(|line| line.letter == b'o');
        line.map(|line| Origin::read(&line)).transpose()
    }

    /// The connection of the whole session, which a media description may override (§5.7).
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'_>> {
        let start = self.connection? as usize;
        let line = Lines::of(&self.body, start..self.end as usize).next()?;
        Connection::of(&line)
    }

    /// Every connection, that of the session first.
    ///
    /// `connections().any(|connection| connection.is_null())` finds a party on hold the old way (RFC 3264 §8.4), and
    /// [`Connection::is_private`] one behind a NAT.
    pub fn connections(&self) -> impl Iterator<Item = Connection<'_>> {
        self.lines().filter_map(|line| Connection::of(&line))
    }

    /// The media descriptions, in order.
    pub fn media(&self) -> impl ExactSizeIterator<Item = Media<'_>> {
        (0..self.media.len()).map(|index| Media::new(self, index))
    }

    /// The attributes of the session.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        let lines = self.lines_of(Section::Session);
        lines.filter_map(|line| Attribute::of(&line))
    }

    /// Whether a relay upstream has put itself into this description: it holds a line `a=nortpproxy:yes`.
    #[must_use]
    pub fn is_relayed(&self) -> bool {
        self.lines()
            .any(|line| line.letter == b'a' && line.value.trim_ascii_end() == RELAYED.as_bytes())
    }

    /// Edits that put a relay into the media path; `None` when there is one already. What they make is marked as relayed,
    /// so that it never happens twice.
    #[must_use]
    pub fn relay(&self) -> Option<SdpEdit<'_>> {
        (!self.is_relayed()).then(|| self.relay_anyway())
    }

    /// [`Sdp::relay`] even if somebody upstream relays already. The mark stands once all the same.
    #[must_use]
    pub fn relay_anyway(&self) -> SdpEdit<'_> {
        SdpEdit::new(self, !self.is_relayed())
    }

    /// Edits that leave no mark, as those of whoever takes out candidates or adds an attribute.
    #[must_use]
    pub fn edit(&self) -> SdpEdit<'_> {
        SdpEdit::new(self, false)
    }

    /// All lines, up to the blank ones that may follow.
    fn lines(&self) -> Lines<'_> {
        Lines::of(&self.body, 0..self.end as usize)
    }

    /// The lines of a section; none when there is no such section.
    fn lines_of(&self, section: Section) -> Lines<'_> {
        Lines::of(&self.body, self.range(section).unwrap_or_default())
    }

    fn range(&self, section: Section) -> Option<Range<usize>> {
        let start_of = |index: usize| self.media.get(index).map(|start| *start as usize);
        let (start, next) = match section {
            Section::Session => (0, 0),
            Section::Media(index) => (start_of(index)?, index + 1),
        };
        Some(start..start_of(next).unwrap_or(self.end as usize))
    }
}

/// The mark of a relayed description, without its `a=`.
const RELAYED: &str = "nortpproxy:yes";
