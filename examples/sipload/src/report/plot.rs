//! Lines over time as SVG, coloured by the page's style sheet so that they follow light, dark and paper.

use std::fmt::Write;

use super::units;

/// A drawing with its heading and legend.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) lines: Vec<Line>,
}

/// One line of a [`Plot`].
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) label: &'static str,
    /// Its colour: a class of the style sheet.
    pub(crate) class: &'static str,
    /// The figure that sums the line up, for the legend.
    pub(crate) told: String,
    /// Seconds, and the value if there was one: gaps are not drawn.
    pub(crate) points: Vec<(f64, Option<f64>)>,
}

/// What the vertical axis counts. Latencies spread over decades and have a logarithmic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Micros,
    Cores,
    Bytes,
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;

/// More points than this on one line are no use at this width.
const BUCKETS: usize = 250;

impl Plot {
    /// The drawing as a `<figure>`.
    pub(crate) fn figure(&self) -> String {
        let mut out = format!(
            "<figure><figcaption><h3>{}</h3><ul class=\"legend\">",
            escape(&self.title)
        );
        for line in self.lines.iter().filter(|line| line.is_drawn()) {
            let Line {
                label, class, told, ..
            } = line;
            let told = escape(told);
            let _ = write!(out, "<li class=\"{class}\">{label} <b>{told}</b></li>");
        }
        out += "</ul></figcaption>";
        match self.frame() {
            Some(frame) => self.draw(&frame, &mut out),
            None => out += "<p class=\"empty\">nothing was measured</p>",
        }
        out + "</figure>"
    }

    /// Where things lie; `None` when there is nothing to draw.
    fn frame(&self) -> Option<Frame> {
        let values = || {
            self.lines
                .iter()
                .flat_map(Line::values)
                .map(|(_, value)| value)
        };
        let highest = values().reduce(f64::max)?;
        let lowest = values().fold(highest, f64::min);
        // Gaps count here: drawings side by side span the same time.
        let moments = self.lines.iter().flat_map(|line| &line.points);
        let until = moments.map(|(at, _)| *at).fold(1.0, f64::max);
        let scale = match self.unit {
            Unit::Micros => Scale::decades(lowest, highest),
            _ => Scale::from_zero(highest),
        };
        Some(Frame { until, scale })
    }

    fn draw(&self, frame: &Frame, out: &mut String) {
        let title = escape(&self.title);
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
        );
        frame.draw_axes(self.unit, out);
        for line in self.lines.iter().filter(|line| line.is_drawn()) {
            line.draw(frame, out);
        }
        *out += "</svg>";
    }
}

impl Line {
    fn values(&self) -> impl Iterator<Item = (f64, f64)> {
        self.points
            .iter()
            .filter_map(|(at, value)| Some((*at, (*value)?)))
    }

    fn is_drawn(&self) -> bool {
        self.values().next().is_some()
    }

    fn draw(&self, frame: &Frame, out: &mut String) {
        let points = thinned(&self.points);
        for run in points.split(|(_, value)| value.is_none()) {
            let run: Vec<(f64, f64)> = run
                .iter()
                .filter_map(|(at, value)| Some((frame.x(*at), frame.y((*value)?))))
                .collect();
            self.draw_run(&run, out);
        }
    }

    /// Draws what has no gap.
    fn draw_run(&self, run: &[(f64, f64)], out: &mut String) {
        let class = self.class;
        match run {
            [] => {}
            [(x, y)] => {
                let _ = write!(
                    out,
                    "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"
                );
            }
            [(first, _), .., (last, _)] => {
                let mut path = String::new();
                for (x, y) in run {
                    let _ = write!(path, "{x:.1},{y:.1} ");
                }
                let path = path.trim_end();
                if class == "done" {
                    let floor = HEIGHT - BOTTOM;
                    let _ = write!(
                        out,
                        "<polygon class=\"area {class}\" points=\"{first:.1},{floor} {path} {last:.1},{floor}\"/>"
                    );
                }
                let _ = write!(out, "<polyline class=\"line {class}\" points=\"{path}\"/>");
            }
        }
    }
}

