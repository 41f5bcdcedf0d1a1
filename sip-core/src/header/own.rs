//! Text of edits: in place as long as it is short.

use std::ops::Range;

/// What edits of most messages need, without an allocation.
const INLINE: usize = 384;

/// Octets that are appended to, and moved when a line gets shorter.
#[derive(Clone)]
pub(super) struct OwnText {
    length: usize,
    inline: [u8; INLINE],
    /// All of it, once it has outgrown `inline`.
    spilled: Vec<u8>,
}

impl Default for OwnText {
    fn default() -> OwnText {
        OwnText {
            length: 0,
            inline: [0; INLINE],
            spilled: Vec::new(),
        }
    }
}

impl OwnText {
    #[inline]
    pub(super) fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        match self.inline.get_mut(self.length..end) {
            Some(room) => room.copy_from_slice(part),
            None => self.spill(part),
        }
        self.length = end;
    }

    #[cold]
    fn spill(&mut self, part: &[u8]) {
        if self.spilled.is_empty() {
            self.spilled.extend_from_slice(&self.inline[..self.length]);
        }
        self.spilled.extend_from_slice(part);
    }

    /// Writes what stands at `from` once more at `to`, over what is there.
    pub(super) fn move_within(&mut self, from: Range<usize>, to: usize) {
        match self.inline.get_mut(..self.length) {
            Some(text) => text.copy_within(from, to),
            None => self.spilled.copy_within(from, to),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self.inline.get(..self.length) {
            Some(text) => text,
            None => &self.spilled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_is_moved_where_it_stands() {
        for filler in [0, INLINE] {
            let mut own = OwnText::default();
            own.push(&vec![b'-'; filler]);
            own.push(b"abcdef");
            own.move_within(filler..filler + 3, filler + 2);
            assert_eq!(&own.as_bytes()[filler..], b"ababcf");
        }
    }

    #[test]
    fn nothing_is_lost_where_it_outgrows_its_place() {
        for first in [0, 1, INLINE - 1, INLINE, INLINE + 1] {
            let mut own = OwnText::default();
            let mut expected = Vec::new();
            for length in [first, 0, 3, INLINE, 1] {
                let part = vec![b'a' + (expected.len() % 7) as u8; length];
                own.push(&part);
                expected.extend(part);
                assert_eq!(own.as_bytes(), expected);
                assert_eq!(own.clone().len(), expected.len());
            }
        }
    }
}
