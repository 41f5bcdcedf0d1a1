//! Who sent a request: digest authentication (RFC 3261 §22, RFC 7616, RFC 8760).
//!
//! A [`DigestAuthenticator`] remembers nothing between challenge and answer: its [`Nonces`] are signed, and any
//! server with the same key can judge them. Within its lifetime a nonce may be used for several requests, and an
//! overheard request may be replayed as it was; `nc` is checked for its form, and not yet against a window.

mod challenge;
mod digest;
mod hex;
mod identity;
mod nonce;
mod presented;

use std::sync::Arc;

use sip_core::{DigestAlgorithm, Method, Response, RetryAfter, StatusCode, Text};

use crate::backend::{Credential, CredentialError, CredentialStore, Incoming, SharedSecret};

pub use challenge::ChallengeKind;
pub use digest::{DigestValue, Exchange, Ha1, QopAuth};
pub use identity::Identity;
pub use nonce::{NonceVerdict, Nonces};
use presented::{NotPresented, Presented};

/// What is asked of clients.
#[derive(Clone, Debug)]
pub struct DigestConfig {
    /// Issues nonces and judges them.
    pub nonces: Nonces,
    /// The algorithms offered, the most preferred first, one challenge header each. Clients of the first hour
    /// read only the first header, and only MD5.
    pub algorithms: Vec<DigestAlgorithm>,
    /// Offer `qop="auth"`, and name the algorithm in every challenge. Without it a challenge for MD5 has neither,
    /// as before RFC 2617 (F-33). A client that uses no qop is accepted either way.
    pub qop: bool,
}

impl DigestConfig {
    /// SHA-256, then MD5, with `qop="auth"`.
    #[must_use]
    pub fn new(nonces: Nonces) -> DigestConfig {
        DigestConfig {
            nonces,
            algorithms: vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5],
            qop: true,
        }
    }

    /// One challenge, for MD5, without `qop` and `algorithm`: understood by every client since 1999 (F-33).
    #[must_use]
    pub fn compatible(nonces: Nonces) -> DigestConfig {
        DigestConfig {
            nonces,
            algorithms: vec![DigestAlgorithm::Md5],
            qop: false,
        }
    }
}

/// What became of the question who sent a request. All but the first is to be answered.
#[derive(Clone, Debug)]
#[must_use]
pub enum Verdict {
    /// This is who sent it.
    Authenticated(Identity),
    /// Nobody is known yet: 401 or 407, with the challenges.
    Challenge(Response),
    /// The credentials can't be read, or are for another URI: 400.
    Malformed(Response),
    /// The credential store did not say: 500, or 503 when it has too much to do.
    Outage(Response),
}

impl Verdict {
    /// Who sent it, or what to answer.
    ///
    /// # Errors
    /// The answer, unless somebody was authenticated.
    #[expect(
        clippy::result_large_err,
        reason = "a response is what the caller sends next"
    )]
    pub fn identity(self) -> Result<Identity, Response> {
        match self {
            Verdict::Authenticated(identity) => Ok(identity),
            Verdict::Challenge(response)
            | Verdict::Malformed(response)
            | Verdict::Outage(response) => Err(response),
        }
    }
}

/// How long a client waits when the store has too much to do, in seconds.
const RETRY_AFTER: u32 = 10;

/// Finds out who sent a request.
#[derive(Clone)]
pub struct DigestAuthenticator {
    config: DigestConfig,
    store: Arc<dyn CredentialStore>,
}

impl DigestAuthenticator {
    /// Asks as `config` says, and knows whom `store` knows.
    #[must_use]
    pub fn new(config: DigestConfig, store: Arc<dyn CredentialStore>) -> DigestAuthenticator {
        DigestAuthenticator { config, store }
    }

    /// Judges the credentials for `realm` in a request: Authorization for [`ChallengeKind::Www`],
    /// Proxy-Authorization for [`ChallengeKind::Proxy`] (§22.2, §22.3). The first that can be read count.
    ///
    /// An unknown user is answered as a wrong password is, after the same work. A nonce that is only too old gives
    /// a challenge with `stale=true`, if the rest is right; so a client need not ask its user again.
    pub async fn authenticate(
        &self,
        incoming: &Incoming,
        realm: &str,
        kind: ChallengeKind,
    ) -> Verdict {
        let config = &self.config;
        let request = &incoming.request;
        let again =
            |stale| Verdict::Challenge(challenge::response(config, incoming, realm, kind, stale));
        let presented = match Presented::find(request, realm, kind, &config.algorithms) {
            Ok(presented) => presented,
            Err(NotPresented::Absent) => return again(false),
            Err(unusable) => {
                let answer = incoming.reply(StatusCode::BAD_REQUEST);
                return Verdict::Malformed(answer.with_reason(&unusable.phrase()));
            }
        };
        let nonce = config.nonces.judge(&presented.nonce, incoming.unix_time);
        if nonce == NonceVerdict::Forged {
            return again(false);
        }
        let credential = match self.credential(&presented, realm).await {
            Ok(credential) => credential,
            Err(error) => return Verdict::Outage(outage(incoming, &error)),
        };
        match judge(&presented, credential, realm, request.method()) {
            Some(identity) if nonce == NonceVerdict::Fresh => Verdict::Authenticated(identity),
            right => again(right.is_some()),
        }
    }

    /// Asks for credentials, whatever the request presents: 401 or 407.
    #[must_use]
    pub fn challenge(&self, incoming: &Incoming, realm: &str, kind: ChallengeKind) -> Response {
        challenge::response(&self.config, incoming, realm, kind, false)
    }

    async fn credential(
        &self,
        presented: &Presented,
        realm: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        match presented.username.as_str() {
            Some(username) => self.store.credential(username, realm).await,
            None => Ok(None), // nobody's name is not text
        }
    }
}

/// Who presented the credentials, if they are right.
fn judge(
    presented: &Presented,
    credential: Option<Credential>,
    realm: &str,
    method: &Method,
) -> Option<Identity> {
    let known = credential
        .as_ref()
        .and_then(|credential| ha1(presented, &credential.secret, realm));
    // What nobody can know takes as long to check as what somebody knows.
    let ha1 = known.or_else(|| ha1(presented, &SharedSecret::Password("".into()), realm))?;
    let right = presented.is_answer(&ha1.response(&presented.exchange(method.as_bytes())));
    let credential = credential.filter(|_| right && known.is_some())?;
    Some(Identity::digest(
        credential.identity,
        presented.username.detached(),
        Text::new(realm).ok()?,
    ))
}

fn ha1(presented: &Presented, secret: &SharedSecret, realm: &str) -> Option<Ha1> {
    secret.ha1(presented.algorithm, &presented.username, realm.as_bytes())
}

fn outage(incoming: &Incoming, error: &CredentialError) -> Response {
    match error {
        CredentialError::Busy => {
            let mut response = incoming.reply(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().set(&RetryAfter::new(RETRY_AFTER));
            response
        }
        CredentialError::Unavailable(_) => incoming.reply(StatusCode::SERVER_INTERNAL_ERROR),
    }
}
