//! Lines of a session description: a letter, `=`, and a value up to CRLF or LF (RFC 8866 §5).

use std::ops::Range;

use memchr::{memchr, memchr2};

use super::SdpError;

/// One line and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) letter: u8,
    pub(super) value: &'a [u8],
    /// Octet of its letter, from the start of the description.
    pub(super) start: usize,
    /// Octet behind its line end.
    pub(super) next: usize,
}

impl<'a> Line<'a> {
    /// The line that starts at `at`.
    pub(super) fn read(body: &'a [u8], at: usize) -> Result<Line<'a>, SdpError> {
        let rest = &body[at..];
        let (length, next) = match memchr(b'\n', rest) {
            Some(lf) => (lf - usize::from(rest[..lf].ends_with(b"\r")), at + lf + 1),
            None => (rest.len(), body.len()),
        };
        let line = &rest[..length];
        if let Some(stray) = memchr2(b'\r', 0, line) {
            return Err(SdpError::new(at + stray, "byte-string"));
        }
        match line {
            [letter, b'=', value @ ..] if letter.is_ascii_alphabetic() => Ok(Line {
                letter: *letter,
                value,
                start: at,
                next,
            }),
            [letter, ..] if letter.is_ascii_alphabetic() => Err(SdpError::new(at + 1, "\"=\"")),
            _ => Err(SdpError::new(at, "type letter")),
        }
    }

    /// Octet of its value.
    pub(super) fn value_start(&self) -> usize {
        self.start + 2
    }

    /// What the line should have held at `offset` of its value.
    pub(super) fn error(&self, offset: usize, expected: &'static str) -> SdpError {
        SdpError::new(self.value_start() + offset, expected)
    }
}

/// The lines in a range of a description that has been read once.
#[derive(Clone, Debug)]
pub(super) struct Lines<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(body: &'a [u8], range: Range<usize>) -> Lines<'a> {
        let body = &body[..range.end];
        let at = range.start;
        Lines { body, at }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        if self.at >= self.body.len() {
            return None;
        }
        let line = Line::read(self.body, self.at).ok()?;
        self.at = line.next;
        Some(line)
    }
}

/// Where the last line that is not blank ends. Phones append blank lines; nothing else may follow.
pub(super) fn end_of_last_line(body: &[u8]) -> Result<usize, SdpError> {
    let is_line_end = |octet: &u8| matches!(octet, b'\r' | b'\n');
    let text = body
        .iter()
        .rposition(|octet| !is_line_end(octet))
        .map_or(0, |last| last + 1);
    let mut at = text;
    let mut end = None;
    while at < body.len() {
        at += match &body[at..] {
            [b'\n', ..] => 1,
            [b'\r', b'\n', ..] => 2,
            _ => return Err(SdpError::new(at, "CRLF")),
        };
        end.get_or_insert(at);
    }
    Ok(end.unwrap_or(text))
}

/// `version-field = %s"v" "=" 1*DIGIT CRLF`, of version 0 (§5.1).
pub(super) fn check_version(line: &Line<'_>) -> Result<(), SdpError> {
    if line.letter != b'v' {
        return Err(SdpError::new(line.start, "version-field"));
    }
    let digits = line.value.trim_ascii_end();
    if digits.is_empty() || digits.iter().any(|digit| *digit != b'0') {
        return Err(line.error(0, "version 0"));
    }
    Ok(())
}
