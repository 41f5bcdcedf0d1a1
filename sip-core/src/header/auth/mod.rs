//! Who is asking: challenges and credentials (RFC 3261 §20.7, §20.27, §20.28, §20.44, §22; RFC 7616, RFC 8760).

mod challenge;
mod credentials;
mod fields;

pub use challenge::{Challenge, ChallengeBuilder};
pub use credentials::{Credentials, CredentialsBuilder};

use std::fmt;
use std::ops::Deref;

use fields::{Field, Fields};

use super::{Header, HeaderError, HeaderName};
use crate::Text;

/// The hash of a digest (RFC 8760 §2.2). A name ending in `-sess` is the same hash over another A1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// MD5, also meant where no algorithm is named. Every phone has it.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256: SHA-512 with another start, cut to 256 bits.
    Sha512_256,
}

impl DigestAlgorithm {
    /// All of them, weakest first.
    pub const ALL: [DigestAlgorithm; 3] = [
        DigestAlgorithm::Md5,
        DigestAlgorithm::Sha256,
        DigestAlgorithm::Sha512_256,
    ];

    /// The name as it is printed: `SHA-256`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DigestAlgorithm::Md5 => "MD5",
            DigestAlgorithm::Sha256 => "SHA-256",
            DigestAlgorithm::Sha512_256 => "SHA-512-256",
        }
    }

    /// Reads a name in any case, with or without `-sess`; `None` for other hashes.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<DigestAlgorithm> {
        let hash = without_sess(token).unwrap_or(token);
        DigestAlgorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str().as_bytes().eq_ignore_ascii_case(hash))
    }

    /// Octets of a digest: 16 or 32. In hexadecimal it is twice as long.
    #[must_use]
    pub fn digest_length(self) -> usize {
        match self {
            DigestAlgorithm::Md5 => 16,
            DigestAlgorithm::Sha256 | DigestAlgorithm::Sha512_256 => 32,
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn without_sess(token: &[u8]) -> Option<&[u8]> {
    let (hash, suffix) = token.split_at_checked(token.len().checked_sub(5)?)?;
    suffix.eq_ignore_ascii_case(b"-sess").then_some(hash)
}

macro_rules! carriers {
    ($($(#[$doc:meta])* $name:ident($inner:ident))*) => {
        $(
            $(#[$doc])*
            ///
            /// May stand on several lines, but is no comma list: commas part its parameters (§7.3.1).
            #[derive(Clone, Debug, PartialEq, Eq, Hash)]
            pub struct $name(pub $inner);

            impl Header for $name {
                const NAME: HeaderName = HeaderName::$name;

                fn parse(value: &Text) -> Result<$name, HeaderError> {
                    $inner::read(value, Self::NAME).map($name)
                }

                fn as_text(&self) -> Text {
                    self.0.as_text().clone()
                }
            }

            impl Deref for $name {
                type Target = $inner;
                fn deref(&self) -> &$inner {
                    &self.0
                }
            }
        )*
    };
}

carriers! {
    /// What a registrar or user agent asks for in a 401 (§20.44).
    WwwAuthenticate(Challenge)

    /// What a proxy asks for in a 407 (§20.27).
    ProxyAuthenticate(Challenge)

    /// What answers a 401 (§20.7).
    ///
    /// ```
    /// use sip_core::{Authorization, DigestAlgorithm, Header, Text};
    ///
    /// let authorization = Authorization::parse(&Text::from_static(
    ///     "Digest username=\"ada\", realm=\"example.com\", nonce=\"84a4\", uri=\"sip:example.com\", \
    ///      response=\"dfe5\", algorithm=SHA-256, qop=auth, nc=0000000a, cnonce=\"0a4f\"",
    /// ))?;
    /// assert_eq!(authorization.username().unwrap(), "ada");
    /// assert_eq!(authorization.algorithm(), Some(DigestAlgorithm::Sha256));
    /// assert_eq!(authorization.nonce_count(), Some(10));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Authorization(Credentials)

    /// What answers a 407 (§20.28).
    ProxyAuthorization(Credentials)

    /// What a registrar or user agent says to one it let in (§20.6).
    AuthenticationInfo(AuthInfo)

    /// What a proxy says to one it let in (RFC 7615 §4).
    ProxyAuthenticationInfo(AuthInfo)
}

/// What is said to one who was let in: that the secret is known here too, and which nonce to use next (RFC 7616 §3.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthInfo(Fields);

impl AuthInfo {
    fn read(value: &Text, name: HeaderName) -> Result<AuthInfo, HeaderError> {
        Fields::without_scheme(value, name).map(AuthInfo)
    }

    fn as_text(&self) -> &Text {
        self.0.as_text()
    }

    /// The nonce to use for the next request.
    #[must_use]
    pub fn nextnonce(&self) -> Option<Text> {
        self.0.text(Field::NextNonce)
    }

    /// The server's digest, which proves that it knows the secret.
    #[must_use]
    pub fn rspauth(&self) -> Option<Text> {
        self.0.text(Field::RspAuth)
    }

    /// The protection the server's digest gives.
    #[must_use]
    pub fn qop(&self) -> Option<Text> {
        self.0.text(Field::Qop)
    }

    /// The client's nonce, as the client sent it.
    #[must_use]
    pub fn cnonce(&self) -> Option<Text> {
        self.0.text(Field::Cnonce)
    }

    /// The client's count, as the client sent it.
    #[must_use]
    pub fn nc(&self) -> Option<Text> {
        self.0.text(Field::Nc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_names_are_the_same_in_any_case() {
        assert_eq!(
            DigestAlgorithm::from_token(b"sha-256"),
            Some(DigestAlgorithm::Sha256)
        );
        assert_eq!(
            DigestAlgorithm::from_token(b"MD5-SESS"),
            Some(DigestAlgorithm::Md5)
        );
        assert_eq!(
            DigestAlgorithm::from_token(b"SHA-512-256-sess"),
            Some(DigestAlgorithm::Sha512_256)
        );
        for unknown in [&b"SHA-512"[..], b"", b"-sess", b"MD5-", b"MD5-sess-sess"] {
            assert_eq!(DigestAlgorithm::from_token(unknown), None);
        }
    }

    #[test]
    fn a_server_may_prove_itself() {
        let value = "nextnonce=\"47364c23\", qop=auth,rspauth=\"88df\" , cnonce=\"0a\",nc=00000001";
        let info = AuthenticationInfo::parse(&Text::from_static(value)).unwrap();
        assert_eq!(info.nextnonce().unwrap(), "47364c23");
        assert_eq!(info.rspauth().unwrap(), "88df");
        assert_eq!(
            (info.qop().unwrap(), info.nc().unwrap()),
            (Text::from_static("auth"), Text::from_static("00000001"))
        );
        assert_eq!(info.cnonce().unwrap(), "0a");
    }
}
