//! The line that changes while a run goes on.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use crate::report::record::Second;

/// Where the line is shown; nowhere if standard error is no terminal.
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    pub(crate) fn new() -> Progress {
        Progress {
            shown: io::stderr().is_terminal(),
        }
    }

    /// Shows what happens while nothing is measured yet.
    pub(crate) fn say(&self, what: &str) {
        if self.shown {
            // There is nowhere else to complain.
            let _ = write!(io::stderr(), "\r\x1b[K{what}");
        }
    }

    /// Shows the last second.
    pub(crate) fn show(&self, second: &Second, left: Option<Duration>, server: bool) {
        if !self.shown {
            return;
        }
        let mut line = format!("{:6.0} s", second.at);
        for (name, kind) in &second.kinds {
            let counts = &kind.counts;
            line += &format!(
                "   {name} {}/s {:.1} % p50 {} p99 {}",
                counts.succeeded,
                100.0 * counts.success(),
                micros(kind.latency.p50),
                micros(kind.latency.p99),
            );
        }
        if server {
            line += &format!("   server {:.0} % CPU", 100.0 * second.server_cores);
        }
        line += &format!("   own {:.0} %", 100.0 * second.own_cores);
        if let Some(left) = left {
            line += &format!("   {} s left", left.as_secs());
        }
        self.say(&line);
    }

    /// Makes room for what is said at the end.
    pub(crate) fn end(&self) {
        self.say("");
    }
}

/// `250 µs`, `1.3 ms`, `12 s`.
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..100_000 => format!("{:.1} ms", micros as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0} ms", micros as f64 / 1e3),
        _ => format!("{:.1} s", micros as f64 / 1e6),
    }
}
