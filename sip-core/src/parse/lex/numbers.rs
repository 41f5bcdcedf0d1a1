//! Numbers: none wraps, and leading zeros mean nothing (RFC 3261 §25.1).

use nom::Parser;
use nom::bytes::complete::{take_while, take_while1};

use super::{Mismatch, Parsed};

/// `1*DIGIT` up to `max`; leading zeros mean nothing, and what is larger does not match: it never wraps.
pub(crate) fn number<'a>(input: &'a [u8], max: u32, rule: &'static str) -> Parsed<'a, u32> {
    match saturating(input) {
        Ok((left, number)) if number <= u64::from(max) => Ok((left, number as u32)),
        _ => Mismatch::at(input, rule),
    }
}

/// `1*3DIGIT`, as written.
pub(crate) fn three_digits(input: &[u8]) -> Parsed<'_> {
    let (left, _) = number(input, 999, "1*3DIGIT")?;
    match input.len() - left.len() {
        length @ 1..=3 => Ok((left, &input[..length])),
        _ => Mismatch::at(input, "1*3DIGIT"),
    }
}

/// `delta-seconds = 1*DIGIT`; what four octets cannot hold counts as the longest time they can.
pub(crate) fn delta_seconds(input: &[u8]) -> Parsed<'_, u32> {
    match saturating(input) {
        Ok((left, seconds)) => Ok((left, u32::try_from(seconds).unwrap_or(u32::MAX))),
        Err(_) => Mismatch::at(input, "delta-seconds"),
    }
}

fn saturating(input: &[u8]) -> Parsed<'_, u64> {
    let (left, digits) = take_while1(|octet: u8| octet.is_ascii_digit()).parse(input)?;
    let number = digits.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    Ok((left, number))
}

/// `qvalue = ("0" ["." 0*3DIGIT]) / ("1" ["." 0*3("0")])`, in thousandths.
pub(crate) fn qvalue(input: &[u8]) -> Parsed<'_, u16> {
    let (left, whole) = match input.split_first() {
        Some((digit @ (b'0' | b'1'), left)) => (left, u16::from(digit - b'0') * 1000),
        _ => return Mismatch::at(input, "qvalue"),
    };
    let Some((b'.', decimals)) = left.split_first() else {
        return Ok((left, whole));
    };
    let (left, digits) = take_while(|octet: u8| octet.is_ascii_digit()).parse(decimals)?;
    let thousandths = digits
        .iter()
        .zip([100, 10, 1])
        .map(|(digit, weight)| u16::from(digit - b'0') * weight)
        .sum::<u16>();
    if digits.len() > 3 || whole + thousandths > 1000 {
        return Mismatch::at(input, "qvalue");
    }
    Ok((left, whole + thousandths))
}
