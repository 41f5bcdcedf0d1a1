//! What a run is to do: the command line made plain, shared by all workers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use sip_core::{HostPort, Transport};
use sip_transaction::Timers;

use crate::measure::tally::{KindId, Share, Tally};
use crate::pace::{Mode, Pace, Term, pauses};
use crate::schedule::Schedule;
use crate::site::{Local, Phone, Site};
use crate::users::Users;
use crate::work::call::Calls;
use crate::work::connections::Connections;
use crate::work::keepalive::KeepAlive;
use crate::work::register::Register;
use crate::work::{Work, call, keepalive};

/// A run.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// `keepalive`, `register`, …
    pub(crate) work: &'static str,
    pub(crate) server: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) domain: HostPort,
    pub(crate) users: Arc<Users>,
    pub(crate) phones: u32,
    /// Addresses to send from; each worker has all of them, on ports of its own.
    pub(crate) from: Vec<IpAddr>,
    /// Ports on each of them, of each worker.
    pub(crate) ports: u16,
    pub(crate) nat: bool,
    /// Phones answer a challenge again until there is another.
    pub(crate) reuse_nonce: bool,
    pub(crate) workers: u16,
    pub(crate) cpus: Vec<usize>,
    pub(crate) timers: Timers,
    pub(crate) jobs: Vec<Job>,
    /// Register all phones first, so many at a time.
    pub(crate) preparation: Option<u64>,
    pub(crate) expires: Duration,
    pub(crate) ramp: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) length: Duration,
    pub(crate) settle: Duration,
    /// How long connections are held once all are open.
    pub(crate) hold: Duration,
    pub(crate) count: Option<u64>,
    pub(crate) run: u32,
}

/// One work of a run, and how fast it goes.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) speed: Speed,
    pub(crate) what: What,
}

/// How fast operations begin, all workers together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// So many a second.
    Rate(f64),
    /// So many under way.
    Window(u64),
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    KeepAlive(keepalive::Style),
    Register,
    Call(call::Style),
    Connect,
}

impl What {
    /// The name of its kind of operations.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            What::KeepAlive(_) => "keepalive",
            What::Register => "register",
            What::Call(_) => "call",
            What::Connect => "connection",
        }
    }
}

/// How long the preparation may take at most.
const PREPARATION: Duration = Duration::from_secs(3600);

impl Plan {
    /// The share of `total` that `worker` has.
    fn share(&self, total: u64, worker: u16) -> u64 {
        let (worker, workers) = (u64::from(worker), u64::from(self.workers));
        total / workers + u64::from(worker < total % workers)
    }

    /// The phones of `worker`, and what they share.
    pub(crate) fn site(&self, worker: u16, locals: &[SocketAddr]) -> Site {
        let share = |worker| self.share(self.phones.into(), worker) as u32;
        let local = |(at, addr): (usize, &SocketAddr)| Local {
            addr: *addr,
            shown: if self.nat {
                private(at)
            } else {
                HostPort::from(*addr)
            },
        };
        Site {
            server: self.server,
            transport: self.transport,
            domain: self.domain.clone(),
            users: self.users.clone(),
            first: (0..worker).map(share).sum(),
            phones: vec![Phone::NEW; share(worker) as usize],
            locals: locals.iter().enumerate().map(local).collect(),
            sessions: HashMap::new(),
            run: self.run.wrapping_add(worker.into()),
        }
    }

    pub(crate) fn tally(&self, share: Arc<Share>) -> Tally {
        // One more for the preparation, which is measured by nobody.
        Tally::new(self.jobs.len() + 1, share)
    }

    /// What `worker` does.
    pub(crate) fn works(&self, worker: u16, site: &Site) -> Vec<Box<dyn Work>> {
        let jobs = self.jobs.iter().enumerate();
        jobs.map(|(at, job)| self.work(KindId(at), job, worker, site))
            .collect()
    }

    fn work(&self, kind: KindId, job: &Job, worker: u16, site: &Site) -> Box<dyn Work> {
        let mode = match job.speed {
            Speed::Rate(rate) => Mode::Open(Schedule::new(rate, self.ramp, worker, self.workers)),
            Speed::Window(window) => Mode::Closed(self.share(window, worker)),
        };
        let pace = Pace::new(mode, self.count.map(|count| self.share(count, worker)));
        let pauses = pauses(self.timers.t1, self.timers.t2);
        match &job.what {
            What::KeepAlive(style) => {
                Box::new(KeepAlive::new(kind, pace, style.clone(), pauses, site))
            }
            What::Register => Box::new(self.register(b'r', kind, pace)),
            What::Connect => Box::new(Connections::new(kind, pace)),
            What::Call(style) => Box::new(Calls::new(kind, pace, style.clone(), pauses)),
        }
    }

    /// Registers the phones of `worker`, from `now` on.
    pub(crate) fn preparation(
        &self,
        worker: u16,
        now: std::time::Instant,
    ) -> Option<Box<dyn Work>> {
        let window = self.preparation?;
        let phones = self.share(self.phones.into(), worker);
        let mut pace = Pace::new(
            Mode::Closed(self.share(window, worker).max(1)),
            Some(phones),
        );
        pace.start(Term {
            start: now,
            measured_from: now,
            until: now + PREPARATION,
        });
        let kind = KindId(self.jobs.len());
        Some(Box::new(self.register(b'p', kind, pace)))
    }

    fn register(&self, letter: u8, kind: KindId, pace: Pace) -> Register {
        Register::new(letter, kind, pace, self.expires, self.reuse_nonce)
    }
}

/// What a phone behind a NAT believes its address to be.
pub(crate) fn private(at: usize) -> HostPort {
    let ip = IpAddr::from([10, (at >> 8) as u8, at as u8, 2]);
    HostPort::from(SocketAddr::new(ip, 5060))
}
