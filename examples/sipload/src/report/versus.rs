//! A comparison of two servers as text and as a page: ratios with their spread.

use std::fmt::Write;

use super::plot::escape;
use super::{html, units};
use crate::compare::{Comparison, Judgement, Measure, Spread, Unit};

/// For the terminal.
pub(crate) fn text(comparison: &Comparison) -> String {
    let [first, second] = &comparison.names;
    let measures = comparison.measures();
    let width = measures
        .iter()
        .map(|measure| measure.name.len())
        .max()
        .unwrap_or_default();
    let (left, right) = (
        first.chars().count().max(12),
        second.chars().count().max(12),
    );
    let mut out = format!("{}\n\n", heading(comparison));
    let _ = writeln!(
        out,
        "{:width$}  {first:>left$}  {second:>right$}  {:>6}   spread",
        "", "ratio"
    );
    for measure in &measures {
        let [a, b] = measure
            .values
            .map(|spread| told(measure.unit, spread.median));
        let (ratio, spread) = match measure.ratio {
            Some(ratio) => (units::number(ratio.median), range(ratio)),
            None => ("–".to_owned(), String::new()),
        };
        let judgement = match measure.judgement {
            Judgement::Better => "better",
            Judgement::Worse => "worse",
            Judgement::Unclear => "no difference shown",
        };
        let _ = writeln!(
            out,
            "{:width$}  {a:>left$}  {b:>right$}  {ratio:>6}   {spread:<13}  {judgement}",
            measure.name
        );
    }
    let _ = write!(
        out,
        "\nMedians; a ratio is {first}'s figure over {second}'s in the same round, with its least and greatest.\n"
    );
    if let Some(doubt) = doubt(comparison) {
        let _ = writeln!(out, "{doubt}");
    }
    out
}

/// For the browser.
pub(crate) fn page(comparison: &Comparison) -> String {
    let [first, second] = comparison.names.each_ref().map(|name| escape(name));
    let (work, began) = (
        escape(comparison.work()),
        comparison.rounds.first().map_or("", |[run, _]| &run.began),
    );
    let command = comparison
        .rounds
        .first()
        .map_or("", |[run, _]| &run.command);
    let mut body = format!(
        "<header><p class=\"eyebrow\">{work} · {} · {}</p><h1>{first} beside {second}</h1></header>",
        escape(began),
        rounds(comparison),
    );
    if let Some(doubt) = doubt(comparison) {
        let _ = write!(
            body,
            "<p class=\"verdict doubtful\"><b>With a doubt.</b> <span>{doubt}</span></p>"
        );
    }
    body += &section(comparison);
    let _ = write!(
        body,
        "<h2>How it was measured</h2><dl><dt>command</dt><dd><code>{}</code></dd></dl>",
        escape(command)
    );
    html::shell(&format!("{first} beside {second}"), &body)
}

/// Plot and table.
pub(crate) fn section(comparison: &Comparison) -> String {
    let [first, second] = comparison.names.each_ref().map(|name| escape(name));
    let measures = comparison.measures();
    let mut out = format!(
        "<h2>{first} : {second}</h2><figure class=\"ratios\"><figcaption><ul class=\"legend\"><li class=\"better\">{first} better in \
         every round</li><li class=\"worse\">worse in every round</li><li class=\"unclear\">no difference \
         shown</li></ul></figcaption>{}</figure>",
        forest(&measures)
    );
    let _ = write!(
        out,
        "<h2>Figures</h2><div class=\"wide\"><table><thead><tr><th>median (least – greatest)</th><th>{first}</th>\
         <th>{second}</th><th>ratio</th><th>spread</th></tr></thead><tbody>"
    );
    for Measure {
        name,
        unit,
        values,
        ratio,
        judgement,
    } in &measures
    {
        let [a, b] = values.map(|spread| {
            let [median, min, max] =
                [spread.median, spread.min, spread.max].map(|value| told(*unit, value));
            format!("{median} <span class=\"note\">({min} – {max})</span>")
        });
        let class = class(*judgement);
        let (ratio, spread) =
            ratio.map_or_else(Default::default, |it| (units::number(it.median), range(it)));
        let name = escape(name);
        let _ = write!(
            out,
            "<tr><th>{name}</th><td>{a}</td><td>{b}</td><td class=\"{class}\">{ratio}</td><td>{spread}</td></tr>"
        );
    }
    let _ = write!(
        out,
        "</tbody></table></div><p class=\"note\">The same work against both in turn; a ratio is {first}'s figure over \
         {second}'s in the same round.</p>"
    );
    out
}

fn heading(comparison: &Comparison) -> String {
    let [first, second] = &comparison.names;
    format!(
        "{}: {first} beside {second}, {}",
        comparison.work(),
        rounds(comparison)
    )
}

fn rounds(comparison: &Comparison) -> String {
    match comparison.rounds.len() {
        1 => "one round, which shows no spread".to_owned(),
        2 => "2 rounds, too few to judge by".to_owned(),
        many => format!("{many} rounds in turn"),
    }
}

