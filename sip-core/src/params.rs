//! Parameters: `;name=value` behind a URI or a header value (RFC 3261 §7.3.1, §19.1.1).

use std::borrow::Cow;

use crate::parse::lex;
use crate::uri::unescape;

/// A view over `;a=b;c`, in the order written. Names are compared ignoring case, and of two alike the first counts.
///
/// ```
/// use sip_core::{Contact, Header, Text};
///
/// let contact = Contact::parse(&Text::from_static("<sip:ada@192.0.2.4>;Q=0.5;ob;app=\"a \\\"b\\\"\""))?;
/// let params = contact.params();
/// assert_eq!(params.get("ob"), Some(None));
/// assert_eq!(params.value("q"), Some(&b"0.5"[..]));
/// assert_eq!(params.value("app"), Some(&b"\"a \\\"b\\\"\""[..]));
/// assert_eq!(params.unquoted("app").as_deref(), Some(&b"a \"b\""[..]));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    text: &'a [u8],
    /// In a URI `%41` means `A` (§19.1.4); in a header it is three octets of a token.
    escapes: bool,
}

impl<'a> Params<'a> {
    /// The parameters of a header value, beginning with their `;`.
    pub(crate) fn of_header(text: &'a [u8]) -> Params<'a> {
        let escapes = false;
        Params { text, escapes }
    }

    /// The parameters of a URI, beginning with their `;`.
    pub(crate) fn of_uri(text: &'a [u8]) -> Params<'a> {
        let escapes = true;
        Params { text, escapes }
    }

    /// The parameter called `name`: `Some(None)` when it stands there without a value. Quotes are kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter()
            .find(|(found, _)| self.is_called(found, name))
            .map(|(_, value)| value)
    }

    /// The value of the parameter called `name`, quotes kept.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a [u8]> {
        self.get(name).flatten()
    }

    /// The value of the parameter called `name`, without the quotes and backslashes of a `quoted-string`.
    #[must_use]
    pub fn unquoted(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.value(name).map(unquote)
    }

    /// Whether there is a parameter called `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All of them, name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        pieces(self.text).map(|piece| (piece.name, piece.value))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The text itself, as it was written.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text
    }

    fn is_called(&self, found: &[u8], name: &str) -> bool {
        if self.escapes && found.contains(&b'%') {
            unescape(found).eq_ignore_ascii_case(name.as_bytes())
        } else {
            found.eq_ignore_ascii_case(name.as_bytes())
        }
    }

    /// The text of all of them but those called one of `names`, each from its name on.
    pub(crate) fn without<'n>(
        self,
        names: &'n [&str],
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        pieces(self.text)
            .filter(move |piece| !names.iter().any(|name| self.is_called(piece.name, name)))
            .map(|piece| piece.text)
    }

    /// Appends all of them to `out`, with `name` set to `value` where it stands, or else at the end.
    pub(crate) fn write_with(&self, name: &str, value: Option<&[u8]>, out: &mut Vec<u8>) {
        let mut written = false;
        for piece in pieces(self.text) {
            if !self.is_called(piece.name, name) {
                out.push(b';');
                out.extend_from_slice(piece.text);
            } else if !std::mem::replace(&mut written, true) {
                write_param(name, value, out);
            }
        }
        if !written {
            write_param(name, value, out);
        }
    }
}

fn write_param(name: &str, value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.push(b';');
    out.extend_from_slice(name.as_bytes());
    if let Some(value) = value {
        out.push(b'=');
        out.extend_from_slice(value);
    }
}

/// One parameter, and its text from the name on.
struct Piece<'a> {
    name: &'a [u8],
    value: Option<&'a [u8]>,
    text: &'a [u8],
}

