//! What phones and proxies can do: feature tags of RFC 3840 in Contact, and Feature-Caps (RFC 6809).

use std::borrow::Cow;

use super::with_params::headers_with_params;
use crate::Contact;
use crate::params::{Params, unquote};
use crate::parse::lex;

/// One feature and what it may be: a `feature-param` (RFC 3840 §9).
///
/// ```
/// use sip_core::{Contact, Header, Text};
///
/// let contact = Contact::parse(&Text::from_static(
///     "<sip:ada@192.0.2.4>;expires=60;audio;class=\"business\";methods=\"INVITE,!BYE\";+g.poc.talkburst",
/// ))?;
/// let features: Vec<_> = contact.features().collect();
/// assert_eq!(features.len(), 4);
/// assert!(features[0].is("audio") && features[0].accepts("TRUE"));
/// assert!(features[2].accepts("invite") && !features[2].accepts("bye") && features[2].accepts("ACK"));
/// assert!(features[3].is("g.poc.talkburst"));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature<'a> {
    tag: &'a [u8],
    value: Option<Cow<'a, [u8]>>,
}

/// Tags that need no `+` in front (RFC 3840 §9).
const BASE_TAGS: [&str; 20] = [
    "audio",
    "automata",
    "class",
    "duplex",
    "data",
    "control",
    "mobility",
    "description",
    "events",
    "priority",
    "methods",
    "schemes",
    "application",
    "video",
    "language",
    "type",
    "isfocus",
    "actor",
    "text",
    "extensions",
];

impl<'a> Feature<'a> {
    /// The features among `params`: those of the base set, and all that begin with `+`.
    pub(crate) fn all_in(params: Params<'a>) -> impl Iterator<Item = Feature<'a>> + use<'a> {
        params.iter().filter_map(|(name, value)| {
            let tag = match name.strip_prefix(b"+") {
                Some(tag) => tag,
                None if is_base(name) => name,
                None => return None,
            };
            let value = value.map(unquote);
            Some(Feature { tag, value })
        })
    }

    /// Its name, without the `+` of those outside the base set.
    #[must_use]
    pub fn tag(&self) -> &'a [u8] {
        self.tag
    }

    /// Whether it is called `tag`, in any case.
    #[must_use]
    pub fn is(&self, tag: &str) -> bool {
        self.tag.eq_ignore_ascii_case(tag.as_bytes())
    }

    /// What it may be, as written between the quotes: words, numbers behind `#`, a text in `<>`; a `!` in front says
    /// that it is not that. A feature without a value is `TRUE`.
    #[must_use]
    pub fn value(&self) -> &[u8] {
        self.value.as_deref().unwrap_or(b"TRUE")
    }

    /// The values, one by one; a text in `<>` may hold commas.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let value = self.value();
        let mut in_brackets = false;
        value
            .split(move |octet| {
                in_brackets = (in_brackets || *octet == b'<') && *octet != b'>';
                *octet == b',' && !in_brackets
            })
            .map(<[u8]>::trim_ascii)
    }

    /// Whether the feature may be `word`, in any case: it is named, or others are ruled out and it is not
    /// (RFC 3840 §4). Numbers are not compared.
    #[must_use]
    pub fn accepts(&self, word: &str) -> bool {
        let mut others_are_ruled_out = false;
        for value in self.values() {
            match value.strip_prefix(b"!") {
                Some(ruled_out) if ruled_out.eq_ignore_ascii_case(word.as_bytes()) => return false,
                Some(_) => others_are_ruled_out = true,
                None if value.eq_ignore_ascii_case(word.as_bytes()) => return true,
                None => {}
            }
        }
        others_are_ruled_out
    }
}

fn is_base(name: &[u8]) -> bool {
    BASE_TAGS
        .iter()
        .any(|tag| tag.as_bytes().eq_ignore_ascii_case(name))
}

impl Contact {
    /// What the phone at this address can do (RFC 3840 §9); empty where it does not say.
    pub fn features(&self) -> impl Iterator<Item = Feature<'_>> {
        Feature::all_in(self.params())
    }
}

headers_with_params! {
    /// What a proxy or registrar on the way can do (RFC 6809 §6.2).
    ///
    /// ```
    /// use sip_core::{FeatureCaps, Header, Text};
    ///
    /// let caps = FeatureCaps::parse(&Text::from_static("*;+sip.pns=\"acme\";+sip.pnsreg=\"121\""))?;
    /// assert_eq!(caps.features().find(|feature| feature.is("sip.pns")).unwrap().value(), b"acme");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    FeatureCaps {
        /// Always `*`.
        star: lex::star, list
    }
}

impl FeatureCaps {
    /// What it can do.
    pub fn features(&self) -> impl Iterator<Item = Feature<'_>> {
        Feature::all_in(self.params())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn a_text_in_brackets_is_one_value() {
        let value = "<sip:a@b>;+x=\"<a,b>,!c\";description=\"<\\\"PC\\\", old>\"";
        let contact = Contact::parse(&Text::from_static(value)).unwrap();
        let features: Vec<_> = contact.features().collect();
        let values: Vec<_> = features[0].values().collect();
        assert_eq!(values, [&b"<a,b>"[..], b"!c"]);
        assert_eq!(features[1].value(), b"<\"PC\", old>");
    }

    #[test]
    fn other_parameters_are_no_features() {
        let value = Text::from_static("<sip:a@b>;q=0.1;expires=7;ob;audiox;AUDIO=\"FALSE\"");
        let contact = Contact::parse(&value).unwrap();
        let features: Vec<_> = contact.features().collect();
        assert_eq!(features.len(), 1);
        assert!(!features[0].accepts("TRUE"));
        assert_eq!(Contact::Star.features().count(), 0);
    }

    #[test]
    fn capabilities_of_a_proxy_begin_with_a_star() {
        for bad in ["", "+sip.pns", "*+sip.pns", "*;"] {
            assert!(FeatureCaps::new(bad).is_err(), "{bad}");
        }
    }
}
