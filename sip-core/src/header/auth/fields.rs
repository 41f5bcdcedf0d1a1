//! `auth-scheme LWS auth-param *(COMMA auth-param)`: read once, each known parameter found at once afterwards
//! (RFC 3261 §25.1).

use std::borrow::Cow;

use crate::Text;
use crate::header::{HeaderError, HeaderName};
use crate::params::{inside_quotes, unquote};
use crate::parse::lex::{self, Mismatch, Parsed};
use crate::span::Span;

/// A scheme and its parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fields {
    text: Text,
    scheme: Span,
    known: Known<Span>,
}

type Known<T> = [Option<T>; NAMES.len()];

macro_rules! fields {
    ($($field:ident = $name:literal,)*) => {
        /// A parameter that digest authentication gives a meaning to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Field { $($field,)* }

        const NAMES: &[(Field, &str)] = &[$((Field::$field, $name),)*];
    };
}

fields! {
    Realm = "realm",
    Nonce = "nonce",
    Algorithm = "algorithm",
    Qop = "qop",
    Opaque = "opaque",
    Username = "username",
    Uri = "uri",
    Response = "response",
    Cnonce = "cnonce",
    Nc = "nc",
    Stale = "stale",
    Domain = "domain",
    UsernameStar = "username*",
    Userhash = "userhash",
    NextNonce = "nextnonce",
    RspAuth = "rspauth",
}

impl Fields {
    /// Reads a value. A Digest must hold all of `mandatory`; what other schemes hold is their affair.
    pub(super) fn read(
        value: &Text,
        name: HeaderName,
        mandatory: &[Field],
    ) -> Result<Fields, HeaderError> {
        let text = value.trimmed();
        let (scheme, known) = match lex::value(&text, |input| scheme_and_params(input, mandatory)) {
            Ok(read) => read,
            Err(expected) => return Err(expected.in_header(name)),
        };
        Ok(Fields {
            scheme: Span::of(scheme, &text),
            known: known.map(|value| Span::of_option(value, &text)),
            text,
        })
    }

    /// Reads parameters that no scheme precedes.
    pub(super) fn without_scheme(value: &Text, name: HeaderName) -> Result<Fields, HeaderError> {
        let text = value.trimmed();
        let known = match lex::value(&text, auth_params) {
            Ok(known) => known,
            Err(expected) => return Err(expected.in_header(name)),
        };
        Ok(Fields {
            scheme: Span::default(),
            known: known.map(|value| Span::of_option(value, &text)),
            text,
        })
    }

    pub(super) fn as_text(&self) -> &Text {
        &self.text
    }

    pub(super) fn scheme(&self) -> Text {
        self.scheme.text(&self.text)
    }

    pub(super) fn is_digest(&self) -> bool {
        self.scheme
            .bytes(&self.text)
            .eq_ignore_ascii_case(b"Digest")
    }

    /// The value as written, quotes and all.
    pub(super) fn raw(&self, field: Field) -> Option<&[u8]> {
        Some(self.known[field as usize]?.bytes(&self.text))
    }

    /// The value without quotes and backslashes.
    pub(super) fn text(&self, field: Field) -> Option<Text> {
        let raw = self.raw(field)?;
        Some(match unquote(raw) {
            Cow::Borrowed(bare) => Span::of(bare, &self.text).text(&self.text),
            Cow::Owned(unescaped) => Text::composed(unescaped),
        })
    }

    /// The value of any parameter, without quotes and backslashes.
    pub(super) fn param(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let mut left = self.text[self.scheme.end()..].trim_ascii_start();
        while let Ok((after, (found, value))) = auth_param(left) {
            if found.eq_ignore_ascii_case(name.as_bytes()) {
                return Some(unquote(value));
            }
            left = lex::comma(after).ok()?.0;
        }
        None
    }

    pub(super) fn detached(&self) -> Fields {
        Fields {
            text: self.text.detached(),
            ..*self
        }
    }
}

fn scheme_and_params<'a>(
    input: &'a [u8],
    mandatory: &[Field],
) -> Parsed<'a, (&'a [u8], Known<&'a [u8]>)> {
    let (left, scheme) = lex::token(input)?;
    let (left, _) = lex::lws(left)?;
    if scheme.eq_ignore_ascii_case(b"Digest") {
        let (left, known) = auth_params(left)?;
        return match mandatory.iter().find(|field| !is_there(&known, **field)) {
            Some(missing) => Mismatch::at(left, NAMES[*missing as usize].1),
            None => Ok((left, (scheme, known))),
        };
    }
    // Another scheme may follow the same form; if not, it is kept and not looked into.
    match lex::value(left, auth_params) {
        Ok(known) => Ok((&[], (scheme, known))),
        Err(_) => {
            let (left, _) = lex::text_utf8_trim(left)?;
            Ok((left, (scheme, Known::default())))
        }
    }
}

fn is_there(known: &Known<&[u8]>, field: Field) -> bool {
    let is = |field: Field| known[field as usize].is_some();
    is(field) || field == Field::Username && is(Field::UsernameStar)
}

/// `auth-param *(COMMA auth-param)`. None that is known stands twice: two readers must not find two answers.
fn auth_params(input: &[u8]) -> Parsed<'_, Known<&[u8]>> {
    let mut known = Known::default();
    let mut next = input;
    loop {
        let (left, (name, value)) = auth_param(next)?;
        if let Some((field, rule)) = find(name)
            && known[field as usize].replace(value).is_some()
        {
            return Mismatch::at(next, rule);
        }
        match lex::comma(left) {
            Ok((after, _)) => next = after,
            Err(_) => return Ok((left, known)),
        }
    }
}

fn find(name: &[u8]) -> Option<(Field, &'static str)> {
    NAMES
        .iter()
        .find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
        .copied()
}

/// `auth-param = auth-param-name EQUAL (token / quoted-string)`. Whoever leaves out the quotes may write anything
/// but a comma.
fn auth_param(input: &[u8]) -> Parsed<'_, (&[u8], &[u8])> {
    let (left, name) = lex::token(input)?;
    let (left, _) = lex::equal(left)?;
    let (left, value) = match left.first() {
        Some(b'"') => lex::quoted_string(left)?,
        _ => lex::unquoted_auth_value(left)?,
    };
    Ok((left, (name, value)))
}

/// What stands between the quotes of a parameter that is a list, as `qop` and `domain` are.
pub(super) fn bare(value: &[u8]) -> &[u8] {
    inside_quotes(value).unwrap_or(value)
}
