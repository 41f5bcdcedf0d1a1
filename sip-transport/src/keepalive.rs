//! Keep-alives: CRLF on connections (RFC 5626 §3.5.1, §4.4.1), and the fillers phones send over UDP.

use bytes::Bytes;

/// The answer to CRLF CRLF on a connection.
pub(crate) const PONG: Bytes = Bytes::from_static(b"\r\n");

/// Whether a datagram only keeps a NAT's binding open: nothing, blanks or zeroes. Nobody answers those.
pub(crate) fn is_filler(datagram: &[u8]) -> bool {
    datagram.len() <= 4
        && datagram
            .iter()
            .all(|octet| matches!(octet, b'\r' | b'\n' | b' ' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_are_short_and_empty_of_meaning() {
        assert!(is_filler(b"") && is_filler(b"\r\n\r\n") && is_filler(&[0; 4]));
        assert!(!is_filler(b"jaK") && !is_filler(b"     \r\n"));
    }
}
