//! Printing messages that are sent once and forgotten, without allocating.

use std::mem;

use bytes::{Bytes, BytesMut};

/// Room for the answers of a few batches of datagrams.
const SLAB: usize = 64 * 1024;

/// Prints into one of two slabs, side by side, and reuses a slab when everything printed into it is sent.
///
/// Only for what leaves soon: a payload that is kept would keep its whole slab.
#[derive(Default)]
pub(crate) struct Printer {
    text: Vec<u8>,
    slab: BytesMut,
    resting: BytesMut,
}

impl Printer {
    /// The bytes `write` appends.
    pub(crate) fn print(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
        self.text.clear();
        write(&mut self.text);
        if self.text.len() > SLAB / 4 {
            return Bytes::from(mem::take(&mut self.text));
        }
        if self.slab.capacity() < self.text.len() {
            self.change_slab();
        }
        self.slab.extend_from_slice(&self.text);
        self.slab.split().freeze()
    }

    fn change_slab(&mut self) {
        mem::swap(&mut self.slab, &mut self.resting);
        if !self.slab.try_reclaim(SLAB) {
            self.slab = BytesMut::with_capacity(SLAB);
        }
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_are_used_again_once_what_was_printed_is_gone() {
        let mut printer = Printer::default();
        let mut slabs = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let printed = printer.print(|text| text.extend_from_slice(&[b'x'; 1000]));
            assert_eq!(printed.len(), 1000);
            slabs.insert(printed.as_ptr() as usize / SLAB);
        }
        // Two slabs, each of which may lie across a boundary.
        assert!(slabs.len() <= 4, "{} places", slabs.len());
    }

    #[test]
    fn what_was_printed_stays_as_it_is_while_it_is_held() {
        let mut printer = Printer::default();
        let held: Vec<Bytes> = (0..1000u32)
            .map(|n| printer.print(|text| text.extend_from_slice(&n.to_be_bytes().repeat(100))))
            .collect();
        for (n, bytes) in held.iter().enumerate() {
            assert_eq!(bytes[..4], (n as u32).to_be_bytes());
        }
    }

    #[test]
    fn a_giant_is_printed_on_its_own() {
        let mut printer = Printer::default();
        let printed = printer.print(|text| text.resize(SLAB, b'x'));
        assert_eq!(printed.len(), SLAB);
    }
}
