//! Whatever users and the network do, in any order: every transaction ends, once, and nothing is left 64·T1
//! after the last one was answered or cancelled.

#[path = "../messages/mod.rs"]
mod messages;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use messages::{ack, parse, parse_request, request, with_via};
use proptest::prelude::*;
use sip_core::{CSeq, Message, Method, Request, StatusCode, Tag, Transport};
use sip_transaction::sim::epoch;
use sip_transaction::{
    ClientId, Config, ConnectionId, Event, Flow, Origin, ServerId, Target, Timers, TransactionLayer,
};

const METHODS: [&str; 6] = ["INVITE", "OPTIONS", "BYE", "ACK", "CANCEL", "SUBSCRIBE"];
const STATUSES: [u16; 9] = [100, 180, 183, 200, 202, 302, 401, 486, 603];

/// One thing that happens. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Operation {
    Send {
        method: usize,
        flow: usize,
    },
    Cancel {
        which: usize,
    },
    Respond {
        which: usize,
        status: usize,
    },
    Receive {
        method: usize,
        branch: u8,
        flow: usize,
    },
    ReceiveOld {
        method: usize,
        flow: usize,
    },
    ReceiveAck {
        branch: u8,
        flow: usize,
    },
    Answer {
        which: usize,
        status: usize,
        tag: u8,
        as_cancel: bool,
    },
    FailSending {
        which: usize,
        client: bool,
    },
    FailFlow {
        flow: usize,
    },
    Wait {
        milliseconds: u64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let choice = 0..1000usize;
    prop_oneof![
        3 => (choice.clone(), 0..3usize).prop_map(|(method, flow)| Send { method, flow }),
        2 => choice.clone().prop_map(|which| Cancel { which }),
        4 => (choice.clone(), choice.clone()).prop_map(|(which, status)| Respond { which, status }),
        4 => (choice.clone(), 0..4u8, 0..3usize)
            .prop_map(|(method, branch, flow)| Receive { method, branch, flow }),
        1 => (choice.clone(), 0..3usize).prop_map(|(method, flow)| ReceiveOld { method, flow }),
        2 => (0..4u8, 0..3usize).prop_map(|(branch, flow)| ReceiveAck { branch, flow }),
        6 => (choice.clone(), choice.clone(), 0..3u8, any::<bool>())
            .prop_map(|(which, status, tag, as_cancel)| Answer { which, status, tag, as_cancel }),
        1 => (choice, any::<bool>()).prop_map(|(which, client)| FailSending { which, client }),
        1 => (0..3usize).prop_map(|flow| FailFlow { flow }),
        4 => (0..40_000u64).prop_map(|milliseconds| Wait { milliseconds }),
    ]
}

/// The layer, and what the test knows about it.
struct World {
    layer: TransactionLayer,
    now: Instant,
    flows: [Flow; 3],
    sent: Vec<Request>,
    clients: Vec<ClientId>,
    servers: Vec<ServerId>,
    told: HashMap<Origin, Told>,
}

/// What the user was told about one transaction.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    provisional: usize,
    success: usize,
    failure: usize,
    gave_up: usize,
    ended: usize,
    is_ack: bool,
    is_invite: bool,
}

