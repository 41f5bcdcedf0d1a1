//! The record in a few lines, for the terminal.

use std::fmt::Write;

use super::record::{Kind, Record};
use crate::measure::growth::Growth;
use crate::progress::micros;

/// What a run was like.
pub(crate) fn summary(record: &Record) -> String {
    let mut out = String::new();
    for (name, kind) in &record.kinds {
        write_kind(name, kind, record, &mut out);
    }
    if let Some(cost) = record.server_cpu_per_operation() {
        let _ = writeln!(out, "server: {cost:.1} µs of CPU an operation");
    }
    if let Some(cost) = record.database_cpu_per_operation() {
        let _ = writeln!(out, "database: {cost:.1} µs of CPU an operation");
    }
    write_memory(record, &mut out);
    if let Some(why) = &record.bottleneck {
        let _ = writeln!(out, "The generator was the bottleneck: {why}.");
    }
    out
}

/// What the server holds for each thing it keeps, and what it took to talk to it.
fn write_memory(record: &Record, out: &mut String) {
    for grown in &record.growth {
        let Growth {
            unit, count, each, ..
        } = grown;
        let few = if grown.is_telling() {
            ""
        } else {
            ", too few to judge by"
        };
        let _ = writeln!(
            out,
            "server: {each:.0} bytes more for each {unit} ({count}{few})"
        );
    }
    if record.counts().succeeded > 0 {
        let [sent, received] = record.octets_per_operation();
        let _ = writeln!(
            out,
            "network: {sent:.0} bytes of SIP to the server and {received:.0} from it an operation"
        );
    }
}

fn write_kind(name: &str, kind: &Kind, record: &Record, out: &mut String) {
    let Kind {
        counts,
        latency,
        lag,
        refusals,
    } = kind;
    let rate = record.rate(name);
    let _ = writeln!(
        out,
        "{name}: {} of {} succeeded in {:.1} s, {rate:.0}/s",
        counts.succeeded, counts.due, record.seconds
    );
    let others: Vec<String> = counts
        .columns()
        .filter(|(column, value)| *value > 0 && !matches!(*column, "due" | "begun" | "succeeded"))
        .map(|(column, value)| format!("{value} {column}"))
        .collect();
    if !others.is_empty() {
        let _ = writeln!(out, "  {}", others.join(", "));
    }
    if counts.begun < counts.due {
        let _ = writeln!(
            out,
            "  {} were due and never begun",
            counts.due - counts.begun
        );
    }
    for (status, count) in refusals {
        let _ = writeln!(out, "  {count} answered {status}");
    }
    let _ = writeln!(
        out,
        "  latency p50 {}  p90 {}  p99 {}  p99.9 {}  max {}; sent behind schedule p99 {}",
        micros(latency.p50),
        micros(latency.p90),
        micros(latency.p99),
        micros(latency.p999),
        micros(latency.max),
        micros(lag.p99),
    );
}
