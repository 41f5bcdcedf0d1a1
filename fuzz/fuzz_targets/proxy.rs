//! Any sequence of requests, decisions, responses, failures and waits at a proxy: no panic, no queue without a bound,
//! and in the end neither a response context nor a transaction is left.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sip_core::{
    CSeq, HeaderName, HostPort, Limits, Message, Request, StatusCode, Tag, Transport, Via,
    parse_message,
};
use sip_proxy::backend::ResolveError;
use sip_proxy::{
    Admission, Answer, BranchTarget, Decision, Epoch, ForkPlan, Incoming, OwnAddress, Proxy,
    ProxyConfig, Query, Relay, Router, Secret,
};
use sip_transaction::{
    Config, ConnectionId, Flow, Origin, QueryId, Target, TransactionLayer, TransactionUser,
};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Method {
    Invite,
    Ack,
    Cancel,
    Bye,
    Options,
}

/// What a router says, or a resolver.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Said {
    Reply {
        status: u8,
    },
    Relay {
        targets: u8,
        serial: bool,
        by_name: bool,
        stateless: bool,
        ring_seconds: u8,
    },
    Drop,
    Addresses {
        count: u8,
    },
}

/// What is wrong with a response.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Flaw {
    None,
    NoViaBelow,
    NoVia,
    OtherMethod,
    NoCSeq,
}

/// One thing that happens to the proxy. Numbers pick one of what is there.
#[derive(Arbitrary, Clone, Debug)]
enum Operation {
    Receive {
        method: Method,
        call: u8,
        in_dialog: bool,
        stream: bool,
    },
    Raw {
        octets: Vec<u8>,
        stream: bool,
    },
    /// What the next questions are answered, at once; without it they wait.
    Foresee {
        said: Option<Said>,
    },
    Answer {
        query: u8,
        said: Said,
    },
    Overload {
        query: u8,
    },
    Respond {
        request: u8,
        status: u8,
        tag: u8,
        flaw: Flaw,
    },
    FlowFails,
    SendFails {
        which: u8,
    },
    Wait {
        milliseconds: u16,
    },
    WaitLong {
        seconds: u8,
    },
}

fuzz_target!(|operations: Vec<Operation>| {
    let mut run = Run::new();
    for operation in operations {
        run.apply(operation);
        run.drain();
        run.check_bounds();
    }
    run.settle();
});

const MAX_QUERIES: usize = 8;
const MAX_TRANSACTIONS: usize = 24;
const MAX_BRANCHES: usize = 4;

struct Run {
    layer: TransactionLayer,
    proxy: Proxy,
    now: Instant,
    foreseen: Option<Said>,
    /// Questions that wait.
    asked: Vec<(QueryId, Query)>,
    /// Requests that left, to answer.
    sent: Vec<(Request, Flow)>,
    /// For whom something left.
    origins: Vec<Origin>,
}

/// The queries are answered by hand.
struct NoRouter;

#[async_trait::async_trait]
impl Router for NoRouter {
    async fn route(&self, _: &Incoming) -> Decision {
        Decision::Drop
    }
}

impl Run {
    fn new() -> Run {
        let now = Instant::now();
        let epoch = Epoch {
            instant: now,
            unix: Duration::from_secs(1_700_000_000),
        };
        let transports = [Transport::Udp, Transport::Tcp];
        let own = transports.map(|transport| OwnAddress::new(transport, address(1)));
        let mut config = ProxyConfig::new(own.into(), epoch, Secret::new([7; 16]));
        config.max_queries = MAX_QUERIES;
        config.max_branches = MAX_BRANCHES;
        let layer = Config {
            sent_by: transports
                .map(|transport| (transport, HostPort::from(address(1))))
                .into(),
            max_transactions: MAX_TRANSACTIONS,
            ..Config::default()
        };
        Run {
            layer: TransactionLayer::new(layer, 1),
            proxy: Proxy::new(config, Arc::new(NoRouter)),
            now,
            foreseen: None,
            asked: Vec::new(),
            sent: Vec::new(),
            origins: Vec::new(),
        }
    }

