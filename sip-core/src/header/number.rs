//! Headers that are one number (RFC 3261 §20.14, §20.19, §20.22, §20.23; RFC 3262 §7.1; RFC 5626 §11.1).

use super::{Header, HeaderError, HeaderName};
use crate::Text;
use crate::parse::lex::{self, Parsed};

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident($number:ty) = $rule:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
            pub struct $name(pub $number);

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    match lex::value(value.trim_ascii_start(), $rule) {
                        // The rule takes no number the type cannot hold.
                        Ok(number) => Ok($name(number as $number)),
                        Err(expected) => Err(expected.in_header(Self::NAME)),
                    }
                }

                fn as_text(&self) -> Text {
                    Text::number(u32::from(self.0))
                }
            }
        )*
    };
}

numbers! {
    /// How many more hops the request may take (§20.22).
    ///
    /// ```
    /// use sip_core::{Header, MaxForwards, Text};
    ///
    /// assert_eq!(MaxForwards::parse(&Text::from_static("0068"))?, MaxForwards(68));
    /// assert!(MaxForwards::parse(&Text::from_static("256")).is_err());
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    MaxForwards(u8) = |input| lex::number(input, 255, "number up to 255");

    /// Octets of the body (§20.14). What four octets cannot hold is no length.
    ContentLength(u32) = one_number;

    /// How long something lasts, in seconds (§20.19). What four octets cannot hold is the longest they can.
    Expires(u32) = lex::delta_seconds;

    /// The shortest time a registrar takes, in seconds (§20.23).
    MinExpires(u32) = lex::delta_seconds;

    /// The number of a provisional response that is to be acknowledged (RFC 3262 §7.1).
    RSeq(u32) = one_number;

    /// How long a connection may be silent before it counts as dead, in seconds (RFC 5626 §11.1).
    FlowTimer(u32) = lex::delta_seconds;

    /// Into how many branches, all in all, the request may be forked (RFC 5393 §5.3.1).
    MaxBreadth(u32) = one_number;
}

/// `1*DIGIT`, up to 2^32-1.
fn one_number(input: &[u8]) -> Parsed<'_, u32> {
    lex::number(input, u32::MAX, "number below 2^32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<H: Header>(value: &'static str) -> Option<Text> {
        H::parse(&Text::from_static(value))
            .ok()
            .map(|header| header.as_text())
    }

    #[test]
    fn leading_zeros_and_white_space_mean_nothing() {
        assert_eq!(read::<MaxForwards>(" 0068 ").unwrap(), "68");
        assert_eq!(
            read::<ContentLength>("0000000000000000000000150").unwrap(),
            "150"
        );
    }

    #[test]
    fn a_length_never_wraps() {
        for bad in [
            "-999",
            "4294967296",
            "18446744073709551617",
            "1 2",
            "",
            " ",
            "1a",
            "+1",
            "0x10",
            "1,2",
        ] {
            assert_eq!(read::<ContentLength>(bad), None, "{bad}");
        }
        assert_eq!(read::<ContentLength>("4294967295").unwrap(), "4294967295");
    }

    #[test]
    fn a_time_too_long_to_hold_is_the_longest() {
        // RFC 4475 §3.1.2.4 (scalar02)
        assert_eq!(read::<Expires>("1000000000000000").unwrap(), "4294967295");
        assert_eq!(
            read::<Expires>("99999999999999999999999999").unwrap(),
            "4294967295"
        );
        assert_eq!(read::<Expires>("soon"), None);
    }

    #[test]
    fn hops_are_counted_to_255() {
        assert_eq!(read::<MaxForwards>("255").unwrap(), "255");
        assert_eq!(read::<MaxForwards>("300"), None);
        assert_eq!(read::<MaxForwards>("-1"), None);
    }
}
