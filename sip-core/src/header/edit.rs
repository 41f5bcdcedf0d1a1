//! Edits of a message's headers: a line is made, replaced or dropped, and no other is touched (RFC 3261 §7.3.1, §16.6).

use std::ops::Range;

use super::line::Line;
use super::list::{Members, ranges};
use super::map::{Headers, Wanted};
use super::own::OwnText;
use super::{ContentLength, Header, HeaderError, HeaderName, ListHeader, NameId};
use crate::Text;
use crate::parse::lex;
use crate::text::ForbiddenOctet;

impl Headers {
    /// Adds a line above the first of its kind, or else at the very top.
    pub fn push_front<H: Header>(&mut self, header: &H) {
        let line = self.compose(&H::NAME, &[&header.as_text()]);
        self.insert_above(&H::NAME, line);
    }

    /// Adds a line below the last of its kind, or else at the end.
    pub fn push<H: Header>(&mut self, header: &H) {
        self.push_raw(H::NAME, &header.as_text());
    }

    /// Puts one line in place of all of that name.
    pub fn set<H: Header>(&mut self, header: &H) {
        self.set_raw(H::NAME, &header.as_text());
    }

    /// [`Headers::push`] for a value without a type.
    pub fn push_raw(&mut self, name: HeaderName, value: &Text) {
        let line = self.compose(&name, &[value]);
        let at = self
            .last_of(&name)
            .map_or(self.lines.len(), |last| last + 1);
        self.lines.insert(at, line);
    }

    /// [`Headers::push_front`] for a value written in parts, so that none of them needs a buffer of its own.
    ///
    /// # Errors
    /// When a part holds CR, LF or NUL; nothing is added then.
    pub fn push_front_parts(
        &mut self,
        name: HeaderName,
        parts: &[&[u8]],
    ) -> Result<(), ForbiddenOctet> {
        for part in parts {
            Text::check(part)?;
        }
        let line = self.compose(&name, parts);
        self.insert_above(&name, line);
        Ok(())
    }

    /// [`Headers::set`] for a value without a type.
    pub fn set_raw(&mut self, name: HeaderName, value: &Text) {
        self.set_parts(&name, &[value]);
    }

    /// [`Headers::set_raw`] for a value in parts, none of which may hold CR or LF.
    pub(crate) fn set_parts(&mut self, name: &HeaderName, parts: &[&[u8]]) {
        let line = self.compose(name, parts);
        match self.first_of(name) {
            Some(first) => {
                self.lines[first] = line;
                self.remove_from(first + 1, name);
            }
            None => self.lines.push(line),
        }
    }

    /// Drops all lines of that name, and tells how many there were.
    pub fn remove(&mut self, name: &HeaderName) -> usize {
        let wanted = Wanted::new(name);
        self.length_is_edited |= matches!(wanted, Wanted::Known(NameId::ContentLength));
        self.remove_from(0, name)
    }

    /// Puts the length of the body in place.
    pub(crate) fn set_length(&mut self, length: usize) {
        // Nobody sends a body of 4 GB, and no peer takes one.
        let length = Text::number(u32::try_from(length).unwrap_or(u32::MAX));
        self.set_parts(&HeaderName::ContentLength, &[&length]);
        self.length_is_edited = false;
    }

    /// [`Headers::set_length`] of nothing, where no Content-Length stands yet.
    pub(crate) fn push_no_length(&mut self) {
        let line = self.compose(&HeaderName::ContentLength, &[b"0"]);
        self.lines.push(line);
        self.length_is_edited = false;
    }

    /// Whether Content-Length may be other than `length`, by an edit.
    pub(crate) fn length_is_off(&self, length: usize) -> bool {
        self.length_is_edited
            && !matches!(self.require(), Ok(ContentLength(told)) if told as usize == length)
    }

    /// Takes the first member out of a list. Doing so until there is none costs no more than to read them all.
    pub fn pop_front<H: ListHeader>(&mut self) -> Option<Result<H, HeaderError>> {
        let (line, first) = self.first_member_line(&H::NAME)?;
        self.remove_in_line(&H::NAME, line, 0);
        Some(H::parse(&first))
    }