    fn apply(&mut self, operation: Operation) {
        let now = self.now;
        match operation {
            Operation::Receive {
                method,
                call,
                in_dialog,
                stream,
            } => {
                let message = Message::Request(request(method, call % 6, in_dialog));
                self.layer.handle_message(now, message, flow(stream));
            }
            Operation::Raw { octets, stream } => {
                if let Ok(message) = parse_message(Bytes::from(octets), &Limits::default()) {
                    self.layer.handle_message(now, message, flow(stream));
                }
            }
            Operation::Foresee { said } => self.foreseen = said,
            Operation::Answer { query, said } => {
                if let Some((id, query)) = self.take_asked(query) {
                    self.proxy
                        .handle_answer(now, id, answer(&query, said), &mut self.layer);
                }
            }
            Operation::Overload { query } => {
                if let Some((id, _)) = self.take_asked(query) {
                    self.proxy.handle_overload(now, id, &mut self.layer);
                }
            }
            Operation::Respond {
                request,
                status,
                tag,
                flaw,
            } => self.respond(request, status, tag, flaw),
            Operation::FlowFails => self.layer.handle_flow_failure(now, flow(true)),
            Operation::SendFails { which } => {
                if let Some(origin) = pick(&self.origins, which) {
                    self.layer.handle_send_failure(now, *origin);
                }
            }
            Operation::Wait { milliseconds } => {
                self.advance(now + Duration::from_millis(milliseconds.into()));
            }
            Operation::WaitLong { seconds } => {
                self.advance(now + Duration::from_secs(seconds.into()))
            }
        }
    }

    fn take_asked(&mut self, number: u8) -> Option<(QueryId, Query)> {
        let index = usize::from(number).checked_rem(self.asked.len())?;
        Some(self.asked.swap_remove(index))
    }

    fn respond(&mut self, request: u8, status: u8, tag: u8, flaw: Flaw) {
        let Some((request, flow)) = pick(&self.sent, request) else {
            return;
        };
        let mut response = request.reply(code(status));
        response.set_to_tag(&Tag::new(format!("t{}", tag % 3)).expect("a tag"));
        let headers = response.headers_mut();
        match flaw {
            Flaw::None => {}
            Flaw::NoViaBelow => {
                while headers.count(&HeaderName::Via) > 1 {
                    headers.remove_member::<Via>(1);
                }
            }
            Flaw::NoVia => {
                headers.remove(&HeaderName::Via);
            }
            Flaw::OtherMethod => headers.set(&CSeq::new(1, sip_core::Method::Cancel)),
            Flaw::NoCSeq => {
                headers.remove(&HeaderName::CSeq);
            }
        }
        self.layer
            .handle_message(self.now, Message::Response(response), *flow);
    }

    /// Lets time pass, stopping at every deadline on the way as a driver would.
    fn advance(&mut self, until: Instant) {
        loop {
            let deadlines = [self.layer.poll_timeout(), self.proxy.poll_timeout()];
            let Some(deadline) = deadlines
                .into_iter()
                .flatten()
                .min()
                .filter(|at| *at <= until)
            else {
                break;
            };
            self.now = self.now.max(deadline);
            self.layer.handle_timeout(self.now);
            self.drain();
            self.proxy.handle_timeout(self.now, &mut self.layer);
            self.drain();
            let deadlines = [self.layer.poll_timeout(), self.proxy.poll_timeout()];
            assert!(
                deadlines.into_iter().flatten().all(|next| next > deadline),
                "a deadline that was handled is still there"
            );
        }
        self.now = until;
    }

    fn drain(&mut self) {
        loop {
            if let Some(event) = self.layer.poll_event() {
                self.proxy.handle_event(self.now, event, &mut self.layer);
            } else if let Some((id, query)) = self.proxy.poll_query() {
                self.ask(id, query);
            } else if let Some(transmit) = self.layer.poll_transmit() {
                let message = parse_message(transmit.payload, &Limits::default())
                    .expect("what is sent can be read");
                self.origins.extend(transmit.origin);
                if let Message::Request(request) = message {
                    let stream = transmit.to.transport().is_reliable();
                    self.sent.push((request, flow(stream)));
                }
            } else {
                return;
            }
        }
    }

    fn ask(&mut self, id: QueryId, query: Query) {
        match self.foreseen {
            Some(said) => {
                self.proxy
                    .handle_answer(self.now, id, answer(&query, said), &mut self.layer);
            }
            None => {
                self.proxy.handle_wait(self.now, id, &mut self.layer);
                self.asked.push((id, query));
            }
        }
    }

    fn check_bounds(&self) {
        let contexts = self.proxy.response_contexts();
        assert!(contexts <= MAX_TRANSACTIONS, "{contexts} response contexts");
    }

