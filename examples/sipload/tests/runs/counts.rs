//! What a server does wrong shows in the counts, as often as it did it.

use std::time::Duration;

use md5::{Digest, Md5};

use crate::fake::{Fake, Reply, Seen};
use crate::sipload::run;

/// Long enough that a machine that is busy with something else sends nothing again for no reason.
const T1: Duration = Duration::from_millis(200);

/// How often an unanswered request is sent again before it is lost: after 1, 3, 7, 15, 31 and 51 of 64 times T1, where
/// pauses have grown to T2.
const REPEATS: u64 = 6;

const MS: Duration = Duration::from_millis(1);

#[test]
fn keepalives() {
    let server = Fake::start(|request| {
        let ok = || request.now("200 OK");
        let first = request.copies == 0;
        match request.operation % 10 {
            0 => vec![],
            1 if first => vec![],
            2 => vec![ok(), ok()],
            3 => vec![request.now("500 Server Internal Error")],
            // The operation has been given up by then.
            4 if request.operation < 20 && first => vec![(64 * T1 + 500 * MS, ok().1)],
            4 if request.operation < 20 => vec![],
            5 => vec![(Duration::ZERO, foreign(&ok().1)), ok()],
            6 => vec![
                (Duration::ZERO, "SIP, but not as we know it".to_owned()),
                ok(),
            ],
            7 => vec![(20 * MS, ok().1)],
            8 => vec![request.now("100 Trying"), ok()],
            _ => vec![ok()],
        }
    });
    let arguments = ["--no-probe", "--rate", "5", "--for", "20s", "--t1", "200ms"];
    let run = run("keepalive", server.addr(), &arguments);
    let ended = run.counts(
        "keepalive",
        ["due", "begun", "succeeded", "refused", "lost", "unfinished"],
    );
    assert_eq!(ended, [100, 100, 78, 10, 12, 0], "{}", run.summary);
    let beside = run.counts(
        "keepalive",
        ["retransmissions", "duplicates", "late", "stray"],
    );
    assert_eq!(beside, [12 * REPEATS + 10, 10, 2, 20], "{}", run.summary);
    assert_eq!(run.record()["kinds"]["keepalive"]["refusals"]["500"], 10);
    // The seventh of each ten, and those whose first copy was lost, took their time.
    let p90 = run.record()["kinds"]["keepalive"]["latency"]["p90"].as_u64();
    assert!(p90 >= Some(200_000), "{}", run.summary);
}

/// The same answer to somebody else's request.
fn foreign(answer: &str) -> String {
    answer.replacen("branch=z9hG4bKk", "branch=z9hG4bKx", 1)
}

#[test]
fn registrations() {
    let server = Fake::start(|request| {
        let ok = || request.now("200 OK");
        let proven = request.has("Authorization");
        match request.operation % 6 {
            _ if !proven && request.operation % 6 != 2 => vec![challenge(request)],
            0 if is_right(request) => vec![ok()],
            0 => vec![request.now("403 Forbidden")],
            1 => vec![challenge(request)],
            2 => vec![ok()],
            3 => vec![request.now("403 Forbidden")],
            4 if request.copies == 0 => vec![],
            5 => vec![ok(), ok()],
            _ => vec![ok()],
        }
    });
    let arguments = [
        "--no-probe",
        "--count",
        "60",
        "--window",
        "6",
        "--t1",
        "200ms",
        "--domain",
        "example.test",
    ];
    let run = run("register", server.addr(), &arguments);
    let ended = run.counts(
        "register",
        ["due", "begun", "succeeded", "refused", "lost", "unfinished"],
    );
    assert_eq!(ended, [60, 60, 40, 20, 0, 0], "{}", run.summary);
    let beside = run.counts(
        "register",
        ["retransmissions", "duplicates", "late", "stray"],
    );
    assert_eq!(beside, [10, 10, 0, 0], "{}", run.summary);
    let refusals = &run.record()["kinds"]["register"]["refusals"];
    assert_eq!(
        (&refusals["401"], &refusals["403"]),
        (&10.into(), &10.into())
    );
}

const NONCE: &str = "dcd98b7102dd2f0e8b11d0f600bfb0c0";

fn challenge(request: &Seen<'_>) -> Reply {
    let challenge = format!(
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"{NONCE}\", qop=\"auth\", opaque=\"o\"\r\n"
    );
    (
        Duration::ZERO,
        request.response("401 Unauthorized", &challenge),
    )
}

