//! RFC 4028 §8.2, processing of responses.

use super::support::*;
use super::{BOB_URI, wanting};

/// Session-Expires and Require of a response as it is forwarded, to a request with `asked` headers.
fn forwarded(asked: &str, status: u16, answered: &str) -> (Vec<String>, Vec<String>) {
    let mut world = wanting(1800, 90);
    world.receive(ALICE, &request_to("INVITE", BOB_URI, asked));
    let (invite, _) = world.take_requests().remove(0);
    world.answer_with(&invite, BOB, status, answered);
    let sent = world.take().pop().expect("it is forwarded");
    let response = sip_core::Response::try_from(sent.message).expect("a response");
    (
        lines(&response, "Session-Expires"),
        lines(&response, "Require"),
    )
}

/// "This proxy MUST insert a Session-Expires header field into the response with the value it remembered […] MUST set
/// the value of the 'refresher' parameter to 'uac' […] MUST add the 'timer' option tag to any Require".
#[test]
fn f93_a_callee_without_timers_leaves_the_refreshing_to_a_caller_that_knows_them() {
    let (expires, require) = forwarded("Supported: timer\nSession-Expires: 600\n", 200, "");
    assert_eq!(
        (&expires[..], &require[..]),
        (
            &["600;refresher=uac".to_owned()][..],
            &["timer".to_owned()][..]
        )
    );
    let (expires, require) = forwarded("Supported: timer\n", 200, "Require: 100rel");
    assert_eq!(expires, ["1800;refresher=uac"]);
    assert_eq!(require, ["100rel", "timer"]);
}

/// "the proxy remembers that the UAC did not support the session timer either, the proxy forwards the response upstream
/// normally."
#[test]
fn f93_where_neither_knows_timers_there_is_none() {
    let (expires, require) = forwarded("", 200, "");
    assert!(expires.is_empty() && require.is_empty());
}

/// "The proxy MUST NOT modify the value of the Session-Expires header field received in the response".
#[test]
fn f93_a_callee_with_timers_has_the_last_word() {
    let theirs = "Session-Expires: 900;refresher=uas\nRequire: timer";
    let (expires, require) = forwarded("Supported: timer\n", 200, theirs);
    assert_eq!(expires, ["900;refresher=uas"]);
    assert_eq!(require, ["timer"]);
}

#[test]
fn responses_that_set_up_no_session_have_no_timer() {
    for status in [183, 486] {
        let (expires, require) = forwarded("Supported: timer\n", status, "");
        assert!(expires.is_empty() && require.is_empty(), "{status}");
    }
}