    /// Nobody answers any more, hours pass, and nothing may be left.
    fn settle(&mut self) {
        self.foreseen = None;
        self.advance(self.now + Duration::from_secs(3 * 3600));
        assert!(self.proxy.is_idle(), "{:#?}", self.proxy);
        assert!(
            self.layer.is_idle(),
            "{} transactions are left",
            self.layer.transactions()
        );
    }
}

fn answer(query: &Query, said: Said) -> Answer {
    match (query, said) {
        (Query::Route(incoming), Said::Reply { status }) => {
            // A router's answer is a final one.
            let status = code(status);
            let status = if status.is_final() {
                status
            } else {
                StatusCode::NOT_FOUND
            };
            Answer::Decision(incoming.reply(status).into())
        }
        (
            Query::Route(incoming),
            Said::Relay {
                targets,
                serial,
                by_name,
                stateless,
                ring_seconds,
            },
        ) => {
            let target = |number: u8| {
                let host = if by_name {
                    "bob.example.net".to_owned()
                } else {
                    address(2 + number % 2).to_string()
                };
                let transport = if number % 3 == 2 {
                    ";transport=tcp"
                } else {
                    ""
                };
                BranchTarget::new(
                    format!("sip:bob{number}@{host}{transport}")
                        .parse()
                        .expect("a URI"),
                )
            };
            let targets = (0..targets % 6).map(target);
            let plan = match (serial, &incoming.dialog) {
                (_, sip_proxy::InDialog::Yes(_)) => ForkPlan::unchanged(incoming),
                (true, _) => ForkPlan::serial(targets),
                (false, _) => ForkPlan::parallel(targets),
            };
            let relay = Relay::new(Admission::without_authentication("a fuzzer"), plan);
            let relay = if stateless {
                relay.statelessly()
            } else {
                relay
            };
            Answer::Decision(match ring_seconds {
                0..100 => relay.into(),
                _ => relay
                    .ring_at_most(Duration::from_secs(ring_seconds.into()))
                    .into(),
            })
        }
        (_, Said::Drop) => Answer::Decision(Decision::Drop),
        (_, Said::Addresses { count: 0 }) => Answer::Addresses(Err(ResolveError::NotFound)),
        (_, Said::Addresses { count }) => {
            let target = |number| Target::address(Transport::Udp, address(2 + number));
            Answer::Addresses(Ok((0..count % 4 + 1).map(target).collect()))
        }
        (Query::Resolve { .. }, _) => Answer::Addresses(Err(ResolveError::Unavailable)),
        (Query::Failed(_), _) => Answer::Instead(None),
        (Query::Passing(passing), _) => Answer::Response(passing.response.clone()),
    }
}

fn pick<T>(from: &[T], number: u8) -> Option<&T> {
    from.get(usize::from(number) % from.len().max(1))
}

/// Every class of response, and some of its members.
fn code(number: u8) -> StatusCode {
    let code = 100 + u16::from(number % 6) * 100 + u16::from(number / 6) % 90;
    StatusCode::new(code).expect("100 to 699")
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 5060))
}

fn flow(stream: bool) -> Flow {
    let (transport, connection) = match stream {
        true => (Transport::Tcp, ConnectionId::new(0, 1)),
        false => (Transport::Udp, ConnectionId::NONE),
    };
    Flow {
        transport,
        local: address(1),
        remote: address(9),
        connection,
    }
}

fn request(method: Method, call: u8, in_dialog: bool) -> Request {
    let name = match method {
        Method::Invite => "INVITE",
        Method::Ack => "ACK",
        Method::Cancel => "CANCEL",
        Method::Bye => "BYE",
        Method::Options => "OPTIONS",
    };
    let (uri, route, tag) = match in_dialog {
        true => (
            "sip:bob@192.0.2.2",
            "Route: <sip:192.0.2.1;lr>\r\n",
            ";tag=b",
        ),
        false => ("sip:bob@example.com", "", ""),
    };
    let text = format!(
        "{name} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{call}\r\n\
         {route}From: <sip:alice@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>{tag}\r\n\
         Call-ID: {call}\r\n\
         CSeq: 1 {name}\r\n\
         Contact: <sip:alice@192.0.2.9>\r\n\
         Max-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    );
    match parse_message(Bytes::from(text), &Limits::default()) {
        Ok(Message::Request(request)) => request,
        _ => unreachable!("a request line makes a request"),
    }
}
