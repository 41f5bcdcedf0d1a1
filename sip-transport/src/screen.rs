//! The one place where messages with flaws are sorted out, before the transaction layer sees them (RFC 3261 §8.2,
//! §16.3 step 1, §18.3).
//!
//! Whoever sits on top, a proxy or a single closure, meets only messages whose mandatory headers are there and can be
//! read, whose CSeq names their method, and whose body is complete.

use sip_core::{Message, StatusCode, validate};

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go on.
    Pass,
    /// It is answered with this status, and goes no further.
    Answer(StatusCode),
    /// Nothing is owed: a response, an ACK (§17.1.1.3), or a request whose sender cannot be told.
    Drop,
}

/// Judges `message`.
pub(crate) fn screen(message: &Message) -> Verdict {
    match validate(message) {
        Ok(()) => Verdict::Pass,
        Err(flaw) => flaw.status.map_or(Verdict::Drop, Verdict::Answer),
    }
}

#[cfg(test)]
mod tests {
    use sip_core::{Limits, parse_message};

    use super::*;

    fn verdict(start: &str, cseq: &str) -> Verdict {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\n\
             To: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
        );
        screen(&parse_message(text.into(), &Limits::default()).unwrap())
    }

    #[test]
    fn only_requests_that_are_no_ack_are_told_of_their_flaws() {
        let sound = verdict("INVITE sip:b@b.example SIP/2.0", "1 INVITE");
        assert_eq!(sound, Verdict::Pass);
        let broken = verdict("INVITE sip:b@b.example SIP/2.0", "1 BYE");
        assert_eq!(broken, Verdict::Answer(StatusCode::BAD_REQUEST));
        assert_eq!(
            verdict("ACK sip:b@b.example SIP/2.0", "1 BYE"),
            Verdict::Drop
        );
        assert_eq!(verdict("SIP/2.0 200 OK", "x"), Verdict::Drop);
        assert_eq!(verdict("SIP/2.0 200 OK", "1 INVITE"), Verdict::Pass);
    }

    #[test]
    fn each_flaw_has_its_own_status() {
        let version = verdict("INVITE sip:b@b.example SIP/3.0", "1 INVITE");
        assert_eq!(version, Verdict::Answer(StatusCode::VERSION_NOT_SUPPORTED));
        let length = verdict(
            &format!("INVITE sip:{} SIP/2.0", "b".repeat(5_000)),
            "1 INVITE",
        );
        assert_eq!(length, Verdict::Answer(StatusCode::REQUEST_URI_TOO_LONG));
    }

    #[test]
    fn a_scheme_is_for_whoever_sits_on_top_to_judge() {
        let sos = verdict("INVITE urn:service:sos SIP/2.0", "1 INVITE");
        assert_eq!(sos, Verdict::Pass);
    }
}
