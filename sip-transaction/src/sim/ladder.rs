//! A run as text: one line for each message and for each word to a user.

use std::fmt;
use std::time::Duration;

use sip_core::{CSeq, Message};

/// What happened, in order.
///
/// ```text
///   0.000  alice → bob    INVITE
///   0.500  alice → bob    INVITE      timer A
///   0.520  bob → alice    486 INVITE  lost
///  32.000  alice          timeout     timer B
/// ```
///
/// A message stands where it was sent; what became of it, and which timer sent it, stand behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    at: Duration,
    who: String,
    what: String,
    note: String,
}

impl Ladder {
    pub(crate) fn message(&mut self, at: Duration, ends: (&str, &str), what: &str, note: String) {
        let who = format!("{} → {}", ends.0, ends.1);
        self.push(at, who, what, note);
    }

    pub(crate) fn word(&mut self, at: Duration, who: &str, what: &str, note: String) {
        self.push(at, who.to_owned(), what, note);
    }

    fn push(&mut self, at: Duration, who: String, what: &str, note: String) {
        let what = what.to_owned();
        self.lines.push(Line {
            at,
            who,
            what,
            note,
        });
    }

    /// The same lines written by hand: spaces and empty lines do not matter.
    #[must_use]
    pub fn reads_as(&self, expected: &str) -> bool {
        let words = |text: &str| -> Vec<String> {
            let lines = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
            lines.filter(|line| !line.is_empty()).collect()
        };
        words(expected) == words(&self.to_string())
    }

    /// Only the lines for which `keep` holds, given who (`alice → bob`) and what (`180 INVITE`).
    #[must_use]
    pub fn only(&self, keep: impl Fn(&str, &str) -> bool) -> Ladder {
        let kept = self.lines.iter().filter(|line| keep(&line.who, &line.what));
        Ladder {
            lines: kept.cloned().collect(),
        }
    }

    /// How many lines there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Line) -> &str| {
            let widths = self.lines.iter().map(|line| of(line).chars().count());
            widths.max().unwrap_or(0)
        };
        let (who, what) = (width(|line| &line.who), width(|line| &line.what));
        for line in &self.lines {
            let text = format!(
                "{:8.3}  {:who$}  {:what$}  {}",
                line.at.as_secs_f64(),
                line.who,
                line.what,
                line.note
            );
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// What a ladder calls a message: `INVITE`, `180 INVITE`.
pub(crate) fn name_of(message: &Message) -> String {
    match message {
        Message::Request(request) => request.method().to_string(),
        Message::Response(response) => {
            let method = response.headers().require::<CSeq>();
            let method = method.map(|cseq| cseq.method().to_string());
            let status = response.status().as_u16();
            format!("{status} {}", method.unwrap_or_default())
                .trim_end()
                .to_owned()
        }
    }
}
