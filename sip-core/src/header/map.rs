//! The headers of a message: its lines as they came, in order, and typed values on demand (RFC 3261 §7.3).

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use memchr::memchr2;
use smallvec::SmallVec;

use super::line::Line;
use super::list::{Members, ranges};
use super::own::OwnText;
use super::{Header, HeaderError, HeaderErrorKind, HeaderName, ListHeader, NameId};
use crate::Text;

/// Lines of most messages fit without an allocation.
pub(crate) type Lines = SmallVec<[Line; 24]>;

/// The header lines of a message.
///
/// A line nobody edits is printed with the very bytes it was received in, in its place. Cloning shares the
/// received bytes and copies a small table.
///
/// No value can hold CR or LF, and no name what cannot stand in one, so an edit makes one line and no other. Content-Length
/// is the message's own affair: whatever is put there, what is printed is the length of the body.
#[derive(Default)]
pub struct Headers {
    /// The received message from its start line on; lines point into it.
    pub(super) received: Bytes,
    /// Lines made by edits, one after the other, CRLF included.
    pub(super) own: OwnText,
    pub(super) lines: Lines,
    /// Content-Length is no longer as it was received, or as [`Headers::set_length`] left it.
    pub(super) length_is_edited: bool,
}

impl Headers {
    pub(crate) fn received(received: Bytes, lines: Lines) -> Headers {
        Headers {
            received,
            own: OwnText::default(),
            lines,
            length_is_edited: false,
        }
    }

    pub(crate) fn received_bytes(&self) -> &Bytes {
        &self.received
    }

    /// The one value of a header that must stand once; the first member of a list header.
    ///
    /// # Errors
    /// When it is missing, unreadable, or stands twice and is no list header.
    pub fn require<H: Header>(&self) -> Result<H, HeaderError> {
        self.optional()?.ok_or(HeaderError {
            name: H::NAME,
            kind: HeaderErrorKind::Missing,
        })
    }

    /// The value of a header that may be absent; the first member of a list header.
    ///
    /// # Errors
    /// When it is unreadable, or stands twice and is no list header.
    pub fn optional<H: Header>(&self) -> Result<Option<H>, HeaderError> {
        if H::LIST {
            return self.first_listed();
        }
        let mut lines = self.find(&H::NAME);
        let Some(line) = lines.next() else {
            return Ok(None);
        };
        if lines.next().is_some() {
            return Err(HeaderError {
                name: H::NAME,
                kind: HeaderErrorKind::Repeated,
            });
        }
        H::read(self.value(line)).map(Some)
    }

    fn first_listed<H: Header>(&self) -> Result<Option<H>, HeaderError> {
        for line in self.find(&H::NAME) {
            // Most lines have one member, and whoever reads it sees that nothing follows.
            if H::ENDS_AT_COMMA
                && !line.is_own()
                && let Ok(only) = H::read(self.value(line))
            {
                return Ok(Some(only));
            }
            if let Some(member) = self.first_member(line) {
                return H::read(member).map(Some);
            }
        }
        Ok(None)
    }

    /// All members of a list header, over comma lists and repeated lines alike.
    pub fn all<H: ListHeader>(&self) -> impl Iterator<Item = Result<H, HeaderError>> {
        const { assert!(H::LIST, "a ListHeader sets Header::LIST") };
        self.members()
    }

    /// The value of each line of a header that may be repeated but is no comma list, as `WWW-Authenticate` (§20).
    pub fn lines_of<H: Header>(&self) -> impl Iterator<Item = Result<H, HeaderError>> {
        self.find(&H::NAME).map(|line| H::read(self.value(line)))
    }

