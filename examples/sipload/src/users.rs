//! Who the phones are: names and passwords from a pattern, or from a file.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use crate::failure::Failure;

/// The subscribers, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Users {
    /// `user%06d`, `pw%06d`.
    Pattern { user: Pattern, password: Pattern },
    /// One line of a file each.
    List(Vec<(Box<str>, Box<str>)>),
}

impl Users {
    /// Reads `user,password` lines; blank lines, those that begin with `#`, and a heading are left out.
    pub(crate) fn read(file: &Path) -> Result<Users, Failure> {
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
        let mut list = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty()
                || line.starts_with('#')
                || (number == 0 && line.starts_with("user,"))
            {
                continue;
            }
            let mut columns = line.split(',').map(str::trim);
            match (columns.next(), columns.next()) {
                (Some(user), Some(password)) if !user.is_empty() => {
                    list.push((user.into(), password.into()));
                }
                _ => {
                    let place = format!("{}:{}", file.display(), number + 1);
                    return Err(Failure::new(format!("{place}: a line is `user,password`")));
                }
            }
        }
        Ok(Users::List(list))
    }

    /// How many there are; a pattern has no end.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Users::Pattern { .. } => None,
            Users::List(list) => Some(list.len()),
        }
    }

    /// Appends the name of number `n`.
    pub(crate) fn write_name(&self, n: u32, out: &mut Vec<u8>) {
        match self {
            Users::Pattern { user, .. } => user.write(n, out),
            Users::List(list) => {
                let name = list.get(n as usize).map_or("", |(user, _)| user);
                out.extend_from_slice(name.as_bytes());
            }
        }
    }

    pub(crate) fn name(&self, n: u32) -> String {
        match self {
            Users::Pattern { user, .. } => user.expand(n),
            Users::List(list) => list.get(n as usize).map_or("", |(user, _)| user).to_owned(),
        }
    }

    pub(crate) fn password(&self, n: u32) -> String {
        match self {
            Users::Pattern { password, .. } => password.expand(n),
            Users::List(list) => list
                .get(n as usize)
                .map_or("", |(_, password)| password)
                .to_owned(),
        }
    }
}

/// Text with a place for a number: `user%06d`; without one it is the same for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    before: Box<str>,
    /// Digits, padded with zeros; `None` when there is no place.
    width: Option<usize>,
    after: Box<str>,
}

impl Pattern {
    fn write(&self, n: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(self.before.as_bytes());
        if let Some(width) = self.width {
            write_number(n, width, out);
        }
        out.extend_from_slice(self.after.as_bytes());
    }

    fn expand(&self, n: u32) -> String {
        let mut out = Vec::with_capacity(self.before.len() + MOST_DIGITS + self.after.len());
        self.write(n, &mut out);
        String::from_utf8(out).expect("text and digits")
    }
}

/// Digits a pattern may ask for.
const MOST_DIGITS: usize = 20;

/// Appends `n` in at least so many digits; `format!` takes several times as long.
fn write_number(n: u32, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; MOST_DIGITS];
    let mut left = n;
    let mut first = MOST_DIGITS;
    while left > 0 || first == MOST_DIGITS {
        first -= 1;
        digits[first] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let first = first.min(MOST_DIGITS.saturating_sub(width));
    out.extend_from_slice(&digits[first..]);
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Pattern, String> {
        let wrong = || format!("`{text}` is no pattern; write it like user%06d");
        let Some((before, rest)) = text.split_once('%') else {
            return Ok(Pattern {
                before: text.into(),
                width: None,
                after: "".into(),
            });
        };
        let (width, after) = rest.split_once('d').ok_or_else(wrong)?;
        let width = match width {
            "" => 0,
            digits => digits.parse().map_err(|_| wrong())?,
        };
        if width > MOST_DIGITS || after.contains('%') {
            return Err(wrong());
        }
        Ok(Pattern {
            before: before.into(),
            width: Some(width),
            after: after.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(pattern: &str, n: u32) -> String {
        let pattern: Pattern = pattern.parse().unwrap();
        let mut out = Vec::new();
        pattern.write(n, &mut out);
        assert_eq!(out, pattern.expand(n).as_bytes());
        pattern.expand(n)
    }

    #[test]
    fn a_pattern_has_one_place_for_the_number() {
        assert_eq!(expand("user%06d", 42), "user000042");
        assert_eq!(expand("%d-x", 42), "42-x");
        assert_eq!(expand("secret", 42), "secret");
        assert_eq!(expand("%d", 0), "0");
        assert_eq!(expand("%03d", 1_234_567), "1234567");
        assert_eq!(expand("%020d", u32::MAX), "00000000004294967295");
        for wrong in ["user%6", "%s", "%06d%06d", "%99999d"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }
}
