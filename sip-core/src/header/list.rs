//! Comma-separated values: where one member ends and the next begins (RFC 3261 §7.3.1).

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use crate::Text;

/// The members of one value. A comma inside quotes or `<>` separates nothing; an empty value has no member.
pub(crate) struct Members {
    value: Text,
    at: Option<usize>,
}

impl Members {
    pub(crate) fn of(value: Text) -> Members {
        Members {
            at: first(&value),
            value,
        }
    }

    /// Where the next member stands in the value, without the white space around it.
    pub(crate) fn next_range(&mut self) -> Option<Range<usize>> {
        next_range(&self.value, &mut self.at)
    }

    /// The next member, where nothing is asked about those behind it.
    pub(crate) fn into_first(mut self) -> Option<Text> {
        let range = self.next_range()?;
        Some(self.value.into_slice(range))
    }
}

impl Iterator for Members {
    type Item = Text;

    fn next(&mut self) -> Option<Text> {
        let range = self.next_range()?;
        Some(self.value.clone().into_slice(range))
    }
}

/// Where the members stand in `value`, as [`Members`] finds them.
pub(super) fn ranges(value: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = first(value);
    std::iter::from_fn(move || next_range(value, &mut at))
}

fn first(value: &[u8]) -> Option<usize> {
    (!value.is_empty()).then_some(0)
}

fn next_range(value: &[u8], at: &mut Option<usize>) -> Option<Range<usize>> {
    let from = (*at)?;
    let end = member_end(value, from);
    *at = (end < value.len()).then_some(end + 1);
    let member = &value[from..end];
    let start = from + (member.len() - member.trim_ascii_start().len());
    Some(start..start + member.trim_ascii().len())
}

/// The comma after the member that starts at `from`, or the end of the value.
fn member_end(value: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = memchr3(b',', b'"', b'<', &value[at..]) {
        at += found;
        match value[at] {
            b',' => return at,
            b'"' => at = quoted_end(value, at),
            _ => match memchr(b'>', &value[at..]) {
                Some(closing) => at += closing + 1,
                None => break,
            },
        }
    }
    value.len()
}

/// Past the quoted-string that opens at `from` (§25.1); the end of the value when nothing closes it.
fn quoted_end(value: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(found) = memchr2(b'"', b'\\', value.get(at..).unwrap_or_default()) {
        at += found;
        match value[at] {
            b'"' => return at + 1,
            _ => at += 2,
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(value: &'static str) -> Vec<String> {
        Members::of(Text::from_static(value))
            .map(|member| member.to_string())
            .collect()
    }

    #[test]
    fn commas_in_quotes_and_angle_brackets_separate_nothing() {
        assert_eq!(
            members(r#""Bell, \"A, B\", G" <sip:a,b@c> ;q=0.1 ,<sip:x?b=c,d>, sip:e"#),
            [
                r#""Bell, \"A, B\", G" <sip:a,b@c> ;q=0.1"#,
                "<sip:x?b=c,d>",
                "sip:e"
            ]
        );
    }

    #[test]
    fn an_empty_value_has_no_member_but_a_comma_makes_two() {
        assert!(members("").is_empty());
        assert_eq!(members("a,"), ["a", ""]);
        assert_eq!(members(" , a"), ["", "a"]);
    }

    #[test]
    fn what_is_never_closed_reaches_to_the_end() {
        assert_eq!(members(r#"a, "b, c"#), ["a", r#""b, c"#]);
        assert_eq!(members("a, <b, c"), ["a", "<b, c"]);
        assert_eq!(members("\"b\\"), ["\"b\\"]);
    }
}
