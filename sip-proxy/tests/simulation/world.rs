//! A world out of a seed: who is there, what lies between them, and what happens when.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sip_core::{Method, Transport};
use sip_proxy::{BranchTarget, Proxy};
use sip_transaction::sim::{Link, PeerId, Sim};
use sip_transaction::{Config, Target};

use crate::backends::{Backend, Order};
use crate::recipe::Recipe;
use crate::rogue::{Manner, Rogue};

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) transport: Transport,
    pub(crate) proxies: Vec<Server>,
    /// Whether alice makes one call, and stays.
    pub(crate) alice_stays: bool,
    pub(crate) dropped: Arc<Mutex<HashSet<String>>>,
    chance: StdRng,
}

/// One proxy, and when it starts again.
pub(crate) struct Server {
    pub(crate) id: PeerId<Proxy>,
    pub(crate) address: SocketAddr,
    pub(crate) restarts: Vec<Duration>,
}

const CALLEES: [&str; 3] = ["bob", "desk", "mobile"];
const PROXIES: [&str; 2] = ["p1", "p2"];
const NOBODY: &str = "192.0.2.99:5060";

/// Scripts of phones that keep to the rules.
const SCRIPTS: [&[(f64, u16)]; 12] = [
    &[(0.1, 180), (2.0, 200)],
    &[(0.05, 100), (0.3, 180), (9.0, 200)],
    &[(0.0, 200)],
    &[(0.5, 183), (1.5, 180), (70.0, 200)],
    &[(0.1, 180), (170.0, 200)],
    &[(0.1, 180), (1.0, 486)],
    &[(0.0, 404)],
    &[(3.0, 302)],
    &[(0.1, 180), (5.0, 603)],
    &[(0.2, 503)],
    &[(0.1, 180)],
    &[],
];

impl World {
    /// Draws it, and runs it till nothing is left, or till something must have been forgotten.
    pub(crate) fn run(seed: u64) -> World {
        let mut world = World::draw(seed);
        world.sim.run_until(3000.0);
        world
    }

    fn draw(seed: u64) -> World {
        let mut chance = StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let transport = match chance.random_bool(0.12) {
            true => Transport::Tcp,
            false => Transport::Udp,
        };
        let mut world = World {
            sim: Sim::empty(draw_link(&mut chance, transport).seed(seed)),
            transport,
            proxies: Vec::new(),
            alice_stays: true,
            dropped: Arc::default(),
            chance,
        };
        world.populate(seed);
        world
    }

    fn populate(&mut self, seed: u64) {
        let proxies = if self.chance.random_bool(0.4) { 2 } else { 1 };
        let callees = self.chance.random_range(1..=CALLEES.len());
        for index in 0..proxies {
            self.add_proxy(seed, index, proxies, callees);
        }
        if proxies == 2 {
            let link = draw_link(&mut self.chance, self.transport);
            self.sim.between("p1", "p2", link);
        }
        self.add_alice();
        self.add_carol();
        for name in &CALLEES[..callees] {
            self.add_callee(name);
        }
    }

    fn millis(&mut self, least: u64, most: u64) -> f64 {
        self.chance.random_range(least..most) as f64 / 1000.0
    }

    // ── proxies ─────────────────────────────────────────────────────────────────────────────────────────────

    fn add_proxy(&mut self, seed: u64, index: usize, proxies: usize, callees: usize) {
        let backend = self.backend(seed, index, proxies, callees);
        let recipe = Recipe::new(self.transport, nth_address(index), backend);
        let id = recipe.add_to(&mut self.sim, PROXIES[index]);
        let address = recipe.address;
        let mut restarts = Vec::new();
        if self.chance.random_bool(0.25) {
            let at = self.millis(1, 60_000);
            restarts.push(Duration::from_millis((at * 1000.0).round() as u64));
            self.sim.at(at, move |sim| recipe.restart(sim, id));
        }
        self.proxies.push(Server {
            id,
            address,
            restarts,
        });
    }

