//! The server and its database: what was acknowledged is on the disk, what others write is seen, and when the
//! database is away only those wait who need it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod phone;
#[allow(dead_code)] // not every suite ends its server in every way
#[path = "../phones/process.rs"]
mod process;

use std::collections::HashSet;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use phone::Phone;
use process::{Process, eventually};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sees what others write almost at once.
const CONFIGURATION: &str = "
    domains.reload = \"50ms\"
    subscribers.keep_unknown = \"50ms\"
    location.timeout = \"500ms\"
";

struct Server {
    data: TempDir,
    process: Option<Process>,
    address: SocketAddr,
}

impl Server {
    fn start(users: usize) -> Server {
        let mut server = Server {
            data: TempDir::new().unwrap(),
            process: None,
            address: ([127, 0, 0, 1], 0).into(),
        };
        fs::write(server.file("itsp.toml"), CONFIGURATION).unwrap();
        server.command(&["domain", "add", phone::DOMAIN]);
        let list: String = (0..users)
            .map(|user| format!("{},{}\n", phone::user(user), phone::PASSWORD))
            .collect();
        let file = server.file("users.csv");
        fs::write(&file, list).unwrap();
        server.command(&["user", "import", file.to_str().unwrap()]);
        server.again();
        server
    }

    fn file(&self, name: &str) -> PathBuf {
        self.data.path().join(name)
    }

    fn itsp(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_itsp"));
        command.arg("--data").arg(self.file("data"));
        command.arg("--config").arg(self.file("itsp.toml"));
        command
    }

    fn command(&self, arguments: &[&str]) {
        assert!(
            self.itsp()
                .args(arguments)
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success(),
            "{arguments:?}"
        );
    }

    /// Starts it, on the same data.
    fn again(&mut self) {
        let out = self.file("out");
        let mut process = Process::start(
            self.itsp()
                .args(["--no-demo", "--listen", "127.0.0.1:0"])
                .stdout(File::create(&out).unwrap()),
        );
        let address = eventually(PATIENCE, || {
            assert!(!process.has_ended(), "the server did not start");
            let words = fs::read_to_string(&out).unwrap();
            // The line is whole once the next one is there.
            let (_, after) = words.split_once("listening on udp ")?;
            after.split_once('\n')?.0.parse().ok()
        });
        self.address = address.expect("it listens");
        self.process = Some(process);
    }

    fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }
}

#[test]
fn every_acknowledged_registration_survives_kill_dash_nine() {
    const USERS: usize = 40;
    let mut server = Server::start(USERS);
    let mut registered: HashSet<usize> = HashSet::new();
    for round in 0..5 {
        // Many at once share commits; the kill comes the moment the last of this round's 200s is here.
        let mut phones: Vec<Phone> = (0..USERS)
            .filter(|user| user % 5 == round)
            .map(|user| Phone::new(user, server.address))
            .collect();
        for phone in &mut phones {
            phone.ask_to_register(3600);
        }
        for phone in &mut phones {
            assert_eq!(phone.answer(), 200, "{}", phone.last);
            registered.insert(phone.user);
        }
        server.kill();
        server.again();
        for user in &registered {
            let mut phone = Phone::new(*user, server.address);
            assert_eq!(phone.contacts().len(), 1, "user {user} in round {round}");
        }
    }
    assert_eq!(registered.len(), USERS);
}

#[test]
fn an_acknowledged_removal_survives_kill_dash_nine() {
    let mut server = Server::start(1);
    for _ in 0..3 {
        let mut phone = Phone::new(0, server.address);
        phone.ask_to_register(3600);
        assert_eq!(phone.answer(), 200);
        phone.ask_to_register(0);
        assert_eq!(phone.answer(), 200);
        server.kill();
        server.again();
        assert_eq!(
            Phone::new(0, server.address).contacts(),
            Vec::<String>::new()
        );
    }
}

#[test]
fn domains_and_users_added_beside_the_server_are_seen() {
    let server = Server::start(0);
    let mut phone = Phone::new(0, server.address);
    phone.ask_to_register(3600);
    assert_eq!(phone.answer(), 401, "nobody is known yet");
    let user = format!("{}@{}", phone::user(0), phone::DOMAIN);
    server.command(&["user", "add", &user, "--password", phone::PASSWORD]);
    let registered = eventually(PATIENCE, || {
        phone.ask_to_register(3600);
        (phone.answer() == 200).then_some(())
    });
    registered.expect("the new user registers");
}

#[test]
fn while_the_database_is_away_known_things_go_on_and_new_ones_fail_at_once() {
    let server = Server::start(2);
    let (mut known, mut new) = (Phone::new(0, server.address), Phone::new(1, server.address));
    known.ask_to_register(3600);
    assert_eq!(known.answer(), 200);
    assert_eq!(new.contacts(), Vec::<String>::new());

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let database = server.file("data/itsp.db");
        let mut other = SqliteConnectOptions::new()
            .filename(database)
            .connect()
            .await
            .unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE")
            .execute(&mut other)
            .await
            .unwrap();

        new.ask_to_register(3600);
        let asked = Instant::now();
        assert_eq!(new.answer(), 500, "{}", new.last);
        assert!(asked.elapsed() < Duration::from_secs(2));
        assert_eq!(known.contacts().len(), 1, "what is in memory is answered");

        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    });
    let registered = eventually(PATIENCE, || {
        new.ask_to_register(3600);
        (new.answer() == 200).then_some(())
    });
    registered.expect("the database is back");
}
