//! When a message was sent: Date, Timestamp (RFC 3261 §20.17, §20.38).

use super::{Header, HeaderError, HeaderName};
use crate::Text;
use crate::parse::lex::{self, Mismatch, Parsed};
use crate::span::Span;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SECONDS_PER_DAY: u64 = 86_400;

/// A moment from 1970 to 9999, to the second. It is always in GMT.
///
/// ```
/// use sip_core::{Date, Header, Text};
///
/// let date = Date::parse(&Text::from_static("Sat, 13 Nov 2010 23:29:00 GMT"))?;
/// assert_eq!(date.unix_seconds(), 1_289_690_940);
/// assert_eq!(date.as_text(), "Sat, 13 Nov 2010 23:29:00 GMT");
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    unix_seconds: u64,
}

impl Date {
    /// The last second that can be printed: the end of 9999.
    pub const MAX: Date = Date {
        unix_seconds: 253_402_300_799,
    };

    /// So many seconds after 1970 began; at most [`Date::MAX`].
    #[must_use]
    pub fn from_unix_seconds(unix_seconds: u64) -> Date {
        Date { unix_seconds }.min(Date::MAX)
    }

    /// Seconds since 1970 began.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        self.unix_seconds
    }
}

impl Header for Date {
    const NAME: HeaderName = HeaderName::Date;

    /// The day of the week is not compared with the date.
    fn parse(value: &Text) -> Result<Date, HeaderError> {
        lex::value(value.trim_ascii_start(), sip_date)
            .map_err(|expected| expected.in_header(Self::NAME))
    }

    fn as_text(&self) -> Text {
        let days = self.unix_seconds / SECONDS_PER_DAY;
        let second = self.unix_seconds % SECONDS_PER_DAY;
        let (year, month, day) = civil(days);
        let weekday = DAYS[(days % 7) as usize];
        let month = MONTHS[month as usize - 1];
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let date =
            format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT");
        Text::composed(date.into_bytes())
    }
}

/// `rfc1123-date = wkday "," SP date1 SP time SP "GMT"`
fn sip_date(input: &[u8]) -> Parsed<'_, Date> {
    let (left, _) = one_of(input, &DAYS, "wkday")?;
    let (left, _) = lex::comma(left)?;
    let (left, day) = two_digits(left, 1, 31)?;
    let (left, _) = lex::lws(left)?;
    let (left, month) = one_of(left, &MONTHS, "month")?;
    let (left, _) = lex::lws(left)?;
    let (left, century) = two_digits(left, 19, 99)?;
    let (left, year) = two_digits(left, 0, 99)?;
    let (left, _) = lex::lws(left)?;
    let (left, hour) = two_digits(left, 0, 23)?;
    let (left, _) = lex::colon(left)?;
    let (left, minute) = two_digits(left, 0, 59)?;
    let (left, _) = lex::colon(left)?;
    let (left, second) = two_digits(left, 0, 60)?;
    let (left, _) = lex::lws(left)?;
    let (left, _) = one_of(left, &["GMT"], "GMT")?;
    let year = 100 * century + year;
    let is_a_day = day <= days_in(year, month as u64 + 1);
    if year < 1970 || !is_a_day {
        return Mismatch::at(input, "a day since 1970");
    }
    let days = days_before(year, month as u64 + 1) + day - 1;
    let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Ok((left, Date::from_unix_seconds(seconds)))
}

fn one_of<'a>(input: &'a [u8], words: &[&str], rule: &'static str) -> Parsed<'a, usize> {
    let found = input.split_at_checked(3).and_then(|(word, left)| {
        let at = words
            .iter()
            .position(|known| known.as_bytes().eq_ignore_ascii_case(word))?;
        Some((left, at))
    });
    found.map_or_else(|| Mismatch::at(input, rule), Ok)
}

fn two_digits(input: &[u8], least: u64, most: u64) -> Parsed<'_, u64> {
    if let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', left @ ..] = input {
        let number = 10 * u64::from(tens - b'0') + u64::from(ones - b'0');
        if (least..=most).contains(&number) {
            return Ok((left, number));
        }
    }
    Mismatch::at(input, "2DIGIT")
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 up to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = 365 * (year - 1970) + leap_days(year - 1) - leap_days(1969);
    years + (1..month).map(|month| days_in(year, month)).sum::<u64>()
}

/// Year, month and day of a day counted from 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // No year is longer than 366 days, so this one is at most a few years early.
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    (year, month, days - days_before(year, month) + 1)
}

