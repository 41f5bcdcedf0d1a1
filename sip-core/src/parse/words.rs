//! Octets looked for several at a time: header lines are so short that calling memchr for each costs more.

/// The first CR or LF at `from` or behind it.
#[inline(always)]
pub(super) fn line_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at = first_control(text, at)?;
        match text.get(at..at + 2) {
            Some(b"\r\n") => return Some(at),
            _ if matches!(text[at], b'\r' | b'\n') => return Some(at),
            _ => at += 1,
        }
    }
}

/// One comparison finds CR, LF and all below them, of which none but HTAB is seen in messages.
const LAST: u8 = b'\r';

#[inline(always)]
fn first_control(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        // All sixteen, without a branch: the compiler makes vector instructions of it.
        if chunk
            .iter()
            .fold(false, |any, octet| any | (*octet <= LAST))
        {
            let both = u128::from_le_bytes(*chunk);
            let low = below(both as u64, LAST + 1);
            let high = below((both >> 64) as u64, LAST + 1);
            return Some(match low {
                0 => at + 8 + first(high),
                _ => at + first(low),
            });
        }
        at += 16;
    }
    let found = text[at..].iter().position(|octet| *octet <= LAST)?;
    Some(at + found)
}

/// The first colon.
#[inline(always)]
pub(super) fn colon(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let marks = below(u64::from_le_bytes(*word) ^ each(b':'), 1);
        if marks != 0 {
            return Some(at + first(marks));
        }
        at += 8;
    }
    let found = text[at..].iter().position(|octet| *octet == b':')?;
    Some(at + found)
}

const fn each(octet: u8) -> u64 {
    u64::from_ne_bytes([octet; 8])
}

/// Marks octets less than `limit`, which is at most 128, with their highest bit. Borrows may mark others above the
/// first, but no other is the first.
#[inline(always)]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(each(limit)) & !word & each(0x80)
}

#[inline(always)]
fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What must be found at every offset of a text whose other octets are `filler`.
    fn assert_found(find: fn(&[u8]) -> Option<usize>, octet: u8, filler: u8) {
        for length in 0..40 {
            let mut text = vec![filler; length];
            assert_eq!(find(&text), None, "{filler:#x}");
            for at in (0..length).rev() {
                text[at] = octet;
                assert_eq!(find(&text), Some(at), "{octet:#x} among {filler:#x}");
            }
        }
    }

    #[test]
    fn the_first_one_is_found_wherever_it_stands_and_whatever_stands_around() {
        for filler in 0..=255 {
            if !matches!(filler, b'\r' | b'\n') {
                assert_found(|text| line_end(text, 0), b'\r', filler);
                assert_found(|text| line_end(text, 0), b'\n', filler);
            }
            if filler != b':' {
                assert_found(colon, b':', filler);
            }
        }
    }
}
