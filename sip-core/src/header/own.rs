//! Text of edits: in place as long as it is short.

/// What edits of most messages need, without an allocation.
const INLINE: usize = 384;

/// Octets that are only ever appended to.
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
