//! Calls to sipp, a program nobody here wrote.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::{Process, is_there};
use crate::sipload::run;

#[test]
fn sipp_answers_calls() {
    let found = Command::new("sipp")
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !is_there(found.is_ok(), "sipp") {
        return;
    }
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let ip = Ipv4Addr::new(127, high | 0x80, low, 77);
    let folder = TempDir::new().unwrap();
    let _uas = Process::start(
        Command::new("sipp")
            .args([
                "-sn",
                "uas",
                "-i",
                &ip.to_string(),
                "-p",
                "5060",
                "-nostdin",
            ])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    // Silence is not taken for absence: what is sent before it listens is sent again.
    let addr = SocketAddr::from((ip, 5060));
    let run = run(
        "call",
        addr,
        &[
            "--no-probe",
            "--to",
            "service",
            "--rate",
            "50",
            "--count",
            "100",
        ],
    );
    run.assert_clean("call", 100);
}
