//! Backends that live in memory: for tests, for small servers, and as the front of a store that is durable.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::{DefaultHashBuilder, HashMap};
use sip_core::AddressOfRecord;

use super::{
    Credential, CredentialError, CredentialStore, LocationError, LocationService, SharedSecret,
};
use crate::registrar::{BindingChange, BindingSet, ChangeRefused, Changed};

/// Registrations in memory. Every worker may use it at once; answers are ready when asked for.
///
/// A durable store puts it in front: [`restore`](MemoryLocation::restore) at start-up, then
/// [`apply`](MemoryLocation::apply), and a row for each of [`Applied::changes`].
#[derive(Debug)]
pub struct MemoryLocation {
    hasher: DefaultHashBuilder,
    shards: Box<[RwLock<Shard>]>,
}

/// The addresses whose hash falls into one part of the range, under one lock.
#[derive(Debug, Default)]
struct Shard {
    registered: HashMap<AddressOfRecord, BindingSet>,
    bindings: usize,
    next_sweep: Duration,
}

/// How many live in a location service. What is over counts until it is swept away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LocationCounts {
    /// Addresses-of-record with a binding.
    pub addresses: usize,
    /// Their bindings.
    pub bindings: usize,
}

/// What one REGISTER did.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The bindings it found.
    pub before: BindingSet,
    /// The bindings it left.
    pub after: BindingSet,
}

impl Applied {
    /// Whether there is anything to write.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.after.is_same(&self.before)
    }

    /// What to write.
    pub fn changes(&self) -> impl Iterator<Item = Changed<'_>> {
        self.after.changes_since(&self.before)
    }
}

impl MemoryLocation {
    /// How long an address whose bindings are over may stay, in a shard that is in use.
    pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

    /// An empty one, for up to some hundred thousand addresses.
    #[must_use]
    pub fn new() -> MemoryLocation {
        MemoryLocation::with_shards(256)
    }

    /// An empty one whose addresses lie in `shards` parts, each with its own lock, and each swept in one go: about
    /// one for a thousand addresses.
    #[must_use]
    pub fn with_shards(shards: usize) -> MemoryLocation {
        MemoryLocation {
            hasher: DefaultHashBuilder::default(),
            shards: (0..shards.max(1)).map(|_| RwLock::default()).collect(),
        }
    }

    /// The bindings of `aor`; empty when it has none.
    #[must_use]
    pub fn bindings(&self, aor: &AddressOfRecord) -> BindingSet {
        self.read(aor)
            .registered
            .get(aor)
            .cloned()
            .unwrap_or_default()
    }

    /// Applies one REGISTER at once, and says what it did.
    ///
    /// # Errors
    /// When the change is refused; nothing changed.
    pub fn apply(
        &self,
        aor: &AddressOfRecord,
        change: &BindingChange,
    ) -> Result<Applied, ChangeRefused> {
        let mut shard = self.write(aor);
        let before = shard.registered.get(aor).cloned().unwrap_or_default();
        let after = change.apply(&before)?;
        if !after.is_same(&before) {
            shard.put(aor, after.clone());
        }
        if shard.next_sweep <= change.at() {
            shard.sweep(change.at());
        }
        Ok(Applied { before, after })
    }

    /// Puts `bindings` in place of what `aor` has: what a store read at start-up, or what another server did.
    pub fn restore(&self, aor: &AddressOfRecord, bindings: BindingSet) {
        self.write(aor).put(aor, bindings);
    }

    /// Forgets what is over at `unix_time`. A shard is swept now and then by the changes it sees; this is for
    /// servers that see none. One shard is locked at a time.
    pub fn sweep(&self, unix_time: Duration) {
        for shard in &self.shards {
            shard
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .sweep(unix_time);
        }
    }

