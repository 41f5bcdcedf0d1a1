//! What our messages carry so that whatever comes back is known again: `k0000002a0000f00d9c5e8a1b`.

/// A work, a slot in it, a serial number, and the run they belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// A letter for each work.
    pub(crate) work: u8,
    pub(crate) slot: u32,
    pub(crate) serial: u32,
    pub(crate) run: u32,
}

impl Mark {
    pub(crate) const LENGTH: usize = 25;

    pub(crate) fn print(self) -> [u8; Mark::LENGTH] {
        let mut text = [self.work; Mark::LENGTH];
        for (at, number) in [self.slot, self.serial, self.run].into_iter().enumerate() {
            for digit in 0..8 {
                let value = number >> (28 - 4 * digit) & 15;
                text[1 + 8 * at + digit] = b"0123456789abcdef"[value as usize];
            }
        }
        text
    }

    /// Reads the mark at the head of `text`.
    pub(crate) fn read(text: &[u8]) -> Option<Mark> {
        let (work, digits) = text.get(..Mark::LENGTH)?.split_first()?;
        let number = |from: usize| {
            digits[from..from + 8].iter().try_fold(0, |number, digit| {
                let value = char::from(*digit).to_digit(16)?;
                Some(number << 4 | value)
            })
        };
        Some(Mark {
            work: *work,
            slot: number(0)?,
            serial: number(8)?,
            run: number(16)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_as_it_was_printed() {
        let mark = Mark {
            work: b'k',
            slot: 42,
            serial: u32::MAX,
            run: 0xdead_beef,
        };
        assert_eq!(&mark.print(), b"k0000002affffffffdeadbeef");
        assert_eq!(Mark::read(b"k0000002affffffffdeadbeef@host"), Some(mark));
        assert_eq!(Mark::read(b"k0000002affffffffdeadbee"), None);
        assert_eq!(Mark::read(b"k0000002affffffgfdeadbeef"), None);
    }
}
