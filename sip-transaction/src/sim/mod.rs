//! Peers, a link between them and a clock that jumps: a network in virtual time, for tests (feature `sim`).
//!
//! ```
//! use sip_transaction::sim::{Link, Sim};
//!
//! let mut sim = Sim::new(Link::udp().lose_first(1, "INVITE"));
//! sim.bob().answers(&[(0.0, 180), (2.0, 200)]);
//! sim.alice().invite("sip:bob@example.com");
//! sim.run_for(3.0);
//! sim.assert_ladder("
//!     0.000  alice → bob  INVITE      lost
//!     0.500  alice → bob  INVITE      timer A
//!     0.500  bob → alice  180 INVITE
//!     2.500  bob → alice  200 INVITE
//!     2.500  alice → bob  ACK
//! ");
//! ```

mod epoch;
mod hand;
mod ladder;
mod link;
mod pcap;
mod peer;
mod phone;
mod wire;

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sip_core::Transport;

use crate::boundary::{Event, Origin};
use crate::config::Config;
use crate::layer::TransactionLayer;
use crate::user::{Service, TransactionUser};

pub use epoch::epoch;
pub use hand::{Hand, PuppetHand};
pub use ladder::Ladder;
pub use link::Link;
pub use peer::Puppet;
pub use phone::Phone;

use peer::{Driven, Peer};
use wire::Wire;

/// Seconds, exact to the millisecond.
fn seconds(seconds: f64) -> Duration {
    Duration::from_millis((seconds * 1000.0).round() as u64)
}

/// The simulated network. Runs with the same [`Link`] and the same calls are the same.
///
/// A test that fails prints the seed and the ladder.
pub struct Sim {
    start: Instant,
    now: Instant,
    names: Vec<String>,
    peers: Vec<Box<dyn Peer>>,
    wire: Wire,
    ladder: Ladder,
    seeds: StdRng,
    plans: Vec<Plan>,
    /// The transaction whose failure the ladder shows already, so that its end is no news.
    failed: Option<Failure>,
}

/// Something a test wants done later.
struct Plan {
    at: Instant,
    action: Box<dyn FnOnce(&mut Sim)>,
}

/// A peer with a user of type `U` on its layer.
#[derive(Debug)]
pub struct PeerId<U> {
    index: usize,
    user: PhantomData<fn() -> U>,
}

impl<U> Clone for PeerId<U> {
    fn clone(&self) -> PeerId<U> {
        *self
    }
}

impl<U> Copy for PeerId<U> {}

impl Sim {
    /// Two phones, alice and bob, joined by `link`.
    #[must_use]
    pub fn new(link: Link) -> Sim {
        let mut sim = Sim::empty(link);
        sim.add_phone("alice");
        sim.add_phone("bob");
        sim
    }

    /// Nobody yet.
    #[must_use]
    pub fn empty(link: Link) -> Sim {
        let start = epoch();
        Sim {
            start,
            now: start,
            names: Vec::new(),
            peers: Vec::new(),
            seeds: StdRng::seed_from_u64(link.seed),
            wire: Wire::new(link),
            ladder: Ladder::default(),
            plans: Vec::new(),
            failed: None,
        }
    }

    /// Adds a peer of that name: `user` on a layer of its own, `service` to answer its queries. The first
    /// peer's address is 192.0.2.1, the second's 192.0.2.2.
    pub fn add<U, S>(&mut self, name: &str, config: Config, user: U, service: S) -> PeerId<U>
    where
        U: TransactionUser + 'static,
        U::Query: 'static,
        U::Answer: 'static,
        S: Service<U::Query, U::Answer>,
    {
        let layer = TransactionLayer::new(config, self.seeds.next_u64());
        let driven = Driven::new(layer, user, Box::new(service));
        let index = self.push(name, Box::new(driven));
        PeerId {
            index,
            user: PhantomData,
        }
    }

    /// Adds a phone.
    pub fn add_phone(&mut self, name: &str) -> PeerId<Phone> {
        self.add_phone_with(name, Config::default())
    }

