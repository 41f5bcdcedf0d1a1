//! Nonce counts that were used, so that a request overheard cannot be sent again (RFC 7616 §3.4, `nc`).

use std::fmt;
use std::hash::{Hash as _, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sip_core::{CSeq, CallId, HeaderName, Via};
use siphasher::sip::SipHasher24;

use super::nonce::Stamp;
use crate::backend::Incoming;

/// How often a nonce may be used while it is fresh.
#[derive(Clone, Debug, Default)]
pub enum NonceUse {
    /// For any number of requests; `nc` is only looked at for its form (F-52). Needs no memory.
    #[default]
    Reusable,
    /// For any number of requests, each with a count of its own. Requests without `qop` have none, and use it as
    /// they like.
    Counted(Arc<NonceCounts>),
    /// For one request (F-56), whether it counts or not.
    Once(Arc<NonceCounts>),
}

/// What was used of the nonces that are fresh: in memory of a fixed size, shared by all workers.
///
/// Each nonce seen with the right answer takes 24 octets: its highest count, which of the 32 below were used, and what
/// the request with the highest looked like, so that its retransmission passes. A nonce finds its place by its random
/// part, among eight; where those are taken the oldest makes room, and from then on nonces as old as that one are
/// stale there: a client gets a new one, and nothing that was used passes twice. Only who knows a password takes a
/// place.
///
/// Servers of a cluster do not tell each other their counts: what one has let pass may be replayed to another while
/// the nonce is fresh. Bind nonces to the source address ([`NonceChecks`](super::NonceChecks)) where that matters.
pub struct NonceCounts {
    sets: Box<[Mutex<Set>]>,
    hash: SipHasher24,
}

const WAYS: usize = 8;

/// Nonces that share a place.
#[derive(Clone, Default)]
struct Set {
    entries: [Entry; WAYS],
    taken: u8,
    /// Nonces issued then or earlier have been forgotten, or may have been.
    forgotten: u32,
}

/// What was used of one nonce.
#[derive(Clone, Copy, Default)]
struct Entry {
    random: u64,
    issued: u32,
    highest: u32,
    /// Bit n: the count n + 1 below the highest was used.
    used: u32,
    /// The request with the highest count.
    request: u32,
}

impl NonceCounts {
    /// Room for `nonces` of them, rounded up; of those issued before `since`, the beginning of this server's life, it
    /// knows nothing, so they are stale (F-52). 65,536 take 1.7 MB, and last for 2,000 logins a second. `entropy` is
    /// random: nobody else knows which nonces share a place.
    #[must_use]
    pub fn new(nonces: usize, since: Duration, entropy: [u8; 16]) -> NonceCounts {
        let forgotten = (since.as_secs() as u32).wrapping_sub(1);
        let set = || {
            Mutex::new(Set {
                forgotten,
                ..Set::default()
            })
        };
        let sets = nonces.div_ceil(WAYS).max(1);
        NonceCounts {
            sets: std::iter::repeat_with(set).take(sets).collect(),
            hash: SipHasher24::new_with_key(&entropy),
        }
    }

    /// Whether the nonce of `stamp` was not used with `count` before, except for this very request. Then it is now.
    pub(super) fn admit(&self, stamp: Stamp, count: u32, incoming: &Incoming) -> bool {
        let request = self.looks(incoming);
        let mut place = self.hash;
        place.write_u64(stamp.random);
        let set = place.finish() % self.sets.len() as u64;
        let set = &self.sets[set as usize];
        set.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .admit(stamp, count, request)
    }

    /// What a retransmission has in common with the request, and a replay that gains anything has not: who sends it,
    /// the transaction, and where a registration would lead calls to.
    fn looks(&self, incoming: &Incoming) -> u32 {
        let (mut hash, headers) = (self.hash, incoming.request.headers());
        incoming.flow.remote.hash(&mut hash);
        let mut mix = |part: &[u8]| {
            hash.write(part);
            hash.write_usize(part.len());
        };
        if let Ok(call_id) = headers.require::<CallId>() {
            mix(call_id.as_bytes());
        }
        if let Ok(cseq) = headers.require::<CSeq>() {
            mix(&cseq.number().to_be_bytes());
        }
        if let Some(branch) = headers.require::<Via>().ok().and_then(|via| via.branch()) {
            mix(branch.as_bytes());
        }
        for contact in headers.raw(&HeaderName::Contact) {
            mix(&contact);
        }
        mix(incoming.request.body());
        hash.finish() as u32
    }
}

impl fmt::Debug for NonceCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NonceCounts({})", self.sets.len() * WAYS)
    }
}

