//! What was read from the database, kept for a while: bounded, each key read once however many ask for it at a time.

use std::future::Future;
use std::hash::{BuildHasher, Hash};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::{DefaultHashBuilder, Equivalent, HashMap};
use tokio::sync::OnceCell;

/// Workers that look for different keys seldom meet at one lock.
const SHARDS: usize = 16;

/// After a failure the next attempt waits this long; meanwhile the last answer stands, or the failure.
const RETRY: Duration = Duration::from_secs(1);

/// Values by key. A value that is held is there at the first poll.
pub(crate) struct Cache<K, V, E> {
    shards: [Mutex<Generations<K, V, E>>; SHARDS],
    hasher: DefaultHashBuilder,
    /// Of each of the two generations of a shard.
    capacity: usize,
}

/// A borrowed key, of which an own one is made only when it is new.
pub(crate) trait ToKey<K> {
    fn to_key(&self) -> K;
}

/// When the young are as many as may be, they become the old, and the old are forgotten; who is asked for becomes
/// young again. So the least used leave, without a list of who was used when.
struct Generations<K, V, E> {
    young: HashMap<K, Arc<Entry<V, E>>>,
    old: HashMap<K, Arc<Entry<V, E>>>,
}

struct Entry<V, E> {
    read: OnceCell<Read<V, E>>,
    /// What was known before; it counts when reading fails.
    before: Option<V>,
}

struct Read<V, E> {
    value: Result<V, E>,
    until: Instant,
}

impl<K: Hash + Eq, V: Clone, E: Clone> Cache<K, V, E> {
    /// Holds about `capacity` keys.
    pub(crate) fn new(capacity: usize) -> Cache<K, V, E> {
        Cache {
            shards: std::array::from_fn(|_| {
                Mutex::new(Generations {
                    young: HashMap::new(),
                    old: HashMap::new(),
                })
            }),
            hasher: DefaultHashBuilder::default(),
            capacity: capacity.div_ceil(2 * SHARDS).max(1),
        }
    }

    /// The value of `key`: as it is held, or as `read` brings it, believed as long as `keep` says.
    pub(crate) async fn get<Q, R>(
        &self,
        key: &Q,
        keep: impl Fn(&V) -> Duration,
        read: impl FnOnce() -> R,
    ) -> Result<V, E>
    where
        Q: Hash + Equivalent<K> + ToKey<K>,
        R: Future<Output = Result<V, E>>,
    {
        let entry = self.entry(key, Instant::now());
        let read = entry.read.get_or_init(|| async {
            let value = read().await;
            let now = Instant::now();
            match (value, &entry.before) {
                (Ok(value), _) => Read {
                    until: now + keep(&value),
                    value: Ok(value),
                },
                (Err(_), Some(before)) => Read {
                    until: now + RETRY,
                    value: Ok(before.clone()),
                },
                (Err(error), None) => Read {
                    until: now + RETRY,
                    value: Err(error),
                },
            }
        });
        read.await.value.clone()
    }

    /// The entry of `key` that counts at `now`: one that was read and is still believed, or is being read.
    fn entry<Q>(&self, key: &Q, now: Instant) -> Arc<Entry<V, E>>
    where
        Q: Hash + Equivalent<K> + ToKey<K>,
    {
        let mut shard = self.shard(key);
        if let Some(entry) = shard.young.get(key)
            && entry.counts(now)
        {
            return Arc::clone(entry);
        }
        let known = shard.young.remove(key).or_else(|| shard.old.remove(key));
        let entry = match known {
            Some(entry) if entry.counts(now) => entry,
            outdated => Arc::new(Entry {
                read: OnceCell::new(),
                before: outdated.and_then(|entry| entry.last()),
            }),
        };
        if shard.young.len() >= self.capacity {
            shard.old = mem::take(&mut shard.young);
        }
        shard.young.insert(key.to_key(), Arc::clone(&entry));
        entry
    }

