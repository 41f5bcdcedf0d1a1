//! A proxy in hand and a whole call through it, message by message: for who counts what it costs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_core::{
    AddressOfRecord, DigestAlgorithm, HostPort, Limits, Message, Request, StatusCode, Tag,
    Transport, parse_message,
};
use sip_proxy::auth::{ChallengeKind, DigestAuthenticator, DigestConfig, Exchange, Ha1, Nonces};
use sip_proxy::backend::{AddressesOnly, Credential, MemoryCredentials, SharedSecret};
use sip_proxy::{
    Admission, Answer, BranchTarget, Decision, Epoch, ForkPlan, Incoming, KeyRing, OwnAddress,
    Proxy, ProxyConfig, ProxyService, Query, Relay, Router, Secret, SigningKey,
};
use sip_transaction::{Config, Flow, Reply, Service, TransactionLayer, TransactionUser, Transmit};

const PROXY: &str = "192.0.2.3:5060";
const ALICE: &str = "192.0.2.1:5060";
const BOB: &str = "192.0.2.2:5060";
const REALM: &str = "example.com";
const PASSWORD: &[u8] = b"Circle of Life";

const OFFER: &str = "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
    m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

/// Core, transactions and proxy, as a driver would hold them.
pub(crate) struct Server {
    pub(crate) layer: TransactionLayer,
    pub(crate) proxy: Proxy,
    service: ProxyService,
    pub(crate) now: Instant,
    /// What left in the last step.
    pub(crate) sent: Vec<Transmit>,
}

/// What comes in.
pub(crate) enum Input {
    /// A datagram, and who sent it.
    Datagram(Bytes, SocketAddr),
    /// The time of the next deadline.
    Timeout,
}

/// Asks who calls, and rings bob's phone.
struct Switchboard {
    authenticator: DigestAuthenticator,
    bob: BranchTarget,
    challenges: bool,
}

#[async_trait::async_trait]
impl Router for Switchboard {
    async fn route(&self, incoming: &Incoming) -> Decision {
        if let Some(admission) = Admission::in_dialog(incoming) {
            return Relay::new(admission, ForkPlan::unchanged(incoming)).into();
        }
        let admission = if self.challenges {
            let kind = ChallengeKind::Proxy;
            let verdict = self.authenticator.authenticate(incoming, REALM, kind).await;
            match verdict.identity() {
                Ok(identity) => Admission::authenticated(&identity),
                Err(answer) => return answer.into(),
            }
        } else {
            Admission::without_authentication("only its memory is of interest")
        };
        Relay::new(admission, ForkPlan::to(self.bob.clone())).into()
    }
}

impl Server {
    /// A proxy that challenges INVITEs, or lets them pass.
    pub(crate) fn new(challenges: bool) -> Server {
        let now = Instant::now();
        let epoch = Epoch {
            instant: now,
            unix: Duration::from_secs(1_700_000_000),
        };
        let own = OwnAddress::new(Transport::Udp, address(PROXY));
        let config = ProxyConfig::new(vec![own], epoch, Secret::new([7; 16]));
        let router: Arc<dyn Router> = Arc::new(Switchboard {
            authenticator: authenticator(),
            bob: BranchTarget::new("sip:bob@192.0.2.2".parse().expect("a URI")),
            challenges,
        });
        let layer = Config {
            sent_by: vec![(Transport::Udp, HostPort::from(address(PROXY)))],
            ..Config::default()
        };
        Server {
            layer: TransactionLayer::new(layer, 1),
            proxy: Proxy::new(config, Arc::clone(&router)),
            service: ProxyService::new(router, Arc::new(AddressesOnly)),
            now,
            sent: Vec::new(),
        }
    }

    /// One turn: an input, and all that comes of it, as far as the socket.
    #[inline(never)]
    pub(crate) fn step(&mut self, input: Input) {
        self.sent.clear();
        match input {
            Input::Datagram(datagram, source) => {
                let Ok(message) = parse_message(datagram, &Limits::default()) else {
                    return;
                };
                let flow = Flow::udp(address(PROXY), source);
                self.layer.handle_message(self.now, message, flow);
            }
            Input::Timeout => {
                self.layer.handle_timeout(self.now);
                self.proxy.handle_timeout(self.now, &mut self.layer);
            }
        }
        loop {
            if let Some(event) = self.layer.poll_event() {
                self.proxy.handle_event(self.now, event, &mut self.layer);
            } else if let Some((id, query)) = self.proxy.poll_query() {
                let answer = self.answer(query);
                self.proxy
                    .handle_answer(self.now, id, answer, &mut self.layer);
            } else {
                break;
            }
        }
        while let Some(transmit) = self.layer.poll_transmit() {
            self.sent.push(transmit);
        }
    }

    fn answer(&self, query: Query) -> Answer {
        match self.service.call(query) {
            Reply::Ready(answer) => answer,
            Reply::Pending(_) => unreachable!("these backends answer at once"),
        }
    }

