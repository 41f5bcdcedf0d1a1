//! A proxy in virtual time: messages in as text, messages out to look at, no socket and no sleep.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use sip_core::{
    CSeq, HeaderName, HostPort, Limits, Message, Request, Response, SipUri, StatusCode, Tag, Text,
    Transport, Via, parse_message,
};
use sip_proxy::backend::{Resolve, ResolveError, Resolved};
use sip_proxy::{
    Admission, Answer, Blocklist, BranchTarget, Decision, DialogValues, Epoch, ForkPlan, Incoming,
    OwnAddress, Proxy, ProxyConfig, ProxyService, Relay, Router, Secret,
};
use sip_transaction::{
    Config, ConnectionId, Flow, Origin, QueryId, Reply, Service, Target, TransactionLayer,
    TransactionUser,
};

const SECRET: Secret = Secret::new(*b"0123456789abcdef");

/// The time of day when a world begins.
pub(crate) const BEGINNING: Duration = Duration::from_secs(1_700_000_000);

pub(crate) const PROXY: &str = "192.0.2.1:5060";
pub(crate) const ALICE: &str = "198.51.100.1:5060";
pub(crate) const BOB: &str = "203.0.113.1:5060";
pub(crate) const BOB_MOBILE: &str = "203.0.113.2:5060";
pub(crate) const BOB_DESK: &str = "203.0.113.3:5060";

/// One message the proxy has sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) to: Target,
    pub(crate) message: Message,
}

type Pending = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

pub(crate) struct World {
    now: Instant,
    pub(crate) layer: TransactionLayer,
    pub(crate) proxy: Proxy,
    service: ProxyService,
    waiting: Vec<(QueryId, Pending)>,
    pub(crate) sent: Vec<Sent>,
    last_request: Option<Origin>,
    /// How many answers the driver waits for at a time.
    pub(crate) may_wait: usize,
}

impl World {
    pub(crate) fn new(router: impl Router) -> World {
        World::configured(router, |_| {})
    }

    pub(crate) fn configured(router: impl Router, change: impl FnOnce(&mut ProxyConfig)) -> World {
        let start = Instant::now();
        let epoch = Epoch {
            instant: start,
            unix: BEGINNING,
        };
        let addresses = vec![
            OwnAddress::new(Transport::Udp, address(PROXY)),
            OwnAddress::new(Transport::Tcp, address(PROXY)),
        ];
        let mut config = ProxyConfig::new(addresses, epoch, SECRET);
        config.hostnames = vec!["proxy.example.com".to_owned()];
        change(&mut config);
        let router: Arc<dyn Router> = Arc::new(router);
        let sent_by = HostPort::from(address(PROXY));
        let layer = Config {
            sent_by: vec![(Transport::Udp, sent_by.clone()), (Transport::Tcp, sent_by)],
            ..Config::default()
        };
        World {
            now: start,
            layer: TransactionLayer::new(layer, 7),
            proxy: Proxy::new(config, Arc::clone(&router)),
            service: ProxyService::new(router, Arc::new(Names::new())),
            waiting: Vec::new(),
            sent: Vec::new(),
            last_request: None,
            may_wait: usize::MAX,
        }
    }

