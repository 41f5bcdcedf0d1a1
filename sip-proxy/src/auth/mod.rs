//! Who sent a request: digest authentication (RFC 3261 §22, RFC 7616, RFC 8760).
//!
//! A [`DigestAuthenticator`] needs to remember nothing between challenge and answer: its [`Nonces`] are signed, and
//! any server with the same key can judge them. Within its lifetime a nonce may be used for several requests, and an
//! overheard request may be replayed as it was, unless two memories of a fixed size are added: [`NonceCounts`] for
//! what has been used, and [`Failures`] for who has been wrong.

mod challenge;
mod checks;
mod counts;
mod digest;
mod failures;
mod hex;
mod identity;
mod nonce;
mod presented;
mod uri_check;

use std::sync::Arc;
use std::time::Duration;

use sip_core::{DigestAlgorithm, Method, Request, Response, RetryAfter, StatusCode, Text};

use crate::backend::{Credential, CredentialError, CredentialStore, Incoming, SharedSecret};

pub use challenge::ChallengeKind;
pub use checks::{NonceChecks, RequestParts};
pub use counts::{NonceCounts, NonceUse};
pub use digest::{DigestValue, Exchange, Ha1, QopAuth};
use failures::Whose;
pub use failures::{FailureLimits, Failures};
pub use identity::Identity;
use nonce::Stamp;
pub use nonce::{NonceVerdict, Nonces};
use presented::{NotPresented, Presented};
pub use uri_check::UriCheck;

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
    /// Also offer `qop="auth-int"`, which signs the body. A proxy between that rewrites SDP breaks it. Default: no.
    pub auth_int: bool,
    /// Also offer the `-sess` variant of each algorithm, below it. Default: no.
    pub sessions: bool,
    /// What nonces are bound to. Default: nothing.
    pub checks: NonceChecks,
    /// How closely `uri` must match the Request-URI. Default: equivalent.
    pub uri: UriCheck,
    /// How often a nonce may be used. Default: as often as one likes while it is fresh.
    pub nonce_use: NonceUse,
    /// Counts wrong answers. Default: nobody does.
    pub failures: Option<Arc<Failures>>,
}

impl DigestConfig {
    /// SHA-256, then MD5, with `qop="auth"`.
    #[must_use]
    pub fn new(nonces: Nonces) -> DigestConfig {
        DigestConfig {
            nonces,
            algorithms: vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5],
            qop: true,
            auth_int: false,
            sessions: false,
            checks: NonceChecks::NONE,
            uri: UriCheck::Equivalent,
            nonce_use: NonceUse::Reusable,
            failures: None,
        }
    }

    /// One challenge, for MD5, without `qop` and `algorithm`: understood by every client since 1999 (F-33).
    #[must_use]
    pub fn compatible(nonces: Nonces) -> DigestConfig {
        DigestConfig {
            algorithms: vec![DigestAlgorithm::Md5],
            qop: false,
            ..DigestConfig::new(nonces)
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
    /// An unknown user is answered as a wrong password is, after the same work. A nonce that is only too old, or used,
    /// or issued to another request, gives a challenge with `stale=true`, if the rest is right; so a client need not
    /// ask its user again.
    ///
    /// An ACK is judged by the credentials of its INVITE, which it repeats. Neither an ACK nor a CANCEL can be sent
    /// again with others, so what is not proved is never to be answered with the challenge (RFC 3261 §22.1).
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
        let presented = match Presented::find(request, realm, kind, config) {
            Ok(presented) => presented,
            Err(NotPresented::Absent) => return again(false),
            Err(unusable) => {
                let answer = incoming.reply(StatusCode::BAD_REQUEST);
                return Verdict::Malformed(answer.with_reason(&unusable.phrase()));
            }
        };
        let checks = config.checks.of(incoming);
        let (nonce, stamp) = config.nonces.judge_from(&presented.nonce, incoming, checks);
        let Some(stamp) = stamp else {
            return again(false); // forged
        };
        let guesses = Guesses::of(config, incoming, &presented, nonce);
        if guesses.are_too_many() {
            return again(false);
        }
        let credential = match self.credential(&presented, realm).await {
            Ok(credential) => credential,
            Err(error) => return Verdict::Outage(outage(incoming, &error)),
        };
        let Some(identity) = judge(&presented, credential, realm, request) else {
            guesses.count();
            return again(false);
        };
        if nonce != NonceVerdict::Fresh || !self.may_use(stamp, &presented, incoming) {
            return again(true);
        }
        guesses.forgive();
        Verdict::Authenticated(identity)
    }

    /// Asks for credentials, whatever the request presents: 401 or 407.
    #[must_use]
    pub fn challenge(&self, incoming: &Incoming, realm: &str, kind: ChallengeKind) -> Response {
        challenge::response(&self.config, incoming, realm, kind, false)
    }

    /// Whether the nonce may be used for this request; it has been then. An ACK repeats what its INVITE used.
    fn may_use(&self, stamp: Stamp, presented: &Presented, incoming: &Incoming) -> bool {
        if *incoming.request.method() == Method::Ack {
            return true;
        }
        match &self.config.nonce_use {
            NonceUse::Reusable => true,
            NonceUse::Counted(counts) => presented
                .count()
                .is_none_or(|count| counts.admit(stamp, count, incoming)),
            NonceUse::Once(counts) => counts.admit(stamp, 1, incoming),
        }
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

/// The wrong answers of whoever presents credentials.
struct Guesses<'a> {
    failures: Option<&'a Failures>,
    whose: [Whose<'a>; 2],
    unix_time: Duration,
}

impl<'a> Guesses<'a> {
    fn of(
        config: &'a DigestConfig,
        incoming: &Incoming,
        presented: &'a Presented,
        nonce: NonceVerdict,
    ) -> Guesses<'a> {
        let (name, ip) = (presented.username.as_bytes(), incoming.flow.remote.ip());
        Guesses {
            failures: config.failures.as_deref(),
            whose: match nonce {
                NonceVerdict::Elsewhere => [Whose::Elsewhere(name); 2],
                _ => [Whose::User(name, ip), Whose::Address(ip)],
            },
            unix_time: incoming.unix_time,
        }
    }

    fn are_too_many(&self) -> bool {
        let too_many = |failures: &Failures| {
            let mut whose = self.whose.into_iter();
            whose.any(|whose| failures.are_too_many(whose, self.unix_time))
        };
        self.failures.is_some_and(too_many)
    }

    fn count(&self) {
        if let Some(failures) = self.failures {
            self.whose
                .into_iter()
                .for_each(|whose| failures.count(whose, self.unix_time));
        }
    }

    fn forgive(&self) {
        if let Some(failures) = self.failures {
            failures.forgive(self.whose[0]);
        }
    }
}

/// Who presented the credentials, if they are right.
fn judge(
    presented: &Presented,
    credential: Option<Credential>,
    realm: &str,
    request: &Request,
) -> Option<Identity> {
    let known = credential
        .as_ref()
        .and_then(|credential| ha1(presented, &credential.secret, realm));
    // What nobody can know takes as long to check as what somebody knows.
    let ha1 = known.or_else(|| ha1(presented, &SharedSecret::Password("".into()), realm))?;
    let method = match request.method() {
        Method::Ack => &Method::Invite, // its credentials are those of the INVITE (RFC 3261 §22.1)
        other => other,
    };
    let exchange = presented.exchange(method.as_bytes(), request.body());
    let right = presented.is_answer(&ha1.response(&exchange));
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
