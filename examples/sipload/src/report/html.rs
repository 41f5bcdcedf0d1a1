//! The report as one page that needs nothing else: no network, no script.

use std::fmt::Write;

use super::plot::{Line, Plot, Unit, escape};
use super::record::{Cost, Kind, Record, Second};
use super::{reference, units};
use crate::measure::counts::Counts;

/// Less success than this and the server did not keep up.
const ENOUGH: f64 = 0.999;

/// The whole report.
pub(crate) fn page(record: &Record) -> String {
    let (work, server) = (escape(&record.work), escape(&record.server));
    let mut body = format!(
        "<header><p class=\"eyebrow\">{work} · {began} · {length} measured</p><h1>{work} against {server}</h1></header>",
        began = escape(&record.began),
        length = units::seconds(record.seconds.round()),
    );
    body += &Verdict::of(record).banner();
    body += &tiles(record);
    body += "<h2>Over time</h2>";
    body += &plots(record);
    body += "<h2>What became of every operation</h2>";
    body += &counts(record);
    body += "<h2>How long it took</h2>";
    body += &latencies(record);
    body += "<h2>What one costs</h2>";
    body += &costs(record);
    body += "<h2>Beside the capacity report of 2010</h2>";
    body += &reference::table(record);
    body += "<h2>How it was measured</h2>";
    body += &circumstances(record);
    shell(&format!("{work} against {server}"), &body)
}

/// A page around `body`; both are HTML already.
pub(crate) fn shell(title: &str, body: &str) -> String {
    let style = include_str!("style.css");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} – sipload</title><style>\n{style}</style></head>\n<body>{body}</body></html>\n"
    )
}

/// What the run says of the server, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) grade: Grade,
    pub(crate) headline: &'static str,
    pub(crate) reason: String,
}

/// How far the server is to be believed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grade {
    Good,
    /// The figures are the generator's own as much as the server's.
    Doubtful,
    Bad,
}

impl Verdict {
    pub(crate) fn of(record: &Record) -> Verdict {
        let counts = record.counts();
        let ended = counts.succeeded + counts.refused + counts.lost;
        let kinds = record.kinds.iter();
        let worst = kinds.min_by(|a, b| kept(a.1).total_cmp(&kept(b.1)));
        // Many keep-alives must not hide a few calls.
        let failing = worst.filter(|(_, kind)| kept(kind) < ENOUGH);
        let (grade, headline) = match &record.bottleneck {
            _ if ended == 0 => (Grade::Bad, "Nothing was answered."),
            Some(_) => (Grade::Doubtful, "The generator was the limit."),
            None if failing.is_some() => (Grade::Bad, "The server did not keep up."),
            None => (Grade::Good, "The server kept up."),
        };
        let mut reason = ending(&counts);
        if let Some((name, kind)) = failing.filter(|_| record.kinds.len() > 1) {
            let _ = write!(
                reason,
                " Worst was {name}: {} ended as they should.",
                units::percent(kept(kind))
            );
        }
        if let Some(why) = &record.bottleneck {
            reason = format!("It may be that the server can do more: {why}. {reason}");
        }
        Verdict {
            grade,
            headline,
            reason,
        }
    }

    fn banner(&self) -> String {
        let class = match self.grade {
            Grade::Good => "good",
            Grade::Doubtful => "doubtful",
            Grade::Bad => "bad",
        };
        let (headline, reason) = (self.headline, escape(&self.reason));
        format!("<p class=\"verdict {class}\"><b>{headline}</b> <span>{reason}</span></p>")
    }
}

/// Share of what was begun that ended as it should; what was still under way after all patience did not.
fn kept(kind: &Kind) -> f64 {
    kind.counts.succeeded as f64 / kind.counts.begun.max(1) as f64
}

