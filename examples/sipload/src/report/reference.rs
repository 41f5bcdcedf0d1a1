//! The capacity report of 2010: one server of eight cores with a MySQL database beside it.

use std::fmt::Write;

use super::record::{Cost, Record};
use super::units;
use crate::measure::growth::{Growth, Unit};

/// What that report says of one kind of operation, a second.
struct Rate {
    kind: &'static str,
    name: &'static str,
    half_million: &'static str,
    million: &'static str,
    /// The rate that one million subscribers make.
    goal: f64,
}

const RATES: [Rate; 3] = [
    Rate {
        kind: "keepalive",
        name: "Keep-alives",
        half_million: "33,333/s",
        million: "66,666/s, not reached ¹",
        goal: 66_666.0,
    },
    Rate {
        kind: "register",
        name: "Registration refreshes",
        half_million: "166/s",
        million: "332/s",
        goal: 332.0,
    },
    Rate {
        kind: "call",
        name: "Calls",
        half_million: "75–100/s",
        million: "200/s",
        goal: 200.0,
    },
];

/// Fewer connections than this say nothing about one connection.
const ENOUGH: u64 = 500;

/// The report's figures beside those of `record`, as a table.
pub(crate) fn table(record: &Record) -> String {
    let mut out = String::from(
        "<div class=\"wide\"><table><thead><tr><th></th><th>2010, 0.5 M subscribers</th>\
         <th>2010, 1 M subscribers</th><th>this run</th><th>of the 1 M load</th></tr></thead><tbody>",
    );
    for rate in &RATES {
        let Rate {
            name,
            half_million,
            million,
            ..
        } = rate;
        let measured = record
            .kinds
            .contains_key(rate.kind)
            .then(|| record.rate(rate.kind));
        let (this, share) = match measured {
            Some(measured) => (
                format!("{}/s", units::number(measured)),
                bar(measured / rate.goal),
            ),
            None => ("–".to_owned(), String::new()),
        };
        row(&mut out, name, half_million, million, &this, &share);
    }
    let cores = record.server_cost.map(|cost| cores(&cost, record.seconds));
    let cores = cores.map_or_else(
        || "–".to_owned(),
        |cores| format!("{} cores", units::number(cores)),
    );
    row(
        &mut out,
        "CPU of the SIP server",
        "8 cores below 10 % each",
        "8 cores at 10–20 % each",
        &cores,
        "",
    );
    let connection = per_connection(record).map_or_else(|| "–".to_owned(), units::bytes);
    row(
        &mut out,
        "Memory of a TCP connection",
        "4.5 kB",
        "4.5 kB",
        &connection,
        "",
    );
    row(
        &mut out,
        "Memory of a TLS connection",
        "61 kB",
        "61 kB",
        "–",
        "",
    );
    out + "</tbody></table></div><p class=\"note\">¹ The generators of 2010 could not make that many; the figures \
           for one million are without keep-alives. A dash: not part of this run.</p>"
}

fn row(out: &mut String, name: &str, half_million: &str, million: &str, this: &str, share: &str) {
    let _ = write!(
        out,
        "<tr><th>{name}</th><td>{half_million}</td><td>{million}</td><td class=\"this\">{this}</td>\
         <td class=\"share\">{share}</td></tr>"
    );
}

fn bar(share: f64) -> String {
    let (width, share) = (100.0 * share.min(1.0), units::number(share));
    format!("<span class=\"bar\"><i style=\"width:{width:.1}%\"></i></span> {share} ×")
}

/// Cores in use on average.
pub(crate) fn cores(cost: &Cost, seconds: f64) -> f64 {
    cost.after.cpu_since(&cost.before).as_secs_f64() / seconds.max(f64::MIN_POSITIVE)
}

/// Bytes of the server for each connection, if there are enough of them.
fn per_connection(record: &Record) -> Option<f64> {
    let connections = |grown: &&Growth| grown.unit == Unit::Connection && grown.count >= ENOUGH;
    record
        .growth
        .iter()
        .find(connections)
        .map(|grown| grown.each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn memory_of_a_connection_needs_connections() {
        let held = |count| Record {
            growth: vec![Growth {
                unit: Unit::Connection,
                count,
                bytes: 1000 * count,
                each: 1000.0,
            }],
            ..sample::keepalive(10)
        };
        assert_eq!(per_connection(&held(3)), None);
        let record = held(8_000);
        assert_eq!(per_connection(&record), Some(1000.0));
        assert!(table(&record).contains("1.00 kB"));
    }

    #[test]
    fn a_bar_never_leaves_its_cell() {
        assert!(bar(0.5).contains("width:50.0%"));
        assert!(bar(7.0).contains("width:100.0%") && bar(7.0).contains("7.00 ×"));
    }
}
