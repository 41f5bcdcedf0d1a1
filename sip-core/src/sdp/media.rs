//! Media descriptions: one stream each, from its `m=` line to the next (RFC 8866 §5.14).

use super::lex::{self, MediaField};
use super::{Attribute, Candidate, Connection, Direction, Rtcp, Sdp, SdpError, Section};

/// An `m=` line and the lines that belong to it.
///
/// ```
/// use bytes::Bytes;
/// use sip_core::sdp::Sdp;
///
/// let sdp = Sdp::parse(Bytes::from_static(b"v=0\r\nm=audio 49170/2 RTP/AVP 0 8 101\r\na=mid:a1\r\n"))?;
/// let audio = sdp.media().next().unwrap();
/// assert_eq!((audio.kind(), audio.port(), audio.port_count()), (&b"audio"[..], 49170, 2));
/// assert_eq!(audio.proto(), b"RTP/AVP");
/// assert!(audio.formats().eq([&b"0"[..], b"8", b"101"]));
/// assert_eq!(audio.attribute("mid"), Some(&b"a1"[..]));
/// # Ok::<(), sip_core::sdp::SdpError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    sdp: &'a Sdp,
    index: usize,
    field: MediaField<'a>,
}

impl<'a> Media<'a> {
    /// The media description at `index`, which must be one of `sdp`.
    pub(super) fn new(sdp: &'a Sdp, index: usize) -> Media<'a> {
        let line = sdp.lines_of(Section::Media(index)).next();
        let field = line.and_then(|line| lex::read(&line, lex::media_field).ok());
        Media {
            sdp,
            index,
            field: field.expect("an m= line that parsing has read"),
        }
    }

    /// Its position, from 0; rejected ones count too. Relays that count from 1 add one.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// `audio`, `video`, `image`, `application`, `message` …
    #[must_use]
    pub fn kind(&self) -> &'a [u8] {
        self.field.media
    }

    /// Where media is to be sent; 0 for a stream that is rejected or not in use (RFC 3264 §6).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.field.port
    }

    /// The port as it is written.
    pub(super) fn port_text(&self) -> &'a [u8] {
        self.field.port_text
    }

    /// The number of port pairs; 1 where nothing is said.
    #[must_use]
    pub fn port_count(&self) -> u32 {
        self.field.port_count.unwrap_or(1)
    }

    /// The transport protocol: `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl` …
    #[must_use]
    pub fn proto(&self) -> &'a [u8] {
        self.field.proto
    }

    /// Whether the transport protocol is one that runs over UDP, so that a relay of datagrams can carry it.
    #[must_use]
    pub fn is_over_udp(&self) -> bool {
        OVER_UDP
            .iter()
            .any(|proto| self.proto().eq_ignore_ascii_case(proto.as_bytes()))
    }

    /// The formats, for RTP its payload types.
    pub fn formats(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let formats = self.field.formats.split(|octet| *octet == b' ');
        formats.filter(|format| !format.is_empty())
    }

    /// The connection that holds for it: its own, or else that of the session.
    #[must_use]
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.own_connections()
            .next()
            .or_else(|| self.sdp.connection())
    }

    /// Its own connections; several for layers of multicast (§5.7).
    pub fn own_connections(&self) -> impl Iterator<Item = Connection<'a>> + use<'a> {
        let lines = self.sdp.lines_of(Section::Media(self.index));
        lines.filter_map(|line| Connection::of(&line))
    }

    /// Its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let lines = self.sdp.lines_of(Section::Media(self.index));
        lines.filter_map(|line| Attribute::of(&line))
    }

    /// The value of its first attribute of that name; empty for one without a value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        let mut attributes = self.attributes();
        let found = attributes.find(|attribute| attribute.name() == name.as_bytes())?;
        Some(found.value().unwrap_or_default())
    }

    /// Which way media flows, seen from who sent the description: by its own attribute, or else by the session's.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let own = self
            .attributes()
            .find_map(|attribute| attribute.direction());
        own.or(self.sdp.direction).unwrap_or_default()
    }

    /// Whether the other side is asked to send nothing: by direction, or by a null address (RFC 3264 §8.4).
    #[must_use]
    pub fn is_on_hold(&self) -> bool {
        self.connection()
            .is_some_and(|connection| connection.is_null())
            || matches!(self.direction(), Direction::SendOnly | Direction::Inactive)
    }

    /// Where RTCP goes, if it is not the port after that of RTP (RFC 3605).
    ///
    /// # Errors
    /// When the attribute cannot be read.
    pub fn rtcp(&self) -> Result<Option<Rtcp<'a>>, SdpError> {
        let mut attributes = self.attributes();
        let rtcp = attributes.find(|attribute| attribute.name() == b"rtcp");
        rtcp.map(|attribute| Rtcp::read(&attribute)).transpose()
    }

    /// The addresses ICE may try (RFC 8839 §5.1); one that cannot be read is an error in its place.
    pub fn candidates(&self) -> impl Iterator<Item = Result<Candidate<'a>, SdpError>> + use<'a> {
        self.attributes()
            .filter(|attribute| attribute.name() == b"candidate")
            .map(|attribute| Candidate::read(&attribute))
    }
}

/// Transport protocols over UDP: plain, fax, RTP with its profiles, floor control.
const OVER_UDP: [&str; 9] = [
    "udp",
    "udptl",
    "RTP/AVP",
    "RTP/AVPF",
    "RTP/SAVP",
    "RTP/SAVPF",
    "UDP/TLS/RTP/SAVP",
    "UDP/TLS/RTP/SAVPF",
    "UDP/BFCP",
];
