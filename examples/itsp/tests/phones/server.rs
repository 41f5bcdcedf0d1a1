//! The server under test: the real binary, its data in a temporary folder, its address its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tempfile::TempDir;

use crate::phone::{Phone, Transport};
use crate::process::{Process, eventually};

/// The domain every test is in.
pub(crate) const DOMAIN: &str = "example.test";

/// Longer than any start or end takes, even on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The ordinary tests share the machine; a test that measures has it alone.
static MACHINE: RwLock<()> = RwLock::new(());

pub(crate) struct Server {
    address: SocketAddrV4,
    data: TempDir,
    process: Option<Process>,
}

impl Server {
    /// Runs `test` against a fresh server that knows alice, bob and carol, then ends the server in an orderly way.
    pub(crate) fn with(test: impl FnOnce(Server)) {
        if can_run() {
            let _shared = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
            test(Server::provisioned(
                ["alice", "bob", "carol"].map(str::to_owned),
            ));
        }
    }

    /// The same where these programs are needed besides sipp.
    pub(crate) fn with_tools(tools: &[&str], test: impl FnOnce(Server)) {
        if tools.iter().all(|tool| is_here(tool)) {
            Server::with(test);
        }
    }

    /// The same with other users and no other test beside it.
    pub(crate) fn alone_with(users: impl IntoIterator<Item = String>, test: impl FnOnce(Server)) {
        if can_run() {
            let _alone = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
            test(Server::provisioned(users));
        }
    }

    fn provisioned(users: impl IntoIterator<Item = String>) -> Server {
        let mut server = Server {
            address: SocketAddrV4::new(own_address(), 5060),
            data: TempDir::new().unwrap(),
            process: None,
        };
        server.command(&["domain", "add", DOMAIN]);
        let mut list = String::new();
        for user in users {
            writeln!(list, "{user},{}", password_of(&user)).unwrap();
        }
        let file = server.file("users.csv");
        fs::write(&file, list).unwrap();
        server.command(&["user", "import", file.to_str().unwrap()]);
        server.start();
        server
    }

    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// A file in the temporary folder of this server, beside its data.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    /// The phone of `user`, on `port` of the server's own address.
    pub(crate) fn phone(&self, user: &str, transport: Transport, port: u16) -> Phone<'_> {
        Phone::new(self, user, transport, port)
    }

    /// Runs one command of the server's command line to its end.
    pub(crate) fn command(&self, arguments: &[&str]) {
        let output = self.itsp().args(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "itsp {arguments:?}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Starts it and waits until it says that it listens.
    pub(crate) fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with further arguments.
    pub(crate) fn start_with(&mut self, arguments: &[&str]) {
        assert!(self.process.is_none(), "it runs already");
        let said = self.file("said");
        let mut process = Process::start(
            self.itsp()
                .args(["--no-demo", "--listen", &self.address.to_string()])
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(File::create(&said).unwrap())
                .stderr(File::create(self.file("complained")).unwrap()),
        );
        let ready = eventually(PATIENCE, || {
            let listens = fs::read_to_string(&said).unwrap();
            let both = listens.contains("listening on udp") && listens.contains("listening on tcp");
            (both || process.has_ended()).then_some(both)
        });
        assert_eq!(
            ready,
            Some(true),
            "the server did not start\n{}",
            self.words()
        );
        self.process = Some(process);
    }

    /// Ends it with SIGTERM: it finishes what is under way and leaves with 0.
    pub(crate) fn stop(&mut self) {
        let mut process = self.process.take().unwrap();
        process.terminate();
        let status = process.wait(PATIENCE);
        assert_eq!(
            status.and_then(|status| status.code()),
            Some(0),
            "end of the server\n{}",
            self.words()
        );
    }

    /// Ends it with SIGKILL, as a power failure would.
    pub(crate) fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// All it printed, for the message of a test that failed.
    pub(crate) fn words(&self) -> String {
        ["said", "complained"]
            .map(|name| fs::read_to_string(self.file(name)).unwrap_or_default())
            .concat()
    }

    fn itsp(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_itsp"));
        command.arg("--data").arg(self.data.path().join("data"));
        command
    }
}

impl Drop for Server {
    /// A test that passed also ends its server in order; one that failed only ends it.
    fn drop(&mut self) {
        if self.process.is_some() && !std::thread::panicking() {
            self.stop();
        }
    }
}

/// The password every test gives `user`.
pub(crate) fn password_of(user: &str) -> String {
    format!("{user}-secret")
}

/// A loopback address nobody else in this process uses, and hardly anybody in another.
fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU16 = AtomicU16::new(1);
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let host = NEXT.fetch_add(1, Ordering::Relaxed);
    Ipv4Addr::new(127, high | 0x40, low, u8::try_from(host).unwrap())
}

fn can_run() -> bool {
    is_here("sipp")
}

/// The path with the folder of servers, which not everybody has in it.
pub(crate) fn path() -> String {
    format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}

/// Is `tool` here? Says so past the capture of test output when it is not, and fails where nothing may be skipped.
fn is_here(tool: &str) -> bool {
    let found = Command::new(tool)
        .env("PATH", path())
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        assert!(
            std::env::var_os("SKIP_NOTHING").is_none(),
            "{tool} is not installed: `make test` installs it"
        );
        let test = std::thread::current();
        let note = format!(
            "SKIPPED {}: {tool} is not installed; `make test` installs it\n",
            test.name().unwrap_or("?")
        );
        io::stderr().write_all(note.as_bytes()).unwrap();
    }
    found
}
