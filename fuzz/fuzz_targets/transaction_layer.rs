//! Any sequence of messages, answers, failures and waits: no panic, and in the end nothing is left behind.
#![no_main]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sip_core::{Limits, Message, Request, StatusCode, Transport, parse_message};
use sip_transaction::{
    ClientId, Config, ConnectionId, Event, Flow, Origin, ServerId, Target, TransactionLayer,
};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Method {
    Invite,
    Ack,
    Cancel,
    Options,
}

/// One thing that happens to the layer. Numbers pick one of what is there.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Operation {
    Receive {
        method: Method,
        branch: u8,
        stream: bool,
    },
    Accept,
    Respond {
        transaction: u8,
        status: u8,
    },
    ReplyStateless {
        status: u8,
    },
    Send {
        method: Method,
        stream: bool,
    },
    Answer {
        request: u8,
        status: u8,
    },
    Cancel {
        client: u8,
    },
    FlowFails {
        stream: bool,
    },
    SendFails {
        client: u8,
        server: bool,
    },
    Wait {
        milliseconds: u16,
    },
}

fuzz_target!(|operations: Vec<Operation>| {
    let mut run = Run::new();
    for operation in operations {
        run.apply(operation);
        run.drain();
    }
    run.settle();
});

struct Run {
    layer: TransactionLayer,
    now: Instant,
    /// Requests that matched no transaction and wait for the transaction user.
    requests: Vec<(Request, Flow)>,
    accepted: Vec<(ServerId, Request)>,
    clients: Vec<ClientId>,
    /// Requests that left, to answer.
    sent: Vec<(Request, Flow)>,
}

impl Run {
    fn new() -> Run {
        Run {
            layer: TransactionLayer::new(Config::default(), 1),
            now: Instant::now(),
            requests: Vec::new(),
            accepted: Vec::new(),
            clients: Vec::new(),
            sent: Vec::new(),
        }
    }

    fn apply(&mut self, operation: Operation) {
        let now = self.now;
        match operation {
            Operation::Receive {
                method,
                branch,
                stream,
            } => {
                let request = request(method, branch % 4);
                self.layer
                    .handle_message(now, Message::Request(request), flow(stream));
            }
            Operation::Accept => {
                if let Some((request, flow)) = self.requests.pop()
                    && let Ok(id) = self.layer.accept(now, &request, flow)
                {
                    self.accepted.push((id, request));
                }
            }
            Operation::Respond {
                transaction,
                status,
            } => {
                if let Some((id, request)) = pick(&self.accepted, transaction) {
                    let _ = self.layer.respond(now, *id, request.reply(code(status)));
                }
            }
            Operation::ReplyStateless { status } => {
                if let Some((request, flow)) = self.requests.pop() {
                    self.layer.reply(flow, &request.reply(code(status)));
                }
            }
            Operation::Send { method, stream } => {
                let target = Target::Flow(flow(stream));
                self.clients
                    .push(self.layer.send_request(now, request(method, 0), target));
            }
            Operation::Answer { request, status } => {
                if let Some((request, flow)) = pick(&self.sent, request) {
                    let response = Message::Response(request.reply(code(status)));
                    self.layer.handle_message(now, response, *flow);
                }
            }
            Operation::Cancel { client } => {
                if let Some(id) = pick(&self.clients, client) {
                    let _ = self.layer.cancel(now, *id);
                }
            }
            Operation::FlowFails { stream } => self.layer.handle_flow_failure(now, flow(stream)),
            Operation::SendFails {
                client,
                server: false,
            } => {
                if let Some(id) = pick(&self.clients, client) {
                    self.layer.handle_send_failure(now, Origin::Client(*id));
                }
            }
            Operation::SendFails {
                client,
                server: true,
            } => {
                if let Some((id, _)) = pick(&self.accepted, client) {
                    self.layer.handle_send_failure(now, Origin::Server(*id));
                }
            }
            Operation::Wait { milliseconds } => {
                self.advance(now + Duration::from_millis(milliseconds.into()))
            }
        }
    }

    /// Lets time pass, stopping at every deadline on the way as a driver would.
    fn advance(&mut self, until: Instant) {
        while let Some(deadline) = self
            .layer
            .poll_timeout()
            .filter(|deadline| *deadline <= until)
        {
            self.now = self.now.max(deadline);
            self.layer.handle_timeout(self.now);
            self.drain();
            assert!(
                self.layer.poll_timeout().is_none_or(|next| next > deadline),
                "a deadline that was handled is still there"
            );
        }
        self.now = until;
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.layer.poll_transmit() {
            let message = read(transmit.payload);
            assert!(
                message.flaw().is_none(),
                "the layer sent what cannot be read: {:?}",
                message.flaw()
            );
            if let (Message::Request(request), Target::Flow(flow)) = (message, transmit.to) {
                self.sent.push((request, flow));
            }
        }
        while let Some(event) = self.layer.poll_event() {
            match event {
                Event::Request { request, flow } => self.requests.push((request, flow)),
                Event::Ended { id } => self.accepted.retain(|(accepted, _)| *accepted != id),
                Event::ClientEnded { id } => self.clients.retain(|client| *client != id),
                _ => {}
            }
        }
    }

    /// The transaction user and the peers do their duty, an hour passes, and the layer has to be empty.
    fn settle(&mut self) {
        for (id, request) in self.accepted.clone() {
            let _ = self.layer.respond(
                self.now,
                id,
                request.reply(StatusCode::SERVER_INTERNAL_ERROR),
            );
            self.drain();
        }
        for (request, flow) in self.sent.clone() {
            let response = Message::Response(request.reply(StatusCode::SERVER_INTERNAL_ERROR));
            self.layer.handle_message(self.now, response, flow);
            self.drain();
        }
        self.advance(self.now + Duration::from_secs(3600));
        assert!(self.layer.poll_timeout().is_none(), "a deadline is left");
        assert!(
            self.layer.is_idle(),
            "{} transactions are left",
            self.layer.transactions()
        );
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

fn flow(stream: bool) -> Flow {
    let address = |last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 5060));
    let (transport, connection) = match stream {
        true => (Transport::Tcp, ConnectionId::new(0, 1)),
        false => (Transport::Udp, ConnectionId::NONE),
    };
    Flow {
        transport,
        local: address(1),
        remote: address(2),
        connection,
    }
}

fn request(method: Method, branch: u8) -> Request {
    let name = match method {
        Method::Invite => "INVITE",
        Method::Ack => "ACK",
        Method::Cancel => "CANCEL",
        Method::Options => "OPTIONS",
    };
    let text = format!(
        "{name} sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{branch}\r\n\
         From: <sip:alice@example.com>;tag=1\r\n\
         To: <sip:bob@example.com>\r\n\
         Call-ID: {branch}\r\n\
         CSeq: 1 {name}\r\n\
         Max-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    );
    match read(Bytes::from(text)) {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("a request line makes a request"),
    }
}

fn read(bytes: Bytes) -> Message {
    parse_message(bytes, &Limits::default()).expect("a message")
}
