//! Octets as hexadecimal text, the way digests are written (RFC 7616 §3.3, `LHEX`).

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes `octets` into `text`, two lower-case digits each; `text` must be twice as long.
pub(crate) fn encode_into(octets: &[u8], text: &mut [u8]) {
    for (octet, pair) in octets.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(octet >> 4)];
        pair[1] = DIGITS[usize::from(octet & 0xf)];
    }
}

/// Reads exactly `N` octets; `None` for any other length or digit. Upper case is read too.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(text.chunks_exact(2)) {
        *octet = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(octets)
}

fn digit(text: u8) -> Option<u8> {
    char::from(text)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut text = [0; 6];
        encode_into(&[0x00, 0x9f, 0xff], &mut text);
        assert_eq!(&text, b"009fff");
        assert_eq!(decode(&text), Some([0x00, 0x9f, 0xff]));
        assert_eq!(decode(b"009FFF"), Some([0x00, 0x9f, 0xff]));
    }

    #[test]
    fn other_lengths_and_digits_are_refused() {
        assert_eq!(decode::<2>(b"009"), None);
        assert_eq!(decode::<2>(b"00990"), None);
        assert_eq!(decode::<2>(b"009g"), None);
        assert_eq!(decode::<2>("0\u{e9}9".as_bytes()), None);
    }
}
