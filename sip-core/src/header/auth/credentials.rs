//! What a client answers: `credentials` (RFC 3261 §22.4; RFC 7616 §3.4).

use std::borrow::Cow;

use super::fields::{Field, Fields, bare};
use super::{DigestAlgorithm, challenge};
use crate::Text;
use crate::header::{HeaderError, HeaderName};
use crate::params::write_quoted;

/// The value of Authorization and Proxy-Authorization.
///
/// A Digest has `realm`, `nonce`, `uri`, `response` and a username, quoted or not, each once; of other schemes
/// the text is kept, and what they do not hold is `None`. Values come without quotes and backslashes, as the
/// hashes want them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials(Fields);

/// Credentials being composed.
#[derive(Clone, Debug)]
#[must_use]
pub struct CredentialsBuilder(Vec<u8>);

const MANDATORY: [Field; 5] = [
    Field::Username,
    Field::Realm,
    Field::Nonce,
    Field::Uri,
    Field::Response,
];

impl Credentials {
    /// Begins Digest credentials. The hashes are the caller's: `response` is in hexadecimal.
    ///
    /// ```
    /// use sip_core::{Credentials, DigestAlgorithm};
    ///
    /// let credentials = Credentials::digest("ada", "example.com", "84a4", "sip:example.com", "6629fae4")
    ///     .algorithm(DigestAlgorithm::Md5)
    ///     .qop_auth(1, "0a4f113b")
    ///     .build();
    /// assert_eq!(credentials.nc().unwrap(), "00000001");
    /// ```
    pub fn digest(
        username: impl AsRef<[u8]>,
        realm: impl AsRef<[u8]>,
        nonce: impl AsRef<[u8]>,
        uri: impl AsRef<[u8]>,
        response: impl AsRef<[u8]>,
    ) -> CredentialsBuilder {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"Digest username=");
        write_quoted(username.as_ref(), &mut out);
        CredentialsBuilder(out)
            .quoted("realm", realm.as_ref())
            .quoted("nonce", nonce.as_ref())
            .quoted("uri", uri.as_ref())
            .quoted("response", response.as_ref())
    }

    pub(super) fn read(value: &Text, name: HeaderName) -> Result<Credentials, HeaderError> {
        Fields::read(value, name, &MANDATORY).map(Credentials)
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

    /// The user's name in the realm; `None` also for one sent as `username*` (RFC 7616 §3.4), which
    /// [`Credentials::param`] gives.
    #[must_use]
    pub fn username(&self) -> Option<Text> {
        self.0.text(Field::Username)
    }

    /// The protection domain the secret belongs to.
    #[must_use]
    pub fn realm(&self) -> Option<Text> {
        self.0.text(Field::Realm)
    }

    /// The server's nonce.
    #[must_use]
    pub fn nonce(&self) -> Option<Text> {
        self.0.text(Field::Nonce)
    }

    /// The URI the digest was made over; it is to name the same resource as the Request-URI.
    #[must_use]
    pub fn uri(&self) -> Option<Text> {
        self.0.text(Field::Uri)
    }

    /// The digest, in hexadecimal.
    #[must_use]
    pub fn response(&self) -> Option<Text> {
        self.0.text(Field::Response)
    }

    /// The hash used, MD5 where none is named; `None` for one this crate does not know.
    #[must_use]
    pub fn algorithm(&self) -> Option<DigestAlgorithm> {
        challenge::algorithm(&self.0)
    }

    /// The algorithm as named, without quotes.
    #[must_use]
    pub fn algorithm_token(&self) -> Option<Text> {
        self.0.text(Field::Algorithm)
    }

    /// Whether the algorithm is a `-sess` one: A1 takes in the nonces (RFC 7616 §3.4.2).
    #[must_use]
    pub fn is_session(&self) -> bool {
        challenge::is_session(&self.0)
    }

    /// The client's nonce.
    #[must_use]
    pub fn cnonce(&self) -> Option<Text> {
        self.0.text(Field::Cnonce)
    }

    /// The protection chosen: `auth` or `auth-int`; absent from clients of RFC 2069.
    #[must_use]
    pub fn qop(&self) -> Option<Text> {
        self.0.text(Field::Qop)
    }

    /// How many requests used the nonce, as written: this goes into the hash.
    #[must_use]
    pub fn nc(&self) -> Option<Text> {
        self.0.text(Field::Nc)
    }

    /// How many requests used the nonce; `None` also when it is not one to eight hexadecimal digits.
    #[must_use]
    pub fn nonce_count(&self) -> Option<u32> {
        let digits = bare(self.0.raw(Field::Nc)?);
        if digits.len() > 8 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    /// What the server asked to have back.
    #[must_use]
    pub fn opaque(&self) -> Option<Text> {
        self.0.text(Field::Opaque)
    }

    /// Whether the username is a hash of name and realm (RFC 7616 §3.4.4).
    #[must_use]
    pub fn userhash(&self) -> bool {
        self.0
            .raw(Field::Userhash)
            .is_some_and(|value| bare(value).eq_ignore_ascii_case(b"true"))
    }

    /// The value of any parameter, without quotes and backslashes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.0.param(name)
    }

    /// The credentials as they were written, or composed.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        self.0.as_text()
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> Credentials {
        Credentials(self.0.detached())
    }
}

impl CredentialsBuilder {
    /// Names the hash.
    pub fn algorithm(self, algorithm: DigestAlgorithm) -> CredentialsBuilder {
        self.token("algorithm", algorithm.as_str())
    }

