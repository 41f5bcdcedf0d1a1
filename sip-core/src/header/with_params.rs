//! One thing and parameters behind it: what many small headers look like (RFC 3261 §25.1).

use super::{HeaderError, HeaderName};
use crate::Text;
use crate::params::Params;
use crate::parse::lex::{self, Parsed};
use crate::span::Span;

/// `head;name=value;…`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WithParams {
    text: Text,
    head: Span,
    params: Span,
}

/// A rule that reads the head.
pub(crate) type HeadRule = for<'a> fn(&'a [u8]) -> Parsed<'a>;

impl WithParams {
    pub(crate) fn read(
        name: HeaderName,
        value: &Text,
        rule: HeadRule,
    ) -> Result<WithParams, HeaderError> {
        let text = value.trimmed();
        let head_and_params = |input| {
            let (left, head) = rule(input)?;
            let (left, params) = lex::params(left, |_, _| Ok(()))?;
            Ok((left, (head, params)))
        };
        match lex::value(&text, head_and_params) {
            Ok((head, params)) => Ok(WithParams {
                head: Span::of(head, &text),
                params: Span::of(params, &text),
                text,
            }),
            Err(expected) => Err(expected.in_header(name)),
        }
    }

    pub(crate) fn text(&self) -> &Text {
        &self.text
    }

    pub(crate) fn head(&self) -> &[u8] {
        self.head.bytes(&self.text)
    }

    pub(crate) fn params(&self) -> Params<'_> {
        Params::of_header(self.params.bytes(&self.text))
    }

    /// A parameter's value, sharing the bytes.
    pub(crate) fn param(&self, name: &str) -> Option<Text> {
        let value = self.params().value(name)?;
        Some(Span::of(value, &self.text).text(&self.text))
    }

    /// A parameter that is a number of seconds.
    pub(crate) fn seconds(&self, name: &str) -> Option<u32> {
        lex::exactly(self.params().value(name)?, lex::delta_seconds).ok()
    }
}

/// Headers of this form: `accessor` gives the head, which `rule` reads. A `list` may have several on a line.
macro_rules! headers_with_params {
    ($($(#[$doc:meta])* $name:ident { $(#[$head_doc:meta])* $accessor:ident: $rule:expr $(, $list:ident)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name($crate::header::with_params::WithParams);

            impl $name {
                /// Reads a value a program composed.
                ///
                /// # Errors
                /// If it does not follow the grammar.
                pub fn new(value: impl AsRef<[u8]>) -> Result<$name, $crate::HeaderError> {
                    let octets = bytes::Bytes::copy_from_slice(value.as_ref());
                    <$name as $crate::Header>::parse(&$crate::Text::received(octets))
                }

                $(#[$head_doc])*
                #[must_use]
                pub fn $accessor(&self) -> &[u8] {
                    self.0.head()
                }

                /// The parameters.
                #[must_use]
                pub fn params(&self) -> $crate::Params<'_> {
                    self.0.params()
                }
            }

            impl $crate::Header for $name {
                const NAME: $crate::HeaderName = $crate::HeaderName::$name;
                $(const LIST: bool = $crate::header::with_params::headers_with_params!(@$list);)?

                fn parse(value: &$crate::Text) -> Result<$name, $crate::HeaderError> {
                    $crate::header::with_params::WithParams::read(Self::NAME, value, $rule).map($name)
                }

                fn as_text(&self) -> $crate::Text {
                    self.0.text().clone()
                }
            }

            $($crate::header::with_params::headers_with_params!(@$list $name);)?
        )*
    };
    (@list) => {
        true
    };
    (@list $name:ident) => {
        impl $crate::ListHeader for $name {}
    };
}
pub(crate) use headers_with_params;
