//! Who is calling whom: From and To, and the tags that make a dialog of them (RFC 3261 §19.3, §20.20, §20.39).

use std::ops::Deref;

use super::name_addr::NameAddr;
use super::token::token_types;
use super::{Header, HeaderError, HeaderName, Headers, NameId};
use crate::parse::lex;
use crate::{Text, Uri};

token_types! {
    /// One half of what identifies a dialog, beside the Call-ID (§19.3). Compared octet by octet.
    Tag
}

macro_rules! parties {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            ///
            /// Reads as a [`NameAddr`]: `uri()`, `display()`, `params()`.
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(NameAddr);

            impl $name {
                /// `<uri>;tag=tag`
                #[must_use]
                pub fn new(uri: &Uri, tag: Option<&Tag>) -> $name {
                    $name::named(None, uri, tag)
                }

                /// `"display" <uri>;tag=tag`
                #[must_use]
                pub fn named(display: Option<&str>, uri: &Uri, tag: Option<&Tag>) -> $name {
                    let party = $name(NameAddr::new(display, uri));
                    match tag {
                        Some(tag) => party.with_tag(tag),
                        None => party,
                    }
                }

                /// The tag. A peer of RFC 2543 may send none.
                #[must_use]
                pub fn tag(&self) -> Option<Tag> {
                    self.0.tag().map(Tag)
                }

                /// With that tag, in place of one that is there.
                #[must_use]
                pub fn with_tag(&self, tag: &Tag) -> $name {
                    $name(self.0.with_param("tag", Some(tag.as_bytes())))
                }

                /// A copy that lets go of the message it was read from.
                #[must_use]
                pub fn detached(&self) -> $name {
                    $name(self.0.detached())
                }
            }

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    $name::read(value.clone())
                }

                fn read(value: Text) -> Result<$name, HeaderError> {
                    NameAddr::of(Self::NAME, value, lex::address).map($name)
                }

                fn as_text(&self) -> Text {
                    self.0.text().clone()
                }
            }

            impl Deref for $name {
                type Target = NameAddr;
                fn deref(&self) -> &NameAddr {
                    &self.0
                }
            }
        )*
    };
}

impl Headers {
    /// Gives the one To a tag, unless it has one or cannot be read. What stands in its brackets matters to nobody here.
    pub(crate) fn set_to_tag(&mut self, tag: &[u8]) {
        let mut lines = self.lines.iter().enumerate();
        let mut next_to = || lines.find(|(_, line)| line.id() == NameId::To);
        let (Some((at, line)), None) = (next_to(), next_to()) else {
            return;
        };
        let value = self.value(line);
        if NameAddr::tag_of(&value) == Ok(None) {
            self.lines[at] = self.compose(&HeaderName::To, &[&value, b";tag=", tag]);
        }
    }
}