/// Cuts text apart that the grammar has accepted already. What stands in a value does not matter here, but for
/// the quotes and brackets that keep a `;` inside.
fn pieces(text: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut left = text;
    std::iter::from_fn(move || {
        let after = match left.trim_ascii_start() {
            [b';', after @ ..] => after,
            other => split_at_octet(other, b';')?.1,
        };
        let text = after.trim_ascii_start();
        // So short that calling memchr costs more.
        let name_end = text.iter().position(|octet| matches!(octet, b';' | b'='));
        let name_end = name_end.unwrap_or(text.len());
        let name = text[..name_end].trim_ascii_end();
        if text.get(name_end) != Some(&b'=') {
            left = &text[name_end..];
            return Some(Piece {
                name,
                value: None,
                text: name,
            });
        }
        let value = text[name_end + 1..].trim_ascii_start();
        let whole = match value.first() {
            Some(b'"') => lex::quoted_string(value),
            Some(b'<') => lex::bracketed_uri(value),
            _ => lex::Mismatch::at(value, "quoted-string"),
        };
        let value = match whole {
            Ok((_, whole)) => whole,
            Err(_) => value[..memchr::memchr(b';', value).unwrap_or(value.len())].trim_ascii_end(),
        };
        let end = crate::span::Span::of(value, text).end();
        left = &text[end..];
        Some(Piece {
            name,
            value: Some(value),
            text: &text[..end],
        })
    })
}

fn split_at_octet(text: &[u8], octet: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(octet, text)?;
    Some((&text[..at], &text[at + 1..]))
}

/// A `quoted-string` without its quotes and backslashes (§25.1); anything else as it is.
pub(crate) fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = inside_quotes(value) else {
        return Cow::Borrowed(value);
    };
    if !inner.contains(&b'\\') {
        return Cow::Borrowed(inner);
    }
    let mut octets = inner.iter();
    let unescaped = std::iter::from_fn(|| match octets.next()? {
        b'\\' => octets.next().copied(),
        octet => Some(*octet),
    });
    Cow::Owned(unescaped.collect())
}

/// What stands between the quotes, backslashes and all.
pub(crate) fn inside_quotes(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// Appends `text` as a `quoted-string`. CR, LF and NUL, which no line may hold, become spaces.
pub(crate) fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &octet in text {
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', octet]),
            0..b' ' | 0x7f => out.push(b' '),
            _ => out.push(octet),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_separators_means_nothing() {
        let params = Params::of_header(b" ; newparam =  newvalue ;\tsecondparam ; q = 0.33");
        let all: Vec<_> = params.iter().collect();
        assert_eq!(
            all,
            [
                (&b"newparam"[..], Some(&b"newvalue"[..])),
                (b"secondparam", None),
                (b"q", Some(b"0.33")),
            ]
        );
    }

    #[test]
    fn a_semicolon_in_quotes_ends_nothing() {
        let params = Params::of_header(b";a=\"x;b=1\\\";\";c=2");
        assert_eq!(params.value("b"), None);
        assert_eq!(params.value("c"), Some(&b"2"[..]));
        assert_eq!(params.unquoted("a").as_deref(), Some(&b"x;b=1\";"[..]));
    }

    #[test]
    fn an_escaped_name_is_the_same_name_in_a_uri_only() {
        assert!(Params::of_uri(b";%6C%72").contains("lr"));
        assert!(!Params::of_header(b";%6C%72").contains("lr"));
    }

    #[test]
    fn a_value_may_hold_colons_and_equal_signs() {
        let params = Params::of_uri(b";gr=urn:uuid:f81d4fae;x=a=b;ob");
        assert_eq!(params.value("GR"), Some(&b"urn:uuid:f81d4fae"[..]));
        assert_eq!(params.value("x"), Some(&b"a=b"[..]));
        assert_eq!(params.get("ob"), Some(None));
    }

    #[test]
    fn a_parameter_is_replaced_where_it_stands_and_only_once() {
        let mut out = Vec::new();
        Params::of_header(b";a=1; B = 2;b=3;c").write_with("b", Some(b"x"), &mut out);
        assert_eq!(out, b";a=1;b=x;c");
    }
}