    /// The last proxy knows the phones; the one before knows the last, and sometimes the other way round as well.
    fn backend(&mut self, seed: u64, index: usize, proxies: usize, callees: usize) -> Backend {
        let transport = self.transport;
        let is_last = index + 1 == proxies;
        let mut targets: Vec<BranchTarget> = Vec::new();
        let mut names = Vec::new();
        if is_last {
            let first = proxies + 2;
            for (number, name) in CALLEES[..callees].iter().enumerate() {
                let place = nth_address(first + number).to_string();
                let q = self.chance.random_range(0..3) * 500;
                targets.push(Backend::target(transport, name, &place).q(q));
            }
            if self.chance.random_bool(0.1) {
                targets.push(Backend::target(transport, "ghost", NOBODY));
            }
            if self.chance.random_bool(0.15) {
                let bob = Target::address(transport, nth_address(first));
                let nobody = Target::address(transport, NOBODY.parse().expect("an address"));
                names.push(("bob.example.net", vec![nobody, bob]));
                targets[0] = Backend::target(transport, "bob", "bob.example.net");
            }
            if proxies == 2 && self.chance.random_bool(0.05) {
                let back = nth_address(0).to_string();
                targets.push(Backend::target(transport, "group", &back));
            }
        } else {
            let next = nth_address(index + 1);
            names.push(("p2.example.net", vec![Target::address(transport, next)]));
            let place = match self.chance.random_bool(0.3) {
                true => "p2.example.net".to_owned(),
                false => next.to_string(),
            };
            targets.push(Backend::target(transport, "group", &place));
        }
        let ring_time = self.chance.random_bool(0.25);
        Backend {
            moods: Some(seed ^ index as u64),
            clock: self.sim.clock(),
            targets,
            order: [Order::Parallel, Order::Serial, Order::ByQ][self.chance.random_range(0..3)],
            ring_time: ring_time.then(|| Duration::from_secs(self.chance.random_range(2..30))),
            dropped: Arc::clone(&self.dropped),
            names,
        }
    }

    // ── phones ──────────────────────────────────────────────────────────────────────────────────────────────

    /// She keeps to the rules.
    fn add_alice(&mut self) {
        self.sim.add_phone("alice");
        self.sim.alice().through("p1");
        self.sim.at(0.0, |sim| {
            sim.alice().invite("sip:group@example.com");
        });
        if self.chance.random_bool(0.1) {
            self.alice_stays = false;
            let at = self.millis(1, 20_000);
            return self.sim.at(at, |sim| sim.vanish("alice"));
        }
        if self.chance.random_bool(0.35) {
            let longest = if self.chance.random_bool(0.2) {
                200_000
            } else {
                8000
            };
            let at = self.millis(1, longest);
            self.sim.at(at, |sim| sim.alice().cancel());
        }
        if self.chance.random_bool(0.5) {
            let at = self.millis(1000, 90_000);
            self.sim.at(at, |sim| sim.alice().bye());
        }
        if self.chance.random_bool(0.3) {
            let at = self.millis(1, 40_000);
            self.sim.at(at, |sim| {
                sim.alice()
                    .request(Method::Message, "sip:group@example.com");
            });
        }
    }

    /// She does not.
    fn add_carol(&mut self) {
        let carol = self.add_rogue("carol", Manner::Deaf);
        // Over connections an INVITE that comes again after its ACK is another one.
        if self.transport == Transport::Udp && self.chance.random_bool(0.3) {
            let at = self.millis(1, 10_000);
            let proxy = Target::address(self.transport, nth_address(0));
            self.sim.at(at, move |sim| {
                sim.peer(carol)
                    .act(|now, rogue, layer| rogue.call(now, 1, proxy, layer));
            });
        }
    }

    fn add_callee(&mut self, name: &'static str) {
        if self.chance.random_bool(0.45) {
            let manner = Manner::ALL[self.chance.random_range(0..Manner::ALL.len())];
            self.add_rogue(name, manner);
        } else {
            self.sim.add_phone(name);
            let script = SCRIPTS[self.chance.random_range(0..SCRIPTS.len())];
            self.sim.phone(name).answers(script);
            if self.chance.random_bool(0.15) {
                let at = self.millis(2000, 90_000);
                return self.sim.at(at, |sim| sim.phone(name).bye());
            }
        }
        if self.chance.random_bool(0.08) {
            let at = self.millis(1, 20_000);
            self.sim.at(at, |sim| sim.vanish(name));
        }
    }

    fn add_rogue(&mut self, name: &'static str, manner: Manner) -> PeerId<Rogue> {
        let address = nth_address(self.sim.peers());
        let rogue = Rogue {
            name,
            contact: format!(
                "<sip:{name}@{address};transport={}>",
                self.transport.uri_param()
            ),
            manner,
            chance: StdRng::seed_from_u64(self.chance.random()),
            planned: VecDeque::new(),
        };
        self.sim.add(name, Config::default(), rogue, ())
    }
}

/// Never a whole number of milliseconds, so that nothing arrives at the moment of a plan.
fn draw_link(chance: &mut StdRng, transport: Transport) -> Link {
    let latency = Duration::from_micros(137 + 1000 * chance.random_range(0..120u64));
    let link = Link::over(transport).latency(latency);
    match chance.random_range(0..4) {
        0 => link,
        1 => link.jitter(latency),
        2 => link.loses(0.1).duplicates(0.1).jitter(4 * latency),
        _ => link.loses(0.35).duplicates(0.05).jitter(latency),
    }
}

pub(crate) fn nth_address(index: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, index as u8 + 1], 5060))
}
