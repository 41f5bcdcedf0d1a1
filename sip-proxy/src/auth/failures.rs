//! How often somebody may be wrong: who guesses passwords is not listened to for a while (F-56, RFC 7616 §5.4).

use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use siphasher::sip::SipHasher24;

/// How many wrong answers are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureLimits {
    /// As one user, from one address. Default: 10.
    pub of_user: u16,
    /// From one address, whoever they say they are. A whole office may share it. Default: 100.
    pub of_address: u16,
    /// Within this time, which begins with the first of them; after it all is forgotten. Default: a minute.
    pub within: Duration,
}

impl Default for FailureLimits {
    fn default() -> FailureLimits {
        FailureLimits {
            of_user: 10,
            of_address: 100,
            within: Duration::from_secs(60),
        }
    }
}

/// The wrong answers of late, in memory of a fixed size, shared by all workers.
///
/// Who has used up the limit is challenged again as if wrong, right or not, and learns nothing from it. Counted are
/// the name and the address together, so nobody can lock out an owner who is elsewhere: an address of IPv6 counts by
/// its first 64 bits. For that the address must be true, which over UDP only a nonce proves that was sent there: bind
/// nonces to it, with [`NonceChecks::SOURCE_IP`](super::NonceChecks::SOURCE_IP).
pub struct Failures {
    limits: FailureLimits,
    sets: Box<[Mutex<[Entry; WAYS]>]>,
    hash: SipHasher24,
}

const WAYS: usize = 8;

/// Whom a failure is counted for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose<'a> {
    /// A user's, from the address the nonce was sent to.
    User(&'a [u8], IpAddr),
    /// Of all users there.
    Address(IpAddr),
    /// A user's, with a nonce that was made for a request from elsewhere: the address may be false.
    Elsewhere(&'a [u8]),
}

#[derive(Clone, Copy, Default)]
struct Entry {
    whose: u64,
    /// When all is forgotten, in seconds of Unix time; 0 for a free place.
    until: u32,
    count: u16,
}

impl Failures {
    /// Room for `places` users and addresses, rounded up: 16,384 take 0.3 MB. Where it is full, what would be forgotten
    /// next is forgotten. `entropy` is random: nobody else knows who shares a place.
    #[must_use]
    pub fn new(limits: FailureLimits, places: usize, entropy: [u8; 16]) -> Failures {
        let set = || Mutex::new([Entry::default(); WAYS]);
        let sets = places.div_ceil(WAYS).max(1);
        Failures {
            limits,
            sets: std::iter::repeat_with(set).take(sets).collect(),
            hash: SipHasher24::new_with_key(&entropy),
        }
    }

    /// Whether `whose` limit is used up.
    pub(super) fn are_too_many(&self, whose: Whose<'_>, unix_time: Duration) -> bool {
        let limit = match whose {
            Whose::Address(_) => self.limits.of_address,
            Whose::User(..) | Whose::Elsewhere(_) => self.limits.of_user,
        };
        self.with(whose, |set, key| {
            let found = set
                .iter()
                .find(|entry| entry.is_of(key, seconds(unix_time)));
            found.is_some_and(|entry| entry.count >= limit)
        })
    }

    /// Counts one more.
    pub(super) fn count(&self, whose: Whose<'_>, unix_time: Duration) {
        let now = seconds(unix_time);
        let until = seconds(unix_time + self.limits.within);
        self.with(whose, |set, key| {
            if let Some(entry) = set.iter_mut().find(|entry| entry.is_of(key, now)) {
                entry.count = entry.count.saturating_add(1);
                return;
            }
            if let Some(next) = set.iter_mut().min_by_key(|entry| entry.until) {
                *next = Entry {
                    whose: key,
                    until,
                    count: 1,
                };
            }
        });
    }

    /// Forgets the failures of a user who was right at last.
    pub(super) fn forgive(&self, whose: Whose<'_>) {
        self.with(whose, |set, key| {
            let theirs = set.iter_mut().filter(|entry| entry.whose == key);
            theirs.for_each(|entry| *entry = Entry::default());
        });
    }

    fn with<R>(&self, whose: Whose<'_>, act: impl FnOnce(&mut [Entry; WAYS], u64) -> R) -> R {
        let key = self.key(whose);
        let set = &self.sets[(key % self.sets.len() as u64) as usize];
        act(&mut set.lock().unwrap_or_else(PoisonError::into_inner), key)
    }

    fn key(&self, whose: Whose<'_>) -> u64 {
        let mut hash = self.hash;
        let (kind, name, ip) = match whose {
            Whose::User(name, ip) => (0, name, Some(ip)),
            Whose::Address(ip) => (1, &[][..], Some(ip)),
            Whose::Elsewhere(name) => (2, name, None),
        };
        hash.write_u8(kind);
        match ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => hash.write(&ip.octets()),
            Some(IpAddr::V6(ip)) => hash.write(&ip.octets()[..8]),
            None => {}
        }
        hash.write(name);
        hash.finish()
    }
}

impl Entry {
    fn is_of(&self, key: u64, now: u32) -> bool {
        self.whose == key && self.until > now
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures")
            .field("limits", &self.limits)
            .field("places", &(self.sets.len() * WAYS))
            .finish_non_exhaustive()
    }
}

/// Seconds, as far as 32 bits reach.
fn seconds(unix_time: Duration) -> u32 {
    u32::try_from(unix_time.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn failures(places: usize) -> Failures {
        let limits = FailureLimits {
            of_user: 3,
            ..FailureLimits::default()
        };
        Failures::new(limits, places, [7; 16])
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_limit_is_reached_and_forgotten_in_time() {
        let (failures, bob) = (failures(64), Whose::User(b"bob", ip("192.0.2.4")));
        for _ in 0..3 {
            assert!(!failures.are_too_many(bob, NOW));
            failures.count(bob, NOW);
        }
        assert!(failures.are_too_many(bob, NOW));
        assert!(failures.are_too_many(bob, NOW + Duration::from_secs(59)));
        assert!(!failures.are_too_many(bob, NOW + Duration::from_secs(60)));
    }

    #[test]
    fn others_are_not_concerned() {
        let failures = failures(64);
        for _ in 0..9 {
            failures.count(Whose::User(b"bob", ip("2001:db8::1")), NOW);
        }
        for (whose, is_concerned) in [
            (Whose::User(b"bob", ip("2001:db8::2")), true),
            (Whose::User(b"bob", ip("2001:db8:0:1::1")), false),
            (Whose::User(b"carol", ip("2001:db8::1")), false),
            (Whose::Address(ip("2001:db8::1")), false),
            (Whose::Elsewhere(b"bob"), false),
        ] {
            assert_eq!(failures.are_too_many(whose, NOW), is_concerned, "{whose:?}");
        }
    }

    #[test]
    fn who_is_right_at_last_begins_anew() {
        let (failures, bob) = (failures(64), Whose::User(b"bob", ip("192.0.2.4")));
        for _ in 0..3 {
            failures.count(bob, NOW);
        }
        failures.forgive(bob);
        assert!(!failures.are_too_many(bob, NOW));
    }

    #[test]
    fn memory_does_not_grow() {
        let failures = failures(8);
        for index in 0..10_000u32 {
            failures.count(Whose::User(&index.to_be_bytes(), ip("192.0.2.4")), NOW);
        }
        assert_eq!(failures.sets.len(), 1);
    }
}
