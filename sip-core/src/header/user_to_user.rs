//! Data one user sends another along with a call: User-to-User (RFC 7433).

use std::borrow::Cow;

use super::with_params::headers_with_params;
use crate::params::unquote;
use crate::parse::lex;

headers_with_params! {
    /// The data, and for what (RFC 7433 §4.1).
    ///
    /// ```
    /// use sip_core::{Header, Text, UserToUser};
    ///
    /// let uui = UserToUser::parse(&Text::from_static("56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar"))?;
    /// assert_eq!(uui.octets().unwrap()[..3], [0x56, 0xa3, 0x90]);
    /// assert_eq!(uui.purpose(), Some(&b"foo"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    UserToUser {
        /// The data as written, quotes included.
        data: lex::token_or_quoted, list
    }
}

impl UserToUser {
    /// The octets meant: of `encoding=hex` what the digits say, otherwise the text without quotes. `None` for digits
    /// that are none, and for other encodings.
    #[must_use]
    pub fn octets(&self) -> Option<Cow<'_, [u8]>> {
        let data = unquote(self.data());
        match self.params().unquoted("encoding") {
            None => Some(data),
            Some(encoding) if encoding.eq_ignore_ascii_case(b"hex") => hex(&data).map(Cow::Owned),
            Some(_) => None,
        }
    }

    /// The package the data belongs to.
    #[must_use]
    pub fn purpose(&self) -> Option<&[u8]> {
        self.params().value("purpose")
    }

    /// What kind of data of the package it is.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        self.params().value("content")
    }
}

fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16).map(|digit| digit as u8);
    let (pairs, []) = digits.as_chunks() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(16 * digit(*high)? + digit(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_for_itself_and_digits_for_octets() {
        let text = UserToUser::new("\"a \\\"b\\\"\"").unwrap();
        assert_eq!(text.octets().as_deref(), Some(&b"a \"b\""[..]));
        let digits = UserToUser::new("00fF;Encoding=HEX;content=isdn-uui").unwrap();
        assert_eq!(digits.octets().as_deref(), Some(&[0, 255][..]));
        assert_eq!(digits.content(), Some(&b"isdn-uui"[..]));
        for odd in ["123;encoding=hex", "xy;encoding=hex", "12;encoding=base64"] {
            assert_eq!(UserToUser::new(odd).unwrap().octets(), None, "{odd}");
        }
    }

    #[test]
    fn data_is_a_token_or_quoted() {
        for bad in ["", "a b", "\"a", "a=b", ";encoding=hex"] {
            assert!(UserToUser::new(bad).is_err(), "{bad}");
        }
    }
}
