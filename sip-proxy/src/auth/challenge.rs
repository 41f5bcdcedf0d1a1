//! The challenge: 401 or 407, and one header for each algorithm offered (RFC 3261 §22.2, §22.3; RFC 8760 §2.3).

use sip_core::{Challenge, DigestAlgorithm, HeaderName, Response, StatusCode, Text};

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
    let nonce = config.nonces.issue_to(incoming, config.checks.of(incoming));
    let name = match kind {
        ChallengeKind::Www => HeaderName::WwwAuthenticate,
        ChallengeKind::Proxy => HeaderName::ProxyAuthenticate,
    };
    let start = Challenge::digest(realm, &nonce).build();
    for algorithm in &config.algorithms {
        for session in [false, true] {
            if session && !config.sessions {
                continue;
            }
            let params = params(config, *algorithm, session, stale);
            if let Ok(challenge) = Text::new([start.as_text(), params.as_bytes()].concat()) {
                response.headers_mut().push_raw(name.clone(), &challenge);
            }
        }
    }
    response
}

/// What one challenge says behind realm and nonce.
fn params(config: &DigestConfig, algorithm: DigestAlgorithm, session: bool, stale: bool) -> String {
    let mut params = String::with_capacity(64);
    if config.qop || algorithm != DigestAlgorithm::Md5 || session {
        params += ", algorithm=";
        params += algorithm.as_str();
        params += if session { "-sess" } else { "" };
        params += match config.auth_int {
            false => ", qop=\"auth\"",
            true => ", qop=\"auth,auth-int\"",
        };
    }
    if stale {
        params += ", stale=true";
    }
    params
}