/// How operations ended, as a sentence.
fn ending(counts: &Counts) -> String {
    let due = units::count(counts.due);
    let wrong = [
        (counts.refused, "refused"),
        (counts.lost, "lost"),
        (counts.unfinished, "unfinished"),
        (counts.due.saturating_sub(counts.begun), "never begun"),
    ];
    let wrong: Vec<String> = wrong
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", units::count(*count)))
        .collect();
    match wrong.is_empty() {
        true => format!("All {due} operations ended as they should."),
        false => format!("Of {due} operations due: {}.", wrong.join(", ")),
    }
}

fn tiles(record: &Record) -> String {
    let counts = record.counts();
    let rate = counts.succeeded as f64 / record.seconds.max(f64::MIN_POSITIVE);
    let mut out = String::from("<section class=\"tiles\">");
    let mut tile = |name: &str, figure: &str, below: &str| {
        let _ = write!(
            out,
            "<div class=\"tile\"><h3>{name}</h3><strong>{figure}</strong><small>{below}</small></div>"
        );
    };
    tile(
        "Success",
        &units::percent(counts.success()),
        &format!("{} succeeded", units::count(counts.succeeded)),
    );
    tile(
        "Operations",
        &format!("{}/s", units::number(rate)),
        &rates(record),
    );
    let slowest = |value: fn(&Kind) -> u64| {
        let (name, kind) = record.kinds.iter().max_by_key(|(_, kind)| value(kind))?;
        Some((units::micros(value(kind) as f64), name.as_str()))
    };
    let several = record.kinds.len() > 1;
    for (name, value) in [
        ("Latency p50", (|kind| kind.latency.p50) as fn(&Kind) -> u64),
        ("Latency p99", |kind| kind.latency.p99),
    ] {
        if let Some((figure, kind)) = slowest(value) {
            let below = if several {
                format!("{}, the slowest", escape(kind))
            } else {
                "from when it was due".to_owned()
            };
            tile(name, &figure, &below);
        }
    }
    if let (Some(cpu), Some(cost)) = (record.server_cpu_per_operation(), &record.server_cost) {
        let mut below = format!(
            "server, {} cores",
            units::number(reference::cores(cost, record.seconds))
        );
        if let Some(database) = record.database_cpu_per_operation() {
            let _ = write!(below, " · database {}", units::micros(database));
        }
        tile("CPU per operation", &units::micros(cpu), &below);
        tile(
            "Server memory",
            &units::bytes(cost.after.pss as f64),
            &growth(cost),
        );
    }
    out + "</section>"
}

/// The rate of each kind, when there are several.
fn rates(record: &Record) -> String {
    if record.kinds.len() < 2 {
        return format!("for {}", units::seconds(record.seconds.round()));
    }
    let each = |name: &String| format!("{} {}", escape(name), units::number(record.rate(name)));
    record
        .kinds
        .keys()
        .map(each)
        .collect::<Vec<_>>()
        .join(" · ")
}

fn growth(cost: &Cost) -> String {
    match cost.after.pss.checked_sub(cost.before.pss) {
        Some(grown) => format!("+{} in this run", units::bytes(grown as f64)),
        None => format!(
            "−{} in this run",
            units::bytes((cost.before.pss - cost.after.pss) as f64)
        ),
    }
}

fn plots(record: &Record) -> String {
    let mut out = String::from("<section class=\"plots\">");
    for (name, kind) in &record.kinds {
        out += &rate_plot(record, name).figure();
        out += &latency_plot(record, name, kind).figure();
    }
    out += &cpu_plot(record).figure();
    if record.server_cost.is_some() {
        out += &memory_plot(record).figure();
    }
    out + "</section>"
}

/// What was due, done and failed in each second.
fn rate_plot(record: &Record, name: &str) -> Plot {
    let mean = |count: u64| {
        format!(
            "{}/s",
            units::number(count as f64 / record.seconds.max(f64::MIN_POSITIVE))
        )
    };
    let sum = record
        .kinds
        .get(name)
        .map(|kind| kind.counts)
        .unwrap_or_default();
    let line = |label, class, count: fn(&Counts) -> u64| Line {
        label,
        class,
        told: mean(count(&sum)),
        points: per_second(record, name, count),
    };
    let failed = |counts: &Counts| counts.refused + counts.lost;
    let mut lines = vec![
        line("due", "due", |counts| counts.due),
        line("succeeded", "done", |counts| counts.succeeded),
    ];
    if failed(&sum) > 0 {
        lines.push(line("failed", "failed", failed));
    }
    Plot {
        title: format!("{}: rate", label(name)),
        unit: Unit::PerSecond,
        lines,
    }
}

