//! What so many subscribers need, as text and as a page.

use std::fmt::Write;

use super::html::{self, label};
use super::plot::escape;
use super::units;
use crate::behaviour::Behaviour;
use crate::capacity::fit::Fit;
use crate::capacity::{Capacity, Check, Figure, Needs, Quantity};

/// A table with a heading for each column and a name for each row.
struct Table {
    columns: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

/// For the terminal.
pub(crate) fn text(capacity: &Capacity) -> String {
    let mut out = format!(
        "{} subscribers on {}\n{}\n\n",
        units::number(capacity.wanted().subscribers),
        capacity.server,
        behaviour(&capacity.behaviour),
    );
    for (heading, table) in [
        ("needs for subscribers", needs(capacity)),
        ("cost of one", costs(capacity)),
        ("memory", memory(capacity)),
    ] {
        table.print(heading, &mut out);
    }
    for check in &capacity.checks {
        checked(check).print(&format!("check: {}", check.run), &mut out);
    }
    for note in &capacity.notes {
        let _ = writeln!(out, "{note}");
    }
    out
}

/// For the browser.
pub(crate) fn page(capacity: &Capacity) -> String {
    let wanted = capacity.wanted();
    let title = format!(
        "{} subscribers on {}",
        units::number(wanted.subscribers),
        capacity.server
    );
    let mut body = format!(
        "<header><p class=\"eyebrow\">plan · {}</p><h1>{}</h1></header>",
        escape(&behaviour(&capacity.behaviour)),
        escape(&title),
    );
    body += &verdict(capacity);
    body += &tiles(capacity);
    body += "<h2>Where it goes</h2><section class=\"plots\">";
    body += &shares(
        "Server CPU: cores in use",
        &cpu_parts(capacity, &capacity.constants.server_cpu),
    );
    if let Some(database) = &capacity.constants.database_cpu {
        body += &shares("Database CPU: cores in use", &cpu_parts(capacity, database));
    }
    body += &shares("Server memory", &memory_parts(capacity));
    body += "</section><h2>How it grows</h2>";
    body += &needs(capacity).html(Some(1));
    body += "<h2>What one costs</h2>";
    body += &costs(capacity).html(None);
    body += &memory(capacity).html(None);
    for check in &capacity.checks {
        let _ = write!(
            body,
            "<h2>Checked by another run</h2><p class=\"note\">{}</p>",
            escape(&check.run)
        );
        body += &checked(check).html(None);
    }
    body += "<h2>How it was worked out</h2>";
    for note in &capacity.notes {
        let _ = write!(body, "<p class=\"note\">{}</p>", escape(note));
    }
    body += "<p class=\"note\">Costs of operations are those of the runs this was worked out from, by least squares; \
             rates are as evenly spread as there. A network figure has IP, UDP and Ethernet with its gaps around each \
             datagram.</p>";
    html::shell(&title, &body)
}

/// How far off the worst figure of all checks was.
fn verdict(capacity: &Capacity) -> String {
    let figures = capacity.checks.iter().flat_map(|check| &check.figures);
    let worst = figures.max_by(|a, b| a.off.abs().total_cmp(&b.off.abs()));
    let (class, headline, reason) = match worst {
        None => (
            "doubtful",
            "Not checked.",
            "No run at another size was held against it (--check).".to_owned(),
        ),
        Some(figure) if figure.off.abs() <= NEAR => (
            "good",
            "Checked.",
            format!(
                "The worst figure was {}: off by {}.",
                figure.name,
                off(figure)
            ),
        ),
        Some(figure) => (
            "doubtful",
            "Checked.",
            format!("Take care: {} was off by {}.", figure.name, off(figure)),
        ),
    };
    format!("<p class=\"verdict {class}\"><b>{headline}</b> <span>{reason}</span></p>")
}

/// A prediction this near is good enough to buy machines by.
const NEAR: f64 = 0.15;

fn tiles(capacity: &Capacity) -> String {
    let Needs {
        load,
        cores,
        database_cores,
        rates,
        ..
    } = capacity.wanted();
    let mut out = String::from("<section class=\"tiles\">");
    let mut tile = |name: &str, figure: &str, below: &str| {
        let _ = write!(
            out,
            "<div class=\"tile\"><h3>{name}</h3><strong>{figure}</strong><small>{below}</small></div>"
        );
    };
    let below = |used: f64| {
        format!(
            "{} in use, none above {}",
            units::number(used),
            percent(capacity.busy)
        )
    };
    tile("Server cores", &cores.to_string(), &below(load.server_cpu));
    if let (Some(cores), Some(used)) = (database_cores, load.database_cpu) {
        tile("Database cores", &cores.to_string(), &below(used));
    }
    let at_rest = units::bytes(capacity.constants.memory_at_rest);
    tile(
        "Server memory",
        &units::bytes(load.memory),
        &format!("{at_rest} of it at rest"),
    );
    let [to, from] = load.bits();
    tile(
        "Network",
        &units::bits(to.max(from)),
        &format!("in {} · out {}", units::bits(to), units::bits(from)),
    );
    let all: f64 = rates.values().sum();
    let each = kinds(capacity).map(|kind| format!("{kind} {}", units::number(rates[kind])));
    tile(
        "Operations",
        &format!("{}/s", units::number(all)),
        &each.collect::<Vec<_>>().join(" · "),
    );
    out + "</section>"
}

/// The kinds of operations, most frequent ones first.
fn kinds(capacity: &Capacity) -> impl Iterator<Item = &'static str> {
    let rates = capacity.behaviour.rates(1.0).into_iter();
    rates.filter(|(_, rate)| *rate > 0.0).map(|(kind, _)| kind)
}

