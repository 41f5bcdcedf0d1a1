//! Addresses that failed a moment ago, and are passed over for a while.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use sip_core::Transport;
use sip_transaction::Target;

/// The addresses nothing is sent to for now, shared by all workers: those that could not be sent to, that left an INVITE
/// without any response, or that asked for it by Retry-After; and those an operator names.
///
/// It spares callers a wait, and is no guard: an address is also taken off as soon as a request comes from it. While it is
/// empty, asking it takes no lock.
#[derive(Debug)]
pub struct Blocklist {
    settings: BlocklistSettings,
    count: AtomicUsize,
    blocked: RwLock<Blocked>,
}

/// How long, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlocklistSettings {
    /// How long an address that failed is passed over. Default: 300 s.
    pub time: Duration,
    /// Whether a 503 counts: for as long as its Retry-After says, an hour at most, or not at all where it does not say.
    /// Default: no.
    pub unavailable: bool,
    /// Addresses at a time; for one more, the one that is due first is taken off. Default: 4,096.
    pub capacity: usize,
}

impl Default for BlocklistSettings {
    fn default() -> BlocklistSettings {
        BlocklistSettings {
            time: Duration::from_secs(300),
            unavailable: false,
            capacity: 4096,
        }
    }
}

/// The longest Retry-After that is believed, in seconds.
const RETRY_AFTER_MAX: u32 = 3600;

/// For ever, as far as a server is concerned.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// An address at a transport.
type Peer = (Transport, SocketAddr);

#[derive(Debug, Default)]
struct Blocked {
    peers: HashMap<Peer, Entry>,
    by_end: BTreeSet<(Instant, Peer)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    until: Instant,
    /// Named by an operator: it may speak, and stays.
    named: bool,
}

impl Blocklist {
    /// Nobody is blocked yet.
    #[must_use]
    pub fn new(settings: BlocklistSettings) -> Blocklist {
        Blocklist {
            settings,
            count: AtomicUsize::new(0),
            blocked: RwLock::default(),
        }
    }

    /// Whether `to` is to be passed over at `now`.
    #[must_use]
    pub fn is_blocked(&self, now: Instant, to: &Target) -> bool {
        if self.count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let entry = self.read().peers.get(&peer(to)).copied();
        entry.is_some_and(|entry| now < entry.until)
    }

    /// Blocks an address by name for `time`, whatever comes from it.
    pub fn block(&self, now: Instant, transport: Transport, remote: SocketAddr, time: Duration) {
        self.add(now, time, (transport, remote), true);
    }

    /// Takes an address off; says whether it was there.
    pub fn unblock(&self, transport: Transport, remote: SocketAddr) -> bool {
        let mut blocked = self.write();
        let was = blocked.remove(&(transport, remote));
        self.count.store(blocked.peers.len(), Ordering::Relaxed);
        was
    }

    /// Who is blocked at `now`, and for how long yet; the first to be free first.
    #[must_use]
    pub fn list(&self, now: Instant) -> Vec<(Transport, SocketAddr, Duration)> {
        let blocked = self.read();
        let ends = blocked.by_end.iter();
        ends.filter(|(until, _)| now < *until)
            .map(|(until, (transport, remote))| (*transport, *remote, *until - now))
            .collect()
    }

    /// Nothing could be sent to `to`, or nothing came back. A flow that ended says nothing of others.
    pub(crate) fn failed(&self, now: Instant, to: &Target) {
        if !matches!(to, Target::Flow(_)) {
            self.add(now, self.settings.time, peer(to), false);
        }
    }

    /// `to` has said 503, with this Retry-After.
    pub(crate) fn unavailable(&self, now: Instant, to: &Target, retry_after: Option<u32>) {
        let seconds = retry_after.unwrap_or(0).min(RETRY_AFTER_MAX);
        if self.settings.unavailable && seconds > 0 {
            self.add(now, Duration::from_secs(seconds.into()), peer(to), false);
        }
    }