impl Set {
    fn admit(&mut self, stamp: Stamp, count: u32, request: u32) -> bool {
        let taken = &mut self.entries[..usize::from(self.taken)];
        if let Some(entry) = taken.iter_mut().find(|entry| entry.is_of(stamp)) {
            return entry.admit(count, request);
        }
        if count == 0 || !is_after(stamp.issued, self.forgotten) {
            return false;
        }
        let at = match taken.len() {
            WAYS => {
                let age =
                    |entry: &&mut Entry| stamp.issued.wrapping_sub(entry.issued).cast_signed();
                let Some(oldest) = taken.iter_mut().max_by_key(age) else {
                    return false;
                };
                if is_after(oldest.issued, stamp.issued) {
                    return false; // older than all of them
                }
                self.forgotten = oldest.issued;
                oldest
            }
            free => {
                self.taken += 1;
                &mut self.entries[free]
            }
        };
        *at = Entry {
            random: stamp.random,
            issued: stamp.issued,
            highest: count,
            used: 0,
            request,
        };
        true
    }
}

impl Entry {
    fn is_of(&self, stamp: Stamp) -> bool {
        (self.random, self.issued) == (stamp.random, stamp.issued)
    }

    fn admit(&mut self, count: u32, request: u32) -> bool {
        match count.checked_sub(self.highest) {
            Some(0) => request == self.request,
            Some(above) => {
                // The highest so far moves into the bits, and what falls off their end counts as used.
                let bits = u64::from(self.used) << 1 | 1;
                self.used = bits.checked_shl(above - 1).unwrap_or(0) as u32;
                (self.highest, self.request) = (count, request);
                true
            }
            None => {
                let below = self.highest - count;
                let bit = 1u32.checked_shl(below - 1).unwrap_or(0);
                let free = bit != 0 && count != 0 && self.used & bit == 0;
                self.used |= bit;
                free
            }
        }
    }
}

/// Whether `one` is later than `another`; seconds wrap every 136 years.
fn is_after(one: u32, another: u32) -> bool {
    one.wrapping_sub(another).cast_signed() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonce(random: u64) -> Stamp {
        Stamp { issued: 10, random }
    }

    #[test]
    fn each_count_passes_once_in_whatever_order_within_the_window() {
        let mut set = Set::default();
        let counts = [1, 2, 5, 3, 40, 9, 39, 4, 8, 7];
        let passed: Vec<bool> = counts.map(|nc| set.admit(nonce(1), nc, nc)).into();
        // 8 is 32 below 40, and the last that is still told apart.
        let new = [true, true, true, true, true, true, true, false, true, false];
        assert_eq!(passed, new);
        for nc in counts {
            assert!(!set.admit(nonce(1), nc, 77), "{nc}");
        }
    }

    #[test]
    fn a_count_after_a_long_gap_leaves_nothing_below_it_usable_twice() {
        for gap in [31, 32, 33, 34, 63, 64, 65, 66, u32::MAX - 1] {
            let mut set = Set::default();
            assert!(set.admit(nonce(1), 1, 0));
            assert!(set.admit(nonce(1), 1 + gap, 0), "{gap}");
            assert!(!set.admit(nonce(1), 1, 0), "{gap}");
        }
    }

    #[test]
    fn what_is_sent_again_passes_again() {
        let mut set = Set::default();
        assert!(set.admit(nonce(1), 1, 7));
        assert!(set.admit(nonce(1), 1, 7));
        assert!(!set.admit(nonce(1), 1, 8));
    }

    #[test]
    fn counts_begin_at_one() {
        let mut set = Set::default();
        assert!(!set.admit(nonce(1), 0, 0));
        assert!(set.admit(nonce(1), 3, 0));
        assert!(!set.admit(nonce(1), 0, 0));
    }

    #[test]
    fn a_nonce_that_made_room_and_those_as_old_are_stale() {
        let at = |issued, random| Stamp { issued, random };
        let mut set = Set::default();
        for index in 0..WAYS as u64 {
            assert!(set.admit(at(100 + index as u32, index), 1, 0));
        }
        assert!(!set.admit(at(99, 50), 1, 0), "older than all of them");
        assert!(set.admit(at(200, 51), 1, 0));
        assert!(!set.admit(at(100, 0), 2, 0), "it made room");
        assert!(!set.admit(at(100, 52), 1, 0), "as old as that one");
        assert!(set.admit(at(101, 1), 2, 0), "it is still there");
    }

    #[test]
    fn nonces_of_a_former_life_are_stale() {
        let counts = NonceCounts::new(8, Duration::from_secs(1000), [0; 16]);
        let set = counts.sets[0].lock().expect("not poisoned").clone();
        for (issued, passes) in [(0, false), (999, false), (1000, true), (1001, true)] {
            let stamp = Stamp { issued, random: 1 };
            assert_eq!(set.clone().admit(stamp, 1, 0), passes, "{issued}");
        }
    }

    #[test]
    fn a_nonce_takes_24_octets() {
        assert_eq!(size_of::<Entry>(), 24);
        assert!(size_of::<Mutex<Set>>() <= 208);
    }

    proptest::proptest! {
        #[test]
        fn no_count_ever_passes_twice(counts in proptest::collection::vec(1u32..80, 0..300)) {
            let mut set = Set::default();
            let mut passed = std::collections::HashSet::new();
            for (index, nc) in counts.into_iter().enumerate() {
                if set.admit(nonce(1), nc, index as u32) {
                    assert!(passed.insert(nc), "{nc}");
                }
            }
        }
    }
}
