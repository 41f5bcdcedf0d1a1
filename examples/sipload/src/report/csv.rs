//! The run second by second, for a spreadsheet (RFC 4180).

use std::fmt::Write;

use super::record::Record;
use crate::measure::counts::Counts;

/// One line a second and kind.
pub(crate) fn series(record: &Record) -> String {
    let mut out = String::from("second,kind");
    for (name, _) in Counts::default().columns() {
        let _ = write!(out, ",{name}");
    }
    out.push_str(
        ",p50_us,p99_us,max_us,server_cores,database_cores,own_cores,server_pss_bytes\r\n",
    );
    for second in &record.series {
        for (name, kind) in &second.kinds {
            let _ = write!(out, "{:.1},{name}", second.at);
            for (_, value) in kind.counts.columns() {
                let _ = write!(out, ",{value}");
            }
            let _ = write!(
                out,
                ",{},{},{},{:.3},{:.3},{:.3},{}\r\n",
                kind.latency.p50,
                kind.latency.p99,
                kind.latency.max,
                second.server_cores,
                second.database_cores,
                second.own_cores,
                second.server_pss,
            );
        }
    }
    out
}