/// The smallest and the largest of each stretch, so that a spike survives.
fn thinned(points: &[(f64, Option<f64>)]) -> Vec<(f64, Option<f64>)> {
    let stretch = points.len().div_ceil(BUCKETS);
    if stretch <= 2 {
        return points.to_vec();
    }
    let mut kept = Vec::with_capacity(2 * BUCKETS);
    for bucket in points.chunks(stretch) {
        let values = || {
            bucket
                .iter()
                .enumerate()
                .filter_map(|(at, point)| Some((at, point.1?)))
        };
        let by_value = |a: &(usize, f64), b: &(usize, f64)| a.1.total_cmp(&b.1);
        let (Some(low), Some(high)) = (values().min_by(by_value), values().max_by(by_value)) else {
            kept.push((bucket[0].0, None));
            continue;
        };
        let (first, last) = (low.0.min(high.0), low.0.max(high.0));
        kept.push(bucket[first]);
        if last > first {
            kept.push(bucket[last]);
        }
    }
    kept
}

/// From values to places.
struct Frame {
    until: f64,
    scale: Scale,
}

impl Frame {
    fn x(&self, at: f64) -> f64 {
        LEFT + at / self.until * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.scale.share(value) * (HEIGHT - TOP - BOTTOM)
    }

    fn draw_axes(&self, unit: Unit, out: &mut String) {
        let (right, middle) = (WIDTH - RIGHT, LEFT - 8.0);
        for tick in self.scale.ticks() {
            let (y, label) = (self.y(tick), unit.tick(tick));
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{middle}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                y + 4.0,
            );
        }
        let step = moments(self.until);
        let below = HEIGHT - 8.0;
        for tick in (0..)
            .map(|n| f64::from(n) * step)
            .take_while(|at| *at <= self.until)
        {
            let (x, label) = (self.x(tick), units::seconds(tick));
            // The last label would hang over the edge.
            let anchor = if x > right - 12.0 { "end" } else { "middle" };
            let _ = write!(
                out,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{below}\" text-anchor=\"{anchor}\">{label}</text>"
            );
        }
    }
}

/// Seconds between two labels below a drawing.
fn moments(until: f64) -> f64 {
    const STEPS: [f64; 14] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0,
    ];
    let few = |step: &f64| until / step <= 7.0;
    let step = STEPS.into_iter().find(few);
    step.unwrap_or_else(|| (until / 7.0 / 7200.0).ceil() * 7200.0)
}

/// The vertical axis.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Linear {
        top: f64,
        step: f64,
    },
    /// Powers of ten.
    Decades {
        low: i32,
        high: i32,
    },
}

impl Scale {
    fn from_zero(highest: f64) -> Scale {
        if highest <= 0.0 {
            return Scale::Linear {
                top: 1.0,
                step: 1.0,
            };
        }
        let power = 10_f64.powf((highest / 4.0).log10().floor());
        let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
        let step = steps
            .into_iter()
            .find(|step| highest / step <= 4.0)
            .unwrap_or(power * 10.0);
        Scale::Linear {
            top: (highest / step).ceil() * step,
            step,
        }
    }

    fn decades(lowest: f64, highest: f64) -> Scale {
        let low = lowest.max(1.0).log10().floor() as i32;
        let high = highest.max(1.0).log10().ceil() as i32;
        Scale::Decades {
            low,
            high: high.max(low + 1),
        }
    }

    /// From 0 at the bottom to 1 at the top.
    fn share(self, value: f64) -> f64 {
        match self {
            Scale::Linear { top, .. } => value / top,
            Scale::Decades { low, high } => {
                (value.max(1.0).log10() - f64::from(low)).max(0.0) / f64::from(high - low)
            }
        }
    }