    /// Adds a phone whose layer has other settings.
    pub fn add_phone_with(&mut self, name: &str, config: Config) -> PeerId<Phone> {
        let timers = config.timers;
        let phone = Phone::new(name, self.next_address(), self.wire.transport(), timers);
        self.add(name, config, phone, ())
    }

    /// Puts a puppet in the place of the peer of that name, or adds it.
    pub fn puppet(&mut self, name: &str) -> PuppetHand<'_> {
        let index = match self.index_of(name) {
            Some(index) if self.peers[index].as_any().is::<Puppet>() => index,
            Some(index) => {
                self.peers[index] = Box::new(Puppet::default());
                index
            }
            None => self.push(name, Box::new(Puppet::default())),
        };
        PuppetHand { sim: self, index }
    }

    fn push(&mut self, name: &str, peer: Box<dyn Peer>) -> usize {
        self.names.push(name.to_owned());
        self.peers.push(peer);
        self.peers.len() - 1
    }

    /// The peer, to look at or to act with.
    pub fn peer<U: TransactionUser + 'static>(&mut self, id: PeerId<U>) -> Hand<'_, U> {
        Hand {
            sim: self,
            index: id.index,
            user: PhantomData,
        }
    }

    /// The phone of that name.
    ///
    /// # Panics
    /// If there is none.
    pub fn phone(&mut self, name: &str) -> Hand<'_, Phone> {
        let index = self.index_of(name);
        let index = index.unwrap_or_else(|| panic_about(format_args!("no peer is called {name}")));
        Hand {
            sim: self,
            index,
            user: PhantomData,
        }
    }

    /// The first phone of [`Sim::new`].
    pub fn alice(&mut self) -> Hand<'_, Phone> {
        self.phone("alice")
    }

    /// The second phone of [`Sim::new`].
    pub fn bob(&mut self) -> Hand<'_, Phone> {
        self.phone("bob")
    }

    /// The address of the peer of that name.
    #[must_use]
    pub fn address_of(&self, name: &str) -> Option<SocketAddr> {
        self.index_of(name).map(address)
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The address the next peer will have.
    #[must_use]
    pub fn next_address(&self) -> SocketAddr {
        address(self.peers.len())
    }

    /// What all messages travel by.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.wire.transport()
    }

    /// Does `action` when the clock shows `at` seconds.
    pub fn at(&mut self, at: f64, action: impl FnOnce(&mut Sim) + 'static) {
        let at = self.start + seconds(at);
        let action = Box::new(action);
        self.plans.push(Plan { at, action });
    }

    /// Breaks the connection between two peers; the next message between them opens another.
    pub fn cut(&mut self, one: &str, other: &str) {
        let (Some(one), Some(other)) = (self.index_of(one), self.index_of(other)) else {
            return;
        };
        for (index, flow) in self.wire.cut(one, other) {
            self.peers[index].handle_flow_failure(self.now, flow);
            self.settle(index);
        }
    }

    /// From now on nothing can be sent to the peer: every attempt fails at once.
    pub fn unplug(&mut self, name: &str) {
        if let Some(index) = self.index_of(name) {
            self.wire.unplug(index);
        }
    }

    /// Runs until nothing is under way, no timer is armed and nothing is planned.
    pub fn run(&mut self) {
        while let Some(next) = self.next() {
            self.step(next);
        }
    }

    /// Runs until the clock shows `at` seconds.
    pub fn run_until(&mut self, at: f64) {
        let end = self.start + seconds(at);
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.step(next);
        }
        self.now = self.now.max(end);
    }

    /// Runs for so many seconds.
    pub fn run_for(&mut self, time: f64) {
        self.run_until(self.elapsed().as_secs_f64() + time);
    }

    /// What the clock shows.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// What happened so far.
    #[must_use]
    pub fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Every message sent so far as a capture file, which Wireshark opens.
    #[must_use]
    pub fn pcap(&self) -> Vec<u8> {
        pcap::write(self.wire.packets())
    }

    /// Compares the run with a ladder written by hand; spaces and empty lines do not matter.
    ///
    /// # Panics
    /// If they differ.
    #[track_caller]
    pub fn assert_ladder(&self, expected: &str) {
        assert!(
            self.ladder.reads_as(expected),
            "the run differs from the ladder\nexpected:\n{expected}\nfound:\n{}",
            self.ladder
        );
    }

    /// Whether no peer has anything left: no transaction, no timer, no plan.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.wire.next().is_none() && self.peers.iter().all(|peer| peer.is_idle())
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let deadlines = self.peers.iter().filter_map(|peer| peer.poll_timeout());
        let plans = self.plans.iter().map(|plan| plan.at);
        let next = deadlines.chain(plans).chain(self.wire.next()).min();
        next.map(|next| next.max(self.now))
    }

    /// Lets happen what happens at `now`: arrivals first, then timers, then plans.
    fn step(&mut self, now: Instant) {
        self.now = now;
        while let Some(arrival) = self.wire.arrive(now) {
            let index = arrival.to;
            self.peers[index].receive(now, arrival.message, arrival.flow);
            self.settle(index);
        }
        for index in 0..self.peers.len() {
            if self.peers[index].poll_timeout().is_some_and(|at| at <= now) {
                self.peers[index].handle_timeout(now);
                self.settle(index);
            }
        }
        let due = |plan: &mut Plan| plan.at <= now;
        let mut plans: Vec<Plan> = self.plans.extract_if(.., due).collect();
        plans.sort_by_key(|plan| plan.at);
        for plan in plans {
            (plan.action)(self);
        }
    }

    /// Lets a peer finish its turn: messages to the wire, events to its user, until there are none.
    fn settle(&mut self, index: usize) {
        while self.send_all(index) | self.turn(index) {}
    }

    fn send_all(&mut self, from: usize) -> bool {
        let at = self.elapsed();
        let mut busy = false;
        while let Some(transmit) = self.peers[from].poll_transmit() {
            let origin = transmit.origin;
            let rung = (at, self.names.as_slice(), &mut self.ladder);
            let sent = self.wire.send(self.now, from, transmit, rung);
            if let (false, Some(origin)) = (sent, origin) {
                self.peers[from].handle_send_failure(self.now, origin);
            }
            busy = true;
        }
        busy
    }

    fn turn(&mut self, index: usize) -> bool {
        let (at, name) = (self.elapsed(), &self.names[index]);
        let (ladder, failed) = (&mut self.ladder, &mut self.failed);
        self.peers[index].turn(self.now, &mut |event, timer| {
            if let Some(word) = word_for(event, (index, at), failed) {
                let note = timer.map(|timer| timer.to_string());
                ladder.word(at, name, word, note.unwrap_or_default());
            }
        })
    }
}

