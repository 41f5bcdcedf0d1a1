//! The whole of it against the server of this workspace, over UDP and TCP.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, eventually, is_there};
use crate::sipload::{Run, run};

const DOMAIN: &str = "example.test";

/// How many users it knows.
const USERS: u32 = 40;

/// Longer than any start takes, even on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with users, its data in a temporary folder, its address its own.
struct Itsp {
    addr: SocketAddr,
    process: Process,
    data: TempDir,
}

impl Itsp {
    /// `None` if it is not built.
    fn start() -> Option<Itsp> {
        Itsp::start_at(SocketAddr::from((own_address(), 5060)))
    }

    fn start_at(addr: SocketAddr) -> Option<Itsp> {
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
            data,
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
        let run = itsp.run(work, &[&["--transport", transport], arguments].concat());
        for (kind, count) in kinds {
            run.assert_clean(kind, *count);
        }
        let cpu = &run.record()["server_cost"]["after"]["cpu_us"];
        assert!(cpu.as_u64() > Some(0), "{}", run.summary);
    }
}

impl Itsp {
    /// Does `work` with all of its users.
    fn run(&self, work: &str, arguments: &[&str]) -> Run {
        let (phones, pid) = (USERS.to_string(), self.process.id().to_string());
        let from = match self.addr {
            SocketAddr::V4(_) => "127.0.0.1",
            SocketAddr::V6(_) => "::1",
        };
        let common = ["--domain", DOMAIN, "--server-pid", &pid, "--from", from];
        let mut all = [arguments, &common].concat();
        if work != "population" {
            all.extend(["--phones", &phones]);
        }
        run(work, self.addr, &all)
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

/// F-83: ACK and BYE find phones whose Contacts lead nowhere.
#[test]
fn calls_behind_a_nat() {
    clean(
        "call",
        &[
            "--nat", "--rate", "20", "--count", "40", "--ring", "200ms", "--talk", "100ms",
        ],
        &[("call", 40)],
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

#[test]
fn keepalives_with_options() {
    clean(
        "keepalive",
        &["--method", "options", "--window", "20", "--count", "500"],
        &[("keepalive", 500)],
    );
}

#[test]
fn registrations_that_answer_the_last_challenge_again() {
    // Twice as many as there are phones: the second of each needs no challenge.
    let arguments = ["--reuse-nonce", "--window", "10", "--count", "80"];
    let Some(itsp) = Itsp::start() else {
        return;
    };
    let run = itsp.run("register", &arguments);
    run.assert_clean("register", 80);
    let requests = u64::from(USERS) * 2 + 40;
    assert_eq!(
        run.record()["wire"]["sent_datagrams"],
        requests,
        "{}",
        run.summary
    );
    assert_eq!(run.record()["registered"], USERS);
}

#[test]
fn calls_that_the_callee_ends() {
    clean(
        "call",
        &[
            "--bye", "callee", "--rate", "20", "--count", "20", "--ring", "0s", "--talk", "100ms",
        ],
        &[("call", 20)],
    );
}

#[test]
fn users_from_a_file() {
    let Some(itsp) = Itsp::start() else {
        return;
    };
    let users = itsp.data.path().join("users.csv");
    let arguments = [
        "--domain",
        DOMAIN,
        "--from",
        "127.0.0.1",
        "--users",
        users.to_str().unwrap(),
        "--window",
        "5",
        "--count",
        "60",
    ];
    run("register", itsp.addr, &arguments).assert_clean("register", 60);
}

#[test]
fn everything_over_ipv6() {
    let Ok(free) = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return; // This machine has none.
    };
    let addr = free.local_addr().unwrap();
    drop(free);
    let Some(itsp) = Itsp::start_at(addr) else {
        return;
    };
    for transport in ["udp", "tcp"] {
        for (work, kind) in [
            ("keepalive", "keepalive"),
            ("register", "register"),
            ("call", "call"),
        ] {
            let mut arguments = vec!["--transport", transport, "--window", "5", "--count", "30"];
            if work == "call" {
                arguments.extend(["--ring", "0s"]);
            }
            itsp.run(work, &arguments).assert_clean(kind, 30);
        }
    }
}

#[test]
fn memory_of_pending_calls_is_told() {
    let Some(itsp) = Itsp::start() else {
        return;
    };
    let run = itsp.run("call", &["--window", "30", "--for", "2s", "--ring", "10s"]);
    let growth = run.record()["growth"].as_array().unwrap().clone();
    let count =
        |unit: &str| growth.iter().find(|grown| grown["unit"] == unit).unwrap()["count"].as_u64();
    assert_eq!(
        (count("contact"), count("pending-call")),
        (Some(40), Some(30)),
        "{}",
        run.summary
    );
    assert!(
        run.summary.contains("for each pending call (30, too few"),
        "{}",
        run.summary
    );
}

#[test]
fn a_plan_from_measured_constants_is_held_against_a_population() {
    let Some(itsp) = Itsp::start() else {
        return;
    };
    let runs = [
        itsp.run("keepalive", &["--rate", "200", "--for", "2s"]),
        itsp.run("register", &["--rate", "40", "--for", "2s"]),
        itsp.run("call", &["--rate", "20", "--for", "2s", "--ring", "100ms"]),
        itsp.run("population", &["--subscribers", "40", "--for", "5s"]),
    ];
    let [keepalive, register, call, population] = runs.each_ref().map(Run::file);
    let folder = TempDir::new().unwrap();
    let (json, page) = (
        folder.path().join("plan.json"),
        folder.path().join("plan.html"),
    );
    let output = Command::new(env!("CARGO_BIN_EXE_sipload"))
        .args(["plan", "--subscribers", "1000000", "--constants"])
        .args([keepalive, register, call])
        .arg("--check")
        .arg(population)
        .arg("--json")
        .arg(&json)
        .arg("--report")
        .arg(&page)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}{text}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(text.contains("check: population with 40 phones"), "{text}");
    let plan: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let figures = plan["checks"][0]["figures"].as_array().unwrap();
    // What went over the wire is the same for each operation at any size.
    for figure in figures
        .iter()
        .filter(|figure| figure["quantity"] == "octets-per-second")
    {
        assert!(figure["off"].as_f64().unwrap().abs() < 0.2, "{text}");
    }
    assert!(
        fs::read_to_string(page)
            .unwrap()
            .contains("1,000,000 subscribers")
    );
}