/// RFC 7616 §3.4, worked out from what stands in the request.
fn is_right(request: &Seen<'_>) -> bool {
    let credentials = request.value("Authorization");
    let param = |name: &str| {
        let (_, rest) = credentials.split_once(&format!(" {name}=")).unwrap();
        rest.split(',').next().unwrap().trim_matches('"')
    };
    let user = param("username");
    let password = user.replace("user", "pw");
    let a1 = md5(&format!("{user}:r:{password}"));
    let a2 = md5("REGISTER:sip:example.test");
    let (nc, cnonce) = (param("nc"), param("cnonce"));
    assert_eq!((param("uri"), param("opaque")), ("sip:example.test", "o"));
    param("response") == md5(&format!("{a1}:{NONCE}:{nc}:{cnonce}:auth:{a2}"))
}

fn md5(text: &str) -> String {
    Md5::digest(text)
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

#[test]
fn what_is_due_during_warm_up_is_left_out() {
    let server = Fake::start(|request| vec![request.now("200 OK")]);
    let arguments = [
        "--no-probe",
        "--rate",
        "50",
        "--warm-up",
        "1s",
        "--for",
        "2s",
    ];
    let run = run("keepalive", server.addr(), &arguments);
    let counts = run.counts("keepalive", ["due", "begun", "succeeded"]);
    assert_eq!(counts, [100, 100, 100], "{}", run.summary);
    assert!(server.seen() >= 150);
}

#[test]
fn a_server_that_stalls_is_not_waited_for() {
    // One request in a closed loop would see one long answer. At a rate, all that was due meanwhile is late.
    let server = Fake::start(|request| {
        if request.operation == 20 {
            std::thread::sleep(Duration::from_millis(1000));
        }
        vec![request.now("200 OK")]
    });
    let arguments = ["--no-probe", "--rate", "100", "--for", "2s", "--t1", "2s"];
    let run = run("keepalive", server.addr(), &arguments);
    assert_eq!(
        run.counts("keepalive", ["succeeded", "retransmissions"]),
        [200, 0],
        "{}",
        run.summary
    );
    let p90 = run.record()["kinds"]["keepalive"]["latency"]["p90"].as_u64();
    assert!(p90 >= Some(700_000), "{}", run.summary);
}

#[test]
fn a_phone_behind_a_nat_shows_its_private_address_and_is_found_all_the_same() {
    let server = Fake::start(|request| {
        let private = ["Via", "Contact"]
            .iter()
            .all(|name| request.value(name).contains("10.0.0.2:5060"));
        match private {
            true => vec![request.now("200 OK")],
            false => vec![request.now("400 Bad Request")],
        }
    });
    for work in ["keepalive", "register"] {
        let run = run(
            work,
            server.addr(),
            &["--no-probe", "--nat", "--count", "5"],
        );
        run.assert_clean(work, 5);
    }
}

#[test]
fn a_nonce_is_used_again_until_it_is_stale() {
    // Two phones, six registrations each: the server takes a nonce three times.
    let server = Fake::start(|request| {
        let used = request.has("Authorization").then(|| count_of(request));
        match used {
            Some(1..=3) if is_right(request) => vec![request.now("200 OK")],
            _ => vec![challenge(request)],
        }
    });
    let arguments = [
        "--no-probe",
        "--reuse-nonce",
        "--phones",
        "2",
        "--count",
        "12",
        "--window",
        "1",
        "--domain",
        "example.test",
    ];
    let run = run("register", server.addr(), &arguments);
    run.assert_clean("register", 12);
    // The first of each phone and the fourth took two requests.
    assert_eq!(server.seen(), 12 + 4, "{}", run.summary);
    let wire = &run.record()["wire"];
    assert_eq!(
        (&wire["sent_datagrams"], &wire["received_datagrams"]),
        (&16.into(), &16.into())
    );
}

/// How often the nonce was used, as the request says (RFC 7616 §3.4).
fn count_of(request: &Seen<'_>) -> u32 {
    let (_, rest) = request.value("Authorization").split_once(" nc=").unwrap();
    u32::from_str_radix(&rest[..8], 16).unwrap()
}

#[test]
fn keepalives_with_options_name_what_they_accept() {
    let server = Fake::start(|request| match request.has("Accept") {
        true => vec![request.now("200 OK")],
        false => vec![request.now("400 Bad Request")],
    });
    let arguments = ["--no-probe", "--method", "options", "--count", "20"];
    run("keepalive", server.addr(), &arguments).assert_clean("keepalive", 20);
}
