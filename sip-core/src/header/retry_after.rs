//! When to try again: Retry-After (RFC 3261 §20.33).

use super::{Header, HeaderError, HeaderName};
use crate::Text;
use crate::params::Params;
use crate::parse::lex::{self, Parsed};
use crate::span::Span;

/// Seconds, perhaps a comment, perhaps for how long the called party will be there then.
///
/// ```
/// use sip_core::{Header, RetryAfter, Text};
///
/// let retry = RetryAfter::parse(&Text::from_static("18000 (in a meeting);duration=3600"))?;
/// assert_eq!((retry.seconds(), retry.duration()), (18000, Some(3600)));
/// assert_eq!(retry.comment(), Some(&b"in a meeting"[..]));
/// assert_eq!(RetryAfter::new(5).as_text(), "5");
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RetryAfter {
    text: Text,
    seconds: u32,
    comment: Option<Span>,
    params: Span,
}

impl RetryAfter {
    /// That many seconds.
    #[must_use]
    pub fn new(seconds: u32) -> RetryAfter {
        let text = Text::number(seconds);
        let params = Span::of(&text[text.len()..], &text);
        RetryAfter {
            seconds,
            comment: None,
            params,
            text,
        }
    }

    /// Seconds to wait; what four octets cannot hold is the longest they can.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// What stands in parentheses.
    #[must_use]
    pub fn comment(&self) -> Option<&[u8]> {
        let comment = self.comment?.bytes(&self.text);
        comment.strip_prefix(b"(")?.strip_suffix(b")")
    }

    /// For how long the called party will be there, in seconds.
    #[must_use]
    pub fn duration(&self) -> Option<u32> {
        lex::exactly(self.params().value("duration")?, lex::delta_seconds).ok()
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::of_header(self.params.bytes(&self.text))
    }
}

type RetryParts<'a> = (u32, Option<&'a [u8]>, &'a [u8]);

/// `delta-seconds [comment] *(SEMI retry-param)`
fn retry_after(input: &[u8]) -> Parsed<'_, RetryParts<'_>> {
    let (left, seconds) = lex::delta_seconds(input)?;
    let (after, _) = lex::sws(left)?;
    let (left, comment) = match after.first() {
        Some(b'(') => lex::comment(after).map(|(left, comment)| (left, Some(comment)))?,
        _ => (left, None),
    };
    let (left, params) = lex::params(left, |_, _| Ok(()))?;
    Ok((left, (seconds, comment, params)))
}

impl Header for RetryAfter {
    const NAME: HeaderName = HeaderName::RetryAfter;

    fn parse(value: &Text) -> Result<RetryAfter, HeaderError> {
        let text = value.trimmed();
        match lex::value(&text, retry_after) {
            Ok((seconds, comment, params)) => Ok(RetryAfter {
                seconds,
                comment: Span::of_option(comment, &text),
                params: Span::of(params, &text),
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
    use super::*;

    #[test]
    fn comments_nest_and_escape() {
        let value = Text::from_static("120 (a (b\\)) ;c) ; duration=60");
        let retry = RetryAfter::parse(&value).unwrap();
        assert_eq!(retry.comment(), Some(&b"a (b\\)) ;c"[..]));
        assert_eq!(retry.duration(), Some(60));
        for bad in ["", "(a)", "1 (a", "1 a)", "1 ((a)", "1;", "soon"] {
            assert!(RetryAfter::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_absurd_time_is_the_longest() {
        // RFC 4475 §3.1.2.5 (scalarlg)
        let value = Text::from_static("949302838503028349304023988");
        assert_eq!(RetryAfter::parse(&value).unwrap().seconds(), u32::MAX);
    }

    #[test]
    fn a_deep_comment_costs_no_stack() {
        let deep = format!("1 {}{}", "(".repeat(100_000), ")".repeat(100_000));
        let value = Text::new(deep).unwrap();
        assert!(RetryAfter::parse(&value).is_ok());
    }
}
