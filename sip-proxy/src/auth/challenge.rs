//! The challenge: 401 or 407, and one header for each algorithm offered (RFC 3261 §22.2, §22.3; RFC 8760 §2.3).

use sip_core::{
    Challenge, DigestAlgorithm, ProxyAuthenticate, Response, StatusCode, Text, WwwAuthenticate,
};

use super::DigestConfig;
use crate::backend::Incoming;

/// In which role a server asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChallengeKind {
    /// As registrar or user agent: 401, WWW-Authenticate, Authorization (§22.2).
    Www,
    /// As proxy: 407, Proxy-Authenticate, Proxy-Authorization (§22.3).
    Proxy,
}

/// Challenges for `realm`, the preferred algorithm on top, all with one nonce.
pub(crate) fn response(
    config: &DigestConfig,
    incoming: &Incoming,
    realm: &str,
    kind: ChallengeKind,
    stale: bool,
) -> Response {
    let mut response = incoming.reply(match kind {
        ChallengeKind::Www => StatusCode::UNAUTHORIZED,
        ChallengeKind::Proxy => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
    });
    let nonce = config.nonces.issue(incoming.unix_time, incoming.entropy);
    for algorithm in &config.algorithms {
        let challenge = challenge(config, *algorithm, realm, &nonce, stale);
        match kind {
            ChallengeKind::Www => response.headers_mut().push(&WwwAuthenticate(challenge)),
            ChallengeKind::Proxy => response.headers_mut().push(&ProxyAuthenticate(challenge)),
        }
    }
    response
}

fn challenge(
    config: &DigestConfig,
    algorithm: DigestAlgorithm,
    realm: &str,
    nonce: &Text,
    stale: bool,
) -> Challenge {
    let mut challenge = Challenge::digest(realm, nonce);
    if config.qop || algorithm != DigestAlgorithm::Md5 {
        challenge = challenge.algorithm(algorithm).qop_auth();
    }
    if stale {
        challenge = challenge.stale();
    }
    challenge.build()
}