impl World {
    fn new(seed: u64) -> World {
        let address = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        let (local, remote) = (address("192.0.2.2:5060"), address("192.0.2.1:5060"));
        let tcp = |serial| Flow {
            transport: Transport::Tcp,
            local,
            remote,
            connection: ConnectionId::new(0, serial),
        };
        World {
            layer: TransactionLayer::new(Config::default(), seed),
            now: epoch(),
            flows: [Flow::udp(local, remote), tcp(1), tcp(2)],
            sent: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            told: HashMap::new(),
        }
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Send { method, flow } => {
                let method = METHODS[method % METHODS.len()];
                let message = parse_request(request(method, "upstream"));
                let to = Target::Flow(self.flows[flow]);
                let id = self.layer.send_request(self.now, message, to);
                let told = self.told.entry(Origin::Client(id)).or_default();
                told.is_ack = method == "ACK";
                told.is_invite = method == "INVITE";
                self.clients.push(id);
            }
            Operation::Cancel { which } => {
                if let Some(id) = pick(&self.clients, which) {
                    let _ = self.layer.cancel(self.now, id);
                }
            }
            Operation::Respond { which, status } => {
                if let Some(id) = pick(&self.servers, which) {
                    self.respond(id, STATUSES[status % STATUSES.len()]);
                }
            }
            Operation::Receive {
                method,
                branch,
                flow,
            } => {
                let method = METHODS[method % METHODS.len()];
                self.receive(&request(method, &branch.to_string()), flow);
            }
            Operation::ReceiveOld { method, flow } => {
                let method = METHODS[method % METHODS.len()];
                self.receive(&with_via(method, "SIP/2.0/UDP 192.0.2.1"), flow);
            }
            Operation::ReceiveAck { branch, flow } => {
                self.receive(&ack(&branch.to_string(), "any"), flow);
            }
            Operation::Answer {
                which,
                status,
                tag,
                as_cancel,
            } => {
                self.answer(which, STATUSES[status % STATUSES.len()], tag, as_cancel);
            }
            Operation::FailSending { which, client } => {
                let origin = match client {
                    true => pick(&self.clients, which).map(Origin::Client),
                    false => pick(&self.servers, which).map(Origin::Server),
                };
                if let Some(origin) = origin {
                    self.layer.handle_send_failure(self.now, origin);
                }
            }
            Operation::FailFlow { flow } => {
                self.layer.handle_flow_failure(self.now, self.flows[flow]);
            }
            Operation::Wait { milliseconds } => self.wait(Duration::from_millis(milliseconds)),
        }
        self.drain();
    }

    fn receive(&mut self, text: &str, flow: usize) {
        self.layer
            .handle_message(self.now, parse(text), self.flows[flow]);
    }

    fn answer(&mut self, which: usize, status: u16, tag: u8, as_cancel: bool) {
        let Some(request) = pick(&self.sent, which) else {
            return;
        };
        let mut response = request.reply(StatusCode::new(status).expect("a status"));
        response.set_to_tag(&Tag::new(format!("tag{tag}")).expect("a token"));
        if as_cancel {
            response.headers_mut().set(&CSeq::new(1, Method::Cancel));
        }
        self.layer
            .handle_message(self.now, Message::Response(response), self.flows[0]);
    }

    fn respond(&mut self, id: ServerId, status: u16) {
        let Some(request) = self.layer.request(id) else {
            return;
        };
        let response = request.reply(StatusCode::new(status).expect("a status"));
        let _ = self.layer.respond(self.now, id, response);
    }

    /// Time passes, with every deadline met.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.layer.poll_timeout().filter(|next| *next <= end) {
            assert!(next >= self.now, "a deadline was missed");
            self.now = next;
            self.layer.handle_timeout(next);
            let after = self.layer.poll_timeout();
            assert!(
                after.is_none_or(|after| after > next),
                "a timer fires for ever"
            );
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(event) = self.layer.poll_event() {
            self.take(event);
        }
        while let Some(transmit) = self.layer.poll_transmit() {
            if let Message::Request(request) = parse(&transmit.payload) {
                self.sent.push(request);
            }
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Request { request, flow } => {
                if let Ok(id) = self.layer.accept(self.now, &request, flow) {
                    self.servers.push(id);
                    self.told.entry(Origin::Server(id)).or_default();
                }
            }
            Event::Cancelled { id, .. } => {
                assert_eq!(
                    *self.layer.request(id).expect("it is pending").method(),
                    Method::Invite
                );
                self.tell(Origin::Server(id), |_| {});
            }
            Event::Response { id, response, .. } => {
                let status = response.status();
                self.tell(Origin::Client(id), |told| {
                    *match status {
                        _ if status.is_provisional() => &mut told.provisional,
                        _ if status.is_success() => &mut told.success,
                        _ => &mut told.failure,
                    } += 1;
                });
            }
            Event::StrayResponse { .. } => {}
            Event::Timeout { id } | Event::TransportFailure { id } => {
                self.tell(Origin::Client(id), |told| told.gave_up += 1);
            }
            Event::ServerFailed { id } => self.tell(Origin::Server(id), |_| {}),
            Event::Ended { id } => self.tell(Origin::Server(id), |told| told.ended += 1),
            Event::ClientEnded { id } => self.tell(Origin::Client(id), |told| told.ended += 1),
        }
    }

    /// Nothing is said about a transaction that has ended, nor about one nobody asked for.
    fn tell(&mut self, origin: Origin, note: impl FnOnce(&mut Told)) {
        let told = self
            .told
            .get_mut(&origin)
            .expect("a transaction of the user");
        assert_eq!(told.ended, 0, "{origin:?} had ended: {told:?}");
        note(told);
    }

    /// The user does its duty: what is pending is answered or cancelled. Then 64·T1 pass.
    fn finish(&mut self) {
        for id in self.servers.clone() {
            self.respond(id, 486);
        }
        for id in self.clients.clone() {
            let _ = self.layer.cancel(self.now, id);
        }
        self.drain();
        self.wait(Timers::default().patience());
    }

    fn check(&self) {
        assert!(self.layer.is_idle(), "{:?}", self.layer);
        for (origin, told) in &self.told {
            assert_eq!(told.ended, 1, "{origin:?}: {told:?}");
            if let (Origin::Client(_), false) = (origin, told.is_ack) {
                let finals = told.failure + usize::from(told.success > 0);
                assert!(finals <= 1, "{origin:?}: {told:?}");
                assert!(finals + told.gave_up >= 1, "{origin:?}: {told:?}");
                assert!(told.is_invite || told.success <= 1, "{origin:?}: {told:?}");
            }
        }
    }
}

fn pick<T: Clone>(among: &[T], which: usize) -> Option<T> {
    among.get(which % among.len().max(1)).cloned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_transaction_ends_once_and_nothing_is_left(
        seed in any::<u64>(),
        operations in prop::collection::vec(operation(), 0..80),
    ) {
        let mut world = World::new(seed);
        for operation in &operations {
            world.run(operation);
        }
        world.finish();
        world.check();
    }
}
