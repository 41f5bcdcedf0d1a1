//! Lengths of time as they are typed: `500ms`, `30s`, `50m`, `1h`.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

/// A [`Duration`] that reads and prints with its unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) const fn from_secs(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }
}

impl Deref for Span {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let wrong =
            || format!("`{text}` is no length of time; write it like 500ms, 30s, 50m or 1h");
        let unit_at = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let seconds = match unit {
            "us" => number / 1e6,
            "ms" => number / 1e3,
            "s" => number,
            "m" | "min" => number * 60.0,
            "h" => number * 3600.0,
            _ => return Err(wrong()),
        };
        // A century bounds what is added to a moment later on.
        let bounded = Some(seconds).filter(|seconds| *seconds <= 3.2e9);
        let length = bounded.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        length.map(Span).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros if micros % 1_000_000 == 0 => write!(f, "{}s", micros / 1_000_000),
            micros if micros % 1_000 == 0 => write!(f, "{}ms", micros / 1_000),
            micros => write!(f, "{micros}us"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_with_their_unit_and_print_with_it() {
        for (typed, printed) in [
            ("30s", "30s"),
            ("0.5s", "500ms"),
            ("250us", "250us"),
            ("50m", "3000s"),
            ("50min", "3000s"),
            ("0s", "0s"),
        ] {
            assert_eq!(typed.parse::<Span>().unwrap().to_string(), printed);
        }
        for wrong in ["", "30", "s", "-1s", "1.2.3s", "9e9h", "99999999999h", "1d"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }
}
