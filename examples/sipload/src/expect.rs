//! Conditions on a run, for CI: `success>=0.999`, `p99<=5ms`, `lost=0`, `call.rate>=100`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::report::record::{Kind, Record};
use crate::span::Span;

/// One condition. Without a kind it is about each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expectation {
    text: String,
    kind: Option<String>,
    what: String,
    sign: Sign,
    /// Seconds for percentiles.
    bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    AtLeast,
    AtMost,
    Equal,
}

const MEASURES: &str = "success, rate, p50, p90, p99, p999, max, or a count such as lost";

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Expectation, String> {
        let signs = [
            (">=", Sign::AtLeast),
            ("<=", Sign::AtMost),
            ("=", Sign::Equal),
        ];
        let found = signs
            .iter()
            .find_map(|(sign, meaning)| Some((text.split_once(sign)?, *meaning)));
        let ((name, bound), sign) =
            found.ok_or_else(|| format!("`{text}` is no condition; write it like p99<=5ms"))?;
        let (kind, what) = match name.split_once('.') {
            Some((kind, what)) => (Some(kind.trim().to_owned()), what.trim()),
            None => (None, name.trim()),
        };
        if value(what, &Kind::default(), 1.0).is_none() {
            return Err(format!("`{what}` is nothing that is measured: {MEASURES}"));
        }
        let span = |bound: &str| bound.parse::<Span>().ok().map(|span| span.as_secs_f64());
        let number = |bound: &str| bound.parse::<f64>().ok();
        let bound = bound.trim();
        let bound = match is_latency(what) {
            true => span(bound)
                .ok_or_else(|| format!("`{bound}` is no length of time, as in p99<=5ms"))?,
            false => number(bound).ok_or_else(|| format!("`{bound}` is no number"))?,
        };
        Ok(Expectation {
            text: text.to_owned(),
            kind,
            what: what.to_owned(),
            sign,
            bound,
        })
    }
}

impl Expectation {
    /// What the run had instead, if the condition is not met.
    pub(crate) fn unmet(&self, record: &Record) -> Option<String> {
        let wanted = |name: &str| self.kind.as_ref().is_none_or(|kind| kind == name);
        let kinds: Vec<_> = record
            .kinds
            .iter()
            .filter(|(name, _)| wanted(name))
            .collect();
        if kinds.is_empty() {
            return Some(format!("{self}: there was no such operation"));
        }
        kinds.into_iter().find_map(|(name, kind)| {
            let had = value(&self.what, kind, record.seconds)?;
            let met = match self.sign {
                Sign::AtLeast => had >= self.bound,
                Sign::AtMost => had <= self.bound,
                Sign::Equal => (had - self.bound).abs() < 1e-9,
            };
            let told = match is_latency(&self.what) {
                true => Span(Duration::from_secs_f64(had)).to_string(),
                false => had.to_string(),
            };
            (!met).then(|| format!("{self}: {name} had {told}"))
        })
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_latency(what: &str) -> bool {
    matches!(what, "p50" | "p90" | "p99" | "p999" | "max")
}

fn value(what: &str, kind: &Kind, seconds: f64) -> Option<f64> {
    let (counts, latency) = (&kind.counts, &kind.latency);
    let micros = |micros: u64| Some(micros as f64 / 1e6);
    match what {
        "success" => Some(counts.success()),
        "rate" => Some(counts.succeeded as f64 / seconds.max(f64::MIN_POSITIVE)),
        "p50" => micros(latency.p50),
        "p90" => micros(latency.p90),
        "p99" => micros(latency.p99),
        "p999" => micros(latency.p999),
        "max" => micros(latency.max),
        count => counts
            .columns()
            .find(|(name, _)| *name == count)
            .map(|(_, value)| value as f64),
    }
}