parties! {
    /// The logical identity of who sends the request (§20.20).
    ///
    /// ```
    /// use sip_core::{From, Header, Text};
    ///
    /// let from = From::parse(&Text::from_static("\"Ada \\\"K\\\"\" <sip:ada@example.com;x> ; tag=1928301774"))?;
    /// assert_eq!(from.uri().to_string(), "sip:ada@example.com;x");
    /// assert_eq!(from.display().unwrap(), "Ada \"K\"");
    /// assert_eq!(from.tag().unwrap(), "1928301774");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    From

    /// The logical recipient of the request (§20.39). The tag is the far side's, and comes with its response.
    To
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(value: &'static str) -> Result<From, HeaderError> {
        From::parse(&Text::from_static(value))
    }

    #[test]
    fn without_brackets_parameters_belong_to_the_header() {
        let from = from("sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n").unwrap();
        assert_eq!(from.uri().to_string(), "sip:vivekg@chair-dnrc.example.com");
        assert!(from.uri().as_sip().unwrap().params().is_empty());
        assert_eq!(from.tag().unwrap(), "1918181833n");
    }

    #[test]
    fn escaped_quotes_do_not_end_a_display_name() {
        // RFC 4475 §3.1.1.1 (wsinv)
        let from =
            from("\"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>   ;   tag = 98asjd8")
                .unwrap();
        assert_eq!(from.display().unwrap(), "J Rosenberg \\\"");
        assert_eq!(from.tag().unwrap(), "98asjd8");
    }

    #[test]
    fn the_space_before_the_bracket_may_be_missing() {
        // RFC 4475 §3.1.1.6 (lwsdisp)
        let from = from("caller<sip:caller@example.com>;tag=323").unwrap();
        assert_eq!(from.display().unwrap(), "caller");
    }

    #[test]
    fn quoted_strings_may_hold_escaped_control_characters() {
        // RFC 4475 §3.1.1.2 (intmeth)
        let value = Text::composed(b"\"BEL:\\\x07 NUL:\\\0 DEL:\\\x7f\" <sip:a@b>".to_vec());
        let to = To::parse(&value).unwrap();
        assert_eq!(
            to.display().unwrap().as_bytes(),
            b"BEL:\x07 NUL:\0 DEL:\x7f"
        );
        let tagged = to.with_tag(&Tag::new("x").unwrap());
        assert_eq!(To::parse(&tagged.as_text()).unwrap(), tagged);
    }

    #[test]
    fn odd_tokens_and_text_that_is_not_ascii_are_kept() {
        let odd = "token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"работающий\";tag=_token~1'+`*%!-.";
        let read = from(odd).unwrap();
        assert_eq!(read.tag().unwrap(), "_token~1'+`*%!-.");
        assert_eq!(read.display().unwrap(), "token1~` token2'+_ token3*%!.-");
        assert_eq!(read.as_text(), odd);
        let latin = Text::received(b"caf\xe9 <sip:a@b>"[..].into());
        assert_eq!(
            From::parse(&latin).unwrap().display().unwrap().as_bytes(),
            b"caf\xe9"
        );
    }

    #[test]
    fn unbalanced_quotes_and_brackets_are_refused() {
        for bad in [
            // RFC 4475: quotbal, baddn, badaspec
            "\"Mr. J. User <sip:j.user@example.com>",
            "Bell, Alexander <sip:a.g.bell@example.com>;tag=43",
            "\"Watson, Thomas\" < sip:t.watson@example.org >",
            "<sip:a@b",
            "sip:a@b>",
            "\"a\" sip:a@b",
            "\"a\\\" <sip:a@b>",
            "<sip:a@b>x",
            "<sip:a@b> <sip:c@d>",
            "<>",
            "",
            "ada",
        ] {
            assert!(from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_bare_uri_holds_no_comma_question_mark_or_white_space() {
        for bad in [
            "sip:a@b?x=y",
            "sip:a,b@c",
            "sip:a@b c",
            "sip:+1;phone-context=x@h",
        ] {
            assert!(from(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn to_gets_a_tag_where_it_stands_once_is_readable_and_has_none() {
        for (to, expected) in [
            ("To: <sip:b@b.example>;x", "To: <sip:b@b.example>;x;tag=7"),
            ("t: sip:b@b.example", "To: sip:b@b.example;tag=7"),
            // Whoever sent such a URI is told so, and the answer has its tag all the same (§8.2.6.2).
            ("To: <odd uri>", "To: <odd uri>;tag=7"),
            ("To: <sip:b@b.example>;TAG=1", "To: <sip:b@b.example>;TAG=1"),
            ("To: <sip:b@b.example>;tag", "To: <sip:b@b.example>;tag"),
            ("To: <sip:b@b.example", "To: <sip:b@b.example"),
            ("To: <sip:b>\r\nTo: <sip:c>", "To: <sip:b>\r\nTo: <sip:c>"),
        ] {
            let text = format!("SIP/2.0 200 OK\r\n{to}\r\n\r\n");
            let message = crate::parse_message(text.into(), &crate::Limits::default()).unwrap();
            let mut response = crate::Response::try_from(message).unwrap();
            assert!(response.set_to_tag_octets(b"7 8").is_err());
            response.set_to_tag(&Tag::new("7").unwrap());
            let printed = format!("SIP/2.0 200 OK\r\n{expected}\r\n\r\n");
            assert_eq!(response.to_bytes(), printed);
        }
    }

    #[test]
    fn a_tag_stands_once_and_is_a_word() {
        for bad in [
            "<sip:a@b>;tag=1;tag=2",
            "<sip:a@b>;tag=1;TAG=1",
            "<sip:a@b>;tag=",
            "<sip:a@b>;tag",
            "<sip:a@b>;tag=\"x\"",
            "<sip:a@b>;;tag=1",
            "<sip:a@b>;tag=1;",
        ] {
            assert!(from(bad).is_err(), "{bad}");
        }
        assert_eq!(
            from("<sip:a@b;tag=no>;Tag=a/b==").unwrap().tag().unwrap(),
            "a/b=="
        );
    }

    #[test]
    fn any_scheme_may_name_a_party() {
        // RFC 4475 §3.3.4 (unksm2)
        assert_eq!(
            To::parse(&Text::from_static("isbn:2983792873"))
                .unwrap()
                .uri()
                .scheme(),
            b"isbn"
        );
        assert_eq!(
            from("<http://www.example.com>;tag=3234233")
                .unwrap()
                .uri()
                .scheme(),
            b"http"
        );
    }

    #[test]
    fn a_composed_party_reads_back() {
        let uri: Uri = "sip:ada@example.com;transport=tcp".parse().unwrap();
        let (one, two) = (Tag::new("one").unwrap(), Tag::new("two").unwrap());
        let from = From::named(Some("Ada \"K\"\r\nVia: x"), &uri, Some(&one));
        assert_eq!(
            from.as_text(),
            "\"Ada \\\"K\\\"  Via: x\" <sip:ada@example.com;transport=tcp>;tag=one"
        );
        let again = from.with_tag(&two);
        assert_eq!(again.tag(), Some(two));
        for from in [from, again, From::new(&uri, None)] {
            assert_eq!(From::parse(&from.as_text()), Ok(from));
        }
    }
}
