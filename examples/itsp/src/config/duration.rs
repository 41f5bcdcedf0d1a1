//! Lengths of time as they are written in the configuration: `"250us"`, `"3ms"`, `"10s"`, `"2m"`, `"1h"`.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A [`Duration`] that reads and prints with its unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

impl Span {
    pub(crate) const fn from_secs(seconds: u64) -> Span {
        Span(Duration::from_secs(seconds))
    }

    pub(crate) const fn from_millis(millis: u64) -> Span {
        Span(Duration::from_millis(millis))
    }

    pub(crate) const fn from_micros(micros: u64) -> Span {
        Span(Duration::from_micros(micros))
    }

    /// Whole seconds, as SIP headers count; more than fit are cut to the largest.
    pub(crate) fn seconds(self) -> u32 {
        u32::try_from(self.0.as_secs()).unwrap_or(u32::MAX)
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
        let wrong = || {
            format!(
                "\"{text}\" is not a length of time: a number and us, ms, s, m or h, as in \"10s\""
            )
        };
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let micros = match unit {
            "us" => Some(number),
            "ms" => number.checked_mul(1000),
            "s" => number.checked_mul(1_000_000),
            "m" => number.checked_mul(60_000_000),
            "h" => number.checked_mul(3_600_000_000),
            _ => None,
        };
        Ok(Span::from_micros(micros.ok_or_else(wrong)?))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Span, String> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_micros() {
            micros if micros % 1_000_000 == 0 => write!(f, "{}s", micros / 1_000_000),
            micros if micros % 1000 == 0 => write!(f, "{}ms", micros / 1000),
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
    fn units_multiply() {
        for (text, millis) in [
            ("3ms", 3),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(text.parse(), Ok(Span::from_millis(millis)), "{text}");
        }
        assert_eq!("250us".parse(), Ok(Span::from_micros(250)));
    }

    #[test]
    fn a_number_needs_its_unit() {
        for text in [
            "10",
            "",
            "s",
            "-1s",
            "1.5s",
            "3 ms",
            "1d",
            "18446744073709551615h",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