/// Parts of a whole, each with its name and how it is told.
type Parts = Vec<(String, f64, String)>;

fn cpu_parts(capacity: &Capacity, fit: &Fit) -> Parts {
    let rates = &capacity.wanted().rates;
    let kinds = kinds(capacity).map(|name| {
        let each = fit.each.get(name).copied().unwrap_or_default();
        (label(name), rates[name] * each / 1e6)
    });
    let idle = fit.fixed.map(|fixed| ("idle".to_owned(), fixed / 1e6));
    kinds
        .chain(idle)
        .map(|(name, cores)| (name, cores, units::number(cores)))
        .collect()
}

fn memory_parts(capacity: &Capacity) -> Parts {
    let constants = &capacity.constants;
    let wanted = capacity.wanted();
    let each = |unit: crate::measure::growth::Unit| {
        constants
            .memory
            .each
            .get(&unit.to_string())
            .copied()
            .unwrap_or_default()
    };
    let parts = [
        (
            "Contacts".to_owned(),
            wanted.subscribers * each(constants.contact()),
        ),
        (
            "Pending calls".to_owned(),
            wanted.pending_calls * each(crate::measure::growth::Unit::PendingCall),
        ),
        (
            "once".to_owned(),
            constants.memory.fixed.unwrap_or_default(),
        ),
        ("at rest".to_owned(), constants.memory_at_rest),
    ];
    parts
        .into_iter()
        .map(|(name, bytes)| (name, bytes, units::bytes(bytes)))
        .collect()
}

/// Parts as one bar, with a legend.
fn shares(title: &str, parts: &Parts) -> String {
    const CLASSES: [&str; 4] = ["first", "second", "third", "own"];
    let whole: f64 = parts.iter().map(|(_, value, _)| value).sum();
    let mut out =
        format!("<figure class=\"shares\"><figcaption><h3>{title}</h3><ul class=\"legend\">");
    let shown = || {
        parts
            .iter()
            .zip(CLASSES)
            .filter(|((_, value, _), _)| *value > 0.0)
    };
    for ((name, _, told), class) in shown() {
        let _ = write!(out, "<li class=\"{class}\">{name} <b>{told}</b></li>");
    }
    out += "</ul></figcaption><div class=\"stack\">";
    for ((_, value, _), class) in shown() {
        let _ = write!(
            out,
            "<i class=\"{class}\" style=\"width:{:.2}%\"></i>",
            100.0 * value / whole
        );
    }
    out + "</div></figure>"
}

