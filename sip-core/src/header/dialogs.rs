//! Requests about another dialog: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538).

use super::with_params::{WithParams, headers_with_params};
use super::{Header, HeaderError, HeaderName};
use crate::Text;
use crate::params::Params;
use crate::parse::lex;

macro_rules! dialog_identifiers {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(WithParams);

            impl $name {
                /// Reads a value a program composed, or took out of a URI.
                ///
                /// # Errors
                /// If it does not follow the grammar, or lacks one of the tags or has it twice.
                pub fn new(value: impl AsRef<[u8]>) -> Result<$name, HeaderError> {
                    $name::parse(&Text::received(bytes::Bytes::copy_from_slice(value.as_ref())))
                }

                /// The Call-ID of that dialog.
                #[must_use]
                pub fn call_id(&self) -> &[u8] {
                    self.0.head()
                }

                /// The tag of the side that is to receive this request.
                #[must_use]
                pub fn to_tag(&self) -> Text {
                    self.0.param("to-tag").unwrap_or_default()
                }

                /// The tag of the far side. `0` is also that of a peer of RFC 2543, which has none.
                #[must_use]
                pub fn from_tag(&self) -> Text {
                    self.0.param("from-tag").unwrap_or_default()
                }

                /// The parameters, tags included.
                #[must_use]
                pub fn params(&self) -> Params<'_> {
                    self.0.params()
                }
            }

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    let read = WithParams::read(Self::NAME, value, lex::word_before_params)?;
                    for tag in ["to-tag", "from-tag"] {
                        if !stands_once(read.params(), tag) {
                            return Err(HeaderError::malformed(Self::NAME, read.head().len(), tag));
                        }
                    }
                    Ok($name(read))
                }

                fn as_text(&self) -> Text {
                    self.0.text().clone()
                }
            }
        )*
    };
}

/// Two readers must not find two dialogs in one value.
fn stands_once(params: Params<'_>, tag: &str) -> bool {
    let mut found = params
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(tag.as_bytes()));
    match (found.next(), found.next()) {
        (Some((_, Some(value))), None) => lex::is_unquoted(value),
        _ => false,
    }
}

dialog_identifiers! {
    /// The dialog the new call takes the place of (RFC 3891 §6.1). Each tag stands once.
    ///
    /// ```
    /// use sip_core::{Header, Replaces, Text};
    ///
    /// let replaces = Replaces::parse(&Text::from_static("98732@sip.example.com;from-tag=r33;to-tag=7;early-only"))?;
    /// assert_eq!(replaces.call_id(), b"98732@sip.example.com");
    /// assert_eq!((replaces.to_tag(), replaces.from_tag()), (Text::from_static("7"), Text::from_static("r33")));
    /// assert!(replaces.is_early_only());
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Replaces;

    /// The dialog the new call is to be mixed with (RFC 3911 §7.1). Each tag stands once.
    ///
    /// ```
    /// use sip_core::{Header, Join, Text};
    ///
    /// let join = Join::parse(&Text::from_static("12adf2f34456gs5;to-tag=12345;from-tag=54321"))?;
    /// assert_eq!((join.call_id(), join.to_tag()), (&b"12adf2f34456gs5"[..], Text::from_static("12345")));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Join;
}

impl Replaces {
    /// Only a dialog that is not answered yet may be replaced.
    #[must_use]
    pub fn is_early_only(&self) -> bool {
        self.params().contains("early-only")
    }
}

headers_with_params! {
    /// A dialog the sender takes part in, which is to prove that it may send this request (RFC 4538 §7).
    ///
    /// ```
    /// use sip_core::{Header, TargetDialog, Text};
    ///
    /// let target = TargetDialog::parse(&Text::from_static("fa77as7dad8@host.example.com;local-tag=kkaz-;remote-tag=6544"))?;
    /// assert_eq!(target.local_tag().unwrap(), "kkaz-");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    TargetDialog {
        /// The Call-ID of that dialog.
        call_id: lex::word_before_params
    }
}

impl TargetDialog {
    /// The tag of the recipient's side.
    #[must_use]
    pub fn local_tag(&self) -> Option<Text> {
        self.0.param("local-tag")
    }

    /// The tag of the sender's side.
    #[must_use]
    pub fn remote_tag(&self) -> Option<Text> {
        self.0.param("remote-tag")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_id_ends_at_the_first_semicolon() {
        for bad in ["", ";to-tag=1;from-tag=2", "a b;to-tag=1;from-tag=2", "a;"] {
            assert!(Replaces::new(bad).is_err(), "{bad}");
        }
        assert!(TargetDialog::new("a b").is_err());
    }

    #[test]
    fn both_tags_stand_and_each_once() {
        // RFC 3891 §6.1
        for bad in [
            "a",
            "a;to-tag=1",
            "a;from-tag=1",
            "a;to-tag=1;from-tag=2;to-tag=3",
            "a;to-tag=1;from-tag=2;FROM-TAG=2",
            "a;to-tag=;from-tag=2",
            "a;to-tag;from-tag=2",
            "a;to-tag=\"1\";from-tag=2",
        ] {
            assert!(Replaces::new(bad).is_err(), "{bad}");
            assert!(Join::new(bad).is_err(), "{bad}");
        }
        let replaces = Replaces::new("a;From-Tag=0;to-tag=1;x").unwrap();
        assert_eq!(replaces.from_tag(), "0");
        assert!(!replaces.is_early_only());
    }
}