    /// Whether a line of that name stands in the message.
    #[must_use]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.find(name).next().is_some()
    }

    /// How many lines of that name there are.
    #[must_use]
    pub fn count(&self, name: &HeaderName) -> usize {
        self.find(name).count()
    }

    /// The value of each line of that name, folding undone, otherwise as it came.
    pub fn raw(&self, name: &HeaderName) -> impl Iterator<Item = Text> {
        self.find(name).map(|line| self.value(line))
    }

    /// Every line in order: its name, and its value with folding undone.
    pub fn lines(&self) -> impl Iterator<Item = (HeaderName, Text)> {
        self.lines
            .iter()
            .map(|line| (line.id().name(|| self.name(line)), self.value(line)))
    }

    fn members<H: Header>(&self) -> impl Iterator<Item = Result<H, HeaderError>> {
        self.find(&H::NAME)
            .flat_map(|line| Members::of(self.value(line)))
            .map(H::read)
    }

    fn find<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a Line> + use<'a> {
        let wanted = Wanted::new(name);
        let mut rest = &self.lines[..];
        std::iter::from_fn(move || {
            let (line, after) = rest[wanted.position(self, rest)?..].split_first()?;
            rest = after;
            Some(line)
        })
    }

    /// Where the values of that name stand, line by line.
    pub(crate) fn places(&self, name: &HeaderName) -> impl Iterator<Item = Place> {
        self.find(name).map(|line| Place { line: *line, at: 0 })
    }

    /// All members of a list header, and where each stands.
    pub(crate) fn located<H: ListHeader>(
        &self,
    ) -> impl Iterator<Item = (Place, Result<H, HeaderError>)> {
        self.find(&H::NAME).flat_map(|line| {
            let value = self.value(line);
            let mut members = Members::of(value.clone());
            std::iter::from_fn(move || {
                let member = members.next_range()?;
                let (line, at) = (*line, member.start);
                Some((Place { line, at }, H::parse(&value.slice(member))))
            })
        })
    }

    /// The octet of the message at which `place` is; of a line made by an edit, where the message begins.
    pub(crate) fn offset(&self, place: Place) -> usize {
        let value = place.line.value();
        if place.line.is_own() {
            0
        } else if place.line.is_folded() {
            value.start + folded_offset(&self.received[value], place.at)
        } else {
            value.start + place.at
        }
    }

    pub(super) fn value(&self, line: &Line) -> Text {
        if line.is_own() {
            Text::received(Bytes::copy_from_slice(&self.own.as_bytes()[line.value()]))
        } else if line.is_folded() {
            Text::received(unfolded(&self.received[line.value()]))
        } else {
            Text::received(self.received.slice(line.value()))
        }
    }

    /// The same, borrowed wherever it is not folded.
    pub(super) fn octets(&self, line: &Line) -> Cow<'_, [u8]> {
        let value = &self.source(line)[line.value()];
        match line.is_folded() {
            true => Cow::Owned(unfolded(value).into()),
            false => Cow::Borrowed(value),
        }
    }

    /// The first member of a list's line; of a line made here that alone is copied.
    pub(super) fn first_member(&self, line: &Line) -> Option<Text> {
        if !line.is_own() {
            return Members::of(self.value(line)).into_first();
        }
        let value = &self.own.as_bytes()[line.value()];
        let member = &value[ranges(value).next()?];
        Some(Text::received(Bytes::copy_from_slice(member)))
    }

    fn name(&self, line: &Line) -> Text {
        if line.is_own() {
            Text::received(Bytes::copy_from_slice(self.spelled(line)))
        } else {
            Text::received(self.received.slice(line.name()))
        }
    }

    fn spelled(&self, line: &Line) -> &[u8] {
        &self.source(line)[line.name()]
    }

    fn source(&self, line: &Line) -> &[u8] {
        if line.is_own() {
            self.own.as_bytes()
        } else {
            &self.received
        }
    }

    /// Length of all lines as printed.
    pub(crate) fn printed_length(&self) -> usize {
        self.lines.iter().map(|line| line.length() as usize).sum()
    }

    /// Prints the first `start_length` octets received, which are the start line, and all lines. Neighbours in
    /// memory leave in one copy.
    pub(crate) fn write_to(&self, start_length: usize, out: &mut Vec<u8>) {
        let mut source = &self.received[..];
        let mut run = 0..start_length;
        let mut run_is_own = false;
        for line in &self.lines {
            let whole = line.whole();
            if line.is_own() == run_is_own && whole.start == run.end {
                run.end = whole.end;
            } else {
                out.extend_from_slice(&source[run]);
                source = self.source(line);
                run_is_own = line.is_own();
                run = whole;
            }
        }
        out.extend_from_slice(&source[run]);
    }

    /// The same headers, standing in `printed` from `start` on, as [`Headers::write_to`] left them there.
    pub(crate) fn rebased(&self, printed: Bytes, start: usize) -> Headers {
        let mut at = start as u32;
        let mut lines = Lines::from_slice(&self.lines);
        for line in &mut lines {
            let length = line.length();
            *line = line.received_at(at);
            at += length;
        }
        Headers::received(printed, lines)
    }

    /// A copy of the lines of those names, in order; received bytes are shared.
    pub(crate) fn only(&self, keep: impl Fn(NameId) -> bool) -> Headers {
        let mut headers = Headers::received(self.received.clone(), Lines::new());
        for line in self.lines.iter().filter(|line| keep(line.id())) {
            if line.is_own() {
                let start = headers.own.len();
                headers.own.push(&self.own.as_bytes()[line.whole()]);
                headers.lines.push(line.at(start as u32));
            } else {
                headers.lines.push(*line);
            }
        }
        headers
    }
}