    /// Puts `header` in place of the first member of a list; adds it when there is none.
    pub fn replace_front<H: ListHeader>(&mut self, header: &H) {
        let text = header.as_text();
        let Some((line, _)) = self.first_member_line(&H::NAME) else {
            return self.push_raw(H::NAME, &text);
        };
        let value = self.value(&self.lines[line]);
        let mut members = Members::of(value.clone());
        let end = members.next_range().map_or(0, |range| range.end);
        self.lines[line] = self.compose(&H::NAME, &[&text, &value[end..]]);
    }

    /// Takes a member out of a list by its position over all lines of that name; does nothing when there are
    /// fewer.
    pub fn remove_member<H: ListHeader>(&mut self, index: usize) {
        let wanted = Wanted::new(&H::NAME);
        let mut before = 0;
        for at in 0..self.lines.len() {
            let line = self.lines[at];
            if !wanted.is(self, &line) {
                continue;
            }
            let here = Members::of(self.value(&line)).count();
            if index < before + here {
                return self.remove_in_line(&H::NAME, at, index - before);
            }
            before += here;
        }
    }

    /// The first line of that name that is not empty, and its first member.
    fn first_member_line(&self, name: &HeaderName) -> Option<(usize, Text)> {
        let wanted = Wanted::new(name);
        let mut lines = self.lines.iter().enumerate();
        lines.find_map(|(at, line)| {
            let first = wanted.is(self, line).then(|| self.first_member(line));
            Some((at, first.flatten()?))
        })
    }

    /// Drops one member of one line, and the line with its last member. A line made here gets shorter where it is, so
    /// that what is taken out member by member is not written again each time.
    fn remove_in_line(&mut self, name: &HeaderName, at: usize, index: usize) {
        let line = self.lines[at];
        if line.is_own() {
            let (whole, value) = (line.whole(), line.value());
            self.lines[at] = match without(&self.own.as_bytes()[value.clone()], index) {
                None => {
                    self.lines.remove(at);
                    return;
                }
                Some(cut) if cut.start == 0 => {
                    let name = whole.start..value.start;
                    self.own.move_within(name, whole.start + cut.end);
                    line.cut_before(cut.end)
                }
                Some(cut) => {
                    let rest = value.start + cut.end..whole.end;
                    self.own.move_within(rest, value.start + cut.start);
                    line.cut(cut.len())
                }
            };
            return;
        }
        let value = self.value(&line);
        let Some(cut) = without(&value, index) else {
            self.lines.remove(at);
            return;
        };
        self.lines[at] = self.compose(name, &[&value[..cut.start], &value[cut.end..]]);
    }

    fn insert_above(&mut self, name: &HeaderName, line: Line) {
        let at = self.first_of(name).unwrap_or(0);
        self.lines.insert(at, line);
    }

    fn first_of(&self, name: &HeaderName) -> Option<usize> {
        Wanted::new(name).position(self, &self.lines)
    }

    fn last_of(&self, name: &HeaderName) -> Option<usize> {
        let wanted = Wanted::new(name);
        self.lines.iter().rposition(|line| wanted.is(self, line))
    }

    fn remove_from(&mut self, first: usize, name: &HeaderName) -> usize {
        let wanted = Wanted::new(name);
        let Some(found) = wanted.position(self, &self.lines[first..]) else {
            return 0;
        };
        let mut kept = first + found;
        for at in kept + 1..self.lines.len() {
            let line = self.lines[at];
            if !wanted.is(self, &line) {
                self.lines[kept] = line;
                kept += 1;
            }
        }
        let removed = self.lines.len() - kept;
        self.lines.truncate(kept);
        removed
    }

    /// Writes a line behind the text of earlier edits.
    pub(super) fn compose(&mut self, name: &HeaderName, value: &[&[u8]]) -> Line {
        self.compose_with(name, |own| value.iter().for_each(|part| own.push(part)))
    }

    /// The same of a value that `write` appends.
    #[inline]
    pub(super) fn compose_with(
        &mut self,
        name: &HeaderName,
        write: impl FnOnce(&mut OwnText),
    ) -> Line {
        let start = self.own.len();
        let id = match name {
            HeaderName::Other(spelled) => self.push_spelled(spelled),
            known => {
                self.own.push(known.as_bytes());
                known.id()
            }
        };
        let name_length = (self.own.len() - start) as u16;
        self.length_is_edited |= id == NameId::ContentLength;
        self.own.push(b": ");
        write(&mut self.own);
        self.own.push(b"\r\n");
        Line::own(start, name_length, self.own.len() - start, id)
    }

