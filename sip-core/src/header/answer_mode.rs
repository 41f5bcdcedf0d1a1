//! Calls that are to be answered without anybody touching the phone: Answer-Mode, Priv-Answer-Mode (RFC 5373).

use super::with_params::headers_with_params;
use crate::parse::lex;

headers_with_params! {
    /// How the caller would like the call answered (RFC 5373 §4).
    ///
    /// ```
    /// use sip_core::{AnswerMode, Header, Text};
    ///
    /// let mode = AnswerMode::parse(&Text::from_static("auto;require"))?;
    /// assert!(mode.is_auto() && mode.is_required());
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    AnswerMode {
        /// `Manual`, `Auto` or another word.
        mode: lex::token
    }

    /// The same, asked for with the rights of an administrator (RFC 5373 §4).
    PrivAnswerMode {
        /// `Manual`, `Auto` or another word.
        mode: lex::token
    }
}

macro_rules! answer_modes {
    ($($name:ident)*) => {
        $(
            impl $name {
                /// Whether the phone is to answer by itself.
                #[must_use]
                pub fn is_auto(&self) -> bool {
                    self.mode().eq_ignore_ascii_case(b"Auto")
                }

                /// Whether the call is to fail rather than be answered another way.
                #[must_use]
                pub fn is_required(&self) -> bool {
                    self.params().contains("require")
                }
            }
        )*
    };
}

answer_modes! { AnswerMode PrivAnswerMode }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_a_word_with_parameters() {
        let mode = PrivAnswerMode::new("Auto ; REQUIRE ; x=\"y\"").unwrap();
        assert!(mode.is_auto() && mode.is_required());
        let mode = AnswerMode::new("Manual").unwrap();
        assert!(!mode.is_auto() && !mode.is_required());
        for bad in ["", ";require", "Auto require", "Auto;", "Auto,Manual"] {
            assert!(AnswerMode::new(bad).is_err(), "{bad}");
        }
    }
}
