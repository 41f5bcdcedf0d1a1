//! Edits of a message's headers: a line is made, replaced or dropped, and no other is touched (RFC 3261 §7.3.1, §16.6).

use smallvec::SmallVec;

use super::line::Line;
use super::list::Members;
use super::map::{Headers, Wanted};
use super::{Header, HeaderError, HeaderName, ListHeader, NameId};
use crate::Text;
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
        let line = self.compose(&name, &[value]);
        match self.first_of(&name) {
            Some(first) => {
                self.lines[first] = line;
                self.remove_from(first + 1, &name);
            }
            None => self.lines.push(line),
        }
    }

    /// Drops all lines of that name, and tells how many there were.
    pub fn remove(&mut self, name: &HeaderName) -> usize {
        self.remove_from(0, name)
    }

    /// Takes the first member out of a list.
    pub fn pop_front<H: ListHeader>(&mut self) -> Option<Result<H, HeaderError>> {
        let (line, value) = self.first_member_line(&H::NAME)?;
        let first = Members::of(value).next()?;
        let header = H::parse(&first);
        self.remove_in_line(&H::NAME, line, 0);
        Some(header)
    }

    /// Puts `header` in place of the first member of a list; adds it when there is none.
    pub fn replace_front<H: ListHeader>(&mut self, header: &H) {
        let text = header.as_text();
        let Some((line, value)) = self.first_member_line(&H::NAME) else {
            return self.push_raw(H::NAME, &text);
        };
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

    /// The first line of that name that is not empty.
    fn first_member_line(&self, name: &HeaderName) -> Option<(usize, Text)> {
        let wanted = Wanted::new(name);
        let lines = self.lines.iter().enumerate();
        lines
            .filter(|(_, line)| wanted.is(self, line))
            .map(|(at, line)| (at, self.value(line)))
            .find(|(_, value)| !value.is_empty())
    }

    /// Drops one member of one line, and the line with its last member.
    fn remove_in_line(&mut self, name: &HeaderName, at: usize, index: usize) {
        let value = self.value(&self.lines[at]);
        let mut members = Members::of(value.clone());
        let ranges: SmallVec<[_; 8]> = std::iter::from_fn(|| members.next_range()).collect();
        let (kept_before, kept_after) = match (index, ranges.len()) {
            (0, 1) => {
                self.lines.remove(at);
                return;
            }
            (0, _) => (&value[..0], &value[ranges[1].start..]),
            _ => (&value[..ranges[index - 1].end], &value[ranges[index].end..]),
        };
        self.lines[at] = self.compose(name, &[kept_before, kept_after]);
    }

    fn insert_above(&mut self, name: &HeaderName, line: Line) {
        let at = self.first_of(name).unwrap_or(0);
        self.lines.insert(at, line);
    }

    fn first_of(&self, name: &HeaderName) -> Option<usize> {
        let wanted = Wanted::new(name);
        self.lines.iter().position(|line| wanted.is(self, line))
    }

    fn last_of(&self, name: &HeaderName) -> Option<usize> {
        let wanted = Wanted::new(name);
        self.lines.iter().rposition(|line| wanted.is(self, line))
    }

    fn remove_from(&mut self, first: usize, name: &HeaderName) -> usize {
        let wanted = Wanted::new(name);
        let mut kept = first;
        for at in first..self.lines.len() {
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
    fn compose(&mut self, name: &HeaderName, value: &[&[u8]]) -> Line {
        let start = self.own.len();
        // A name beyond all measure is cut rather than given a wrong place in the table.
        let spelled = name.as_bytes();
        let name_length = spelled.len().min(usize::from(u16::MAX - 2));
        self.own.extend_from_slice(&spelled[..name_length]);
        self.own.extend_from_slice(b": ");
        for part in value {
            self.own.extend_from_slice(part);
        }
        self.own.extend_from_slice(b"\r\n");
        let id = NameId::find(&spelled[..name_length]);
        Line::own(start, name_length as u16, self.own.len() - start, id)
    }
}