    /// Writes a name somebody spelled. What cannot stand in one becomes `-`: a colon would make another header of it.
    /// A name beyond all measure is cut rather than given a wrong place in the table.
    fn push_spelled(&mut self, spelled: &[u8]) -> NameId {
        let name = &spelled[..spelled.len().min(usize::from(u16::MAX - 2))];
        if lex::is_token(name) {
            self.own.push(name);
            return NameId::find(name);
        }
        let mut clean: Vec<u8> = name.to_vec();
        for octet in &mut clean {
            if !lex::is_token(&[*octet]) {
                *octet = b'-';
            }
        }
        self.own.push(if clean.is_empty() { b"-" } else { &clean });
        NameId::Other
    }
}

/// What goes from `value` with the member at `index` and the comma it no longer needs; `None` when nothing stays.
fn without(value: &[u8], index: usize) -> Option<Range<usize>> {
    let mut members = ranges(value);
    match index.checked_sub(1) {
        None => members.nth(1).map(|second| 0..second.start),
        Some(before) => {
            let start = members.nth(before)?.end;
            let end = members.next()?.end;
            if end < value.len() {
                return Some(start..end);
            }
            // The blanks of an empty member would now end the line.
            Some(value[..start].trim_ascii_end().len()..end)
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{Limits, Message, parse_message};

    /// A header of one free word, enough to see where lines go.
    struct Route(&'static str);

    impl Header for Route {
        const NAME: HeaderName = HeaderName::Route;
        const LIST: bool = true;

        fn parse(value: &Text) -> Result<Route, HeaderError> {
            let words = ["one", "two", "three", "four"];
            let known = words.into_iter().find(|word| value == word);
            known
                .map(Route)
                .ok_or_else(|| HeaderError::malformed(HeaderName::Route, 0, "word"))
        }

        fn as_text(&self) -> Text {
            Text::from_static(self.0)
        }
    }

    impl ListHeader for Route {}

    const START: &str = "BYE sip:b.example SIP/2.0\r\n";

    fn message(lines: &str) -> Message {
        let bytes = Bytes::from(format!("{START}{lines}\r\n"));
        let message = parse_message(bytes, &Limits::default()).unwrap();
        assert_eq!(message.flaw(), None);
        message
    }

    #[track_caller]
    fn assert_lines(message: &Message, lines: &str) {
        let printed = message.to_bytes();
        assert_eq!(
            String::from_utf8_lossy(&printed),
            format!("{START}{lines}\r\n")
        );
        assert_eq!(message.detached().to_bytes(), printed);
    }

    #[test]
    fn a_new_line_joins_its_kind() {
        let mut message = message("A: 1\r\nroute: two\r\nB: 2\r\nRoute : three\r\nC: 3\r\n");
        message.headers_mut().push_front(&Route("one"));
        message.headers_mut().push(&Route("four"));
        assert_lines(
            &message,
            "A: 1\r\nRoute: one\r\nroute: two\r\nB: 2\r\nRoute : three\r\nRoute: four\r\nC: 3\r\n",
        );
    }

    #[test]
    fn the_first_of_a_kind_goes_to_the_top_or_to_the_end() {
        let mut above = message("A: 1\r\n");
        above.headers_mut().push_front(&Route("one"));
        assert_lines(&above, "Route: one\r\nA: 1\r\n");
        let mut below = message("A: 1\r\n");
        below.headers_mut().push(&Route("one"));
        assert_lines(&below, "A: 1\r\nRoute: one\r\n");
    }

    #[test]
    fn set_leaves_one_line_where_the_first_stood() {
        let mut message = message("A: 1\r\nRoute: one\r\nB: 2\r\nRoute: two\r\nC: 3\r\n");
        message.headers_mut().set(&Route("four"));
        assert_lines(&message, "A: 1\r\nRoute: four\r\nB: 2\r\nC: 3\r\n");
        message
            .headers_mut()
            .set_raw(HeaderName::Other(Text::from_static("d")), &Text::EMPTY);
        assert_lines(&message, "A: 1\r\nRoute: four\r\nB: 2\r\nC: 3\r\nd: \r\n");
    }

    #[test]
    fn remove_drops_every_spelling_of_a_name_and_nothing_else() {
        let mut message = message("m: 1\r\nX: 1\r\nCONTACT: 2\r\nx: 2\r\nXX: 3\r\n");
        assert_eq!(message.headers_mut().remove(&HeaderName::Contact), 2);
        let x = HeaderName::Other(Text::from_static("x"));
        assert_eq!(message.headers_mut().remove(&x), 2);
        assert_lines(&message, "XX: 3\r\n");
        let spelled = HeaderName::Other(Text::from_static("M"));
        assert_eq!(message.headers_mut().remove(&spelled), 0);
    }

    #[test]
    fn taking_members_out_one_by_one_empties_the_list() {
        let mut message =
            message("Route:\r\nRoute: one,\r\n two , three\r\nA: 1\r\nRoute: four\r\n");
        let headers = message.headers_mut();
        let mut taken = Vec::new();
        while let Some(route) = headers.pop_front::<Route>() {
            taken.push(route.unwrap().0);
        }
        assert_eq!(taken, ["one", "two", "three", "four"]);
        assert_lines(&message, "Route:\r\nA: 1\r\n");
    }

    #[test]
    fn members_of_a_line_made_here_are_taken_out_where_they_stand() {
        for (index, left) in [
            (0, "Route: two , three,four\r\n"),
            (1, "Route: one , three,four\r\n"),
            (3, "Route: one,two , three\r\n"),
        ] {
            let mut message = message("A: 1\r\n");
            let headers = message.headers_mut();
            headers.push_raw(
                HeaderName::Route,
                &Text::from_static("one,two , three,four"),
            );
            headers.push_raw(HeaderName::Subject, &Text::from_static("lunch"));
            headers.remove_member::<Route>(index);
            assert_lines(&message, &format!("A: 1\r\n{left}Subject: lunch\r\n"));
        }
    }

    #[test]
    fn the_first_member_alone_is_replaced() {
        let mut message = message("Route: \r\nRoute: one , two\r\nRoute: three\r\n");
        message.headers_mut().replace_front(&Route("four"));
        assert_lines(&message, "Route: \r\nRoute: four , two\r\nRoute: three\r\n");
    }

    #[test]
    fn a_member_is_removed_by_its_place_in_the_whole_list() {
        let lines = "Route: one, two,three\r\nA: 1\r\nRoute: four\r\n";
        for (index, left) in [
            (0, "Route: two,three\r\nA: 1\r\nRoute: four\r\n"),
            (1, "Route: one,three\r\nA: 1\r\nRoute: four\r\n"),
            (2, "Route: one, two\r\nA: 1\r\nRoute: four\r\n"),
            (3, "Route: one, two,three\r\nA: 1\r\n"),
            (4, lines),
        ] {
            let mut message = message(lines);
            message.headers_mut().remove_member::<Route>(index);
            assert_lines(&message, left);
        }
    }

    #[test]
    fn a_value_in_parts_cannot_smuggle_a_header() {
        let mut message = message("A: 1\r\n");
        let headers = message.headers_mut();
        let evil: [&[u8]; 2] = [b"one", b"\r\nVia: evil"];
        assert!(headers.push_front_parts(HeaderName::Route, &evil).is_err());
        let good: [&[u8]; 2] = [b"<sip:a", b";lr>"];
        assert!(headers.push_front_parts(HeaderName::Route, &good).is_ok());
        assert_lines(&message, "Route: <sip:a;lr>\r\nA: 1\r\n");
    }

    #[test]
    fn what_is_left_of_a_list_ends_without_blanks() {
        let mut received = message("Route: one,  , two\r\n");
        received.headers_mut().remove_member::<Route>(2);
        assert_lines(&received, "Route: one,\r\n");
        let mut own = message("");
        let value = Text::from_static("one,  , two, three");
        own.headers_mut().set_raw(HeaderName::Route, &value);
        own.headers_mut().remove_member::<Route>(3);
        assert_lines(&own, "Route: one,  , two\r\n");
        own.headers_mut().remove_member::<Route>(2);
        assert_lines(&own, "Route: one,\r\n");
    }

    #[test]
    fn a_name_cannot_smuggle_a_header_either() {
        for (name, printed) in [
            ("Via: evil\tx", "Via--evil-x"),
            ("X:", "X-"),
            ("", "-"),
            ("Vi\u{e4}", "Vi--"),
            (" via", "-via"),
        ] {
            let mut message = message("A: 1\r\n");
            let name = HeaderName::Other(Text::from_static(name));
            message
                .headers_mut()
                .push_raw(name, &Text::from_static("v"));
            assert_lines(&message, &format!("A: 1\r\n{printed}: v\r\n"));
        }
    }
}