fn doubt(comparison: &Comparison) -> Option<String> {
    let (doubtful, all) = (comparison.doubtful(), 2 * comparison.rounds.len());
    (doubtful > 0)
        .then(|| format!("The generator itself was the limit in {doubtful} of {all} runs."))
}

fn told(unit: Unit, value: f64) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", units::number(value)),
        Unit::Share => units::percent(value),
        Unit::Micros => units::micros(value),
        Unit::Bytes => units::bytes(value),
    }
}

fn range(spread: Spread) -> String {
    format!(
        "{} – {}",
        units::number(spread.min),
        units::number(spread.max)
    )
}

fn class(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::Better => "better",
        Judgement::Worse => "worse",
        Judgement::Unclear => "unclear",
    }
}

const WIDTH: f64 = 1100.0;
const LEFT: f64 = 290.0;
const RIGHT: f64 = 190.0;
const ROW: f64 = 32.0;

/// One row a measure: its spread as a bar, its median as a dot, on a logarithmic axis about 1.
fn forest(measures: &[Measure]) -> String {
    let rows: Vec<(&Measure, Spread)> = measures
        .iter()
        .filter_map(|measure| Some((measure, measure.ratio.filter(|ratio| ratio.min > 0.0)?)))
        .collect();
    let widest = rows
        .iter()
        .map(|(_, ratio)| ratio.max.max(1.0 / ratio.min))
        .fold(1.0, f64::max);
    let doublings = widest.log2().ceil().max(1.0);
    let x = |ratio: f64| {
        let middle = LEFT + (WIDTH - LEFT - RIGHT) / 2.0;
        middle + ratio.log2() / doublings * (WIDTH - LEFT - RIGHT) / 2.0
    };
    let height = ROW * rows.len() as f64 + 28.0;
    let floor = height - 24.0;
    let mut out =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"ratios\">");
    let (most, step) = (doublings as i32, (doublings / 4.0).ceil() as i32);
    for power in (-most..=most).filter(|power| power % step == 0) {
        let (x, class) = (
            x(2_f64.powi(power)),
            if power == 0 { "even" } else { "grid" },
        );
        let label = match power {
            ..0 => format!("1/{}", 1_u64 << power.unsigned_abs().min(63)),
            _ => (1_u64 << power.unsigned_abs().min(63)).to_string(),
        };
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{floor}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>",
            height - 6.0
        );
    }
    for (at, (measure, ratio)) in rows.iter().enumerate() {
        let y = ROW * (at as f64 + 0.5);
        let (class, name) = (class(measure.judgement), escape(&measure.name));
        let [min, median, max] = [ratio.min, ratio.median, ratio.max].map(x);
        let _ = write!(
            out,
            "<text class=\"name\" x=\"0\" y=\"{:.1}\">{name}</text>\
             <line class=\"range {class}\" x1=\"{min:.1}\" x2=\"{max:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <circle class=\"dot {class}\" cx=\"{median:.1}\" cy=\"{y:.1}\" r=\"5\"/>\
             <text class=\"value\" x=\"{WIDTH}\" y=\"{:.1}\" text-anchor=\"end\">{} <tspan class=\"tick\">({})</tspan></text>",
            y + 4.5,
            y + 4.5,
            units::number(ratio.median),
            range(*ratio),
        );
    }
    out + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::comparison;

    #[test]
    fn the_table_tells_medians_ratio_spread_and_judgement() {
        let text = text(&comparison(&[[10, 20], [12, 20], [11, 20]]));
        let row = text
            .lines()
            .find(|line| line.starts_with("CPU per operation, server"))
            .unwrap();
        let words: Vec<&str> = row.split_whitespace().skip(4).collect();
        assert_eq!(
            words,
            [
                "11", "µs", "20", "µs", "0.55", "0.50", "–", "0.60", "better"
            ],
            "{text}"
        );
        assert!(text.contains("3 rounds in turn"), "{text}");
    }

    #[test]
    fn a_limited_generator_is_told_of() {
        let mut comparison = comparison(&[[10, 20]; 3]);
        comparison.rounds[0][1].bottleneck = Some("tired".to_owned());
        assert!(text(&comparison).contains("the limit in 1 of 6 runs"));
        assert!(page(&comparison).contains("With a doubt."));
    }

    #[test]
    fn every_ratio_lies_within_the_drawing() {
        let measures = comparison(&[[1, 900], [700, 1], [5, 5]]).measures();
        let drawn = forest(&measures);
        for part in drawn.split("cx=\"").skip(1) {
            let x: f64 = part.split('"').next().unwrap().parse().unwrap();
            assert!((LEFT..=WIDTH - RIGHT).contains(&x), "{x}");
        }
        assert_eq!(drawn.matches("<circle").count(), measures.len());
    }

    #[test]
    fn names_are_no_markup() {
        let mut comparison = comparison(&[[10, 20]; 3]);
        comparison.names[0] = "<i>".to_owned();
        assert!(!page(&comparison).contains("<i>"));
    }
}