/// A count of one kind as a rate: looks are about a second apart, not exactly.
fn per_second(record: &Record, name: &str, count: fn(&Counts) -> u64) -> Vec<(f64, Option<f64>)> {
    let mut last = 0.0;
    let rate = |second: &Second| {
        let elapsed = second.at - last;
        last = second.at;
        let kind = second.kinds.get(name).filter(|_| elapsed > 0.0);
        (
            second.at,
            kind.map(|kind| count(&kind.counts) as f64 / elapsed),
        )
    };
    record.series.iter().map(rate).collect()
}

fn latency_plot(record: &Record, name: &str, kind: &Kind) -> Plot {
    let line = |label, class, value: fn(&Kind) -> u64| Line {
        label,
        class,
        told: units::micros(value(kind) as f64),
        points: over_time(record, |second| {
            let value = value(second.kinds.get(name)?);
            (value > 0).then_some(value as f64)
        }),
    };
    let lines = vec![
        line("slowest", "max", |kind| kind.latency.max),
        line("p99", "p99", |kind| kind.latency.p99),
        line("p50", "p50", |kind| kind.latency.p50),
    ];
    Plot {
        title: format!("{}: latency", label(name)),
        unit: Unit::Micros,
        lines,
    }
}

fn cpu_plot(record: &Record) -> Plot {
    let line = |label, class, cost: Option<Cost>, value: fn(&Second) -> f64| {
        let cost = cost?;
        Some(Line {
            label,
            class,
            told: units::number(reference::cores(&cost, record.seconds)),
            points: over_time(record, |second| Some(value(second))),
        })
    };
    let lines = [
        line("generator", "own", Some(record.own_cost), |second| {
            second.own_cores
        }),
        line("database", "database", record.database_cost, |second| {
            second.database_cores
        }),
        line("server", "server", record.server_cost, |second| {
            second.server_cores
        }),
    ];
    Plot {
        title: "CPU: cores in use".to_owned(),
        unit: Unit::Cores,
        lines: lines.into_iter().flatten().collect(),
    }
}

fn memory_plot(record: &Record) -> Plot {
    let points = over_time(record, |second| {
        (second.server_pss > 0).then_some(second.server_pss as f64)
    });
    let told = record.server_cost.map_or(0, |cost| cost.after.pss);
    let line = Line {
        label: "server, at the end",
        class: "server",
        told: units::bytes(told as f64),
        points,
    };
    Plot {
        title: "Memory (PSS)".to_owned(),
        unit: Unit::Bytes,
        lines: vec![line],
    }
}

fn over_time(record: &Record, value: impl Fn(&Second) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
    record
        .series
        .iter()
        .map(|second| (second.at, value(second)))
        .collect()
}

/// A kind as a heading.
pub(crate) fn label(name: &str) -> String {
    match name {
        "keepalive" => "Keep-alives".to_owned(),
        "register" => "Registrations".to_owned(),
        "call" => "Calls".to_owned(),
        "connection" => "Connections".to_owned(),
        other => other.to_owned(),
    }
}

fn counts(record: &Record) -> String {
    let mut out = String::from("<div class=\"wide\"><table id=\"counts\"><thead><tr><th>kind</th>");
    for (name, _) in Counts::default().columns() {
        let _ = write!(out, "<th>{name}</th>");
    }
    out += "<th>success</th></tr></thead><tbody>";
    for (name, kind) in &record.kinds {
        let _ = write!(out, "<tr><th>{}</th>", escape(&label(name)));
        for (column, count) in kind.counts.columns() {
            let class = match (column, count) {
                (_, 0) => "zero",
                ("refused" | "lost" | "unfinished", _) => "wrong",
                _ => "",
            };
            let _ = write!(out, "<td class=\"{class}\">{}</td>", units::count(count));
        }
        let _ = write!(
            out,
            "<td>{}</td></tr>",
            units::percent(kind.counts.success())
        );
    }
    out += "</tbody></table></div>";
    out + &refusals(record)
}

