//! What holds in every world, read off the messages that were sent and the time they arrived.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sip_core::{Method, Transport};

use crate::trace::{self, Kind, Sent};
use crate::world::World;

/// 64·T1.
const PATIENCE: Duration = Duration::from_secs(32);

/// The longest that anything may be left: three groups of targets in turn, Timer C and 64·T1 for each, after the latest
/// thing a phone does, which is at most 260 s after it was called.
const LIMIT: Duration = Duration::from_secs(3 * (181 + 32) + 2 * 260 + 200);

#[track_caller]
pub(crate) fn check(world: &mut World) {
    let trace = trace::read(&world.sim);
    nothing_is_left(world);
    for number in 0..world.proxies.len() {
        let seen = Seen::new(world, number, &trace);
        seen.no_server_transaction_says_two_things();
        if world.transport == Transport::Udp {
            seen.every_invite_is_answered(world);
            seen.no_2xx_is_lost();
            seen.every_branch_that_lost_is_cancelled();
        }
    }
    alice_hears_one_thing(world, &trace);
}

#[track_caller]
fn nothing_is_left(world: &mut World) {
    let last = world
        .sim
        .sent()
        .last()
        .map_or(Duration::ZERO, |sent| sent.at);
    assert!(last < LIMIT, "the last message was sent at {last:?}");
    for number in 0..world.proxies.len() {
        let id = world.proxies[number].id;
        let peer = world.sim.peer(id);
        assert!(peer.user().is_idle(), "{:#?}", peer.user());
        assert!(peer.layer().is_idle(), "{:?}", peer.layer());
    }
}

/// She is told of success, of failure, or that she waited in vain: one of them, and a failure once.
#[track_caller]
fn alice_hears_one_thing(world: &mut World, trace: &[Sent]) {
    if !world.alice_stays {
        return;
    }
    let mut heard = world.sim.alice().heard().to_vec();
    heard.retain(|line| !line.starts_with("stray"));
    let count = |what: &dyn Fn(&str) -> bool| heard.iter().filter(|line| what(line)).count();
    let accepted = count(&|line| line.ends_with(" INVITE") && line.starts_with('2'));
    let refused = count(&|line| line.ends_with(" INVITE") && line.as_bytes()[0] > b'2');
    let gave_up = count(&|line| line == "timeout" || line == "transport failure");
    assert!(
        refused <= 1 && (accepted == 0 || refused == 0),
        "alice heard {heard:?}"
    );
    // A call that rings when its proxy crashes is nobody's any more, and every copy of an answer may be lost.
    let crashed = world
        .proxies
        .iter()
        .any(|server| !server.restarts.is_empty());
    let alice = world.sim.address_of("alice");
    let mut finals = trace.iter().filter(|sent| {
        Some(sent.to) == alice && sent.method == Method::Invite && sent.status() >= Some(200)
    });
    let all_lost = finals.clone().count() > 0 && finals.all(|sent| sent.arrivals.is_empty());
    assert!(
        crashed || all_lost || accepted + refused + gave_up > 0,
        "alice heard {heard:?}"
    );
}

/// A transaction of one life of a proxy: the branch, the method, and how often the proxy had started again.
type Key<'a> = (usize, &'a str, &'a Method);

/// The messages of one proxy.
struct Seen<'a> {
    address: SocketAddr,
    restarts: &'a [Duration],
    /// What it sent.
    sent: Vec<&'a Sent>,
    /// What arrived, in order.
    arrived: Vec<(Duration, &'a Sent)>,
    /// The final responses it sent, by server transaction.
    finals: HashMap<Key<'a>, Vec<&'a Sent>>,
    /// The INVITEs it sent for the first time, by client transaction.
    invites: HashMap<Key<'a>, &'a Sent>,
    /// The responses that arrived, by client transaction.
    responses: HashMap<Key<'a>, Vec<(Duration, &'a Sent)>>,
}