fn behaviour(behaviour: &Behaviour) -> String {
    let span = |length: std::time::Duration| units::seconds(length.as_secs_f64());
    let mut parts = Vec::new();
    for (pause, what) in [
        (behaviour.keepalive, "keep-alive"),
        (behaviour.refresh, "registration"),
    ] {
        if !pause.is_zero() {
            parts.push(format!("one {what} in {}", span(pause)));
        }
    }
    if behaviour.calls_per_100k > 0.0 {
        parts.push(format!(
            "{} calls/s for 100,000",
            units::trimmed(behaviour.calls_per_100k)
        ));
        parts.push(format!(
            "{} of ringing, {} of talk",
            span(behaviour.ring),
            span(behaviour.talk)
        ));
    }
    parts.join(", ")
}

/// One column for each size.
fn needs(capacity: &Capacity) -> Table {
    let row = |name: &str, told: &dyn Fn(&Needs) -> String| {
        (
            name.to_owned(),
            capacity.needs.iter().map(told).collect::<Vec<_>>(),
        )
    };
    let rate = |kind: &'static str| {
        row(&label(kind), &|it| {
            format!("{}/s", units::number(it.rates[kind]))
        })
    };
    let mut rows: Vec<_> = kinds(capacity).map(rate).collect();
    rows.push(row("Pending calls", &|it| units::number(it.pending_calls)));
    rows.push(row("Server CPU, cores in use", &|it| {
        units::number(it.load.server_cpu)
    }));
    let none_above = percent(capacity.busy);
    rows.push(row(
        &format!("Server cores, none above {none_above}"),
        &|it| it.cores.to_string(),
    ));
    rows.push(row("Server memory", &|it| units::bytes(it.load.memory)));
    rows.push(row("Network, to the server", &|it| {
        units::bits(it.load.bits()[0])
    }));
    rows.push(row("Network, from the server", &|it| {
        units::bits(it.load.bits()[1])
    }));
    if capacity.constants.database_cpu.is_some() {
        let used = |it: &Needs| it.load.database_cpu.map_or_else(String::new, units::number);
        rows.push(row("Database CPU, cores in use", &used));
        let cores = |it: &Needs| {
            it.database_cores
                .map_or_else(String::new, |cores| cores.to_string())
        };
        rows.push(row(
            &format!("Database cores, none above {none_above}"),
            &cores,
        ));
    }
    Table {
        columns: capacity
            .needs
            .iter()
            .map(|it| units::number(it.subscribers))
            .collect(),
        rows,
    }
}

/// One column for each kind, and one for what is spent anyway.
fn costs(capacity: &Capacity) -> Table {
    let constants = &capacity.constants;
    let kinds: Vec<&str> = kinds(capacity).collect();
    let row = |name: &str, fit: &Fit, told: fn(f64) -> String| {
        let each = kinds.iter().map(|kind| fit.each.get(*kind).copied());
        let cells = each
            .chain([fit.fixed])
            .map(|cost| cost.map_or_else(|| "–".to_owned(), told));
        (name.to_owned(), cells.collect())
    };
    let [to, from, ..] = &constants.wire;
    let mut rows = vec![row("Server CPU", &constants.server_cpu, units::micros)];
    rows.extend(
        constants
            .database_cpu
            .as_ref()
            .map(|fit| row("Database CPU", fit, units::micros)),
    );
    rows.push(row("SIP to the server", to, units::bytes));
    rows.push(row("SIP from the server", from, units::bytes));
    let mut columns: Vec<String> = kinds.iter().map(|kind| label(kind)).collect();
    columns.push("idle, a second".to_owned());
    Table { columns, rows }
}

