//! Messages under way, and the connections they travel on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sip_core::{Limits, Message, Transport, parse_message};

use super::ladder::{Ladder, name_of};
use super::link::{Fate, Link};
use super::pcap::Packet;
use super::{address, index_of_address};
use crate::boundary::{ConnectionId, Flow, Target, Transmit};

/// The link, and what is on it.
pub(crate) struct Wire {
    link: Link,
    chance: StdRng,
    /// By time of arrival, then by order of sending.
    under_way: BTreeMap<(Instant, u64), Flight>,
    sent: u64,
    /// One for each pair of peers, the lower number first.
    connections: BTreeMap<(usize, usize), ConnectionId>,
    opened: u64,
    unplugged: BTreeSet<usize>,
    packets: Vec<Packet>,
}

struct Flight {
    payload: Bytes,
    to: usize,
    flow: Flow,
}

/// A message that arrives.
pub(crate) struct Arrival {
    pub(crate) to: usize,
    pub(crate) message: Message,
    pub(crate) flow: Flow,
}

impl Wire {
    pub(crate) fn new(link: Link) -> Wire {
        Wire {
            chance: StdRng::seed_from_u64(link.seed),
            link,
            under_way: BTreeMap::new(),
            sent: 0,
            connections: BTreeMap::new(),
            opened: 0,
            unplugged: BTreeSet::new(),
            packets: Vec::new(),
        }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.link.seed
    }

    pub(crate) fn packets(&self) -> &[Packet] {
        &self.packets
    }

    pub(crate) fn transport(&self) -> Transport {
        self.link.transport
    }

    /// Sends, and draws the rung. Returns whether the message could be sent at all; lost ones are.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        from: usize,
        transmit: Transmit,
        (at, names, ladder): (Duration, &[String], &mut Ladder),
    ) -> bool {
        let Transmit {
            payload, to, timer, ..
        } = transmit;
        let what = match parse_message(payload.clone(), &Limits::default()) {
            Ok(message) => name_of(&message),
            Err(_) => "garbage".to_owned(),
        };
        let receiver = index_of_address(to.remote()).filter(|index| *index < names.len());
        let name = receiver.map_or_else(|| to.remote().to_string(), |index| names[index].clone());
        let path = receiver.and_then(|receiver| Some((receiver, self.path(from, receiver, to)?)));
        let Fate { copies, note } = match path {
            Some(_) => self.link.fate(&what, &name, &mut self.chance),
            None => Fate {
                copies: Vec::new(),
                note: Some("not sent"),
            },
        };
        let notes = [
            timer.map(|timer| timer.to_string()),
            note.map(str::to_owned),
        ];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        ladder.message(at, (&names[from], &name), &what, notes.join(", "));
        let Some((to, flow)) = path else {
            return false;
        };
        self.packets.push(Packet {
            at,
            from: flow.remote,
            to: flow.local,
            payload: payload.clone(),
        });
        for delay in copies {
            self.sent += 1;
            let payload = payload.clone();
            self.under_way
                .insert((now + delay, self.sent), Flight { payload, to, flow });
        }
        true
    }

    /// The flow as `to` sees it; `None` when there is no way there.
    fn path(&mut self, from: usize, to: usize, target: Target) -> Option<Flow> {
        if self.unplugged.contains(&to) || self.unplugged.contains(&from) {
            return None;
        }
        let transport = target.transport();
        let connection = match transport.is_reliable() {
            true => self.connection(from, to, target)?,
            false => ConnectionId::NONE,
        };
        Some(Flow {
            transport,
            local: address(to),
            remote: address(from),
            connection,
        })
    }

    fn connection(&mut self, from: usize, to: usize, target: Target) -> Option<ConnectionId> {
        let pair = (from.min(to), from.max(to));
        let open = self.connections.get(&pair).copied();
        match (open, target) {
            (Some(open), Target::Flow(flow)) => (flow.connection == open).then_some(open),
            (None, Target::Flow(_)) => None,
            // Two peers are two parties here, and have one connection between them.
            (Some(open), Target::Address { .. } | Target::New { .. }) => Some(open),
            (None, Target::Address { .. } | Target::New { .. }) => {
                self.opened += 1;
                let opened = ConnectionId::new(0, self.opened);
                self.connections.insert(pair, opened);
                Some(opened)
            }
        }
    }

    /// Breaks the connection between two peers, and drops what is on it. Returns both ends.
    pub(crate) fn cut(&mut self, one: usize, other: usize) -> Vec<(usize, Flow)> {
        let pair = (one.min(other), one.max(other));
        let Some(connection) = self.connections.remove(&pair) else {
            return Vec::new();
        };
        self.under_way
            .retain(|_, flight| flight.flow.connection != connection);
        let end = |local: usize, remote: usize| {
            let transport = self.link.transport;
            let (local_address, remote) = (address(local), address(remote));
            let flow = Flow {
                transport,
                local: local_address,
                remote,
                connection,
            };
            (local, flow)
        };
        vec![end(one, other), end(other, one)]
    }

    pub(crate) fn unplug(&mut self, index: usize) {
        self.unplugged.insert(index);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.under_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next message that has arrived by `now`. What cannot be parsed is nothing a layer would see.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Arrival> {
        while self.next().is_some_and(|at| at <= now) {
            let (_, Flight { payload, to, flow }) = self.under_way.pop_first()?;
            if let Ok(message) = parse_message(payload, &Limits::default()) {
                return Some(Arrival { to, message, flow });
            }
        }
        None
    }
}