/// Who failed, and when.
type Failure = ((usize, Duration), Origin);

/// What a ladder says of an event; nothing of messages, which have lines of their own.
fn word_for(
    event: &Event,
    here: (usize, Duration),
    failed: &mut Option<Failure>,
) -> Option<&'static str> {
    let (word, origin) = match event {
        Event::Timeout { id } => ("timeout", Origin::Client(*id)),
        Event::TransportFailure { id } => ("transport failure", Origin::Client(*id)),
        Event::ServerFailed { id } => ("failed", Origin::Server(*id)),
        Event::ClientEnded { id } => ("terminated", Origin::Client(*id)),
        Event::Ended { id } => ("terminated", Origin::Server(*id)),
        _ => return None,
    };
    if word != "terminated" {
        *failed = Some((here, origin));
        return Some(word);
    }
    (*failed != Some((here, origin))).then_some(word)
}

impl Drop for Sim {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}:\n{}", self.wire.seed(), self.ladder);
        }
    }
}

fn address(index: usize) -> SocketAddr {
    let last = u8::try_from(index + 1).unwrap_or(u8::MAX);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)), 5060)
}

fn index_of_address(address: SocketAddr) -> Option<usize> {
    match address.ip() {
        IpAddr::V4(ip) if ip.octets()[..3] == [192, 0, 2] => {
            usize::from(ip.octets()[3]).checked_sub(1)
        }
        _ => None,
    }
}

/// Tests are told by a panic; nothing else here panics.
#[allow(clippy::panic)]
#[track_caller]
fn panic_about(what: std::fmt::Arguments<'_>) -> ! {
    panic!("{what}")
}
