//! Edits of a session description: a few octets are exchanged, lines dropped or added, and all else is printed as it came.

use std::fmt::{self, Write as _};
use std::net::IpAddr;

use bytes::Bytes;
use memchr::memchr;
use smallvec::SmallVec;

use super::connection::{addr_type, null_like};
use super::lines::Line;
use super::{Attribute, Connection, RELAYED, Sdp, Section, lex};
use crate::Text;
use crate::span::{Span, narrow};

/// Edits of a description, made by [`Sdp::relay`] or [`Sdp::edit`] and printed by [`SdpEdit::finish`].
///
/// The description itself stays as it is, and what is read from it is what came. Of two edits of one value the later
/// counts, and a line that was dropped stays dropped.
#[derive(Clone, Debug)]
pub struct SdpEdit<'a> {
    sdp: &'a Sdp,
    splices: SmallVec<[Splice; 16]>,
    /// What the splices put in, one after the other.
    text: EditText,
    /// CRLF or LF, as in the first line of the description.
    line_end: &'static [u8],
    /// Whether the mark of a relayed description is still to be added.
    mark: bool,
}

/// Octets of the description, and those of the edits' text that go in their place. Text is only ever appended, so of two
/// splices in one place the later one has the greater `new`.
#[derive(Clone, Copy, Debug)]
struct Splice {
    old: Span,
    new: Span,
}

#[derive(Clone, Debug, Default)]
struct EditText(SmallVec<[u8; 256]>);

impl<'a> SdpEdit<'a> {
    pub(super) fn new(sdp: &'a Sdp, mark: bool) -> SdpEdit<'a> {
        let mut splices = SmallVec::new();
        splices.reserve_exact(sdp.media.len());
        SdpEdit {
            sdp,
            splices,
            text: EditText::default(),
            line_end: line_end(&sdp.body),
            mark,
        }
    }

    /// Puts `ip` into every `c=` of nettype `IN`, that of the session and those of the media. A null address stays null, in
    /// the family of `ip`; time to live and number of addresses go, for `ip` is no multicast address.
    pub fn set_connection_address(&mut self, ip: IpAddr) {
        self.set_connections(ip, self.sdp.lines());
    }

    /// [`SdpEdit::set_connection_address`] for the `c=` of one section; does nothing where there is none.
    pub fn set_connection_address_of(&mut self, section: Section, ip: IpAddr) {
        self.set_connections(ip, self.sdp.lines_of(section));
    }

    fn set_connections(&mut self, ip: IpAddr, lines: impl Iterator<Item = Line<'a>> + Clone) {
        let connections = lines
            .filter_map(|line| Connection::of(&line))
            .filter(|connection| connection.net_type() == b"IN");
        self.splices.reserve_exact(connections.clone().count());
        let address = self.write_address(ip);
        let null = self.write_address(null_like(ip));
        for connection in connections {
            let new = if connection.is_null() { null } else { address };
            self.splice(self.span_of(connection.addressing), new);
        }
    }

    /// Puts `ip` into `o=`; the version of the session stays (RFC 3264 §8 gives it to the parties). Does nothing when there
    /// is no `o=` that can be read.
    pub fn set_origin_address(&mut self, ip: IpAddr) {
        let Ok(Some(origin)) = self.sdp.origin() else {
            return;
        };
        let new = self.write_address(ip);
        self.splice(self.span_of(origin.addressing), new);
    }

    /// Puts `port` into the `m=` of that media description, and leaves a number of ports as it is. A port of 0 stays: the
    /// stream is rejected or not in use (RFC 3264 §6). Does nothing when there is no such description.
    pub fn set_port(&mut self, media: usize, port: u16) {
        let Some(line) = self.sdp.lines_of(Section::Media(media)).next() else {
            return;
        };
        if let Ok(field) = lex::read(&line, lex::media_field)
            && field.port != 0
        {
            let new = self.write(format_args!("{port}"));
            self.splice(self.span_of(field.port_text), new);
        }
    }

    /// Puts `port` into the attribute `rtcp` of that media description, without the address that may follow it; does nothing
    /// when it has none.
    pub fn set_rtcp_port(&mut self, media: usize, port: u16) {
        let lines = self.sdp.lines_of(Section::Media(media));
        let mut attributes = lines.filter_map(|line| Attribute::of(&line));
        let rtcp = attributes.find(|attribute| attribute.name() == b"rtcp");
        let value = rtcp.and_then(|attribute| attribute.value());
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let new = self.write(format_args!("{port}"));
            self.splice(self.span_of(value), new);
        }
    }

    /// Drops every attribute called one of `names`, in all sections.
    pub fn remove_attributes(&mut self, names: &[&str]) {
        for line in self.sdp.lines() {
            if Attribute::of(&line).is_some_and(|attribute| attribute.is_called(names)) {
                self.remove_line(&line);
            }
        }
    }

    /// Drops the candidates of ICE, so that media takes the way of `c=` and `m=`.
    pub fn remove_candidates(&mut self) {
        self.remove_attributes(&["candidate", "remote-candidates", "end-of-candidates"]);
    }

