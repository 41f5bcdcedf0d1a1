//! The command line: what it makes, and what it says when something is wrong.
#![allow(clippy::unwrap_used, clippy::panic)]

#[allow(dead_code)] // not every suite ends its server in every way
#[path = "../phones/process.rs"]
mod process;
mod tls;

use std::fs::{self, File};
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use process::{Process, eventually};
use tempfile::TempDir;

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An empty folder, and the program told to keep its data there.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_itsp"));
        command.args(["--data", &self.path("data")]).args(arguments);
        command
    }

    /// Runs it to its end: exit code, standard output, standard error.
    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        said(&self.command(arguments).output().unwrap())
    }

    /// Starts a server with `arguments`, waits until it is ready, ends it with SIGTERM: what it said.
    fn serve(&self, arguments: &[&str]) -> String {
        let out = self.path("out");
        let mut process = Process::start(
            self.command(arguments)
                .stdout(File::create(&out).unwrap())
                .stderr(Stdio::null()),
        );
        let ready = eventually(PATIENCE, || {
            let listens = fs::read_to_string(&out)
                .unwrap()
                .contains("listening on tcp");
            (listens || process.has_ended()).then_some(listens)
        });
        assert_eq!(ready, Some(true), "the server did not start");
        process.terminate();
        assert_eq!(
            process.wait(PATIENCE).and_then(|status| status.code()),
            Some(0)
        );
        fs::read_to_string(&out).unwrap()
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn help_names_every_command() {
    let (code, out, _) = Place::new().run(&["--help"]);
    assert_eq!(code, 0);
    for word in [
        "domain",
        "user",
        "check",
        "--listen",
        "--no-demo",
        "--config",
        "--data",
        "--workers",
    ] {
        assert!(out.contains(word), "{word}");
    }
}

#[test]
fn an_unknown_key_is_one_error_with_file_line_and_remedy() {
    let place = Place::new();
    let file = place.file(
        "itsp.toml",
        "[network]\nlisten = [\"127.0.0.1:5060\"]\nworkrs = 2\n",
    );
    let expected = format!(
        "itsp: {file}:3: unknown field `workrs`, expected one of …\n  \
         remedy: write `workers`, or delete the line\n"
    );
    // Which keys there are is no matter of this test.
    let without_keys = |(code, said, complaint): (i32, String, String)| {
        let (before, keys) = complaint.split_once("one of ").expect("the known keys");
        let (_, after) = keys.split_once('\n').expect("one line of them");
        (code, said, format!("{before}one of …\n{after}"))
    };
    for how in [&["--config", &file][..], &["--config", &file, "check"]] {
        let outcome = without_keys(place.run(how));
        assert_eq!(outcome, (2, String::new(), expected.clone()));
    }
}

#[test]
fn a_wrong_type_is_one_error_with_file_line_and_remedy() {
    let place = Place::new();
    let file = place.file("itsp.toml", "[registrar]\n\nmax_contacts = \"many\"\n");
    let expected = format!(
        "itsp: {file}:3: invalid type: string \"many\", expected u16\n  \
         remedy: see itsp.example.toml for what may stand there\n"
    );
    assert_eq!(
        place.run(&["--config", &file]),
        (2, String::new(), expected)
    );
}

#[test]
fn a_bad_address_is_one_error_with_file_line_and_remedy() {
    let place = Place::new();
    let file = place.file("itsp.toml", "[network]\nlisten = [\"127.0.0.256\"]\n");
    let (code, _, err) = place.run(&["--config", &file]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with(&format!(
            "itsp: {file}:2: \"127.0.0.256\" is not an address to listen on"
        )),
        "{err}"
    );
}

#[test]
fn a_missing_configuration_is_named() {
    let place = Place::new();
    let (code, _, err) = place.run(&["--config", "/nowhere/itsp.toml"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("itsp: cannot read the configuration /nowhere/itsp.toml: "),
        "{err}"
    );
}

#[test]
fn a_bad_address_on_the_command_line_is_refused() {
    let (code, _, err) = Place::new().run(&["--listen", "nowhere"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("\"nowhere\" is not an address to listen on"),
        "{err}"
    );
}

#[test]
fn a_port_in_use_is_named_with_its_transport() {
    let place = Place::new();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap().to_string();
    let (code, _, err) = place.run(&["--listen", &address]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with(&format!(
            "itsp: cannot listen on UDP {address}: the port is in use"
        )),
        "{err}"
    );
    assert!(err.contains("\n  remedy: "), "{err}");

    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let (code, _, err) = place.run(&["--listen", &address]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with(&format!(
            "itsp: cannot listen on TCP {address}: the port is in use"
        )),
        "{err}"
    );
}

#[test]
fn an_address_of_another_machine_is_told_apart_from_a_port_in_use() {
    let place = Place::new();
    let (code, _, err) = place.run(&["--listen", "203.0.113.1:5060"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("this machine does not have the address"),
        "{err}"
    );
    assert!(err.contains("name an address of this machine"), "{err}");
}

#[test]
fn a_first_start_that_failed_leaves_the_demo_for_the_next() {
    let place = Place::new();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (code, _, _) = place.run(&["--listen", &udp.local_addr().unwrap().to_string()]);
    assert_eq!(code, 2);
    assert!(place.serve(&["--listen", "127.0.0.1:0"]).contains("alice"));
}

#[test]
fn a_database_that_is_none_is_refused_by_every_command() {
    let place = Place::new();
    fs::create_dir(place.path("data")).unwrap();
    let file = place.file("data/itsp.db", &"garbage".repeat(1000));
    for arguments in [
        &["check"][..],
        &["domain", "add", "example.com"],
        &["--listen", "127.0.0.1:0"],
    ] {
        let (code, _, err) = place.run(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(
            err.starts_with(&format!("itsp: cannot open the database {file}: ")),
            "{err}"
        );
    }
}

#[test]
fn a_data_folder_that_cannot_be_made_is_named() {
    let place = Place::new();
    let file = place.file("file", "");
    let (code, _, err) = said(
        &Command::new(env!("CARGO_BIN_EXE_itsp"))
            .args([
                "--data",
                &format!("{file}/data"),
                "domain",
                "add",
                "example.com",
            ])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 2);
    assert!(
        err.starts_with(&format!("itsp: cannot open the database {file}/data")),
        "{err}"
    );
}

#[test]
fn check_looks_and_makes_nothing() {
    let place = Place::new();
    let (code, out, _) = place.run(&["check"]);
    assert_eq!(
        (code, out.contains("will be made on the first start")),
        (0, true),
        "{out}"
    );
    assert!(!Path::new(&place.path("data")).exists());

    place.run(&["domain", "add", "example.com"]);
    place.run(&["user", "add", "alice@example.com"]);
    let (code, out, _) = place.run(&["check"]);
    assert_eq!(
        (code, out.contains("1 domain names, 1 users")),
        (0, true),
        "{out}"
    );
}

#[test]
fn an_import_that_is_wrong_names_the_line_and_imports_nothing() {
    let place = Place::new();
    place.run(&["domain", "add", "example.com"]);
    let file = place.file("users.csv", "user,password\nalice,x\nbob\n");
    let expected = format!(
        "itsp: {file}:3: user,password[,domain] expected, 1 fields found\n  \
         remedy: correct the line and import again; nothing was imported\n"
    );
    assert_eq!(
        place.run(&["user", "import", &file]),
        (1, String::new(), expected)
    );
    assert!(place.run(&["check"]).1.contains("0 users"));

    let file = place.file("users.csv", "user,password\nalice,x\nbob,y\n");
    let (code, out, _) = place.run(&["user", "import", &file]);
    assert_eq!(
        (code, out.as_str()),
        (0, "2 users added, 0 given a new password.\n")
    );
}

#[test]
fn a_user_of_no_domain_is_refused_with_what_to_do() {
    let place = Place::new();
    let (code, _, err) = place.run(&["user", "add", "alice@example.com"]);
    assert_eq!(code, 1);
    assert_eq!(
        err,
        "itsp: the domain example.com is not served\n  remedy: add it first: itsp domain add example.com\n"
    );
}

#[test]
fn the_first_start_shows_two_passwords_once() {
    let place = Place::new();
    let first = place.serve(&["--listen", "127.0.0.1:0"]);
    assert!(first.contains("listening on udp 127.0.0.1:"), "{first}");
    assert!(first.contains("alice") && first.contains("bob"), "{first}");
    let second = place.serve(&["--listen", "127.0.0.1:0"]);
    assert!(
        !second.contains("alice") && second.contains("2 users"),
        "{second}"
    );
}

#[test]
fn no_demo_leaves_the_server_empty() {
    let place = Place::new();
    let words = place.serve(&["--no-demo", "--listen", "127.0.0.1:0"]);
    assert!(words.contains("0 domain names, 0 users"), "{words}");
    assert!(words.contains("Next: itsp domain add"), "{words}");
    assert!(
        !place
            .serve(&["--listen", "127.0.0.1:0"])
            .contains("Two users"),
        "a later start makes none either"
    );
}

#[test]
fn a_terminal_that_is_gone_is_no_reason_to_stop() {
    let place = Place::new();
    let mut child = place
        .command(&["check"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    let mut nothing = String::new();
    assert!(
        child
            .stderr
            .take()
            .is_none_or(|mut err| err.read_to_string(&mut nothing).is_ok())
    );
}

#[test]
fn two_servers_never_share_their_data() {
    let place = Place::new();
    let out = place.path("first");
    let mut first = Process::start(
        place
            .command(&["--listen", "127.0.0.1:0"])
            .stdout(File::create(&out).unwrap()),
    );
    let ready = || {
        fs::read_to_string(&out)
            .unwrap()
            .contains("listening on tcp")
            .then_some(())
    };
    eventually(PATIENCE, ready).expect("the first one starts");
    let (code, _, err) = place.run(&["--listen", "127.0.0.1:0"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("itsp: another itsp serves from the folder "),
        "{err}"
    );
    first.terminate();
    assert_eq!(
        first.wait(PATIENCE).and_then(|status| status.code()),
        Some(0)
    );
    place.serve(&["--listen", "127.0.0.1:0"]);
}

#[test]
fn commands_work_beside_a_running_server() {
    let place = Place::new();
    let out = place.path("out");
    let mut server = Process::start(
        place
            .command(&["--no-demo", "--listen", "127.0.0.1:0"])
            .stdout(File::create(&out).unwrap()),
    );
    let ready = || {
        fs::read_to_string(&out)
            .unwrap()
            .contains("listening on tcp")
            .then_some(())
    };
    eventually(PATIENCE, ready).expect("it starts");
    assert_eq!(place.run(&["domain", "add", "example.com"]).0, 0);
    assert_eq!(place.run(&["user", "add", "alice@example.com"]).0, 0);
    assert!(place.run(&["check"]).1.contains("1 users"));
    server.terminate();
    assert_eq!(
        server.wait(PATIENCE).and_then(|status| status.code()),
        Some(0)
    );
}
