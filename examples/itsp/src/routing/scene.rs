//! A provider with two domains and three users, for the tests of each step.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use sip_core::{DigestAlgorithm, Limits, Message, Response, Tag, Transport, parse_message};
use sip_proxy::auth::{DigestAuthenticator, DigestConfig, Exchange, Ha1, NonceKey, Nonces};
use sip_proxy::nat::{ContactFix, NatTraversal};
use sip_proxy::registrar::{Registrar, RegistrarConfig};
use sip_proxy::{Decision, InDialog, Incoming, Relay, Router, SessionTimers};
use sip_transaction::{ConnectionId, Flow};
use tokio::runtime::Handle;

use super::Routing;
use crate::accounts::subscriber;
use crate::config;
use crate::domains::Domains;
use crate::location::{DurableLocation, Flusher};
use crate::store::Store;
use crate::subscribers::Subscribers;

/// Everybody's password.
const PASSWORD: &str = "secret";

/// alice and bob at a.example, which is 192.0.2.1 too; carol at b.example; 5551234 at a.example is bob.
pub(super) struct Scene {
    pub(super) routing: Routing,
    pub(super) store: Store,
    _flusher: Option<Flusher>,
    _folder: tempfile::TempDir,
}

impl Scene {
    pub(super) async fn new() -> Scene {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        for (name, did) in [
            ("a.example", "a.example"),
            ("192.0.2.1", "a.example"),
            ("b.example", "b.example"),
        ] {
            store.add_domain(name, did).await.expect("adds");
        }
        let rows = store.domains().await.expect("reads");
        let of = |name: &str| rows.iter().find(|row| row.name == name).expect("is there");
        let users = [
            ("alice", "a.example"),
            ("bob", "a.example"),
            ("carol", "b.example"),
        ];
        let users = users.map(|(user, domain)| subscriber(user, of(domain), PASSWORD));
        store.put_subscribers(&users).await.expect("adds");
        store
            .execute(
                "INSERT INTO dbaliases (alias_username, alias_domain, username, domain)
                      VALUES ('5551234', 'a.example', 'bob', 'a.example')",
            )
            .await;

        let domains = Arc::new(Domains::read(&store).await.expect("reads"));
        let config = config::Config::default();
        let subscribers = Subscribers::new(
            &config.subscribers,
            store.clone(),
            Arc::clone(&domains),
            Handle::current(),
        );
        let subscribers = Arc::new(subscribers);
        let (location, flusher) = DurableLocation::start(&config.location, store.clone())
            .await
            .expect("starts");
        let location = Arc::new(location);
        let digest = DigestConfig::compatible(Nonces::new(NonceKey::new(1, &[7; 32])));
        Scene {
            routing: Routing {
                domains,
                authenticator: DigestAuthenticator::new(digest, Arc::clone(&subscribers) as _),
                registrar: Registrar::new(RegistrarConfig::default(), Arc::clone(&location) as _),
                location,
                subscribers,
                nat: Some(NatTraversal::new(ContactFix::Alias)),
                session_timers: SessionTimers::new(1800, 90),
            },
            store,
            _flusher: flusher,
            _folder: folder,
        }
    }

    /// What becomes of `request`: its start line and the headers that matter; the others are made up.
    pub(super) async fn decide(&self, request: &str) -> Decision {
        self.routing.route(&incoming(request)).await
    }

    /// The same when the sender has answered the challenge as `user` with `realm`.
    pub(super) async fn decide_as(&self, user: &str, request: &str) -> Decision {
        let challenge = replied(self.decide(request).await);
        let (challenge_name, name) = match challenge.status().as_u16() {
            401 => ("WWW-Authenticate", "Authorization"),
            407 => ("Proxy-Authenticate", "Proxy-Authorization"),
            other => panic!("a challenge, not {other}"),
        };
        let challenge = header(&challenge, challenge_name).expect("a challenge");
        let credentials = credentials(user, request, &challenge);
        self.decide(&format!("{request}\n{name}: {credentials}"))
            .await
    }

    /// Registers `contact` for `user` at a.example.
    pub(super) async fn register(&self, user: &str, contact: &str) {
        let request = format!(
            "REGISTER sip:a.example SIP/2.0\nFrom: <sip:{user}@a.example>;tag=1\nTo: <sip:{user}@a.example>\n\
             Contact: <{contact}>"
        );
        let response = replied(self.decide_as(user, &request).await);
        assert_eq!(response.status().as_u16(), 200);
    }
}

/// A request as the proxy hands it over, from 198.51.100.7.
pub(super) fn incoming(request: &str) -> Incoming {
    let (start, rest) = request.split_once('\n').unwrap_or((request, ""));
    let method = start.split(' ').next().unwrap_or_default();
    let mut text =
        format!("{start}\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\nMax-Forwards: 10\r\n");
    let _ = write!(text, "Call-ID: c1\r\nCSeq: 1 {method}\r\n");
    for line in rest.lines() {
        let _ = write!(text, "{line}\r\n");
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    let message = parse_message(Bytes::from(text), &Limits::default()).expect("a message");
    let Message::Request(request) = message else {
        panic!("a request")
    };
    Incoming {
        request,
        flow: Flow {
            transport: Transport::Udp,
            local: ([192, 0, 2, 1], 5060).into(),
            remote: ([198, 51, 100, 7], 5060).into(),
            connection: ConnectionId::NONE,
        },
        dialog: InDialog::No,
        unix_time: now(),
        entropy: 42,
        to_tag: Tag::new("ours").expect("a tag"),
        way_out: None,
    }
}

pub(super) fn replied(decision: Decision) -> Response {
    match decision {
        Decision::Reply(response) => response,
        other => panic!("a reply, not {other:?}"),
    }
}

pub(super) fn relayed(decision: Decision) -> Relay {
    match decision {
        Decision::Relay(relay) => relay,
        other => panic!("a relay, not {other:?}"),
    }
}

/// Status and reason, as in `403 Fake Identity`.
pub(super) fn status(decision: Decision) -> String {
    let response = replied(decision);
    format!(
        "{} {}",
        response.status().as_u16(),
        response.reason().escape_ascii()
    )
}

pub(super) fn header(response: &Response, name: &str) -> Option<String> {
    let mut lines = response.headers().lines();
    let (_, value) =
        lines.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name.as_bytes()))?;
    Some(value.to_str_lossy().into_owned())
}

fn credentials(user: &str, request: &str, challenge: &str) -> String {
    let quoted = |name: &str| {
        let (_, after) = challenge
            .split_once(&format!("{name}=\""))
            .expect("is there");
        after.split_once('"').expect("is closed").0
    };
    let (realm, nonce) = (quoted("realm"), quoted("nonce"));
    let mut words = request.split(' ');
    let (method, uri) = (
        words.next().expect("a method"),
        words.next().expect("a URI"),
    );
    let exchange = Exchange {
        method: method.as_bytes(),
        uri: uri.as_bytes(),
        nonce: nonce.as_bytes(),
        auth: None,
    };
    let ha1 = Ha1::compute(
        DigestAlgorithm::Md5,
        user.as_bytes(),
        realm.as_bytes(),
        PASSWORD.as_bytes(),
    );
    let response = ha1.response(&exchange);
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\""
    )
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
}