    fn shard(&self, key: &impl Hash) -> MutexGuard<'_, Generations<K, V, E>> {
        // The low bits choose the bucket within the table.
        let hash = self.hasher.hash_one(key) >> 48;
        let index = usize::try_from(hash).unwrap_or_default() % SHARDS;
        self.shards[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone, E> Entry<V, E> {
    fn counts(&self, now: Instant) -> bool {
        self.read.get().is_none_or(|read| now < read.until)
    }

    fn last(&self) -> Option<V> {
        self.read
            .get()
            .and_then(|read| read.value.as_ref().ok().cloned())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    impl ToKey<u32> for u32 {
        fn to_key(&self) -> u32 {
            *self
        }
    }

    type Numbers = Cache<u32, u32, &'static str>;
    const HOUR: Duration = Duration::from_secs(3600);

    async fn get(
        cache: &Numbers,
        key: u32,
        keep: Duration,
        value: Result<u32, &'static str>,
    ) -> Result<u32, &'static str> {
        cache.get(&key, |_| keep, || async { value }).await
    }

    #[tokio::test]
    async fn what_was_read_is_not_read_again() {
        let cache = Numbers::new(100);
        assert_eq!(get(&cache, 1, HOUR, Ok(10)).await, Ok(10));
        assert_eq!(get(&cache, 1, HOUR, Ok(99)).await, Ok(10));
        assert_eq!(get(&cache, 2, HOUR, Ok(20)).await, Ok(20));
    }

    #[tokio::test]
    async fn what_is_held_is_there_at_the_first_poll() {
        let cache = Numbers::new(100);
        get(&cache, 1, HOUR, Ok(10)).await.expect("reads");
        let mut held = std::pin::pin!(get(&cache, 1, HOUR, Err("not to be read")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(
            held.as_mut().poll(&mut context),
            std::task::Poll::Ready(Ok(10))
        );
    }

    #[tokio::test]
    async fn what_is_too_old_is_read_again() {
        let cache = Numbers::new(100);
        get(&cache, 1, Duration::ZERO, Ok(10)).await.expect("reads");
        assert_eq!(get(&cache, 1, HOUR, Ok(11)).await, Ok(11));
    }

    #[tokio::test]
    async fn when_reading_fails_the_last_answer_stands() {
        let cache = Numbers::new(100);
        get(&cache, 1, Duration::ZERO, Ok(10)).await.expect("reads");
        assert_eq!(get(&cache, 1, HOUR, Err("down")).await, Ok(10));
        assert_eq!(get(&cache, 2, HOUR, Err("down")).await, Err("down"));
    }

    #[tokio::test]
    async fn a_failure_is_not_repeated_for_everybody_who_asks() {
        let cache = Numbers::new(100);
        assert_eq!(get(&cache, 1, HOUR, Err("down")).await, Err("down"));
        assert_eq!(get(&cache, 1, HOUR, Ok(10)).await, Err("down"));
    }

    #[tokio::test]
    async fn all_who_ask_at_a_time_cause_one_read() {
        let cache = Numbers::new(100);
        let reads = AtomicUsize::new(0);
        let ask = || {
            cache.get(
                &1,
                |_| HOUR,
                || async {
                    reads.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(10)
                },
            )
        };
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        assert_eq!((one, two, three), (Ok(10), Ok(10), Ok(10)));
        assert_eq!(reads.into_inner(), 1);
    }

    #[tokio::test]
    async fn a_read_given_up_is_taken_over() {
        let cache = Numbers::new(100);
        {
            let mut given_up = std::pin::pin!(cache.get(&1, |_| HOUR, std::future::pending));
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(given_up.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(get(&cache, 1, HOUR, Ok(10)).await, Ok(10));
    }

    #[tokio::test]
    async fn it_stays_within_its_bound_and_keeps_what_is_used() {
        let cache = Numbers::new(320);
        for key in 0..100_000 {
            get(&cache, key, HOUR, Ok(key)).await.expect("reads");
            assert_eq!(get(&cache, 0, HOUR, Err("forgotten")).await, Ok(0));
        }
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| {
                shard
                    .lock()
                    .map(|s| s.young.len() + s.old.len())
                    .expect("not poisoned")
            })
            .sum();
        assert!(held <= 320, "{held}");
    }
}