impl<'a> Seen<'a> {
    fn new(world: &'a World, number: usize, trace: &'a [Sent]) -> Seen<'a> {
        let server = &world.proxies[number];
        let mut seen = Seen {
            address: server.address,
            restarts: &server.restarts,
            sent: trace
                .iter()
                .filter(|sent| sent.from == server.address)
                .collect(),
            arrived: Vec::new(),
            finals: HashMap::new(),
            invites: HashMap::new(),
            responses: HashMap::new(),
        };
        let arriving = trace.iter().filter(|sent| sent.to == seen.address);
        seen.arrived = arriving
            .flat_map(|sent| sent.arrivals.iter().map(move |at| (*at, sent)))
            .collect();
        seen.arrived.sort_by_key(|(at, _)| *at);
        for sent in &seen.sent {
            let key = seen.key(sent.at, &sent.branch, &sent.method);
            match sent.kind {
                Kind::Response(200..) => seen.finals.entry(key).or_default().push(sent),
                Kind::Request if sent.is(&Method::Invite) => {
                    seen.invites.entry(key).or_insert(sent);
                }
                _ => {}
            }
        }
        for (at, sent) in &seen.arrived {
            if sent.status().is_some() {
                let key = seen.key(*at, &sent.branch, &sent.method);
                seen.responses.entry(key).or_default().push((*at, sent));
            }
        }
        seen
    }

    fn key(&self, at: Duration, branch: &'a str, method: &'a Method) -> Key<'a> {
        (self.life(at), branch, method)
    }

    fn life(&self, at: Duration) -> usize {
        self.restarts
            .iter()
            .filter(|restart| **restart <= at)
            .count()
    }

    fn is_last_life(&self, at: Duration) -> bool {
        self.life(at) == self.restarts.len()
    }

    fn finals_of<'s>(&'s self, key: &Key<'s>) -> &'s [&'s Sent] {
        self.finals.get(key).map_or(&[], Vec::as_slice)
    }

    /// One final response, or any number of 2xx to an INVITE (§16.7 step 5), and never both.
    #[track_caller]
    fn no_server_transaction_says_two_things(&self) {
        // What a CANCEL is answered depends on whether its INVITE is there already, and takes no state if not.
        let kept = self
            .finals
            .iter()
            .filter(|(key, _)| *key.2 != Method::Cancel);
        for (key, finals) in kept {
            let (successes, failures): (Vec<&Sent>, Vec<&Sent>) = finals
                .iter()
                .copied()
                .partition(|sent| sent.status().is_some_and(|status| status < 300));
            let alone: Vec<&Bytes> = match *key.2 == Method::Invite {
                true => failures.iter().map(|sent| &sent.payload).collect(),
                false => finals.iter().map(|sent| &sent.payload).collect(),
            };
            let said: Vec<_> = finals.iter().map(|sent| (sent.at, sent.name())).collect();
            assert!(
                alone.windows(2).all(|pair| pair[0] == pair[1])
                    && (successes.is_empty() || failures.is_empty() || *key.2 != Method::Invite),
                "{} said two things about {key:?}: {said:?}",
                self.address
            );
        }
    }

    /// Every INVITE that reached a proxy which did not crash later has a final response (§16.7).
    #[track_caller]
    fn every_invite_is_answered(&self, world: &World) {
        let dropped = world.dropped.lock().expect("nobody panics");
        for (at, sent) in &self.arrived {
            if !sent.is(&Method::Invite)
                || !self.is_last_life(*at)
                || dropped.contains(&sent.call_id)
            {
                continue;
            }
            let key = self.key(*at, &sent.branch, &sent.method);
            assert!(
                !self.finals_of(&key).is_empty(),
                "{} never answered the INVITE of {at:?} on {}",
                self.address,
                sent.branch
            );
        }
    }

    /// A 2xx that comes while its transactions live goes on to the caller at once (§16.7 step 5).
    #[track_caller]
    fn no_2xx_is_lost(&self) {
        for (at, ok) in &self.arrived {
            let at = *at;
            let is_2xx = matches!(ok.kind, Kind::Response(200..300)) && ok.method == Method::Invite;
            let key = self.key(at, &ok.branch, &ok.method);
            let Some(invite) = self.invites.get(&key).filter(|_| is_2xx) else {
                continue;
            };
            let Some(upstream) = invite.below.as_deref().filter(|_| ok.below == invite.below)
            else {
                continue;
            };
            if !self.is_client_alive(&key, at)
                || !self.takes_2xx(self.key(at, upstream, &ok.method), at)
            {
                continue;
            }
            let passed = self.sent.iter().any(|sent| {
                sent.at == at
                    && sent.status() == ok.status()
                    && sent.branch == upstream
                    && sent.to_tag == ok.to_tag
            });
            assert!(passed, "{} lost the {} of {at:?}", self.address, ok.name());
        }
    }

    /// Whether a client transaction passes a 2xx up at `at`: no failure, no Timer B or M, none after its CANCEL.
    fn is_client_alive<'s>(&'s self, key: &Key<'s>, at: Duration) -> bool {
        let before = |class: std::ops::Range<u16>| {
            let responses = self.responses.get(key).into_iter().flatten();
            let mut of_class = responses.filter(move |(_, sent)| {
                sent.status().is_some_and(|status| class.contains(&status))
            });
            of_class.next().map(|(at, _)| *at)
        };
        let since = |from: Option<Duration>| from.is_some_and(|from| from + PATIENCE <= at);
        let sent = self.invites[key].at;
        let provisional = before(100..200).filter(|first| *first < sent + PATIENCE);
        let in_time =
            |first: &Duration| *first < at && (provisional.is_some() || *first < sent + PATIENCE);
        let accepted = before(200..300).filter(in_time);
        let failed = before(300..700).is_some_and(|failed| failed <= at);
        let timed_out = provisional.is_none_or(|first| first >= at) && since(Some(sent));
        !failed
            && (accepted.is_some() || !timed_out)
            && !since(accepted)
            && !since(self.cancelled(key))
    }

    fn cancelled(&self, key: &Key<'_>) -> Option<Duration> {
        let mut cancels = self.sent.iter().filter(|sent| {
            sent.is(&Method::Cancel) && sent.branch == key.1 && self.life(sent.at) == key.0
        });
        cancels.next().map(|sent| sent.at)
    }

    /// Whether a server transaction is in Proceeding or Accepted (RFC 6026 §7.1).
    fn takes_2xx<'s>(&'s self, key: Key<'s>, at: Duration) -> bool {
        self.finals_of(&key).iter().all(|sent| match sent.status() {
            Some(200..300) => sent.at + PATIENCE > at,
            _ => sent.at > at,
        })
    }

    /// What nobody waits for any more is cancelled, once that is allowed: when the caller cancelled, or somebody else
    /// was faster (§16.10, §16.7 step 10).
    #[track_caller]
    fn every_branch_that_lost_is_cancelled(&self) {
        for (key, invite) in &self.invites {
            let Some(upstream) = invite.below.as_deref() else {
                continue;
            };
            let Some(lost) = self.when_lost(key.0, upstream) else {
                continue;
            };
            if lost < invite.at {
                continue;
            }
            let responses = self.responses.get(key).map_or(&[][..], Vec::as_slice);
            let first = |wanted: fn(u16) -> bool| {
                let mut found = responses
                    .iter()
                    .filter(|(_, sent)| sent.status().is_some_and(wanted));
                found.next().map(|(at, _)| *at)
            };
            let Some(provisional) = first(|status| status < 200) else {
                continue;
            };
            let due = lost.max(provisional);
            let over = first(|status| status >= 200).is_some_and(|end| end <= due)
                || provisional >= invite.at + PATIENCE
                || self.life(due) != key.0;
            assert!(
                over || self.cancelled(key).is_some(),
                "{} never cancelled {}, which lost at {lost:?}",
                self.address,
                key.1
            );
        }
    }

    /// When the branches of a server transaction lost: with the caller's CANCEL, or with the first final response.
    fn when_lost<'s>(&'s self, life: usize, upstream: &'s str) -> Option<Duration> {
        let key = (life, upstream, &Method::Invite);
        let answered = self.finals_of(&key).first().map(|sent| sent.at);
        let mut cancels = self.arrived.iter().filter(|(at, sent)| {
            sent.is(&Method::Cancel) && sent.branch == upstream && self.life(*at) == life
        });
        let cancelled = cancels.next().map(|(at, _)| *at);
        [answered, cancelled].into_iter().flatten().min()
    }
}
