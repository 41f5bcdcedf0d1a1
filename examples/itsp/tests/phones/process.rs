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

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Asks it to end, as an operator would: SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.signal("-TERM");
    }

    /// Asks it to read its certificates again: SIGHUP.
    #[allow(dead_code)] // not every suite has certificates
    pub(crate) fn hang_up(&mut self) {
        self.signal("-HUP");
    }

    fn signal(&mut self, signal: &str) {
        let pid = self.0.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success(), "process {pid} is gone already");
    }

    /// Gives it no chance to do anything more: SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for the end; `None` if it is still running after `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        eventually(limit, || self.0.try_wait().unwrap())
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