    /// Adds an attribute, `name` or `name:value`, at the end of a section; does nothing when there is no such section.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_core::Text;
    /// use sip_core::sdp::{Sdp, Section};
    ///
    /// let sdp = Sdp::parse(Bytes::from_static(b"v=0\nm=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31"))?;
    /// let mut edit = sdp.edit();
    /// edit.add_attribute(Section::Media(0), &Text::from_static("sendonly"));
    /// assert_eq!(edit.finish(), "v=0\nm=audio 9 RTP/AVP 0\na=sendonly\nm=video 9 RTP/AVP 31");
    /// # Ok::<(), sip_core::sdp::SdpError>(())
    /// ```
    pub fn add_attribute(&mut self, section: Section, attribute: &Text) {
        self.add_line(section, &[b"a=", attribute]);
    }

    /// Tells in attributes where media would have gone: `oldmediaip` (`oldmediaip6` for IPv6) and `oldmediaport`, at the end
    /// of each media description. For relays asked to preserve them.
    pub fn add_old_addresses(&mut self) {
        for media in self.sdp.media() {
            let section = Section::Media(media.index());
            if let Some(connection) = media.connection() {
                let name: &[u8] = match connection.ip() {
                    Some(IpAddr::V6(_)) => b"a=oldmediaip6:",
                    _ => b"a=oldmediaip:",
                };
                self.add_line(section, &[name, connection.address()]);
            }
            self.add_line(section, &[b"a=oldmediaport:", media.port_text()]);
        }
    }

    /// Prints the description with all edits; without any, it is the very octets that came.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        if std::mem::take(&mut self.mark) {
            let last = match self.sdp.media.len() {
                0 => Section::Session,
                count => Section::Media(count - 1),
            };
            self.add_line(last, &[b"a=", RELAYED.as_bytes()]);
        }
        if self.splices.is_empty() {
            return self.sdp.body.clone();
        }
        self.splices
            .sort_unstable_by_key(|splice| (splice.old.start(), splice.new.start()));
        Bytes::from(self.print())
    }

    /// Walks over the splices, which are in order.
    fn print(&self) -> Vec<u8> {
        let body = &self.sdp.body[..];
        let added: usize = self.splices.iter().map(|splice| splice.new.len()).sum();
        let mut out = Vec::with_capacity(body.len() + added + CRLF.len());
        let mut at = 0;
        let mut splices = self.splices.iter().peekable();
        while let Some(splice) = splices.next() {
            if splice.old.start() < at {
                // Inside of what was dropped, or dropped once more and then some.
                if splice.is_removal() {
                    at = at.max(splice.old.end());
                }
                continue;
            }
            let edited_again = splices
                .peek()
                .is_some_and(|next| !splice.is_insertion() && next.old == splice.old);
            if edited_again {
                continue;
            }
            out.extend_from_slice(&body[at..splice.old.start()]);
            // The last line may lack its end, and then it was not the last.
            if splice.is_insertion() && !out.ends_with(b"\n") {
                out.extend_from_slice(self.line_end);
            }
            out.extend_from_slice(splice.new.bytes(&self.text.0));
            at = splice.old.end();
        }
        out.extend_from_slice(&body[at..]);
        out
    }

    fn add_line(&mut self, section: Section, parts: &[&[u8]]) {
        let Some(range) = self.sdp.range(section) else {
            return;
        };
        let start = self.text.0.len();
        for part in parts {
            self.text.0.extend_from_slice(part);
        }
        self.text.0.extend_from_slice(self.line_end);
        let end = narrow(range.end);
        self.splice(Span::between(end, end), self.text.from(start));
    }

    /// Drops a line; neighbours go in one splice.
    fn remove_line(&mut self, line: &Line<'_>) {
        let old = Span::between(narrow(line.start), narrow(line.next));
        match self.splices.last_mut() {
            Some(last) if last.is_removal() && last.old.end() == line.start => {
                last.old = Span::between(narrow(last.old.start()), narrow(line.next));
            }
            _ => self.splice(old, Span::default()),
        }
    }

    fn splice(&mut self, old: Span, new: Span) {
        self.splices.push(Splice { old, new });
    }

    /// `addrtype SP address`
    fn write_address(&mut self, ip: IpAddr) -> Span {
        self.write(format_args!("{} {ip}", addr_type(ip)))
    }

    fn write(&mut self, text: fmt::Arguments<'_>) -> Span {
        let start = self.text.0.len();
        // Writing to a vector does not fail.
        let _ = self.text.write_fmt(text);
        self.text.from(start)
    }

    fn span_of(&self, part: &[u8]) -> Span {
        Span::of(part, &self.sdp.body)
    }
}

impl Splice {
    fn is_insertion(&self) -> bool {
        self.old.is_empty()
    }

    fn is_removal(&self) -> bool {
        self.new.is_empty() && !self.is_insertion()
    }
}

impl EditText {
    /// What was written from `start` on.
    fn from(&self, start: usize) -> Span {
        Span::between(narrow(start), narrow(self.0.len()))
    }
}

impl fmt::Write for EditText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// The line end a description uses; CRLF when it has none.
fn line_end(body: &[u8]) -> &'static [u8] {
    match memchr(b'\n', body) {
        Some(lf) if !body[..lf].ends_with(b"\r") => b"\n",
        _ => CRLF,
    }
}

const CRLF: &[u8] = b"\r\n";
