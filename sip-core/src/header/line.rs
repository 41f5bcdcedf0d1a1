//! Where one header line stands, in sixteen octets (RFC 3261 §7.3).

use std::ops::Range;

use super::NameId;

/// One header line: where it stands in the received message or in the text of edits, and its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// First octet of the name.
    start: u32,
    /// Whole line, CRLF and folds included.
    length: u32,
    name_length: u16,
    /// From the line's start to the value.
    lead: u16,
    /// From the end of the value to the end of the line.
    tail: u16,
    id: NameId,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Received,
    /// Received, and its value goes on over several lines.
    Folded,
    /// Made here.
    Own,
}

impl Line {
    /// The longest line that can be received, without its CRLF.
    pub(crate) const MAX: usize = u16::MAX as usize - 2;

    /// A received line of `length` octets, no more than [`Line::MAX`] and its CRLF; `value` counts from its start.
    #[inline]
    pub(crate) fn received(
        start: usize,
        length: usize,
        name_length: usize,
        value: Range<usize>,
        id: NameId,
        folded: bool,
    ) -> Line {
        debug_assert!(length <= Line::MAX + 2);
        Line {
            start: start as u32,
            length: length as u32,
            name_length: name_length as u16,
            lead: value.start as u16,
            tail: (length - value.end) as u16,
            id,
            kind: if folded { Kind::Folded } else { Kind::Received },
        }
    }

    /// Its value holds line ends where it should not; they are taken out when it is read.
    pub(crate) fn unfold_when_read(&mut self) {
        self.kind = Kind::Folded;
    }

    /// A line made here: `name`, `": "`, value, CRLF, from `start` on.
    pub(crate) fn own(start: usize, name_length: u16, length: usize, id: NameId) -> Line {
        Line {
            start: start as u32,
            length: length as u32,
            name_length,
            lead: name_length + 2,
            tail: 2,
            id,
            kind: Kind::Own,
        }
    }

    /// The same line, so many octets further on and so many shorter.
    pub(crate) fn cut_before(self, octets: usize) -> Line {
        Line {
            start: self.start + octets as u32,
            ..self.cut(octets)
        }
    }

    /// The same line, so many octets shorter.
    pub(crate) fn cut(self, octets: usize) -> Line {
        Line {
            length: self.length - octets as u32,
            ..self
        }
    }

    /// The same line from `start` on.
    pub(crate) fn at(self, start: u32) -> Line {
        Line { start, ..self }
    }

    /// The same line, standing in a received message from `start` on.
    pub(crate) fn received_at(self, start: u32) -> Line {
        let kind = match self.kind {
            Kind::Own => Kind::Received,
            kind => kind,
        };
        Line {
            start,
            kind,
            ..self
        }
    }

    pub(crate) fn id(&self) -> NameId {
        self.id
    }

    pub(crate) fn is_own(&self) -> bool {
        self.kind == Kind::Own
    }

    pub(crate) fn is_folded(&self) -> bool {
        self.kind == Kind::Folded
    }

    pub(crate) fn length(&self) -> u32 {
        self.length
    }

    pub(crate) fn whole(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.length as usize
    }

    pub(crate) fn name(&self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.name_length as usize
    }

    pub(crate) fn value(&self) -> Range<usize> {
        let whole = self.whole();
        whole.start + self.lead as usize..whole.end - self.tail as usize
    }
}

const _: () = assert!(size_of::<Line>() == 16);