/// When the request was sent, by the sender's own clock, for the far side to send back (§20.38).
///
/// ```
/// use sip_core::{Header, Text, Timestamp};
///
/// let timestamp = Timestamp::parse(&Text::from_static("54.5 0.2"))?;
/// assert_eq!((timestamp.seconds(), timestamp.delay()), (&b"54.5"[..], Some(&b"0.2"[..])));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timestamp {
    text: Text,
    seconds: Span,
    delay: Option<Span>,
}

impl Timestamp {
    /// Seconds with decimals, as written: only the sender knows what they mean.
    #[must_use]
    pub fn seconds(&self) -> &[u8] {
        self.seconds.bytes(&self.text)
    }

    /// Seconds with decimals that passed before the response was sent (§8.2.6.1).
    #[must_use]
    pub fn delay(&self) -> Option<&[u8]> {
        Some(self.delay?.bytes(&self.text))
    }
}

/// `1*(DIGIT) ["." *(DIGIT)] [LWS delay]`
fn timestamp(input: &[u8]) -> Parsed<'_, (&[u8], Option<&[u8]>)> {
    let (left, seconds) = decimal(input)?;
    match lex::lws(left) {
        Ok((left, _)) => {
            let (left, delay) = decimal(left)?;
            Ok((left, (seconds, Some(delay))))
        }
        Err(_) => Ok((left, (seconds, None))),
    }
}

fn decimal(input: &[u8]) -> Parsed<'_> {
    let is_decimal = |octet: &u8| octet.is_ascii_digit() || *octet == b'.';
    let end = input
        .iter()
        .position(|octet| !is_decimal(octet))
        .unwrap_or(input.len());
    let (number, left) = input.split_at(end);
    let points = number.iter().filter(|octet| **octet == b'.').count();
    if points > 1 || points == number.len() {
        return Mismatch::at(input, "decimal number");
    }
    Ok((left, number))
}

impl Header for Timestamp {
    const NAME: HeaderName = HeaderName::Timestamp;

    fn parse(value: &Text) -> Result<Timestamp, HeaderError> {
        let text = value.trimmed();
        match lex::exactly(&text, timestamp) {
            Ok((seconds, delay)) => Ok(Timestamp {
                seconds: Span::of(seconds, &text),
                delay: Span::of_option(delay, &text),
                text,
            }),
            Err(expected) => Err(expected.in_header(Self::NAME)),
        }
    }

    fn as_text(&self) -> Text {
        self.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unix(value: &str) -> Option<u64> {
        let value = Text::new(value).unwrap();
        Date::parse(&value).ok().map(Date::unix_seconds)
    }

    #[test]
    fn known_days() {
        assert_eq!(unix("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(unix("Tue, 29 Feb 2000 12:00:00 GMT"), Some(951_825_600));
        assert_eq!(
            unix("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(Date::MAX.unix_seconds())
        );
        assert_eq!(Date::from_unix_seconds(u64::MAX), Date::MAX);
        assert_eq!(
            Date::from_unix_seconds(951_782_399).as_text(),
            "Mon, 28 Feb 2000 23:59:59 GMT"
        );
    }

    #[test]
    fn only_gmt_and_only_days_there_are() {
        for bad in [
            // RFC 4475 §3.1.2.12 (baddate)
            "Fri, 01 Jan 2010 16:00:00 EST",
            "Mon, 29 Feb 2100 00:00:00 GMT",
            "Mon, 31 Apr 2000 00:00:00 GMT",
            "Mon, 00 Jan 2000 00:00:00 GMT",
            "Mon, 01 Jan 1969 00:00:00 GMT",
            "Mon, 01 Jan 2000 24:00:00 GMT",
            "Mon, 1 Jan 2000 00:00:00 GMT",
            "Mon, 01 Jan 2000 00:00:00",
            "Mon, 01 Jan 2000 00:00:00 GMTX",
            "",
        ] {
            assert_eq!(unix(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_timestamp_is_a_number_and_perhaps_another() {
        for bad in ["", ".", "1.2.3", "a", "1 x", "1 2 3", "-1"] {
            assert!(Timestamp::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
        assert_eq!(
            Timestamp::parse(&Text::from_static("54.")).unwrap().delay(),
            None
        );
    }

    proptest! {
        #[test]
        fn every_second_prints_and_reads_back(seconds in 0..=Date::MAX.unix_seconds) {
            let date = Date::from_unix_seconds(seconds);
            prop_assert_eq!(Date::parse(&date.as_text()), Ok(date));
        }
    }
}
