//! A URI with a name to show and parameters: what From, To, Contact and Route share (RFC 3261 §20.10, §25.1).

use super::{HeaderError, HeaderName};
use crate::params::{Params, inside_quotes, unquote, write_quoted};
use crate::parse::lex::{self, AddrPart, Expected, Parsed};
use crate::span::Span;
use crate::{Text, Uri};

/// `"display name" <uri>;parameters`, or a bare `uri;parameters`.
///
/// Without brackets everything behind the first `;` belongs to the header and not to the URI, and the URI holds
/// no `,` and no `?` (§20).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameAddr {
    text: Text,
    uri: Uri,
    display: Span,
    params: Span,
    tag: Option<Span>,
}

impl NameAddr {
    /// `<uri>`, behind a display name if there is one.
    #[must_use]
    pub fn new(display: Option<&str>, uri: &Uri) -> NameAddr {
        let mut out = Vec::with_capacity(uri.as_text().len() + 64);
        if let Some(display) = display {
            write_quoted(display.as_bytes(), &mut out);
            out.push(b' ');
        }
        let display = 0..out.len().saturating_sub(1);
        out.push(b'<');
        out.extend_from_slice(uri.as_text());
        out.push(b'>');
        let text = Text::composed(out);
        NameAddr {
            uri: uri.clone(),
            display: Span::of(&text[display], &text),
            params: Span::of(&text[text.len()..], &text),
            tag: None,
            text,
        }
    }

    /// Reads what `rule` takes, which is `name-addr` alone or also `addr-spec`, and the parameters behind it.
    pub(crate) fn read(
        name: HeaderName,
        value: &Text,
        rule: AddrRule,
    ) -> Result<NameAddr, HeaderError> {
        NameAddr::of(name, value.clone(), rule)
    }

    /// The same of a value that is not needed besides.
    pub(crate) fn of(
        name: HeaderName,
        value: Text,
        rule: AddrRule,
    ) -> Result<NameAddr, HeaderError> {
        let text = value.into_trimmed();
        let mut tag = None;
        let address = |input| {
            let (left, part) = rule(input)?;
            let (left, params) = lex::params(left, |name, value| see_tag(&mut tag, name, value))?;
            Ok((left, (part, params)))
        };
        let (part, params) = match lex::value(&text, address) {
            Ok(read) => read,
            Err(expected) => return Err(expected.in_header(name)),
        };
        let uri = Span::of(part.uri, &text);
        match Uri::read(uri.text(&text)) {
            Ok(read) => Ok(NameAddr {
                uri: read,
                display: Span::of(part.display, &text),
                params: Span::of(params, &text),
                tag: Span::of_option(tag, &text),
                text,
            }),
            Err((error, _)) => Err(HeaderError::malformed(
                name,
                uri.start() + error.offset,
                error.expected,
            )),
        }
    }

    /// The `tag` of a value whose URI nobody asks about.
    pub(super) fn tag_of(value: &[u8]) -> Result<Option<&[u8]>, Expected> {
        let mut tag = None;
        lex::value(value, |input| {
            let (left, _) = lex::address(input)?;
            lex::params(left, |name, value| see_tag(&mut tag, name, value))
        })?;
        Ok(tag)
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> Uri {
        self.uri.clone()
    }

    /// The URI, borrowed.
    #[must_use]
    pub fn as_uri(&self) -> &Uri {
        &self.uri
    }

    /// The name to show, without quotes and backslashes; `None` when there is none, or an empty one.
    #[must_use]
    pub fn display(&self) -> Option<Text> {
        let display = self.display.bytes(&self.text);
        let shown = inside_quotes(display).unwrap_or(display);
        if shown.is_empty() {
            return None;
        }
        Some(match unquote(display) {
            std::borrow::Cow::Borrowed(_) => Span::of(shown, &self.text).text(&self.text),
            std::borrow::Cow::Owned(unescaped) => Text::composed(unescaped),
        })
    }

    /// The parameters of the header, not those of the URI.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::of_header(self.params.bytes(&self.text))
    }

    /// The value as it is printed.
    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    /// The `tag` parameter, which means something in From and To only.
    pub(crate) fn tag(&self) -> Option<Text> {
        Some(self.tag?.text(&self.text))
    }

    /// With a parameter set whose name and value can stand in one.
    pub(crate) fn with_param(&self, name: &str, value: Option<&[u8]>) -> NameAddr {
        let mut out = self.text[..self.params.start()].to_vec();
        self.params().write_with(name, value, &mut out);
        let end = out.len();
        let text = Text::composed(out);
        let params = Span::of(&text[self.params.start()..end], &text);
        let tag = Params::of_header(params.bytes(&text))
            .value("tag")
            .map(|tag| Span::of(tag, &text));
        NameAddr {
            params,
            tag,
            text,
            ..self.clone()
        }
    }

    /// A copy that lets go of the message it was read from.
    pub(crate) fn detached(&self) -> NameAddr {
        NameAddr {
            text: self.text.detached(),
            uri: self.uri.detached(),
            ..*self
        }
    }
}

/// [`lex::address`] or [`lex::name_addr`].
pub(crate) type AddrRule = for<'a> fn(&'a [u8]) -> Parsed<'a, AddrPart<'a>>;

/// A tag stands once, and is not empty: two readers must not find two dialogs in one message.
fn see_tag<'a>(
    tag: &mut Option<&'a [u8]>,
    name: &[u8],
    value: Option<&'a [u8]>,
) -> Result<(), &'static str> {
    if !name.eq_ignore_ascii_case(b"tag") {
        return Ok(());
    }
    match value {
        Some(value) if lex::is_unquoted(value) && tag.is_none() => {
            *tag = Some(value);
            Ok(())
        }
        _ => Err("one tag"),
    }
}

/// Headers that are a [`NameAddr`]: `rule` says whether brackets are required. A `list` may have several on a line.
macro_rules! name_addrs {
    ($($(#[$doc:meta])* $name:ident = $rule:expr $(, $list:ident)?;)*) => {
        $(
            $(#[$doc])*
            ///
            /// Reads as a [`NameAddr`](crate::NameAddr): `uri()`, `display()`, `params()`.
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name($crate::NameAddr);

            impl $name {
                /// `<uri>`
                #[must_use]
                pub fn new(uri: &$crate::Uri) -> $name {
                    $name($crate::NameAddr::new(None, uri))
                }

                /// `"display" <uri>`
                #[must_use]
                pub fn named(display: &str, uri: &$crate::Uri) -> $name {
                    $name($crate::NameAddr::new(Some(display), uri))
                }

                /// A copy that lets go of the message it was read from.
                #[must_use]
                pub fn detached(&self) -> $name {
                    $name(self.0.detached())
                }
            }

            impl $crate::Header for $name {
                const NAME: $crate::HeaderName = $crate::HeaderName::$name;
                $(const LIST: bool = $crate::header::name_addr::name_addrs!(@$list);)?

                fn parse(value: &$crate::Text) -> Result<$name, $crate::HeaderError> {
                    $crate::NameAddr::read(Self::NAME, value, $rule).map($name)
                }

                fn as_text(&self) -> $crate::Text {
                    self.0.text().clone()
                }
            }

            impl std::ops::Deref for $name {
                type Target = $crate::NameAddr;
                fn deref(&self) -> &$crate::NameAddr {
                    &self.0
                }
            }

            $($crate::header::name_addr::name_addrs!(@$list $name);)?
        )*
    };
    (@list) => {
        true
    };
    (@list $name:ident) => {
        impl $crate::ListHeader for $name {}
    };
}
pub(crate) use name_addrs;