fn refusals(record: &Record) -> String {
    let mut out = String::new();
    for (name, kind) in record
        .kinds
        .iter()
        .filter(|(_, kind)| !kind.refusals.is_empty())
    {
        let each =
            |(status, count): (&u16, &u64)| format!("{} with {status}", units::count(*count));
        let statuses: Vec<String> = kind.refusals.iter().map(each).collect();
        let _ = write!(
            out,
            "<p class=\"note\">{} refused: {}.</p>",
            escape(&label(name)),
            statuses.join(", ")
        );
    }
    out
}

fn latencies(record: &Record) -> String {
    let mut out = String::from(
        "<div class=\"wide\"><table><thead><tr><th>kind</th><th>rate</th><th>p50</th><th>p90</th><th>p99</th>\
         <th>p99.9</th><th>slowest</th><th>sent late, p99</th></tr></thead><tbody>",
    );
    for (name, kind) in &record.kinds {
        let (rate, latency) = (units::number(record.rate(name)), &kind.latency);
        let _ = write!(
            out,
            "<tr><th>{}</th><td>{rate}/s</td>",
            escape(&label(name))
        );
        for value in [
            latency.p50,
            latency.p90,
            latency.p99,
            latency.p999,
            latency.max,
            kind.lag.p99,
        ] {
            let _ = write!(out, "<td>{}</td>", units::micros(value as f64));
        }
        out += "</tr>";
    }
    out + "</tbody></table></div><p class=\"note\">From the moment an operation was due until it had ended, so that \
           waiting in the generator counts too; calls without their ringing.</p>"
}

/// What one operation, and one thing the server holds, takes.
fn costs(record: &Record) -> String {
    let mut out = String::from(
        "<div class=\"wide\"><table><thead><tr><th></th><th>each</th><th>measured with</th></tr></thead><tbody>",
    );
    let mut row = |name: &str, each: &str, with: &str| {
        let _ = write!(
            out,
            "<tr><th>{name}</th><td class=\"this\">{each}</td><td>{with}</td></tr>"
        );
    };
    let done = record.counts().succeeded;
    let operations = format!("{} operations", units::count(done));
    for (name, cost) in [
        (
            "Server CPU of an operation",
            record.server_cpu_per_operation(),
        ),
        (
            "Database CPU of an operation",
            record.database_cpu_per_operation(),
        ),
    ] {
        if let Some(cost) = cost {
            row(name, &units::micros(cost), &operations);
        }
    }
    if done > 0 {
        let [to, from] = record.octets_per_operation().map(units::bytes);
        row("SIP to the server for an operation", &to, &operations);
        row("SIP from the server for an operation", &from, &operations);
    }
    for grown in &record.growth {
        let few = if grown.is_telling() {
            ""
        } else {
            ", too few to judge by"
        };
        let (count, bytes) = (units::count(grown.count), units::bytes(grown.bytes as f64));
        row(
            &format!("Server memory of a {}", grown.unit),
            &units::bytes(grown.each),
            &format!("{count} of them, {bytes}{few}"),
        );
    }
    out + "</tbody></table></div>"
}