    /// `qop=auth`, with how many requests used the nonce, this one included, and the client's own nonce.
    pub fn qop_auth(self, nonce_count: u32, cnonce: impl AsRef<[u8]>) -> CredentialsBuilder {
        self.token("qop", "auth")
            .token("nc", &format!("{nonce_count:08x}"))
            .quoted("cnonce", cnonce.as_ref())
    }

    /// What the server asked to have back.
    pub fn opaque(self, opaque: impl AsRef<[u8]>) -> CredentialsBuilder {
        self.quoted("opaque", opaque.as_ref())
    }

    /// The credentials.
    #[must_use]
    pub fn build(self) -> Credentials {
        let text = Text::composed(self.0);
        Credentials::read(&text, HeaderName::Authorization).unwrap_or_else(|error| {
            unreachable!("{error} in credentials composed of quoted parts: {text:?}")
        })
    }

    fn quoted(mut self, name: &str, value: &[u8]) -> CredentialsBuilder {
        self.name(name);
        write_quoted(value, &mut self.0);
        self
    }

    fn token(mut self, name: &str, value: &str) -> CredentialsBuilder {
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

    fn credentials(value: &'static str) -> Result<Credentials, HeaderError> {
        Credentials::read(&Text::from_static(value), HeaderName::Authorization)
    }

    #[test]
    fn quotes_may_be_missing_or_too_many() {
        let read = credentials(
            "DIGEST username=ada,realm=example.com, nonce=abc==, uri=sip:example.com;transport=tcp,response=\"00\",\tqop=\"auth\" , nc=\"0000000A\", cnonce=x,algorithm=\"sha-256\"",
        )
        .unwrap();
        assert_eq!(read.username().unwrap(), "ada");
        assert_eq!(read.nonce().unwrap(), "abc==");
        assert_eq!(read.uri().unwrap(), "sip:example.com;transport=tcp");
        assert_eq!(read.qop().unwrap(), "auth");
        assert_eq!(read.nonce_count(), Some(10));
        assert_eq!(read.algorithm(), Some(DigestAlgorithm::Sha256));
    }

    #[test]
    fn commas_and_quotes_inside_quotes_part_nothing() {
        let read = credentials("Digest username=\"a, realm=\\\"x\\\"\", realm=\"r\", nonce=\"n\", uri=\"u\", response=\"\"").unwrap();
        assert_eq!(read.username().unwrap(), "a, realm=\"x\"");
        assert_eq!(read.realm().unwrap(), "r");
        assert_eq!(read.response().unwrap(), "");
    }

    #[test]
    fn other_schemes_are_kept() {
        // RFC 4475 §3.3.7 (regaut01)
        let strange = credentials("NoOneKnowsThisScheme opaque-data=here").unwrap();
        assert_eq!(strange.scheme(), "NoOneKnowsThisScheme");
        assert!(!strange.is_digest() && strange.username().is_none());
        assert_eq!(strange.param("opaque-data").as_deref(), Some(&b"here"[..]));
        let basic = credentials("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==").unwrap();
        assert_eq!(basic.as_text(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn a_digest_is_complete_and_says_nothing_twice() {
        for bad in [
            "Digest realm=r, nonce=n, uri=u, response=x",
            "Digest username=a, nonce=n, uri=u, response=x",
            "Digest username=a, realm=r, uri=u, response=x",
            "Digest username=a, realm=r, nonce=n, response=x",
            "Digest username=a, realm=r, nonce=n, uri=u",
            "Digest username=a, realm=r, nonce=n, uri=u, response=x, username=b",
            "Digest username=a, realm=r, nonce=n, uri=u, response=x, NONCE=n",
            "Digest username=\"a, realm=r, nonce=n, uri=u, response=x",
            "Digest username=a realm=r, nonce=n, uri=u, response=x",
            "Digest username=, realm=r, nonce=n, uri=u, response=x",
            "Digest username, realm=r, nonce=n, uri=u, response=x",
            "Digestusername=a, realm=r, nonce=n, uri=u, response=x",
            "Digest",
        ] {
            assert!(credentials(bad).is_err(), "{bad}");
        }
        let hashed = credentials(
            "Digest username*=UTF-8''J%C3%A4s, realm=r, nonce=n, uri=u, response=x, userhash=true",
        )
        .unwrap();
        assert_eq!(hashed.username(), None);
        assert!(hashed.userhash());
    }

    #[test]
    fn a_nonce_count_is_up_to_eight_hexadecimal_digits() {
        for (nc, count) in [
            ("00000001", Some(1)),
            ("ffffffff", Some(u32::MAX)),
            ("1", Some(1)),
            ("100000000", None),
            ("x", None),
            ("\"\"", None),
            ("+1", None),
        ] {
            let value = format!("Digest username=a, realm=r, nonce=n, uri=u, response=x, nc={nc}");
            let read =
                Credentials::read(&Text::new(value).unwrap(), HeaderName::Authorization).unwrap();
            assert_eq!(read.nonce_count(), count, "{nc}");
        }
    }

    #[test]
    fn what_is_composed_reads_back() {
        let made = Credentials::digest("a\"b", "r", "n", "sip:r", "00")
            .qop_auth(10, "c")
            .opaque("o")
            .build();
        assert_eq!(
            *made.as_text(),
            "Digest username=\"a\\\"b\", realm=\"r\", nonce=\"n\", uri=\"sip:r\", response=\"00\", qop=auth, nc=0000000a, cnonce=\"c\", opaque=\"o\""
        );
        assert_eq!(made.username().unwrap(), "a\"b");
        assert_eq!(made.nonce_count(), Some(10));
    }
}
