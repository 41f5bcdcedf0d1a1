//! Runs that make no sense end with one clear line and exit code 2, unmet expectations with 1, Ctrl-C with a report.

use std::net::UdpSocket;
use std::time::Duration;

use crate::fake::Fake;
use crate::process::eventually;
use crate::sipload::{Run, run, run_against, run_while};

#[track_caller]
fn assert_complains(run: &Run, line: &str) {
    assert_eq!(run.exit_code, Some(2), "{}{}", run.complaint, run.summary);
    assert_eq!(
        run.complaint.trim_end().lines().count(),
        1,
        "{}",
        run.complaint
    );
    assert!(run.complaint.contains(line), "{}", run.complaint);
}

#[test]
fn a_target_that_is_none() {
    assert_complains(
        &run_against("127.0.0.1:99999", &[]),
        "`127.0.0.1:99999` is no server",
    );
}

#[test]
fn a_target_that_may_be_somebody_elses() {
    assert_complains(
        &run_against("192.0.2.1", &[]),
        "192.0.2.1:5060 is not this machine",
    );
}

#[test]
fn a_server_that_is_dead() {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    assert_complains(&run("keepalive", addr, &[]), "nothing listens there");
    let over_tcp = run("register", addr, &["--transport", "tcp"]);
    assert_complains(&over_tcp, "nothing listens there");
}

#[test]
fn a_server_that_says_nothing() {
    for work in ["keepalive", "register", "call"] {
        let server = Fake::start(|_| vec![]);
        let silent = run(work, server.addr(), &["--t1", "10ms", "--count", "1"]);
        let line = match work {
            "call" => "no registration was answered",
            _ => "nobody answers",
        };
        assert_complains(&silent, line);
    }
}

#[test]
fn a_password_that_is_wrong() {
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256\r\n";
    for work in ["register", "call"] {
        let server = Fake::start(move |request| {
            let refusal = request.response("401 Unauthorized", challenge);
            vec![(Duration::ZERO, refusal)]
        });
        let refused = run(work, server.addr(), &["--no-probe", "--phones", "20"]);
        assert_complains(
            &refused,
            "the server refuses every registration with 401; are --password and --domain",
        );
    }
}

#[test]
fn an_expectation_that_is_not_met() {
    let server = Fake::start(|request| match request.operation {
        0 => vec![request.now("503 Service Unavailable")],
        _ => vec![request.now("200 OK")],
    });
    let arguments = [
        "--no-probe",
        "--count",
        "10",
        "--expect",
        "lost=0",
        "--expect",
        "success>=0.95",
    ];
    let run = run("keepalive", server.addr(), &arguments);
    assert_eq!(run.exit_code, Some(1));
    assert_eq!(
        run.complaint,
        "sipload: not met: success>=0.95: keepalive had 0.9\n"
    );
}

#[test]
fn an_expectation_that_is_met() {
    let server = Fake::start(|request| vec![request.now("200 OK")]);
    let arguments = [
        "--no-probe",
        "--count",
        "10",
        "--expect",
        "keepalive.succeeded=10",
        "--expect",
        "p99<=60s",
    ];
    run("keepalive", server.addr(), &arguments).assert_clean("keepalive", 10);
}

#[test]
fn ctrl_c_ends_a_run_with_what_it_had() {
    let server = Fake::start(|request| vec![request.now("200 OK")]);
    let arguments = ["--no-probe", "--rate", "100", "--for", "1h"];
    let run = run_while("keepalive", server.addr(), &arguments, |process| {
        let busy = eventually(Duration::from_secs(60), || {
            (server.seen() >= 50).then_some(())
        });
        assert!(busy.is_some());
        process.signal("-INT");
    });
    run.assert_clean("keepalive", 50);
}
