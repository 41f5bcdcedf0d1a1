//! Figures as people read them: three digits, a unit, thousands set apart.

/// `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `0.42`, `4.23`, `42.3`, `423`, `66,667`.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        small if small < 9.995 => format!("{value:.2}"),
        medium if medium < 99.95 => format!("{value:.1}"),
        _ => count(value.round() as u64),
    }
}

/// A length of time given in microseconds: `250 µs`, `1.30 ms`, `12.0 s`.
pub(crate) fn micros(value: f64) -> String {
    scaled(value, &[(1.0, "µs"), (1e3, "ms"), (1e6, "s")])
}

/// `512 B`, `4.50 kB`, `1.20 GB`: decimal, as the report of 2010 has them.
pub(crate) fn bytes(value: f64) -> String {
    scaled(value, &[(1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB")])
}

/// Bits a second: `640 bit/s`, `4.50 Mbit/s`.
pub(crate) fn bits(value: f64) -> String {
    let units = [
        (1.0, "bit/s"),
        (1e3, "kbit/s"),
        (1e6, "Mbit/s"),
        (1e9, "Gbit/s"),
    ];
    scaled(value, &units)
}

/// A share as a percentage that is 100 only when nothing is missing: `99.9 %` may hide a loss, `100 %` never does.
pub(crate) fn percent(share: f64) -> String {
    if share >= 1.0 {
        return "100 %".to_owned();
    }
    let missing = 1.0 - share;
    let places = match missing {
        m if m >= 0.01 => 1,
        m if m >= 0.001 => 2,
        _ => 3,
    };
    let unit = 10_f64.powi(places + 2);
    let rounded_down = (share * unit).floor() / unit * 100.0;
    format!("{rounded_down:.*} %", places as usize)
}

/// `30 s`, `5 min`, `2 h`: a moment on an axis.
pub(crate) fn seconds(value: f64) -> String {
    match value {
        v if v >= 7200.0 => format!("{} h", trimmed(v / 3600.0)),
        v if v >= 120.0 => format!("{} min", trimmed(v / 60.0)),
        v => format!("{} s", trimmed(v)),
    }
}

/// Without zeros that say nothing: `1.5`, `20`, `66,000`.
pub(crate) fn trimmed(value: f64) -> String {
    if value >= 1000.0 {
        return count(value.round() as u64);
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    // Rounding may carry into the next unit: 999.7 µs is 1.00 ms.
    let fits = |(size, _): &&(f64, &str)| value.abs() / size >= 0.9995;
    let first = units.first().copied().unwrap_or((1.0, ""));
    let (size, unit) = units.iter().rev().find(fits).copied().unwrap_or(first);
    let value = value / size;
    match size == first.0 && value.fract() == 0.0 {
        true => format!("{} {unit}", count(value as u64)),
        false => format!("{} {unit}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_thousands_apart() {
        let told = [0.0, 0.4249, 4.2, 42.34, 99.96, 999.6, 66_666.7].map(number);
        assert_eq!(
            told,
            ["0.00", "0.42", "4.20", "42.3", "100", "1,000", "66,667"]
        );
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn units_change_where_rounding_carries() {
        let told = [0.0, 7.0, 5.13, 999.7, 1300.0, 12e6].map(micros);
        assert_eq!(
            told,
            ["0 µs", "7 µs", "5.13 µs", "1.00 ms", "1.30 ms", "12.0 s"]
        );
        assert_eq!(
            [512.0, 4500.0, 61e3, 48.2e6].map(bytes),
            ["512 B", "4.50 kB", "61.0 kB", "48.2 MB"]
        );
        assert_eq!([640.0, 4.5e6].map(bits), ["640 bit/s", "4.50 Mbit/s"]);
        assert_eq!(
            [0.0, 30.0, 90.0, 300.0, 7200.0].map(seconds),
            ["0 s", "30 s", "90 s", "5 min", "2 h"]
        );
    }

    #[test]
    fn a_hundred_percent_means_all() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.999_999_9), "99.999 %");
        assert_eq!(percent(0.998_96), "99.89 %");
        assert_eq!(percent(0.5), "50.0 %");
        assert_eq!(percent(0.0), "0.0 %");
    }

    #[test]
    fn ticks_carry_no_idle_zeros() {
        assert_eq!(
            [0.0, 0.25, 1.5, 20.0, 66_000.0].map(trimmed),
            ["0", "0.25", "1.5", "20", "66,000"]
        );
    }
}