    fn ticks(self) -> Vec<f64> {
        match self {
            Scale::Linear { top, step } => (0..=(top / step).round() as u32)
                .map(|n| f64::from(n) * step)
                .collect(),
            Scale::Decades { low, high } if high - low <= 2 => {
                let within =
                    (low..high).flat_map(|power| [1.0, 2.0, 5.0].map(|n| n * 10_f64.powi(power)));
                within.chain([10_f64.powi(high)]).collect()
            }
            Scale::Decades { low, high } => (low..=high).map(|power| 10_f64.powi(power)).collect(),
        }
    }
}

impl Unit {
    fn tick(self, value: f64) -> String {
        let split = |text: &str| text.replace(".00", "").replace(".0 ", " ");
        match self {
            Unit::PerSecond => format!("{}/s", units::trimmed(value)),
            Unit::Micros => split(&units::micros(value)),
            Unit::Cores => units::trimmed(value),
            Unit::Bytes => split(&units::bytes(value)),
        }
    }
}

/// Text for HTML: nothing in it is markup.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(unit: Unit, points: Vec<(f64, Option<f64>)>) -> String {
        let line = Line {
            label: "here",
            class: "done",
            told: "5/s".to_owned(),
            points,
        };
        Plot {
            title: "A <b>".to_owned(),
            unit,
            lines: vec![line],
        }
        .figure()
    }

    #[test]
    fn axes_end_on_round_figures_above_the_data() {
        assert_eq!(
            Scale::from_zero(66_667.0),
            Scale::Linear {
                top: 80_000.0,
                step: 20_000.0
            }
        );
        assert_eq!(
            Scale::from_zero(0.37),
            Scale::Linear {
                top: 0.4,
                step: 0.1
            }
        );
        assert_eq!(
            Scale::from_zero(0.0),
            Scale::Linear {
                top: 1.0,
                step: 1.0
            }
        );
        assert_eq!(
            Scale::decades(120.0, 4200.0),
            Scale::Decades { low: 2, high: 4 }
        );
        assert_eq!(
            Scale::decades(100.0, 100.0),
            Scale::Decades { low: 2, high: 3 }
        );
        for highest in [0.001, 0.999, 1.0, 4.01, 7.7, 99.0, 1e9] {
            let scale = Scale::from_zero(highest);
            assert!(scale.share(highest) <= 1.0 + 1e-9, "{highest}");
            assert!(
                (2..=5).contains(&scale.ticks().len()),
                "{highest}: {:?}",
                scale.ticks()
            );
        }
    }

    #[test]
    fn values_lie_between_the_edges() {
        let drawn = plot(Unit::PerSecond, vec![(0.0, Some(0.0)), (10.0, Some(100.0))]);
        assert!(
            drawn.contains("points=\"72.0,204.0 546.0,10.0\""),
            "{drawn}"
        );
        assert!(drawn.contains(">100/s</text>"), "{drawn}");
        assert!(drawn.contains("<h3>A &lt;b&gt;</h3>"), "{drawn}");
    }

    #[test]
    fn a_gap_is_not_bridged_and_a_lonely_point_is_seen() {
        let points = vec![
            (1.0, Some(5.0)),
            (2.0, Some(5.0)),
            (3.0, None),
            (4.0, Some(5.0)),
        ];
        let drawn = plot(Unit::Micros, points);
        assert_eq!(drawn.matches("<polyline").count(), 1);
        assert_eq!(drawn.matches("<circle").count(), 1);
    }

    #[test]
    fn nothing_measured_is_said() {
        assert!(plot(Unit::Bytes, vec![(1.0, None)]).contains("nothing was measured"));
    }

    #[test]
    fn a_spike_survives_thinning() {
        let mut points: Vec<_> = (0..36_000).map(|at| (f64::from(at), Some(1.0))).collect();
        points[17_771].1 = Some(9.0);
        let kept = thinned(&points);
        assert!(kept.len() <= 2 * BUCKETS, "{}", kept.len());
        assert!(kept.contains(&(17_771.0, Some(9.0))));
        assert!(kept.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
