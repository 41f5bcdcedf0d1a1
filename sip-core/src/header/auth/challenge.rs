//! What a server asks for: `challenge` (RFC 3261 §22.4; RFC 7616 §3.3).

use std::borrow::Cow;

use super::fields::{Field, Fields, bare};
use super::{DigestAlgorithm, without_sess};
use crate::Text;
use crate::header::{HeaderError, HeaderName};
use crate::params::write_quoted;

/// The value of WWW-Authenticate and Proxy-Authenticate. A Digest has a realm and a nonce; of other schemes, and
/// of parameters this crate does not know, the text is kept.
///
/// ```
/// use sip_core::{Challenge, DigestAlgorithm, Header, WwwAuthenticate};
///
/// let challenge = Challenge::digest("example.com", "84a4cc6f")
///     .algorithm(DigestAlgorithm::Sha256)
///     .qop_auth()
///     .build();
/// assert_eq!(
///     WwwAuthenticate(challenge).as_text(),
///     "Digest realm=\"example.com\", nonce=\"84a4cc6f\", algorithm=SHA-256, qop=\"auth\"",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge(Fields);

/// A challenge being composed.
#[derive(Clone, Debug)]
#[must_use]
pub struct ChallengeBuilder(Vec<u8>);

impl Challenge {
    /// Begins a Digest challenge. Quotes and backslashes are escaped, control characters become spaces.
    pub fn digest(realm: impl AsRef<[u8]>, nonce: impl AsRef<[u8]>) -> ChallengeBuilder {
        let mut out = Vec::with_capacity(192);
        out.extend_from_slice(b"Digest realm=");
        write_quoted(realm.as_ref(), &mut out);
        ChallengeBuilder(out).quoted("nonce", nonce.as_ref())
    }

    pub(super) fn read(value: &Text, name: HeaderName) -> Result<Challenge, HeaderError> {
        Fields::read(value, name, &[Field::Realm, Field::Nonce]).map(Challenge)
    }

    /// `Digest`, or another scheme; the same in any case.
    #[must_use]
    pub fn scheme(&self) -> Text {
        self.0.scheme()
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.0.is_digest()
    }

    /// The protection domain, without quotes; empty only where another scheme has none.
    #[must_use]
    pub fn realm(&self) -> Text {
        self.0.text(Field::Realm).unwrap_or_default()
    }

    /// The server's nonce, without quotes; empty only where another scheme has none.
    #[must_use]
    pub fn nonce(&self) -> Text {
        self.0.text(Field::Nonce).unwrap_or_default()
    }

    /// What the client is to send back unchanged.
    #[must_use]
    pub fn opaque(&self) -> Option<Text> {
        self.0.text(Field::Opaque)
    }

    /// The digest was right, but the nonce too old: the user need not be asked again.
    #[must_use]
    pub fn stale(&self) -> bool {
        self.0
            .raw(Field::Stale)
            .is_some_and(|stale| bare(stale).eq_ignore_ascii_case(b"true"))
    }

    /// The hash to use, MD5 where none is named; `None` for one this crate does not know.
    #[must_use]
    pub fn algorithm(&self) -> Option<DigestAlgorithm> {
        algorithm(&self.0)
    }

    /// The algorithm as named, without quotes.
    #[must_use]
    pub fn algorithm_token(&self) -> Option<Text> {
        self.0.text(Field::Algorithm)
    }

    /// Whether the algorithm is a `-sess` one: A1 takes in the nonces (RFC 7616 §3.4.2).
    #[must_use]
    pub fn is_session(&self) -> bool {
        is_session(&self.0)
    }

    /// The qop values offered; none from a server of RFC 2069.
    pub fn qop_options(&self) -> impl Iterator<Item = &[u8]> {
        let options = self.0.raw(Field::Qop).map(bare).unwrap_or_default();
        options
            .split(|octet| *octet == b',')
            .map(<[u8]>::trim_ascii)
            .filter(|option| !option.is_empty())
    }

    /// The URIs the realm covers, separated by spaces.
    #[must_use]
    pub fn domain(&self) -> Option<Text> {
        self.0.text(Field::Domain)
    }

    /// The value of any parameter, without quotes and backslashes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.0.param(name)
    }

    /// The challenge as it was written, or composed.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        self.0.as_text()
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> Challenge {
        Challenge(self.0.detached())
    }
}

pub(super) fn algorithm(fields: &Fields) -> Option<DigestAlgorithm> {
    match fields.raw(Field::Algorithm) {
        Some(token) => DigestAlgorithm::from_token(bare(token)),
        None => Some(DigestAlgorithm::Md5),
    }
}

pub(super) fn is_session(fields: &Fields) -> bool {
    fields
        .raw(Field::Algorithm)
        .is_some_and(|token| without_sess(bare(token)).is_some())
}