    /// Lets time pass, with every deadline on the way.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let deadlines = [self.layer.poll_timeout(), self.proxy.poll_timeout()];
            match deadlines.into_iter().flatten().min() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
            self.step(Input::Timeout);
        }
        self.now = end;
    }

    fn alice_says(&mut self, text: String) {
        self.step(Input::Datagram(Bytes::from(text), address(ALICE)));
    }

    /// Bob answers a request that was sent to him.
    fn bob_answers(&mut self, request: &Request, status: StatusCode) {
        let mut response = request.reply(status);
        response.set_to_tag(&Tag::new("bobs-tag").expect("a tag"));
        let mut text = String::from_utf8_lossy(&response.to_bytes()).into_owned();
        let routes = request.headers().raw(&sip_core::HeaderName::RecordRoute);
        let mut lines = String::from("Contact: <sip:bob@192.0.2.2>\r\n");
        for route in routes {
            lines += &format!("Record-Route: {route}\r\n");
        }
        text.insert_str(text.find("CSeq").unwrap_or_default(), &lines);
        self.step(Input::Datagram(Bytes::from(text), address(BOB)));
    }

    /// The first request, or the first response, that left in the last step.
    fn sent(&self, request: bool) -> Message {
        let mut messages = self.sent.iter().filter_map(|transmit| {
            let message = parse_message(transmit.payload.clone(), &Limits::default()).ok()?;
            (matches!(message, Message::Request(_)) == request).then_some(message)
        });
        messages.next().expect("it was sent")
    }

    fn sent_request(&self) -> Request {
        Request::try_from(self.sent(true)).expect("a request")
    }
}

/// One call of alice's to bob.
pub(crate) struct Call(pub(crate) u64);

impl Call {
    /// INVITE, 407, ACK, INVITE, 100, 180, 200, ACK, BYE, 200.
    pub(crate) fn run(&self, server: &mut Server) {
        server.alice_says(self.invite(1, ""));
        let challenge = server.sent(false);
        let to = raw(&challenge, &sip_core::HeaderName::To);
        server.alice_says(self.request("ACK", 1, "sip:bob@example.com", &to, "a1", ""));
        let credentials = credentials(&raw(&challenge, &sip_core::HeaderName::ProxyAuthenticate));
        server.alice_says(self.invite(2, &credentials));
        let invite = server.sent_request();
        server.bob_answers(&invite, StatusCode::RINGING);
        server.bob_answers(&invite, StatusCode::OK);
        let ok = server.sent(false);
        let to = raw(&ok, &sip_core::HeaderName::To);
        let route = raw(&ok, &sip_core::HeaderName::RecordRoute);
        let route = format!("Route: {route}\r\n");
        server.alice_says(self.request("ACK", 2, "sip:bob@192.0.2.2", &to, "a3", &route));
        server.alice_says(self.request("BYE", 3, "sip:bob@192.0.2.2", &to, "a4", &route));
        let bye = server.sent_request();
        server.bob_answers(&bye, StatusCode::OK);
        assert!(server.sent[0].payload.starts_with(b"SIP/2.0 200 OK"));
    }

    /// The INVITE rings, and nobody answers it. Returns the bytes of the messages that are kept: the INVITE as it came
    /// and as it went, and the 180.
    #[allow(dead_code)]
    pub(crate) fn ring(&self, server: &mut Server) -> usize {
        let invite = self.invite(1, "");
        let received = invite.len();
        server.alice_says(invite);
        let invite = server.sent_request();
        server.bob_answers(&invite, StatusCode::RINGING);
        received + invite.to_bytes().len() + server.sent[0].payload.len()
    }

    fn invite(&self, cseq: u32, credentials: &str) -> String {
        let branch = format!("a{cseq}");
        let to = "\"Bob\" <sip:bob@example.com>";
        let lines = format!(
            "{credentials}Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE\r\nAccept: application/sdp\r\n\
             Supported: replaces, timer, 100rel\r\nUser-Agent: Example Softphone 3.2.1 (Linux; x86_64; stable)\r\n\
             Content-Type: application/sdp\r\n"
        );
        let head = self.request("INVITE", cseq, "sip:bob@example.com", to, &branch, &lines);
        let length = format!("Content-Length: {}\r\n", OFFER.len());
        head.replace("Content-Length: 0\r\n", &length) + OFFER
    }

    fn request(
        &self,
        method: &str,
        cseq: u32,
        uri: &str,
        to: &str,
        branch: &str,
        lines: &str,
    ) -> String {
        let Call(number) = self;
        // The ACK of a 407 has the branch of its INVITE.
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bK{branch}-{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=alice-{number}\r\nTo: {to}\r\n\
             Call-ID: 3848276298220188511-{number}@192.0.2.1\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:alice@192.0.2.1:5060>\r\n{lines}Content-Length: 0\r\n\r\n"
        )
    }
}

/// MD5 without qop, as every phone can (F-33).
fn authenticator() -> DigestAuthenticator {
    let nonces = Nonces::new(&KeyRing::new(SigningKey::new(1, [7; 32])));
    let store = MemoryCredentials::new();
    let ha1 = Ha1::compute(DigestAlgorithm::Md5, b"alice", REALM.as_bytes(), PASSWORD);
    let credential = Credential {
        identity: AddressOfRecord::new("alice", REALM).expect("an address"),
        secret: SharedSecret::Hashed(Box::new([ha1])),
    };
    store.add("alice", REALM, credential);
    DigestAuthenticator::new(DigestConfig::compatible(nonces), Arc::new(store))
}

fn credentials(challenge: &str) -> String {
    let nonce = challenge
        .split_once("nonce=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let nonce = nonce.expect("a nonce").0;
    let uri = "sip:bob@example.com";
    let ha1 = Ha1::compute(DigestAlgorithm::Md5, b"alice", REALM.as_bytes(), PASSWORD);
    let response = ha1.response(&Exchange {
        method: b"INVITE",
        uri: uri.as_bytes(),
        nonce: nonce.as_bytes(),
        auth: None,
    });
    format!(
        "Proxy-Authorization: Digest username=\"alice\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5\r\n"
    )
}

fn raw(message: &Message, name: &sip_core::HeaderName) -> String {
    let value = message.headers().raw(name).next();
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}
