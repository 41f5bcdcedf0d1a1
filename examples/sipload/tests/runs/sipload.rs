//! Running the generator, and reading its record.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::Process;

/// One run with what it left behind.
pub(crate) struct Run {
    pub(crate) exit_code: Option<i32>,
    pub(crate) complaint: String,
    pub(crate) summary: String,
    folder: TempDir,
    record: Option<Value>,
}

/// Runs `sipload WORK SERVER ARGUMENTS` to its end.
pub(crate) fn run(work: &str, server: SocketAddr, arguments: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let output = command(&folder, work, &server.to_string(), arguments)
        .output()
        .unwrap();
    Run::of(folder, &output)
}

/// The same against a server that is named in some other way.
pub(crate) fn run_against(server: &str, arguments: &[&str]) -> Run {
    let folder = TempDir::new().unwrap();
    let output = command(&folder, "keepalive", server, arguments)
        .output()
        .unwrap();
    Run::of(folder, &output)
}

/// Starts a run, lets `meanwhile` see its process, and waits for its end.
pub(crate) fn run_while(
    work: &str,
    server: SocketAddr,
    arguments: &[&str],
    meanwhile: impl FnOnce(&Process),
) -> Run {
    let folder = TempDir::new().unwrap();
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    let mut command = command(&folder, work, &server.to_string(), arguments);
    command.stdout(fs::File::create(&out).unwrap());
    command.stderr(fs::File::create(&err).unwrap());
    let mut process = Process::start(&mut command);
    meanwhile(&process);
    let status = process.wait();
    let output = Output {
        status,
        stdout: fs::read(out).unwrap(),
        stderr: fs::read(err).unwrap(),
    };
    Run::of(folder, &output)
}

fn command(folder: &TempDir, work: &str, server: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sipload"));
    command.args([work, server]).args(arguments);
    command.arg("--json").arg(folder.path().join("record.json"));
    command.stdin(Stdio::null());
    command
}

impl Run {
    fn of(folder: TempDir, output: &Output) -> Run {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let record = fs::read(folder.path().join("record.json")).ok();
        Run {
            exit_code: output.status.code(),
            complaint: text(&output.stderr),
            summary: text(&output.stdout),
            folder,
            record: record.map(|json| serde_json::from_slice(&json).unwrap()),
        }
    }

    /// The file with its record.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("record.json")
    }

    /// Its record, for which it must have ended well.
    pub(crate) fn record(&self) -> &Value {
        assert_eq!(
            self.exit_code,
            Some(0),
            "{}{}",
            self.complaint,
            self.summary
        );
        self.record.as_ref().expect("a record")
    }

    /// The counts of a kind of operations, in the order asked for.
    #[track_caller]
    pub(crate) fn counts<const N: usize>(&self, kind: &str, names: [&str; N]) -> [u64; N] {
        let counts = &self.record()["kinds"][kind]["counts"];
        names.map(|name| {
            counts[name]
                .as_u64()
                .unwrap_or_else(|| panic!("no {name} in {counts}"))
        })
    }

    /// Everything that happened to a kind of operations succeeded, `at_least` so many times.
    #[track_caller]
    pub(crate) fn assert_clean(&self, kind: &str, at_least: u64) {
        let [due, succeeded] = self.counts(kind, ["due", "succeeded"]);
        assert!(due >= at_least && succeeded == due, "{}", self.summary);
        let amiss = self.counts(kind, ["refused", "lost", "unfinished", "late", "stray"]);
        assert_eq!(amiss, [0; 5], "{}", self.summary);
    }
}