impl ChallengeBuilder {
    /// Names the hash.
    pub fn algorithm(self, algorithm: DigestAlgorithm) -> ChallengeBuilder {
        self.token("algorithm", algorithm.as_str())
    }

    /// Offers `qop="auth"`: the client is to count its requests and to add a nonce of its own.
    pub fn qop_auth(self) -> ChallengeBuilder {
        self.quoted("qop", b"auth")
    }

    /// The client is to send this back unchanged.
    pub fn opaque(self, opaque: impl AsRef<[u8]>) -> ChallengeBuilder {
        self.quoted("opaque", opaque.as_ref())
    }

    /// The digest was right, but the nonce too old.
    pub fn stale(self) -> ChallengeBuilder {
        self.token("stale", "true")
    }

    /// The challenge.
    #[must_use]
    pub fn build(self) -> Challenge {
        let text = Text::composed(self.0);
        Challenge::read(&text, HeaderName::WwwAuthenticate).unwrap_or_else(|error| {
            unreachable!("{error} in a challenge composed of quoted parts: {text:?}")
        })
    }

    fn quoted(mut self, name: &str, value: &[u8]) -> ChallengeBuilder {
        self.name(name);
        write_quoted(value, &mut self.0);
        self
    }

    fn token(mut self, name: &str, value: &str) -> ChallengeBuilder {
        self.name(name);
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b", ");
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b'=');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(value: &'static str) -> Result<Challenge, HeaderError> {
        Challenge::read(&Text::from_static(value), HeaderName::ProxyAuthenticate)
    }

    #[test]
    fn the_challenge_of_the_rfc() {
        // RFC 3261 §20.27
        let challenge = challenge(
            "Digest realm=\"atlanta.com\",   domain=\"sip:ss1.carrier.com\", qop=\"auth,auth-int\",\tnonce=\"f84f1cec41e6cbe5aea9c8e88d359\",  opaque=\"\", stale=FALSE, algorithm=MD5",
        )
        .unwrap();
        assert!(challenge.is_digest() && !challenge.stale() && !challenge.is_session());
        assert_eq!(challenge.realm(), "atlanta.com");
        assert_eq!(challenge.nonce(), "f84f1cec41e6cbe5aea9c8e88d359");
        assert_eq!(challenge.opaque().unwrap(), "");
        assert_eq!(challenge.domain().unwrap(), "sip:ss1.carrier.com");
        assert_eq!(challenge.algorithm(), Some(DigestAlgorithm::Md5));
        assert_eq!(
            challenge.qop_options().collect::<Vec<_>>(),
            [&b"auth"[..], b"auth-int"]
        );
    }

    #[test]
    fn no_algorithm_is_md5_and_a_strange_one_is_none() {
        assert_eq!(
            challenge("digest realm=a,nonce=b").unwrap().algorithm(),
            Some(DigestAlgorithm::Md5)
        );
        let strange =
            challenge("Digest realm=\"a\", nonce=\"b\", algorithm=\"AKAv1-MD5\"").unwrap();
        assert_eq!(strange.algorithm(), None);
        assert_eq!(strange.algorithm_token().unwrap(), "AKAv1-MD5");
        assert!(
            challenge("Digest realm=a, nonce=b, algorithm=MD5-sess")
                .unwrap()
                .is_session()
        );
    }

    #[test]
    fn unknown_parameters_are_kept() {
        let challenge = challenge("Digest realm=\"a\", x-new=\"\\\"q\\\"\", nonce=\"b\"").unwrap();
        assert_eq!(challenge.param("X-New").as_deref(), Some(&b"\"q\""[..]));
        assert_eq!(challenge.param("y"), None);
    }

    #[test]
    fn what_is_composed_reads_back() {
        let realm = "a \"b\" \\c\r\n";
        let challenge = Challenge::digest(realm, "n")
            .opaque("")
            .stale()
            .qop_auth()
            .build();
        assert_eq!(challenge.realm(), "a \"b\" \\c  ");
        assert!(challenge.stale());
        assert_eq!(challenge.opaque(), Some(Text::EMPTY));
    }

    #[test]
    fn a_digest_without_realm_or_nonce_is_refused() {
        for bad in [
            "Digest realm=\"a\"",
            "Digest nonce=\"b\"",
            "Digest",
            "Digest ",
            "",
            "Digest realm=\"a, nonce=\"b\"",
            "Digest realm=\"a\",, nonce=\"b\"",
            "Digest realm=\"a\" nonce=\"b\"",
            "Digest realm=\"a\", nonce=\"b\",",
        ] {
            assert!(challenge(bad).is_err(), "{bad}");
        }
    }
}