    /// Shows every address and its bindings to `visit`, in no order. One shard is locked at a time.
    pub fn for_each(&self, mut visit: impl FnMut(&AddressOfRecord, &BindingSet)) {
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            shard
                .registered
                .iter()
                .for_each(|(aor, bindings)| visit(aor, bindings));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn counts(&self) -> LocationCounts {
        let mut counts = LocationCounts::default();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            counts.addresses += shard.registered.len();
            counts.bindings += shard.bindings;
        }
        counts
    }

    fn read(&self, aor: &AddressOfRecord) -> RwLockReadGuard<'_, Shard> {
        self.shards[self.shard_of(aor)]
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, aor: &AddressOfRecord) -> RwLockWriteGuard<'_, Shard> {
        self.shards[self.shard_of(aor)]
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn shard_of(&self, aor: &AddressOfRecord) -> usize {
        let hash = self.hasher.hash_one(aor) as usize;
        hash % self.shards.len()
    }
}

impl Default for MemoryLocation {
    fn default() -> MemoryLocation {
        MemoryLocation::new()
    }
}

impl Shard {
    fn put(&mut self, aor: &AddressOfRecord, bindings: BindingSet) {
        let added = bindings.all().len();
        let replaced = if added == 0 {
            self.registered.remove(aor)
        } else if let Some(stored) = self.registered.get_mut(aor) {
            Some(std::mem::replace(stored, bindings))
        } else {
            self.registered.insert(aor.clone(), bindings)
        };
        self.bindings += added;
        self.bindings -= replaced.map_or(0, |replaced| replaced.all().len());
    }

    /// Addresses of which every binding is over leave; others are cut down by their next change.
    fn sweep(&mut self, unix_time: Duration) {
        let bindings = &mut self.bindings;
        self.registered.retain(|_, set| {
            let keep = set.current(unix_time).next().is_some();
            *bindings -= if keep { 0 } else { set.all().len() };
            keep
        });
        self.next_sweep = unix_time + MemoryLocation::SWEEP_INTERVAL;
    }
}

#[async_trait]
impl LocationService for MemoryLocation {
    async fn lookup(&self, aor: &AddressOfRecord) -> Result<BindingSet, LocationError> {
        Ok(self.bindings(aor))
    }

    async fn update(
        &self,
        aor: &AddressOfRecord,
        change: BindingChange,
    ) -> Result<BindingSet, LocationError> {
        Ok(self.apply(aor, &change)?.after)
    }
}

/// Subscribers in memory.
#[derive(Debug, Default)]
pub struct MemoryCredentials {
    realms: RwLock<HashMap<Box<str>, Users>>,
}

/// The credentials of one realm, by user name.
type Users = HashMap<Box<str>, Credential>;

impl MemoryCredentials {
    /// Knows nobody.
    #[must_use]
    pub fn new() -> MemoryCredentials {
        MemoryCredentials::default()
    }

    /// Lets `identity` authenticate in `realm` with `password`, as `user` and as `user@domain` (F-53).
    pub fn add_password(&self, identity: &AddressOfRecord, realm: &str, password: &str) {
        for username in [identity.user(), identity.as_str()] {
            let credential = Credential {
                identity: identity.clone(),
                secret: SharedSecret::Password(password.into()),
            };
            self.add(username, realm, credential);
        }
    }

    /// Lets who answers as `username` in `realm` be whom `credential` says.
    pub fn add(&self, username: &str, realm: &str, credential: Credential) {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms
            .entry(realm.into())
            .or_default()
            .insert(username.into(), credential);
    }

    /// Forgets `username` in `realm`.
    pub fn remove(&self, username: &str, realm: &str) -> Option<Credential> {
        let mut realms = self.realms.write().unwrap_or_else(PoisonError::into_inner);
        realms.get_mut(realm)?.remove(username)
    }
}

