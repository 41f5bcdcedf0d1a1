//! Headers that are one token, or a list of tokens (RFC 3261 §25.1).

/// Headers of this form, the same in any case. A `list` may have several on a line.
macro_rules! tokens {
    ($($(#[$doc:meta])* $name:ident $(, $list:ident)?;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $name($crate::Text);

            impl $name {
                /// A copy of `token`.
                ///
                /// # Errors
                /// If it is no token.
                pub fn new(token: impl AsRef<[u8]>) -> Result<$name, $crate::header::NotToken> {
                    $crate::header::token::token(token.as_ref()).map($name)
                }

                /// The token as it was written.
                #[must_use]
                pub fn as_bytes(&self) -> &[u8] {
                    &self.0
                }

                /// Whether it is `token`, in any case.
                #[must_use]
                pub fn is(&self, token: &str) -> bool {
                    self.0.eq_ignore_ascii_case(token.as_bytes())
                }
            }

            impl $crate::Header for $name {
                const NAME: $crate::HeaderName = $crate::HeaderName::$name;
                $(const LIST: bool = $crate::header::tokens::tokens!(@$list);)?

                fn parse(value: &$crate::Text) -> Result<$name, $crate::HeaderError> {
                    $crate::header::options::read_token(value, Self::NAME).map($name)
                }

                fn as_text(&self) -> $crate::Text {
                    self.0.clone()
                }
            }

            impl PartialEq for $name {
                fn eq(&self, other: &$name) -> bool {
                    self.0.eq_ignore_ascii_case(&other.0)
                }
            }

            impl Eq for $name {}

            $($crate::header::tokens::tokens!(@$list $name);)?
        )*
    };
    (@list) => {
        true
    };
    (@list $name:ident) => {
        impl $crate::ListHeader for $name {}
    };
}
pub(crate) use tokens;
