//! Knowing the answer to a request of ours at sight: its status, and the mark in the branch of its first Via.
//!
//! Reading a whole message and validating it costs several times what its way through the kernel does. What is out of
//! the ordinary, and so `None` here, is read in full.

use memchr::{memchr, memmem};

use crate::mark::Mark;

/// The mark and status of an ordinary answer.
pub(crate) fn answer(datagram: &[u8]) -> Option<(Mark, u16)> {
    let rest = datagram.strip_prefix(b"SIP/2.0 ")?;
    let (status, rest) = rest.split_at_checked(3)?;
    let status = std::str::from_utf8(status).ok()?.parse().ok()?;
    // Nothing follows the head.
    rest.strip_suffix(b"\r\n\r\n")?;
    let via = rest.get(memchr(b'\n', rest)? + 1..)?;
    let via = via
        .strip_prefix(b"Via: ")
        .or_else(|| via.strip_prefix(b"v: "))?;
    let via = via.get(..memchr(b'\r', via)?)?;
    let branch = memmem::find(via, b"branch=z9hG4bK")? + "branch=z9hG4bK".len();
    let after = via.get(branch + Mark::LENGTH);
    let mark = Mark::read(via.get(branch..)?)?;
    matches!(after, None | Some(b';' | b',')).then_some((mark, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        work: b'k',
        slot: 1,
        serial: 2,
        run: 3,
    };

    fn answer_to(via: &str, end: &str) -> Option<(Mark, u16)> {
        let mark = String::from_utf8(MARK.print().to_vec()).unwrap();
        let via = via.replace("MARK", &mark);
        answer(format!("SIP/2.0 404 Not Found\r\n{via}\r\nCSeq: 1 NOTIFY{end}").as_bytes())
    }

    #[test]
    fn an_answer_has_our_branch_in_its_first_via() {
        let ordinary = "Via: SIP/2.0/UDP a:1;rport=1;branch=z9hG4bKMARK";
        assert_eq!(answer_to(ordinary, "\r\n\r\n"), Some((MARK, 404)));
        let params = "v: SIP/2.0/UDP a:1;branch=z9hG4bKMARK;received=192.0.2.1";
        assert_eq!(answer_to(params, "\r\n\r\n"), Some((MARK, 404)));
    }

    #[test]
    fn what_is_out_of_the_ordinary_is_not_judged_here() {
        let ordinary = "Via: SIP/2.0/UDP a:1;branch=z9hG4bKMARK";
        assert_eq!(answer_to(ordinary, ""), None);
        assert_eq!(answer_to(ordinary, "\r\n\r\nbody"), None);
        for via in [
            "Via: SIP/2.0/UDP a:1;branch=z9hG4bKMARKx",
            "Via: SIP/2.0/UDP a:1;branch=z9hG4bK",
            "Via: SIP/2.0/UDP a:1",
            "To: <sip:a>\r\nVia: SIP/2.0/UDP a:1;branch=z9hG4bKMARK",
        ] {
            assert_eq!(answer_to(via, "\r\n\r\n"), None, "{via}");
        }
        assert_eq!(answer(b""), None);
        assert_eq!(answer(b"SIP/2.0 2"), None);
    }
}