impl Clone for Headers {
    fn clone(&self) -> Headers {
        Headers {
            received: self.received.clone(),
            own: self.own.clone(),
            // `from_slice` copies in one go, `SmallVec::clone` element by element.
            lines: Lines::from_slice(&self.lines),
            length_is_edited: self.length_is_edited,
        }
    }
}

/// Same lines with the same values, in the same order; spelling of names and folding aside.
impl PartialEq for Headers {
    fn eq(&self, other: &Headers) -> bool {
        self.lines().eq(other.lines())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.lines()).finish()
    }
}

/// A place in the value of a line, as the reader of the value sees it: in octets once folding is undone.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    line: Line,
    at: usize,
}

impl Place {
    /// So many octets further on.
    pub(crate) fn after(self, octets: usize) -> Place {
        Place {
            at: self.at + octets,
            ..self
        }
    }
}

/// A name to look for; a known one compares as one octet.
pub(super) enum Wanted {
    Known(NameId),
    Other(Text),
}

impl Wanted {
    #[inline]
    pub(super) fn new(name: &HeaderName) -> Wanted {
        match name {
            HeaderName::Other(spelled) => match NameId::find(spelled) {
                NameId::Other => Wanted::Other(spelled.clone()),
                known => Wanted::Known(known),
            },
            known => Wanted::Known(known.id()),
        }
    }

    /// The first of `lines`, all of them of `headers`, that has the name.
    #[inline]
    pub(super) fn position(&self, headers: &Headers, lines: &[Line]) -> Option<usize> {
        match self {
            Wanted::Known(id) => lines.iter().position(|line| line.id() == *id),
            Wanted::Other(_) => lines.iter().position(|line| self.is(headers, line)),
        }
    }

    pub(super) fn is(&self, headers: &Headers, line: &Line) -> bool {
        match self {
            Wanted::Known(id) => line.id() == *id,
            Wanted::Other(name) => {
                line.id() == NameId::Other && headers.spelled(line).eq_ignore_ascii_case(name)
            }
        }
    }
}

/// A folded value on one line: each fold, and the white space around it, reads as one space (§7.3.1). So does a
/// CR or LF that has no business there, and no value read from a message ever holds one.
pub(crate) fn unfolded(value: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(fold) = memchr2(b'\r', b'\n', rest) {
        text.extend_from_slice(rest[..fold].trim_ascii_end());
        text.push(b' ');
        rest = rest[fold..].trim_ascii_start();
    }
    text.extend_from_slice(rest);
    Bytes::from(text)
}

