//! The generator against itself, which is the cheapest server there could be.

use std::fs;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::Process;
use crate::sipload::run;

#[test]
fn an_echo_answers_every_keepalive() {
    for batch in ["1", "64"] {
        for (echo, keepalive) in [(Some("--answer"), None), (None, Some("--echo"))] {
            let free = UdpSocket::bind("127.0.0.1:0").unwrap();
            let addr = free.local_addr().unwrap();
            drop(free);
            let folder = TempDir::new().unwrap();
            let said = folder.path().join("said");
            let mut server = Process::start(
                Command::new(env!("CARGO_BIN_EXE_sipload"))
                    .args(["echo", "--batch", batch, "--listen", &addr.to_string()])
                    .args(echo)
                    .stdin(Stdio::null())
                    .stdout(fs::File::create(&said).unwrap())
                    .stderr(Stdio::null()),
            );
            let mut arguments = vec!["--no-probe", "--window", "20", "--count", "500"];
            arguments.extend(keepalive);
            let run = run("keepalive", addr, &arguments);
            run.assert_clean("keepalive", 500);
            server.signal("-INT");
            assert!(server.wait().success());
            let said = fs::read_to_string(said).unwrap();
            let count: u64 = said.split(' ').next().unwrap().parse().unwrap();
            // Those it missed before it listened were sent again.
            assert!(count >= 500, "{said}");
        }
    }
}