    /// Passes over the addresses of `blocklist`.
    pub(crate) fn with_blocklist(mut self, blocklist: &Arc<Blocklist>) -> World {
        self.proxy = self.proxy.with_blocklist(Arc::clone(blocklist));
        self
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Delivers a datagram from `source`.
    pub(crate) fn receive(&mut self, source: &str, text: &str) {
        self.receive_on(udp(source), text);
    }

    /// Delivers a message on `flow`, as the transport layer does: with received and rport in a request's Via.
    pub(crate) fn receive_on(&mut self, flow: Flow, text: &str) {
        let mut message = parse(text);
        if let Message::Request(request) = &mut message
            && let Ok(via) = request.headers().require::<Via>()
        {
            let stamped = via.with_received_rport(flow.remote);
            request.headers_mut().replace_front(&stamped);
        }
        self.layer.handle_message(self.now, message, flow);
        self.drain();
    }

    /// Lets `peer` answer a request it was sent, with its own To tag.
    pub(crate) fn answer(&mut self, request: &Request, peer: &str, status: u16) -> Response {
        self.answer_with(request, peer, status, "")
    }

    /// The same, with further header lines.
    pub(crate) fn answer_with(
        &mut self,
        request: &Request,
        peer: &str,
        status: u16,
        headers: &str,
    ) -> Response {
        let response = response(request, peer, status, headers);
        self.receive(peer, &text(&Message::Response(response.clone())));
        response
    }

    /// Lets time pass, with everything that is due on the way.
    pub(crate) fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = [self.layer.poll_timeout(), self.proxy.poll_timeout()]
                .into_iter()
                .flatten()
                .min();
            match next {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.layer.handle_timeout(self.now);
                    self.drain();
                    self.proxy.handle_timeout(self.now, &mut self.layer);
                    self.drain();
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Polls the backends that made the proxy wait.
    pub(crate) fn wake_backends(&mut self) {
        for (id, mut future) in std::mem::take(&mut self.waiting) {
            match future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
            {
                Poll::Ready(answer) => {
                    self.proxy
                        .handle_answer(self.now, id, answer, &mut self.layer)
                }
                Poll::Pending => self.waiting.push((id, future)),
            }
        }
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            if let Some(event) = self.layer.poll_event() {
                self.proxy.handle_event(self.now, event, &mut self.layer);
            } else if let Some((id, query)) = self.proxy.poll_query() {
                match self.service.call(query) {
                    Reply::Ready(answer) => {
                        self.proxy
                            .handle_answer(self.now, id, answer, &mut self.layer)
                    }
                    Reply::Pending(_) if self.waiting.len() >= self.may_wait => {
                        self.proxy.handle_overload(self.now, id, &mut self.layer);
                    }
                    Reply::Pending(future) => {
                        self.proxy.handle_wait(self.now, id, &mut self.layer);
                        self.waiting.push((id, future));
                    }
                }
            } else if let Some(transmit) = self.layer.poll_transmit() {
                let message = parse_message(transmit.payload, &Limits::default())
                    .expect("what is sent can be read");
                if let (Message::Request(_), Some(origin)) = (&message, transmit.origin) {
                    self.last_request = Some(origin);
                }
                self.sent.push(Sent {
                    to: transmit.to,
                    message,
                });
            } else {
                return;
            }
        }
    }

    /// The transport layer could not send the last request (§18.4).
    pub(crate) fn fail_last_request(&mut self) {
        assert!(self.fail_last_request_if_any(), "a request was sent");
    }

    /// The same, if there is one that has not failed yet.
    pub(crate) fn fail_last_request_if_any(&mut self) -> bool {
        let Some(origin) = self.last_request.take() else {
            return false;
        };
        self.layer.handle_send_failure(self.now, origin);
        self.drain();
        true
    }

    /// A connection has broken.
    pub(crate) fn fail_flow(&mut self, flow: Flow) {
        self.layer.handle_flow_failure(self.now, flow);
        self.drain();
    }

    /// The messages sent since the last look.
    pub(crate) fn take(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The one message sent since the last look, which is a request.
    #[track_caller]
    pub(crate) fn take_request(&mut self) -> (Request, Target) {
        let mut requests = self.take_requests();
        assert_eq!(requests.len(), 1, "{requests:#?}");
        requests.remove(0)
    }

    /// The requests sent since the last look; responses are let go.
    pub(crate) fn take_requests(&mut self) -> Vec<(Request, Target)> {
        let requests = self
            .take()
            .into_iter()
            .filter_map(|sent| match sent.message {
                Message::Request(request) => Some((request, sent.to)),
                Message::Response(_) => None,
            });
        requests.collect()
    }

    /// The one message sent since the last look, which is a response.
    #[track_caller]
    pub(crate) fn take_response(&mut self) -> Response {
        let mut sent = self.take();
        assert_eq!(sent.len(), 1, "{:#?}", summary(&sent));
        match sent.remove(0).message {
            Message::Response(response) => response,
            Message::Request(request) => unreachable!("{request:?}"),
        }
    }

    /// What was sent since the last look, in short: `200 INVITE`, `CANCEL → 203.0.113.1:5060`.
    pub(crate) fn take_summary(&mut self) -> Vec<String> {
        summary(&self.take())
    }

    /// Nothing of any request is left, neither here nor below.
    #[track_caller]
    pub(crate) fn assert_idle(&self) {
        assert!(self.proxy.is_idle(), "{:#?}", self.proxy);
        assert!(self.layer.is_idle());
    }
}

pub(crate) fn summary(sent: &[Sent]) -> Vec<String> {
    let line = |sent: &Sent| match &sent.message {
        Message::Request(request) => format!("{} → {}", request.method(), sent.to.remote()),
        Message::Response(response) => {
            let cseq: CSeq = response.headers().require().expect("CSeq");
            format!(
                "{} {} → {}",
                response.status().as_u16(),
                cseq.method(),
                sent.to.remote()
            )
        }
    };
    sent.iter().map(line).collect()
}

/// Resolves the names of the tests' world.
struct Names(HashMap<&'static str, Vec<Target>>);

impl Names {
    fn new() -> Names {
        let udp = |remote: &str| Target::address(Transport::Udp, address(remote));
        Names(HashMap::from([
            ("bob.example.net", vec![udp(BOB)]),
            ("two.example.net", vec![udp(BOB), udp(BOB_MOBILE)]),
            ("p2.example.com", vec![udp("192.0.2.22:5060")]),
        ]))
    }
}

#[async_trait::async_trait]
impl Resolve for Names {
    async fn resolve(&self, uri: &SipUri, _: u64) -> Resolved {
        if uri.host().to_string() == "slow.example.net" {
            std::future::pending::<()>().await;
        }
        if uri.host().to_string() == "crowded.example.net" {
            return Err(ResolveError::Overloaded);
        }
        self.0
            .get(uri.host().to_string().as_str())
            .cloned()
            .ok_or(ResolveError::NotFound)
    }
}

/// Forwards everything as it says itself.
pub(crate) struct Onwards;

#[async_trait::async_trait]
impl Router for Onwards {
    async fn route(&self, incoming: &Incoming) -> Decision {
        Relay::new(open(), ForkPlan::unchanged(incoming)).into()
    }
}

/// Forwards what is for bob at the proxy as a plan says, and the rest as it says itself.
pub(crate) struct To<F>(pub(crate) F);

#[async_trait::async_trait]
impl<F: Fn() -> ForkPlan + Send + Sync + 'static> Router for To<F> {
    async fn route(&self, incoming: &Incoming) -> Decision {
        let plan = match incoming.request.uri().to_string().as_str() {
            "sip:bob@example.com" => (self.0)(),
            _ => ForkPlan::unchanged(incoming),
        };
        Relay::new(open(), plan).into()
    }
}

/// Decides by a function.
pub(crate) struct By<F>(pub(crate) F);

#[async_trait::async_trait]
impl<F: Fn(&Incoming) -> Decision + Send + Sync + 'static> Router for By<F> {
    async fn route(&self, incoming: &Incoming) -> Decision {
        (self.0)(incoming)
    }
}

/// Decides by a function, after it was woken `self.1` times.
pub(crate) struct Slowly<F>(pub(crate) F, pub(crate) usize);

#[async_trait::async_trait]
impl<F: Fn(&Incoming) -> Decision + Send + Sync + 'static> Router for Slowly<F> {
    async fn route(&self, incoming: &Incoming) -> Decision {
        let mut polls = 0;
        std::future::poll_fn(|_| {
            polls += 1;
            if polls > self.1 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        (self.0)(incoming)
    }
}

pub(crate) fn open() -> Admission {
    Admission::without_authentication("a test")
}

pub(crate) fn target(uri: &str) -> BranchTarget {
    BranchTarget::new(uri.parse().expect("a URI"))
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

pub(crate) fn udp(remote: &str) -> Flow {
    Flow::udp(address(PROXY), address(remote))
}

pub(crate) fn tcp(remote: &str) -> Flow {
    Flow {
        transport: Transport::Tcp,
        local: address(PROXY),
        remote: address(remote),
        connection: ConnectionId::new(0, 1),
    }
}

pub(crate) fn parse(text: &str) -> Message {
    let text = text.replace('\n', "\r\n");
    parse_message(text.into_bytes().into(), &Limits::default()).expect("a message")
}

pub(crate) fn text(message: &Message) -> String {
    let printed = message.to_bytes();
    String::from_utf8(printed.to_vec())
        .expect("UTF-8")
        .replace("\r\n", "\n")
}

/// A request of Alice's to bob@example.com, with these lines after the usual ones.
pub(crate) fn request(method: &str, lines: &str) -> String {
    request_to(method, "sip:bob@example.com", lines)
}

/// A request of Alice's to any URI. A Max-Forwards is the caller's to add.
pub(crate) fn request_to(method: &str, uri: &str, lines: &str) -> String {
    let cseq = if method == "ACK" || method == "CANCEL" {
        "INVITE"
    } else {
        method
    };
    format!(
        "{method} {uri} SIP/2.0\n\
         Via: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK-{cseq}-1\n\
         From: \"Alice\" <sip:alice@example.org>;tag=a1\n\
         To: <sip:bob@example.com>\n\
         Call-ID: 3848276298220188511@atlanta.example.com\n\
         CSeq: 1 {method}\n\
         Contact: <sip:alice@198.51.100.1>\n\
         {lines}Content-Length: 0\n\
         \n"
    )
}

/// The same, within the dialog Bob's tag `b1` stands for.
pub(crate) fn in_dialog(method: &str, uri: &str, lines: &str) -> String {
    request_to(method, uri, lines)
        .replace(
            "To: <sip:bob@example.com>",
            "To: <sip:bob@example.com>;tag=b1",
        )
        .replace("CSeq: 1", "CSeq: 2")
        .replace("branch=z9hG4bK", "branch=z9hG4bK-in")
}

/// A Route of the proxy's with the cookie that proves the dialog of [`in_dialog`] requests, for its URI.
pub(crate) fn proved(uri: &str) -> String {
    let Message::Request(first) = parse(&request("INVITE", "")) else {
        unreachable!("an INVITE")
    };
    let addresses = vec![OwnAddress::new(Transport::Udp, address(PROXY))];
    let epoch = Epoch {
        instant: Instant::now(),
        unix: BEGINNING,
    };
    let cookies = ProxyConfig::new(addresses, epoch, SECRET).dialogs;
    let cookie = cookies.issue(&first, &DialogValues::default(), BEGINNING);
    format!("{uri};avp={}", cookie.expect("it has tag and Call-ID"))
}

/// The Record-Route lines without their cookies.
pub(crate) fn record_routes(message: &impl Lines) -> Vec<String> {
    let without_cookie = |line: String| match line.split_once(";avp=") {
        Some((uri, rest)) => format!("{uri}{}", &rest[rest.find(';').expect(";lr")..]),
        None => line,
    };
    lines(message, "Record-Route")
        .into_iter()
        .map(without_cookie)
        .collect()
}

/// What `peer` answers to a request it was sent.
pub(crate) fn response(request: &Request, peer: &str, status: u16, headers: &str) -> Response {
    let mut response = request.reply(StatusCode::new(status).expect("a status"));
    if status != 100 {
        let tag: String = peer.chars().filter(char::is_ascii_alphanumeric).collect();
        response.set_to_tag(&Tag::new(&tag).expect("a tag"));
    }
    for line in headers.lines() {
        let (name, value) = line.split_once(": ").expect("a header line");
        let name = HeaderName::from_text(&Text::new(name).expect("a name"));
        response
            .headers_mut()
            .push_raw(name, &Text::new(value).expect("a value"));
    }
    response
}

/// The values of all lines of one name.
pub(crate) fn lines(message: &impl Lines, name: &str) -> Vec<String> {
    message.raw_lines(&HeaderName::from_text(&Text::new(name).expect("a name")))
}

/// What has header lines.
pub(crate) trait Lines {
    fn raw_lines(&self, name: &HeaderName) -> Vec<String>;
}

impl Lines for Request {
    fn raw_lines(&self, name: &HeaderName) -> Vec<String> {
        self.headers()
            .raw(name)
            .map(|value| value.to_string())
            .collect()
    }
}

impl Lines for Response {
    fn raw_lines(&self, name: &HeaderName) -> Vec<String> {
        self.headers()
            .raw(name)
            .map(|value| value.to_string())
            .collect()
    }
}