fn circumstances(record: &Record) -> String {
    let own = units::number(reference::cores(&record.own_cost, record.seconds));
    let memory = units::bytes(record.own_cost.after.pss as f64);
    let mut out = String::from("<dl>");
    let mut item = |name: &str, told: &str| {
        let _ = write!(out, "<dt>{name}</dt><dd>{told}</dd>");
    };
    item(
        "command",
        &format!("<code>{}</code>", escape(&record.command)),
    );
    for (name, cost) in [
        ("server", record.server_cost),
        ("database", record.database_cost),
    ] {
        if let Some(cost) = cost {
            let cores = units::number(reference::cores(&cost, record.seconds));
            let memory = units::bytes(cost.after.pss as f64);
            item(name, &format!("{cores} cores, {memory}"));
        }
    }
    item("generator", &format!("{own} cores, {memory}"));
    let limit = record.bottleneck.as_deref().unwrap_or("not the limit");
    item("the generator was", &escape(limit));
    item(
        "CPU",
        "user and system time of all threads and children; one core is 1",
    );
    item(
        "memory",
        "proportional set size: shared pages are divided among those who share them",
    );
    out + "</dl>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_good_run_is_called_good() {
        let verdict = Verdict::of(&sample::keepalive(60));
        assert_eq!(
            (verdict.grade, verdict.headline),
            (Grade::Good, "The server kept up.")
        );
        assert!(verdict.reason.starts_with("All "), "{}", verdict.reason);
    }

    #[test]
    fn losses_and_refusals_are_named() {
        let mut record = sample::keepalive(60);
        let counts = &mut record.kinds.get_mut("keepalive").unwrap().counts;
        counts.succeeded -= 100_003;
        counts.refused = 100_000;
        counts.lost = 3;
        let verdict = Verdict::of(&record);
        assert_eq!(verdict.grade, Grade::Bad);
        assert!(
            verdict.reason.contains("100,000 refused, 3 lost"),
            "{}",
            verdict.reason
        );
    }

    #[test]
    fn what_never_ended_is_no_success() {
        let mut record = sample::keepalive(60);
        let counts = &mut record.kinds.get_mut("keepalive").unwrap().counts;
        counts.succeeded /= 2;
        counts.unfinished = counts.begun - counts.succeeded;
        assert_eq!(counts.success(), 1.0);
        assert_eq!(Verdict::of(&record).grade, Grade::Bad);
    }

    #[test]
    fn many_keep_alives_do_not_hide_a_few_calls() {
        let mut record = sample::population(60);
        let calls = &mut record.kinds.get_mut("call").unwrap().counts;
        calls.succeeded -= 600;
        calls.lost = 600;
        assert!(record.counts().success() > ENOUGH);
        let verdict = Verdict::of(&record);
        assert_eq!(verdict.grade, Grade::Bad);
        assert!(
            verdict.reason.contains("call: 95.0 % ended as they should"),
            "{}",
            verdict.reason
        );
    }

    #[test]
    fn a_generator_at_its_limit_vouches_for_nothing() {
        let mut record = sample::keepalive(60);
        record.bottleneck = Some("its 1 workers used 99 % of their cores".to_owned());
        assert_eq!(Verdict::of(&record).grade, Grade::Doubtful);
        assert!(page(&record).contains("its 1 workers used 99 %"));
    }

    #[test]
    fn a_run_without_an_answer_is_no_success() {
        let mut record = sample::keepalive(0);
        record.kinds.clear();
        record.server_cost = None;
        assert_eq!(Verdict::of(&record).headline, "Nothing was answered.");
        assert!(page(&record).ends_with("</html>\n"));
    }

    #[test]
    fn what_the_user_typed_is_no_markup() {
        let mut record = sample::keepalive(5);
        record.server = "<script>alert(1)</script>".to_owned();
        record.command = "sipload --user '<b>'".to_owned();
        let page = page(&record);
        assert!(!page.contains("<script>") && !page.contains("<b>'"));
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = page(&sample::population(120));
        for outside in ["http:", "https:", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn every_kind_has_its_plots_and_its_row() {
        let page = page(&sample::population(120));
        for told in [
            "Keep-alives: rate",
            "Registrations: latency",
            "Calls: rate",
            "66,666/s, not reached",
            "Memory (PSS)",
        ] {
            assert!(page.contains(told), "{told}");
        }
        assert_eq!(page.matches("<svg").count(), 8);
        // Two tables of kinds, what one costs, and 2010.
        assert_eq!(page.matches("<tr>").count(), 2 * (1 + 3) + (1 + 3 + 1) + 7);
    }
}
