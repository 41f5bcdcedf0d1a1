//! A child process that never outlives its test.

use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(5);

/// A running child, ended by its own process id when dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Process {
        match command.spawn() {
            Ok(child) => Process(child),
            Err(error) => panic!("cannot start {command:?}: {error}"),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(status.success(), "process {pid} is gone already");
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// What `look` found, asked again and again until `limit` is over.
pub(crate) fn eventually<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(LOOK);
    }
}

/// Whether `program` is there; says past the capture of test output that a test is skipped when it is not, and fails
/// where nothing may be skipped.
pub(crate) fn is_there(found: bool, program: &str) -> bool {
    use std::io::Write;
    if !found {
        assert!(
            std::env::var_os("SKIP_NOTHING").is_none(),
            "{program} is not there: `make test` sees to it"
        );
        let test = thread::current();
        let name = test.name().unwrap_or("?").to_owned();
        let note = format!("SKIPPED {name}: {program} is not there; `make test` sees to it");
        writeln!(std::io::stderr().lock(), "{note}").unwrap();
    }
    found
}