/// Where in a folded value the octet stands that [`unfolded`] puts at `at`.
fn folded_offset(value: &[u8], at: usize) -> usize {
    let (mut rest, mut before) = (value, 0);
    while let Some(fold) = memchr2(b'\r', b'\n', rest) {
        let piece = rest[..fold].trim_ascii_end().len();
        if at < before + piece {
            break;
        }
        before += piece + 1;
        rest = rest[fold..].trim_ascii_start();
    }
    value.len() - rest.len() + at.saturating_sub(before)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, parse_message};

    fn headers(lines: &str) -> Headers {
        let bytes = Bytes::from(format!("BYE sip:b.example SIP/2.0\r\n{lines}\r\n"));
        let message = parse_message(bytes, &Limits::default()).unwrap();
        message.headers().clone()
    }

    fn values(headers: &Headers, name: &HeaderName) -> Vec<String> {
        headers.raw(name).map(|value| value.to_string()).collect()
    }

    #[test]
    fn the_first_member_is_the_same_alone_and_before_others() {
        let via = "SIP/2.0/UDP a;x=\"b,c\";y=<d:e,f>;branch=z";
        let contact = "\"A, B\" <sip:a,b@c;d>;q=0.1;x=\"e,f\"";
        for rest in ["", ",", ", ", " ,x", ",,", ", \""] {
            let headers = headers(&format!(
                "Via: {via}{rest}\r\nContact:\r\nm: {contact}{rest}\r\n"
            ));
            let read: crate::Via = headers.require().unwrap();
            assert_eq!(read.as_text(), via, "{rest}");
            let read: crate::Contact = headers.require().unwrap();
            assert_eq!(read.as_text(), contact, "{rest}");
        }
        assert_eq!(
            headers("Contact: *\r\n").require(),
            Ok(crate::Contact::Star)
        );
    }

    #[test]
    fn folding_is_undone_for_the_reader() {
        let headers = headers("s: \r\n  a\r\n\t\tb \r\n c\r\n \r\n");
        assert_eq!(values(&headers, &HeaderName::Subject), ["a b c"]);
    }

    #[test]
    fn a_place_in_a_folded_value_is_found_in_what_was_received() {
        let value = "a \r\n  b,\t\r\n\r\n c";
        let unfolded = unfolded(value.as_bytes());
        assert_eq!(unfolded, "a b, c");
        for (at, octet) in unfolded.iter().enumerate() {
            let offset = folded_offset(value.as_bytes(), at);
            assert!(*octet == b' ' || value.as_bytes()[offset] == *octet, "{at}");
        }
        assert_eq!(folded_offset(value.as_bytes(), 6), value.len());
    }

    #[test]
    fn no_value_holds_a_line_end() {
        let headers = headers("Subject: a\nVia: b\rc\r\n");
        assert_eq!(values(&headers, &HeaderName::Subject), ["a Via: b c"]);
        assert!(!headers.contains(&HeaderName::Via));
    }

    #[test]
    fn white_space_before_the_colon_belongs_to_nothing() {
        let headers = headers("Subject \t : a\r\n");
        assert_eq!(values(&headers, &HeaderName::Subject), ["a"]);
    }

    #[test]
    fn lines_are_told_in_order_under_their_full_names() {
        let mut headers = headers("v: 1\r\nX-Odd: 2\r\nV: 3\r\n");
        headers.push_raw(
            HeaderName::Other(Text::from_static("x-odd")),
            &Text::from_static("4"),
        );
        let lines: Vec<String> = headers
            .lines()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(lines, ["Via=1", "X-Odd=2", "x-odd=4", "Via=3"]);
        assert_eq!(headers.count(&HeaderName::Via), 2);
    }
}