#[async_trait]
impl CredentialStore for MemoryCredentials {
    async fn credential(
        &self,
        username: &str,
        realm: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let realms = self.realms.read().unwrap_or_else(PoisonError::into_inner);
        let users = realms.get(realm);
        Ok(users.and_then(|users| users.get(username)).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registrar::{Binding, BindingRecord, MethodSet};

    fn aor(user: u32) -> AddressOfRecord {
        AddressOfRecord::new(&format!("u{user}"), "example.com").unwrap()
    }

    fn register(cseq: u32, unix: u64, seconds: u32) -> BindingChange {
        let unix_time = Duration::from_secs(unix);
        let binding = Binding::new(&BindingRecord {
            contact: b"sip:bob@192.0.2.4",
            call_id: b"a",
            cseq,
            expires_at: u32::try_from(unix).unwrap() + seconds,
            q: None,
            instance: None,
            reg_id: None,
            user_agent: b"",
            path: b"",
            methods: MethodSet::ALL,
            flow: None,
            behind_nat: false,
        });
        BindingChange::update(b"a", cseq, unix_time, vec![binding.unwrap()], 10)
    }

    #[test]
    fn what_is_over_is_forgotten_as_others_register() {
        let location = MemoryLocation::with_shards(1);
        for user in 0..100 {
            location.apply(&aor(user), &register(1, 1_000, 30)).unwrap();
        }
        assert_eq!(
            location.counts(),
            LocationCounts {
                addresses: 100,
                bindings: 100
            }
        );
        location.apply(&aor(100), &register(1, 1_061, 30)).unwrap();
        assert_eq!(
            location.counts(),
            LocationCounts {
                addresses: 1,
                bindings: 1
            }
        );
    }

    #[test]
    fn what_is_over_is_forgotten_when_told_to() {
        let location = MemoryLocation::new();
        location.apply(&aor(1), &register(1, 1_000, 30)).unwrap();
        location.sweep(Duration::from_secs(1_029));
        assert_eq!(location.counts().bindings, 1);
        location.sweep(Duration::from_secs(1_030));
        assert_eq!(location.counts(), LocationCounts::default());
    }

    #[test]
    fn a_store_in_front_of_another_sees_what_to_write() {
        let location = MemoryLocation::new();
        let applied = location.apply(&aor(1), &register(1, 1_000, 30)).unwrap();
        assert!(applied.is_change());
        assert_eq!(applied.changes().count(), 1);
        let again = location.apply(&aor(1), &register(1, 1_000, 30)).unwrap();
        assert!(!again.is_change(), "a retransmission writes nothing");
        assert_eq!(again.changes().count(), 0);
    }

    #[test]
    fn what_was_stored_is_restored() {
        let (before, after) = (MemoryLocation::new(), MemoryLocation::new());
        for user in 0..10 {
            before.apply(&aor(user), &register(1, 1_000, 30)).unwrap();
        }
        before.for_each(|aor, bindings| after.restore(aor, bindings.clone()));
        assert_eq!(after.counts(), before.counts());
        assert_eq!(after.bindings(&aor(7)), before.bindings(&aor(7)));
        after.restore(&aor(7), BindingSet::default());
        assert_eq!(after.counts().addresses, 9);
    }

    #[test]
    fn a_refused_change_changes_nothing() {
        let location = MemoryLocation::new();
        location.apply(&aor(1), &register(2, 1_000, 30)).unwrap();
        let before = location.bindings(&aor(1));
        assert_eq!(
            location.apply(&aor(1), &register(1, 1_000, 60)).err(),
            Some(ChangeRefused::OutOfOrder)
        );
        assert!(location.bindings(&aor(1)).is_same(&before));
    }

    #[test]
    fn workers_use_it_at_once() {
        let location = MemoryLocation::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for cseq in 0..200 {
                        for user in 0..5 {
                            let _ = location.apply(&aor(user), &register(cseq, 1_000, 30));
                            assert!(location.bindings(&aor(user)).all().len() <= 1);
                        }
                    }
                });
            }
        });
        assert_eq!(
            location.counts(),
            LocationCounts {
                addresses: 5,
                bindings: 5
            }
        );
        assert_eq!(location.bindings(&aor(3)).all()[0].cseq(), 199);
    }
}
