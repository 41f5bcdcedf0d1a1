//! Who may authenticate, and with which secret (RFC 3261 §22).

use std::error::Error;
use std::fmt;

use async_trait::async_trait;
use sip_core::{AddressOfRecord, DigestAlgorithm};

use crate::auth::Ha1;

/// Where subscribers' secrets live.
#[async_trait]
pub trait CredentialStore: Send + Sync + 'static {
    /// The secret of `username` in `realm`; `None` if there is no such user, or one that is disabled.
    ///
    /// `username` is what the client wrote: `user`, or `user@domain`. A stored [`Ha1`] must have been computed over
    /// that same text, so the two forms have two values (databases call them HA1 and HA1b).
    ///
    /// # Errors
    /// When the store can't say. That is an outage, never a wrong password.
    async fn credential(
        &self,
        username: &str,
        realm: &str,
    ) -> Result<Option<Credential>, CredentialError>;
}

/// A subscriber, as authentication sees one.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Who it is that knows the secret.
    pub identity: AddressOfRecord,
    /// The secret.
    pub secret: SharedSecret,
}

/// What proves an identity.
#[derive(Clone)]
pub enum SharedSecret {
    /// A password; H(A1) is computed for each request, in whatever algorithm the client chose.
    Password(Box<str>),
    /// H(A1) for each algorithm it was stored for. A client that chooses another one is refused, so offer only
    /// algorithms that every subscriber has.
    Hashed(Box<[Ha1]>),
}

impl SharedSecret {
    /// H(A1) in `algorithm`; `None` if it was not stored for that one.
    #[must_use]
    pub fn ha1(&self, algorithm: DigestAlgorithm, username: &[u8], realm: &[u8]) -> Option<Ha1> {
        match self {
            SharedSecret::Password(password) => Some(Ha1::compute(
                algorithm,
                username,
                realm,
                password.as_bytes(),
            )),
            SharedSecret::Hashed(stored) => stored
                .iter()
                .copied()
                .find(|ha1| ha1.algorithm() == algorithm),
        }
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SharedSecret::Password(_) => f.write_str("Password(…)"),
            SharedSecret::Hashed(stored) => f.debug_tuple("Hashed").field(stored).finish(),
        }
    }
}

/// Why a store could not say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The store is down, slow or broken: 500.
    #[error("the credential store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Too many look-ups wait already: 503.
    #[error("the credential store has too much to do")]
    Busy,
}