fn memory(capacity: &Capacity) -> Table {
    let constants = &capacity.constants;
    let mut rows = vec![(
        "Server at rest".to_owned(),
        vec![units::bytes(constants.memory_at_rest)],
    )];
    rows.extend(constants.memory.fixed.map(|once| {
        (
            "once, when phones come".to_owned(),
            vec![units::bytes(once)],
        )
    }));
    let each = constants.memory.each.iter();
    rows.extend(each.map(|(unit, bytes)| (format!("each {unit}"), vec![units::bytes(*bytes)])));
    Table {
        columns: vec!["memory".to_owned()],
        rows,
    }
}

fn checked(check: &Check) -> Table {
    let row = |figure: &Figure| {
        let told = |value| match figure.quantity {
            Quantity::Cores => format!("{} cores", units::number(value)),
            Quantity::Bytes => units::bytes(value),
            Quantity::OctetsPerSecond => format!("{}/s", units::bytes(value)),
        };
        (
            figure.name.to_owned(),
            vec![told(figure.predicted), told(figure.measured), off(figure)],
        )
    };
    Table {
        columns: ["predicted", "measured", "off by"]
            .map(str::to_owned)
            .to_vec(),
        rows: check.figures.iter().map(row).collect(),
    }
}

/// `60 %`
fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// `+3.2 %`
fn off(figure: &Figure) -> String {
    let tenths = (1000.0 * figure.off).round();
    let sign = match tenths {
        below if below < 0.0 => "−",
        above if above > 0.0 => "+",
        _ => "",
    };
    format!("{sign}{:.1} %", tenths.abs() / 10.0)
}

impl Table {
    fn print(&self, heading: &str, out: &mut String) {
        let length = |text: &String| text.chars().count();
        let names = self.rows.iter().map(|(name, _)| length(name));
        let left = names
            .chain([heading.chars().count()])
            .max()
            .unwrap_or_default();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(at));
                cells
                    .chain([&self.columns[at]])
                    .map(length)
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let mut line = |name: &str, cells: &[String]| {
            let _ = write!(out, "{name:left$}");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(out, "  {cell:>width$}");
            }
            out.push('\n');
        };
        line(heading, &self.columns);
        for (name, cells) in &self.rows {
            line(name, cells);
        }
        out.push('\n');
    }

    /// With one column marked.
    fn html(&self, marked: Option<usize>) -> String {
        let mut out = String::from("<div class=\"wide\"><table><thead><tr><th></th>");
        for column in &self.columns {
            let _ = write!(out, "<th>{}</th>", escape(column));
        }
        out += "</tr></thead><tbody>";
        for (name, cells) in &self.rows {
            let _ = write!(out, "<tr><th>{}</th>", escape(name));
            for (at, cell) in cells.iter().enumerate() {
                let class = if marked == Some(at) { "this" } else { "" };
                let _ = write!(out, "<td class=\"{class}\">{}</td>", escape(cell));
            }
            out += "</tr>";
        }
        out + "</tbody></table></div>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::tests::capacity;

    #[test]
    fn the_text_has_needs_costs_and_checks() {
        let text = text(&capacity());
        let row = |name: &str| -> Vec<&str> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {text}"))
                .split_whitespace()
                .collect()
        };
        let rates = ["33,333/s", "66,667/s", "133,333/s", "266,667/s"];
        assert_eq!(row("Keep-alives"), rates, "{text}");
        assert_eq!(row("Server memory")[2..4], ["340", "MB"], "{text}");
        assert_eq!(row("Server CPU  ")[..4], ["10.0", "µs", "200", "µs"]);
        let memory = ["43.0", "MB", "43.0", "MB", "0.0", "%"];
        assert_eq!(row("server memory"), memory, "{text}");
    }

    #[test]
    fn the_page_loads_nothing_and_marks_what_was_asked_for() {
        let page = page(&capacity());
        for outside in ["http:", "https:", "src=", "@import", "url(", "<script"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("<td class=\"this\">66,667/s</td>"));
        assert!(page.contains("class=\"verdict good\""));
    }
}