    /// A request has come from there.
    pub(crate) fn heard(&self, transport: Transport, remote: SocketAddr) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let entry = self.read().peers.get(&(transport, remote)).copied();
        if entry.is_some_and(|entry| !entry.named) {
            self.unblock(transport, remote);
        }
    }

    /// What an operator has named, no failure changes; and one failure takes nothing off what another has given.
    fn add(&self, now: Instant, time: Duration, peer: Peer, named: bool) {
        let until = now + time.min(LONGEST);
        let mut blocked = self.write();
        let before = blocked.peers.get(&peer);
        if !named && before.is_some_and(|before| before.named || before.until >= until) {
            return;
        }
        blocked.remove(&peer);
        while blocked.peers.len() >= self.settings.capacity.max(1)
            && let Some((_, due)) = blocked.by_end.pop_first()
        {
            blocked.peers.remove(&due);
        }
        blocked.peers.insert(peer, Entry { until, named });
        blocked.by_end.insert((until, peer));
        self.count.store(blocked.peers.len(), Ordering::Relaxed);
    }

    fn read(&self) -> RwLockReadGuard<'_, Blocked> {
        self.blocked.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Blocked> {
        self.blocked.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Blocked {
    fn remove(&mut self, peer: &Peer) -> bool {
        let Some(entry) = self.peers.remove(peer) else {
            return false;
        };
        self.by_end.remove(&(entry.until, *peer))
    }
}

fn peer(to: &Target) -> Peer {
    (to.transport(), to.remote())
}

#[cfg(test)]
mod tests {
    use sip_transaction::sim::epoch;

    use super::*;

    fn udp(remote: &str) -> Target {
        Target::address(Transport::Udp, remote.parse().expect("an address"))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const A: &str = "192.0.2.1:5060";

    #[test]
    fn who_failed_is_passed_over_for_five_minutes() {
        let (list, now) = (Blocklist::new(BlocklistSettings::default()), epoch());
        assert!(!list.is_blocked(now, &udp(A)));
        list.failed(now, &udp(A));
        assert!(list.is_blocked(now + seconds(299), &udp(A)));
        assert!(!list.is_blocked(now + seconds(300), &udp(A)));
    }

    #[test]
    fn another_transport_or_port_is_another_address() {
        let (list, now) = (Blocklist::new(BlocklistSettings::default()), epoch());
        list.failed(now, &udp(A));
        let tcp = Target::address(Transport::Tcp, udp(A).remote());
        assert!(!list.is_blocked(now, &tcp));
        assert!(!list.is_blocked(now, &udp("192.0.2.1:5070")));
    }

    #[test]
    fn retry_after_is_believed_for_an_hour_at_most_and_only_where_that_is_wanted() {
        let now = epoch();
        let deaf = Blocklist::new(BlocklistSettings::default());
        deaf.unavailable(now, &udp(A), Some(60));
        assert!(!deaf.is_blocked(now, &udp(A)));

        let list = Blocklist::new(BlocklistSettings {
            unavailable: true,
            ..BlocklistSettings::default()
        });
        for silent in [None, Some(0)] {
            list.unavailable(now, &udp(A), silent);
            assert!(!list.is_blocked(now, &udp(A)));
        }
        list.unavailable(now, &udp(A), Some(60));
        assert!(list.is_blocked(now + seconds(59), &udp(A)));
        list.unavailable(now, &udp(A), Some(u32::MAX));
        assert!(list.is_blocked(now + seconds(3599), &udp(A)));
        assert!(!list.is_blocked(now + seconds(3600), &udp(A)));
    }

    #[test]
    fn a_short_retry_after_takes_nothing_off_what_a_failure_has_given() {
        let (list, now) = (
            Blocklist::new(BlocklistSettings {
                unavailable: true,
                ..BlocklistSettings::default()
            }),
            epoch(),
        );
        list.failed(now, &udp(A));
        list.unavailable(now, &udp(A), Some(1));
        assert!(list.is_blocked(now + seconds(299), &udp(A)));
    }

    #[test]
    fn for_ever_is_no_overflow() {
        let (list, now) = (Blocklist::new(BlocklistSettings::default()), epoch());
        list.block(now, Transport::Udp, udp(A).remote(), Duration::MAX);
        assert!(list.is_blocked(now + LONGEST / 2, &udp(A)));
    }

    #[test]
    fn who_speaks_is_taken_off_but_not_who_was_named() {
        let (list, now) = (Blocklist::new(BlocklistSettings::default()), epoch());
        list.failed(now, &udp(A));
        list.heard(Transport::Udp, udp(A).remote());
        assert!(!list.is_blocked(now, &udp(A)));

        list.block(now, Transport::Udp, udp(A).remote(), seconds(3600));
        list.heard(Transport::Udp, udp(A).remote());
        list.failed(now, &udp(A));
        assert!(list.is_blocked(now + seconds(3599), &udp(A)));
        let left = (Transport::Udp, udp(A).remote(), seconds(3590));
        assert_eq!(list.list(now + seconds(10)), [left]);
        assert!(list.unblock(Transport::Udp, udp(A).remote()));
        assert!(!list.unblock(Transport::Udp, udp(A).remote()));
        assert!(list.list(now).is_empty());
    }

    #[test]
    fn as_many_are_kept_as_may_be() {
        let (list, now) = (
            Blocklist::new(BlocklistSettings {
                capacity: 100,
                ..BlocklistSettings::default()
            }),
            epoch(),
        );
        for i in 0..1000_u16 {
            let to = udp(&format!("192.0.2.1:{}", i + 1));
            list.failed(now + seconds(i.into()), &to);
        }
        let later = now + seconds(1000);
        assert_eq!(list.read().peers.len(), 100);
        assert_eq!(list.read().by_end.len(), 100);
        assert!(!list.is_blocked(later, &udp("192.0.2.1:900")));
        assert!(list.is_blocked(later, &udp("192.0.2.1:901")));
    }

    #[test]
    fn a_flow_that_ended_blocks_nobody() {
        let (list, now) = (Blocklist::new(BlocklistSettings::default()), epoch());
        let to = udp(A).remote();
        list.failed(now, &Target::Flow(sip_transaction::Flow::udp(to, to)));
        assert!(list.list(now).is_empty());
    }
}
