//! The record of a run: all that any report tells.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::measure::counts::Counts;
use crate::measure::growth::Growth;
use crate::measure::latency::Percentiles;
use crate::measure::process::Usage;
use crate::measure::wire::Wire;

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// `keepalive`, `register`, `call`, …
    pub(crate) work: String,
    /// The command line, so that the run can be repeated.
    pub(crate) command: String,
    /// Which server, as the user named it.
    pub(crate) server: String,
    /// When it began, as RFC 3339.
    pub(crate) began: String,
    /// Seconds measured; warm-up is left out.
    pub(crate) seconds: f64,
    /// What was done: one entry for each kind of operation.
    pub(crate) kinds: BTreeMap<String, Kind>,
    /// What the server spent, if its processes are known.
    pub(crate) server_cost: Option<Cost>,
    /// What a database beside it spent.
    pub(crate) database_cost: Option<Cost>,
    /// What this generator spent.
    pub(crate) own_cost: Cost,
    /// Seconds in which all that was spent, waiting for the last answers included.
    #[serde(default)]
    pub(crate) elapsed: f64,
    /// What went over the wire meanwhile.
    #[serde(default)]
    pub(crate) wire: Wire,
    /// `udp` or `tcp`.
    #[serde(default)]
    pub(crate) transport: String,
    /// Proportional set size of the server before its first request, in bytes: what it has more later on, it has for
    /// the phones.
    #[serde(default)]
    pub(crate) server_pss_at_start: u64,
    /// What the server holds for each contact, connection and pending call.
    #[serde(default)]
    pub(crate) growth: Vec<Growth>,
    /// Phones that are registered.
    #[serde(default)]
    pub(crate) registered: u64,
    /// Connections held at the end.
    #[serde(default)]
    pub(crate) connections: u64,
    /// The generator itself was the bottleneck, and why one may think so.
    pub(crate) bottleneck: Option<String>,
    /// Second by second.
    pub(crate) series: Vec<Second>,
}

/// One kind of operation over the whole run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Kind {
    pub(crate) counts: Counts,
    /// From when it was due until it was answered. For calls without the ringing.
    pub(crate) latency: Percentiles,
    /// From when it was due until it was sent: how far the generator was behind.
    #[serde(default)]
    pub(crate) lag: Percentiles,
    /// The statuses of those refused, and how many had each.
    #[serde(default)]
    pub(crate) refusals: BTreeMap<u16, u64>,
}

/// What a set of processes spent over the run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) before: Usage,
    pub(crate) after: Usage,
}

/// One second of the run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Second {
    /// Seconds since the run began.
    pub(crate) at: f64,
    pub(crate) kinds: BTreeMap<String, Kind>,
    /// Share of one core, 1 being a whole one.
    pub(crate) server_cores: f64,
    pub(crate) database_cores: f64,
    pub(crate) own_cores: f64,
    /// Operations under way at its end.
    #[serde(default)]
    pub(crate) under_way: u64,
    /// Bytes; read less often than once a second and repeated in between.
    pub(crate) server_pss: u64,
}

impl Record {
    /// What a run left with `--json`.
    pub(crate) fn read(file: &Path) -> Result<Record, Failure> {
        let shown = file.display();
        let text = fs::read(file)
            .map_err(|error| Failure::new(format!("cannot read {shown}: {error}")))?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::new(format!("{shown} is no record of a run: {error}")))
    }

    /// Operations that succeeded in a second, of one kind.
    pub(crate) fn rate(&self, kind: &str) -> f64 {
        let done = self.kinds.get(kind).map_or(0, |kind| kind.counts.succeeded);
        done as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    /// All kinds together.
    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for kind in self.kinds.values() {
            sum += kind.counts;
        }
        sum
    }

    /// CPU time of the server for one operation, in microseconds.
    pub(crate) fn server_cpu_per_operation(&self) -> Option<f64> {
        Some(self.per_operation(&self.server_cost?))
    }

    /// CPU time of the database for one operation, in microseconds.
    pub(crate) fn database_cpu_per_operation(&self) -> Option<f64> {
        Some(self.per_operation(&self.database_cost?))
    }

    /// Octets of SIP to and from the server for one operation.
    pub(crate) fn octets_per_operation(&self) -> [f64; 2] {
        let operations = self.counts().succeeded.max(1) as f64;
        [self.wire.sent_octets, self.wire.received_octets].map(|octets| octets as f64 / operations)
    }

    fn per_operation(&self, cost: &Cost) -> f64 {
        let spent = cost.after.cpu_since(&cost.before).as_micros() as f64;
        spent / (self.counts().succeeded.max(1)) as f64
    }
}
