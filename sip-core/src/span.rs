//! Where a part stands inside its value: how a typed value remembers what it read.

use crate::Text;

/// A range of a [`Text`], in octets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// From `start` up to `end`.
    pub(crate) const fn between(start: u32, end: u32) -> Span {
        Span { start, end }
    }

    /// Where `part` stands inside `whole`, which it is a slice of.
    pub(crate) fn of(part: &[u8], whole: &[u8]) -> Span {
        let start = part.as_ptr().addr() - whole.as_ptr().addr();
        debug_assert!(start + part.len() <= whole.len());
        Span {
            start: narrow(start),
            end: narrow(start + part.len()),
        }
    }

    /// Like [`Span::of`]; nothing stays nothing.
    pub(crate) fn of_option(part: Option<&[u8]>, whole: &[u8]) -> Option<Span> {
        part.map(|part| Span::of(part, whole))
    }

    /// The same range of a text in which what stood at `from` now stands at `to`.
    pub(crate) fn moved(self, from: usize, to: usize) -> Span {
        let shift = |offset: u32| narrow(offset as usize - from + to);
        Span {
            start: shift(self.start),
            end: shift(self.end),
        }
    }

    pub(crate) fn bytes(self, whole: &[u8]) -> &[u8] {
        &whole[self.start as usize..self.end as usize]
    }

    pub(crate) fn text(self, whole: &Text) -> Text {
        whole.slice(self.start as usize..self.end as usize)
    }

    pub(crate) fn len(self) -> usize {
        self.end() - self.start()
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) fn end(self) -> usize {
        self.end as usize
    }
}

/// Offsets are kept in four octets; [`MAX_VALUE`] sees to it that nothing is lost.
pub(crate) fn narrow(offset: usize) -> u32 {
    debug_assert!(offset <= MAX_VALUE);
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// The longest value that is read, in octets; far above what any limit of a message lets through.
pub(crate) const MAX_VALUE: usize = u32::MAX as usize;
