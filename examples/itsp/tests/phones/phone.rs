//! A phone played by sipp: scenarios in `scenarios/`, results from sipp's own statistics.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::process::{Process, eventually};
use crate::server::{DOMAIN, Server, password_of};

/// Within this a phone that is told to listen does.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// Who holds the phone, and where it is.
pub(crate) struct Phone<'s> {
    server: &'s Server,
    user: String,
    credentials: (String, String),
    transport: Transport,
    port: u16,
    behind_nat: bool,
}

/// What a phone behind a NAT takes for its address. Nothing sent there arrives anywhere.
const INSIDE: &str = "10.99.0.9";

impl<'s> Phone<'s> {
    pub(crate) fn new(
        server: &'s Server,
        user: &str,
        transport: Transport,
        port: u16,
    ) -> Phone<'s> {
        let credentials = (user.to_owned(), password_of(user));
        Phone {
            server,
            user: user.to_owned(),
            credentials,
            transport,
            port,
            behind_nat: false,
        }
    }

    /// The same phone behind a NAT: in Via, Contact and SDP stands an address that leads nowhere.
    pub(crate) fn behind_nat(mut self) -> Phone<'s> {
        self.behind_nat = true;
        self
    }

    /// The same phone with the name and password of `user`, whatever it says in From.
    pub(crate) fn with_credentials(mut self, user: &str, password: &str) -> Phone<'s> {
        self.credentials = (user.to_owned(), password.to_owned());
        self
    }

    /// A conversation by `scenarios/{scenario}.xml`, for calls with `peer`.
    pub(crate) fn plays(&self, scenario: &str, peer: &str) -> Script<'s> {
        let request_uri = if scenario.contains("call") {
            format!("{peer}@{DOMAIN}")
        } else {
            DOMAIN.to_owned()
        };
        let (name, password) = &self.credentials;
        Script {
            server: self.server,
            scenario: scenario.to_owned(),
            transport: self.transport,
            port: self.port,
            behind_nat: self.behind_nat,
            rows: vec![format!(
                "{};[authentication username={name} password={password}];{peer};",
                self.user
            )],
            request_uri,
            domain: DOMAIN.to_owned(),
            calls: 1,
            rate: 10,
            pause: Duration::from_millis(100),
            final_response: 200,
        }
    }

    /// Registers, and finds its contact in the 200.
    pub(crate) fn registers(&self) {
        self.plays("register", &self.user).run().succeeds();
    }

    /// The called side by `scenario`, listening when this returns.
    pub(crate) fn waits(&self, scenario: &str) -> Conversation<'s> {
        self.plays(scenario, "").start_listening()
    }

    /// Calls `callee`, talks and hangs up.
    pub(crate) fn calls(&self, callee: &str) {
        self.plays("call", callee).run().succeeds();
    }

    /// Calls `callee` and hears `status` in the end.
    pub(crate) fn is_refused(&self, callee: &str, status: u16) {
        self.plays("call_refused", callee)
            .ending(status)
            .run()
            .succeeds();
    }
}

/// One run of sipp, not yet started.
pub(crate) struct Script<'s> {
    server: &'s Server,
    scenario: String,
    transport: Transport,
    port: u16,
    behind_nat: bool,
    rows: Vec<String>,
    request_uri: String,
    domain: String,
    calls: u32,
    rate: u32,
    pause: Duration,
    final_response: u16,
}

impl<'s> Script<'s> {
    /// What the last response of the scenario has to be, where the scenario leaves it open.
    pub(crate) fn ending(mut self, status: u16) -> Self {
        self.final_response = status;
        self
    }

    /// The one who is called is in another domain than ours.
    pub(crate) fn in_domain(mut self, domain: &str) -> Self {
        self.request_uri = self.request_uri.replace(DOMAIN, domain);
        self.domain = domain.to_owned();
        self
    }

    /// So many times, so many a second.
    pub(crate) fn repeated(mut self, calls: u32, rate: u32) -> Self {
        self.calls = calls;
        self.rate = rate;
        self
    }

    /// The length of every pause: of ringing for one who is called, of talking for one who calls.
    pub(crate) fn pausing(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// One user after the other in place of this one.
    pub(crate) fn by_users(mut self, users: impl IntoIterator<Item = String>) -> Self {
        let row = |user: String| {
            format!(
                "{user};[authentication username={user} password={}];{user};",
                password_of(&user)
            )
        };
        self.rows = users.into_iter().map(row).collect();
        self
    }

    /// Plays it to its end.
    pub(crate) fn run(self) -> Report {
        self.start().finish()
    }

    /// Starts a side that is called, and waits until it can be.
    pub(crate) fn start_listening(self) -> Conversation<'s> {
        let (transport, address, port) = (self.transport, *self.server.address().ip(), self.port);
        let mut conversation = self.start();
        let listens = eventually(PATIENCE, || {
            let table = match transport {
                Transport::Udp => "/proc/net/udp",
                Transport::Tcp => "/proc/net/tcp",
            };
            let socket = format!(
                ": {:08X}:{port:04X} 00000000:0000",
                u32::from_ne_bytes(address.octets())
            );
            let listens = fs::read_to_string(table).unwrap().contains(&socket);
            (listens || conversation.process.has_ended()).then_some(listens)
        });
        if listens != Some(true) {
            panic!(
                "the phone does not listen\n{}",
                conversation.finish().trouble
            );
        }
        conversation
    }

