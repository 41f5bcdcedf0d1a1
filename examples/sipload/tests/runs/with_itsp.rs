//! The whole of it against the server of this workspace, over UDP and TCP.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, eventually, is_there};
use crate::sipload::run;

const DOMAIN: &str = "example.test";

/// How many users it knows.
const USERS: u32 = 40;

/// Longer than any start takes, even on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with users, its data in a temporary folder, its address its own.
struct Itsp {
    addr: SocketAddr,
    process: Process,
    _data: TempDir,
}

impl Itsp {
    /// `None` if it is not built.
    fn start() -> Option<Itsp> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_sipload")).with_file_name("itsp");
        if !is_there(program.exists(), "itsp (cargo build -p itsp)") {
            return None;
        }
        let data = TempDir::new().unwrap();
        let file = |name: &str| data.path().join(name);
        let itsp = || {
            let mut command = Command::new(&program);
            command.arg("--data").arg(file("data"));
            command
        };
        let mut users = String::new();
        for n in 0..USERS {
            writeln!(users, "user{n:06},pw{n:06}").unwrap();
        }
        fs::write(file("users.csv"), users).unwrap();
        for arguments in [
            vec!["domain", "add", DOMAIN],
            vec!["user", "import", file("users.csv").to_str().unwrap()],
        ] {
            let output = itsp().args(&arguments).output().unwrap();
            assert!(
                output.status.success(),
                "{arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let addr = SocketAddr::from((own_address(), 5060));
        let mut process = Process::start(
            itsp()
                .args(["--no-demo", "--listen", &addr.to_string()])
                .stdin(Stdio::null())
                .stdout(File::create(file("said")).unwrap())
                .stderr(File::create(file("complained")).unwrap()),
        );
        let ready = eventually(PATIENCE, || {
            let said = fs::read_to_string(file("said")).unwrap();
            (said.contains("listening on tcp") || process.has_ended()).then_some(())
        });
        let complained = fs::read_to_string(file("complained")).unwrap();
        assert!(
            ready.is_some() && !process.has_ended(),
            "it does not start: {complained}"
        );
        Some(Itsp {
            addr,
            process,
            _data: data,
        })
    }
}

/// A loopback address nobody else in this process uses, and hardly anybody in another.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let host = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, high | 0x40, low, u8::try_from(host).unwrap())
}

/// Does `work` over both transports and expects `kinds`, each so many times.
fn clean(work: &str, arguments: &[&str], kinds: &[(&str, u64)]) {
    for transport in ["udp", "tcp"] {
        let Some(itsp) = Itsp::start() else {
            return;
        };
        let phones = USERS.to_string();
        let pid = itsp.process.id().to_string();
        let common = [
            "--transport",
            transport,
            "--domain",
            DOMAIN,
            "--server-pid",
            &pid,
            "--from",
            "127.0.0.1",
        ];
        let mut all = arguments.to_vec();
        all.extend(common);
        if work != "population" {
            all.extend(["--phones", &phones]);
        }
        let run = run(work, itsp.addr, &all);
        for (kind, count) in kinds {
            run.assert_clean(kind, *count);
        }
        let cpu = &run.record()["server_cost"]["after"]["cpu_us"];
        assert!(cpu.as_u64() > Some(0), "{}", run.summary);
    }
}

#[test]
fn keepalives() {
    clean(
        "keepalive",
        &["--window", "20", "--count", "500"],
        &[("keepalive", 500)],
    );
}

#[test]
fn registrations() {
    clean(
        "register",
        &["--window", "10", "--count", "100"],
        &[("register", 100)],
    );
}

#[test]
fn calls() {
    clean(
        "call",
        &[
            "--rate", "20", "--count", "40", "--ring", "200ms", "--talk", "100ms",
        ],
        &[("call", 40)],
    );
}

#[test]
fn registrations_of_phones_behind_a_nat() {
    let arguments = ["--nat", "--window", "10", "--count", "80"];
    clean("register", &arguments, &[("register", 80)]);
}

#[test]
fn connections() {
    let Some(itsp) = Itsp::start() else {
        return;
    };
    let pid = itsp.process.id().to_string();
    let arguments = [
        "--connections",
        "300",
        "--hold",
        "1s",
        "--window",
        "20",
        "--server-pid",
        &pid,
    ];
    let run = run("connections", itsp.addr, &arguments);
    run.assert_clean("connection", 300);
    assert_eq!(run.record()["connections"], 300, "{}", run.summary);
    let descriptors = &run.record()["server_cost"]["after"]["descriptors"];
    assert!(descriptors.as_u64() >= Some(300), "{}", run.summary);
}

#[test]
fn a_population() {
    let kinds = [("keepalive", 10), ("register", 0), ("call", 0)];
    clean(
        "population",
        &["--subscribers", "40", "--for", "6s"],
        &kinds,
    );
}

#[test]
fn several_workers_addresses_and_ports() {
    let arguments = [
        "--workers",
        "2",
        "--ports",
        "2",
        "--from",
        "127.0.0.2",
        "--window",
        "8",
        "--count",
        "40",
        "--ring",
        "0s",
    ];
    clean("call", &arguments, &[("call", 40)]);
}
