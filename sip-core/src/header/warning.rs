//! More about a status, for people: Warning (RFC 3261 §20.43).

use std::borrow::Cow;

use super::{Header, HeaderError, HeaderName, ListHeader};
use crate::Text;
use crate::params::{unquote, write_quoted};
use crate::parse::lex::{self, Mismatch, Parsed};
use crate::span::Span;
use crate::uri::HostPort;

/// A code, who warns, and a text.
///
/// ```
/// use sip_core::{Header, Text, Warning};
///
/// let warning = Warning::parse(&Text::from_static("307 isi.edu \"Session parameter 'foo' not understood\""))?;
/// assert_eq!((warning.code(), warning.agent()), (307, &b"isi.edu"[..]));
/// assert_eq!(&*warning.text(), b"Session parameter 'foo' not understood");
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Warning {
    text: Text,
    code: u16,
    agent: Span,
    words: Span,
}

impl Warning {
    /// `399`: whatever there is no code for.
    pub const MISCELLANEOUS: u16 = 399;

    /// `code agent "text"`; `None` unless the code has three digits.
    #[must_use]
    pub fn new(code: u16, agent: &HostPort, text: &str) -> Option<Warning> {
        let mut out = format!("{code} {agent} ").into_bytes();
        write_quoted(text.as_bytes(), &mut out);
        Warning::parse(&Text::composed(out)).ok()
    }

    /// Three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Host or pseudonym of who warns.
    #[must_use]
    pub fn agent(&self) -> &[u8] {
        self.agent.bytes(&self.text)
    }

    /// The text, without quotes and backslashes.
    #[must_use]
    pub fn text(&self) -> Cow<'_, [u8]> {
        unquote(self.words.bytes(&self.text))
    }
}

/// `warn-code SP warn-agent SP warn-text`
fn warning_value(input: &[u8]) -> Parsed<'_, (u16, &[u8], &[u8])> {
    let (left, code) = lex::number(input, 999, "warn-code")?;
    if input.len() - left.len() != 3 {
        return Mismatch::at(input, "warn-code");
    }
    let (left, _) = lex::lws(left)?;
    let (left, agent) = lex::word(left)?;
    let (left, _) = lex::lws(left)?;
    let (left, text) = lex::quoted_string(left)?;
    Ok((left, (code as u16, agent, text)))
}

impl Header for Warning {
    const NAME: HeaderName = HeaderName::Warning;
    const LIST: bool = true;

    fn parse(value: &Text) -> Result<Warning, HeaderError> {
        let text = value.trimmed();
        match lex::exactly(&text, warning_value) {
            Ok((code, agent, words)) => Ok(Warning {
                code,
                agent: Span::of(agent, &text),
                words: Span::of(words, &text),
                text,
            }),
            Err(expected) => Err(expected.in_header(Self::NAME)),
        }
    }

    fn as_text(&self) -> Text {
        self.text.clone()
    }
}

impl ListHeader for Warning {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_three_digits() {
        // RFC 4475 §3.1.2.5 (scalarlg)
        for bad in [
            "1812 overture \"In Progress\"",
            "12 a \"x\"",
            "307 a x",
            "307 \"x\"",
            "307 a \"x",
            "",
        ] {
            assert!(Warning::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
        let agent: HostPort = "[2001:db8::1]:5060".parse().unwrap();
        let warning = Warning::new(Warning::MISCELLANEOUS, &agent, "a \"b\"").unwrap();
        assert_eq!(warning.as_text(), "399 [2001:db8::1]:5060 \"a \\\"b\\\"\"");
        assert_eq!(&*warning.text(), b"a \"b\"");
        assert_eq!(Warning::new(1812, &agent, ""), None);
    }
}