    /// Starts it.
    pub(crate) fn start(self) -> Conversation<'s> {
        static RUN: AtomicU32 = AtomicU32::new(0);
        let run = RUN.fetch_add(1, Ordering::Relaxed);
        let folder = self.server.file(&format!("{}-{run}", self.scenario));
        fs::create_dir(&folder).unwrap();

        let scenario = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/phones/scenarios/{}.xml", self.scenario));
        let mut scenario = fs::read_to_string(scenario)
            .unwrap()
            .replace("FINAL", &self.final_response.to_string())
            .replace(
                "[field2]@example.test",
                &format!("[field2]@{}", self.domain),
            );
        if self.behind_nat {
            scenario = scenario.replace("[local_ip]", INSIDE);
        }
        fs::write(folder.join("scenario.xml"), scenario).unwrap();
        fs::write(
            folder.join("users.csv"),
            format!("SEQUENTIAL\n{}\n", self.rows.join("\n")),
        )
        .unwrap();

        let address = self.server.address();
        let host = address.ip().to_string();
        let limit = 60 + 2 * self.calls / self.rate;
        let mut sipp = Command::new("sipp");
        sipp.arg(address.to_string())
            .args([
                "-sf",
                "scenario.xml",
                "-inf",
                "users.csv",
                "-auth_uri",
                &self.request_uri,
            ])
            .args([
                "-t",
                if self.transport == Transport::Udp {
                    "u1"
                } else {
                    "t1"
                },
            ])
            .args([
                "-i",
                &host,
                "-bind_local",
                "-ci",
                &host,
                "-mi",
                &host,
                "-p",
                &self.port.to_string(),
            ])
            .args([
                "-m",
                &self.calls.to_string(),
                "-r",
                &self.rate.to_string(),
                "-l",
                &self.calls.to_string(),
            ])
            .args(["-d", &self.pause.as_millis().to_string()])
            .args([
                "-recv_timeout",
                "40s",
                "-timeout",
                &format!("{limit}s"),
                "-timeout_error",
            ])
            .args([
                "-trace_stat",
                "-stf",
                "statistics.csv",
                "-fd",
                "1",
                "-trace_err",
                "-error_file",
                "errors.log",
            ])
            .args(["-nostdin", "-skip_rlimit"]);
        if self.calls <= 10 {
            sipp.args(["-trace_msg", "-message_file", "messages.log"]);
        }
        sipp.current_dir(&folder)
            .env("TERM", "vt100")
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("screen")).unwrap())
            .stderr(File::create(folder.join("complaints")).unwrap());
        Conversation {
            server: self.server,
            process: Process::start(&mut sipp),
            folder,
            calls: self.calls,
            limit: Duration::from_secs(u64::from(limit) + 30),
        }
    }
}

/// A run of sipp that is under way.
pub(crate) struct Conversation<'s> {
    server: &'s Server,
    process: Process,
    folder: PathBuf,
    calls: u32,
    limit: Duration,
}

impl Conversation<'_> {
    /// Waits for its end and reads the statistics.
    pub(crate) fn finish(mut self) -> Report {
        let status = self.process.wait(self.limit);
        let read = |name: &str| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let mut trouble = format!("sipp in {}: {status:?}\n", self.folder.display());
        for name in ["complaints", "errors.log", "messages.log"] {
            let text = read(name);
            let cut = text.char_indices().rev().nth(8000).map_or(0, |(at, _)| at);
            writeln!(trouble, "-- {name}\n{}", &text[cut..]).unwrap();
        }
        writeln!(trouble, "-- the server\n{}", self.server.words()).unwrap();
        Report {
            exit: status.and_then(|status| status.code()),
            wanted: self.calls,
            counters: counters(&read("statistics.csv")),
            trouble,
        }
    }

    /// Waits for its end, which has to be a good one.
    pub(crate) fn succeeds(self) {
        self.finish().succeeds();
    }
}

/// What sipp counted.
pub(crate) struct Report {
    exit: Option<i32>,
    wanted: u32,
    counters: HashMap<String, u64>,
    trouble: String,
}

impl Report {
    /// Every call went by the scenario: nothing unexpected, nothing sent twice, nothing that belongs to no call.
    pub(crate) fn succeeds(&self) {
        let count = |name: &str| self.counters.get(name).copied();
        assert_eq!(self.exit, Some(0), "{}", self.trouble);
        assert_eq!(
            count("SuccessfulCall"),
            Some(u64::from(self.wanted)),
            "successful calls\n{}",
            self.trouble
        );
        for name in [
            "FailedCall",
            "FailedUnexpectedMessage",
            "Retransmissions",
            "OutOfCallMsgs",
            "DeadCallMsgs",
        ] {
            assert_eq!(count(name), Some(0), "{name}\n{}", self.trouble);
        }
    }
}

/// The cumulative counters in the last line of sipp's statistics file.
fn counters(file: &str) -> HashMap<String, u64> {
    let mut lines = file.lines();
    let names = lines.next().unwrap_or_default().split(';');
    let values = lines.next_back().unwrap_or_default().split(';');
    names
        .zip(values)
        .filter_map(|(name, value)| {
            Some((name.strip_suffix("(C)")?.to_owned(), value.parse().ok()?))
        })
        .collect()
}
