//! A server that asks, and a phone that answers.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use sip_core::{
    AddressOfRecord, DigestAlgorithm, HeaderName, Limits, Message, Response, Tag, parse_message,
};
use sip_proxy::auth::{
    ChallengeKind, DigestAuthenticator, DigestConfig, Exchange, Ha1, Identity, NonceKey, Nonces,
    QopAuth, Verdict,
};
use sip_proxy::backend::{CredentialStore, InDialog, Incoming, MemoryCredentials};
use sip_transaction::Flow;

pub(crate) const REALM: &str = "example.com";
pub(crate) const PASSWORD: &str = "Circle of Life";

pub(crate) struct Server {
    authenticator: DigestAuthenticator,
    pub(crate) kind: ChallengeKind,
    pub(crate) now: Duration,
}

/// What bob's phone puts into its credentials, right unless changed.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) realm: String,
    pub(crate) nonce: String,
    pub(crate) uri: String,
    pub(crate) algorithm: DigestAlgorithm,
    pub(crate) name_algorithm: bool,
    pub(crate) qop: bool,
}

/// Fresh for ten seconds (F-52).
pub(crate) fn nonces() -> Nonces {
    Nonces::new(NonceKey::new(1, &[7; 32])).with_lifetime(Duration::from_secs(10))
}

pub(crate) fn bob() -> AddressOfRecord {
    AddressOfRecord::new("bob", REALM).unwrap()
}

impl Server {
    pub(crate) fn new() -> Server {
        Server::with(DigestConfig::new(nonces()))
    }

    pub(crate) fn with(config: DigestConfig) -> Server {
        let credentials = MemoryCredentials::new();
        credentials.add_password(&bob(), REALM, PASSWORD);
        Server::on(config, credentials)
    }

    pub(crate) fn on(config: DigestConfig, store: impl CredentialStore) -> Server {
        Server {
            authenticator: DigestAuthenticator::new(config, Arc::new(store)),
            kind: ChallengeKind::Www,
            now: Duration::from_secs(1_700_000_000),
        }
    }

    /// The verdict on a REGISTER with these lines of Authorization.
    pub(crate) fn judge(&self, lines: &[String]) -> Verdict {
        let incoming = incoming(lines, self.now);
        let verdict = pin!(self.authenticator.authenticate(&incoming, REALM, self.kind));
        match verdict.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(verdict) => verdict,
            Poll::Pending => panic!("an answer from memory was not ready"),
        }
    }

    pub(crate) fn identity(&self, lines: &[String]) -> Option<Identity> {
        self.judge(lines).identity().ok()
    }

    pub(crate) fn refusal(&self, lines: &[String]) -> Response {
        match self.judge(lines).identity() {
            Ok(identity) => panic!("{identity:?} was authenticated"),
            Err(response) => response,
        }
    }

    /// Bob's answer to the topmost challenge.
    pub(crate) fn answer(&self) -> Answer {
        let challenge = &challenges(&self.refusal(&[]))[0];
        Answer {
            username: "bob".into(),
            password: PASSWORD.into(),
            realm: REALM.into(),
            nonce: param(challenge, "nonce").unwrap(),
            uri: "sip:example.com".into(),
            algorithm: match param(challenge, "algorithm").as_deref() {
                Some("SHA-256") => DigestAlgorithm::Sha256,
                Some("SHA-512-256") => DigestAlgorithm::Sha512_256,
                _ => DigestAlgorithm::Md5,
            },
            name_algorithm: true,
            qop: param(challenge, "qop").is_some(),
        }
    }
}

impl Answer {
    /// The credentials to a REGISTER.
    pub(crate) fn line(&self) -> String {
        self.line_for(b"REGISTER")
    }

    pub(crate) fn line_for(&self, method: &[u8]) -> String {
        let Answer {
            username,
            password,
            realm,
            nonce,
            uri,
            ..
        } = self;
        let [name, realm_octets] = [username, realm].map(|text| text.as_bytes());
        let ha1 = Ha1::compute(self.algorithm, name, realm_octets, password.as_bytes());
        let response = ha1.response(&Exchange {
            method,
            uri: uri.as_bytes(),
            nonce: nonce.as_bytes(),
            auth: self.qop.then_some(QopAuth {
                nc: b"00000001",
                cnonce: b"0a4f113b",
            }),
        });
        let mut line = format!(
            "Digest username=\"{username}\", realm=\"{realm}\", nonce=\"{nonce}\", \
             uri=\"{uri}\", response=\"{response}\""
        );
        if self.qop {
            line += ", qop=auth, nc=00000001, cnonce=\"0a4f113b\"";
        }
        if self.name_algorithm {
            line += match self.algorithm {
                DigestAlgorithm::Md5 => ", algorithm=MD5",
                DigestAlgorithm::Sha256 => ", algorithm=SHA-256",
                DigestAlgorithm::Sha512_256 => ", algorithm=SHA-512-256",
            };
        }
        line
    }

    pub(crate) fn lines(&self) -> [String; 1] {
        [self.line()]
    }
}

fn incoming(authorization: &[String], now: Duration) -> Incoming {
    let mut text = String::from(
        "REGISTER sip:example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK1\r\n\
         To: Bob <sip:bob@example.com>\r\n\
         From: Bob <sip:bob@example.com>;tag=456248\r\n\
         Call-ID: 1@192.0.2.4\r\n\
         CSeq: 1 REGISTER\r\n",
    );
    for line in authorization {
        text += &format!("Authorization: {line}\r\n");
    }
    text += "Content-Length: 0\r\n\r\n";
    let Ok(Message::Request(request)) = parse_message(Bytes::from(text), &Limits::default()) else {
        panic!("not a request")
    };
    Incoming {
        request,
        flow: Flow::udp(
            "203.0.113.1:5060".parse().unwrap(),
            "192.0.2.4:5060".parse().unwrap(),
        ),
        dialog: InDialog::No,
        unix_time: now,
        entropy: 1,
        to_tag: Tag::new("us").unwrap(),
        way_out: None,
    }
}

/// The challenges of a response, top first.
pub(crate) fn challenges(response: &Response) -> Vec<String> {
    let names = [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate];
    names
        .iter()
        .flat_map(|name| response.headers().raw(name))
        .map(|line| line.to_string())
        .collect()
}

/// A parameter of a challenge, unquoted.
pub(crate) fn param(challenge: &str, name: &str) -> Option<String> {
    challenge
        .strip_prefix("Digest ")?
        .split(',')
        .filter_map(|param| param.trim().split_once('='))
        .find(|(param, _)| *param == name)
        .map(|(_, value)| value.trim_matches('"').to_owned())
}
