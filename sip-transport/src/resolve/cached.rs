//! A cache before DNS: bounded, what is not there included, and no question asked twice at a time (RFC 2308).

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::HashMap;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::records::{Answer, Dns, DnsError, Question};

/// Remembers what `D` answers. What is known is there at the first poll.
///
/// A look-up is a task of its own: it goes on, and its answer is kept, though whoever asked has given up.
#[derive(Debug)]
pub struct Cached<D>(Arc<Shared<D>>);

/// How long answers are kept, and how much of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// Answers are kept as long as they say, but at least this long. Default: 60 s.
    pub min_ttl: Duration,
    /// And at most this long. Default: 86,400 s.
    pub max_ttl: Duration,
    /// How long it is remembered that there are no such records, at most. Default: 300 s.
    pub negative_ttl: Duration,
    /// How long it is remembered that nobody could say. Default: 5 s.
    pub failure_ttl: Duration,
    /// Records that are kept, a name without any counted as one; those longest not asked for leave. Default: 16,384.
    pub records: usize,
    /// Look-ups under way at a time; one more fails at once. Default: 1,024.
    pub lookups: usize,
    /// How long one may take. Default: 2 s.
    pub timeout: Duration,
}

impl Default for CacheSettings {
    fn default() -> CacheSettings {
        CacheSettings {
            min_ttl: Duration::from_secs(60),
            max_ttl: Duration::from_secs(86_400),
            negative_ttl: Duration::from_secs(300),
            failure_ttl: Duration::from_secs(5),
            records: 16_384,
            lookups: 1024,
            timeout: Duration::from_secs(2),
        }
    }
}

impl CacheSettings {
    fn keep(&self, reply: &Reply) -> Duration {
        match reply {
            Err(_) => self.failure_ttl,
            Ok(answer) if answer.records.is_empty() => {
                let ttl = answer.ttl.unwrap_or(self.negative_ttl);
                ttl.min(self.negative_ttl)
            }
            Ok(answer) => {
                let ttl = answer.ttl.unwrap_or(self.min_ttl);
                ttl.max(self.min_ttl).min(self.max_ttl)
            }
        }
    }
}

type Reply = Result<Answer, DnsError>;

#[derive(Debug)]
struct Shared<D> {
    dns: D,
    settings: CacheSettings,
    /// Where look-ups run.
    runtime: Handle,
    permits: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// When the young are half of what may be kept, they become the old, and the old are forgotten.
    young: HashMap<Question, Kept>,
    old: HashMap<Question, Kept>,
    /// The records of the young.
    weight: usize,
    /// Being asked. A look-up that broke off has dropped its sender.
    asked: HashMap<Question, watch::Receiver<Option<Reply>>>,
}

#[derive(Debug)]
struct Kept {
    reply: Reply,
    until: Instant,
}

impl<D: Dns> Cached<D> {
    /// Asks `dns` what it does not know, in tasks of `runtime`.
    pub fn new(dns: D, settings: CacheSettings, runtime: Handle) -> Cached<D> {
        Cached(Arc::new(Shared {
            dns,
            settings,
            runtime,
            permits: Arc::new(Semaphore::new(settings.lookups)),
            known: Mutex::default(),
        }))
    }
}

impl<D> Clone for Cached<D> {
    fn clone(&self) -> Cached<D> {
        Cached(Arc::clone(&self.0))
    }
}

#[async_trait]
impl<D: Dns> Dns for Cached<D> {
    async fn ask(&self, question: &Question) -> Reply {
        let mut asked = match self.0.find(question) {
            Found::Known(reply) => return reply,
            Found::Asked(asked) => asked,
        };
        match asked.wait_for(Option::is_some).await {
            Ok(reply) => reply.clone().unwrap_or(Err(DnsError::Timeout)),
            Err(_broken_off) => Err(DnsError::Failed("the look-up broke off".into())),
        }
    }
}

enum Found {
    Known(Reply),
    Asked(watch::Receiver<Option<Reply>>),
}

impl<D: Dns> Shared<D> {
    /// What is known, or is being asked; else begins to ask.
    fn find(self: &Arc<Self>, question: &Question) -> Found {
        let mut known = self.known();
        if let Some(reply) = known.reply(question, Instant::now(), self.settings.records) {
            return Found::Known(reply);
        }
        if let Some(asked) = known.asked.get(question)
            && asked.has_changed().is_ok()
        {
            return Found::Asked(asked.clone());
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            return Found::Known(Err(DnsError::Overloaded));
        };
        let (sender, receiver) = watch::channel(None);
        known.asked.insert(question.clone(), receiver.clone());
        let look_up = Arc::clone(self).look_up(question.clone(), sender, permit);
        self.runtime.spawn(look_up);
        Found::Asked(receiver)
    }

    async fn look_up(
        self: Arc<Self>,
        question: Question,
        sender: watch::Sender<Option<Reply>>,
        permit: OwnedSemaphorePermit,
    ) {
        let answer = timeout(self.settings.timeout, self.dns.ask(&question)).await;
        let reply = answer.unwrap_or(Err(DnsError::Timeout));
        drop(permit);
        let kept = Kept {
            until: Instant::now() + self.settings.keep(&reply),
            reply: reply.clone(),
        };
        let mut known = self.known();
        known.asked.remove(&question);
        known.keep(question, kept, self.settings.records);
        drop(known);
        sender.send_replace(Some(reply));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn reply(&mut self, question: &Question, now: Instant, records: usize) -> Option<Reply> {
        if let Some(kept) = self.young.get(question) {
            return (now < kept.until).then(|| kept.reply.clone());
        }
        let kept = self.old.remove(question)?;
        let reply = (now < kept.until).then(|| kept.reply.clone())?;
        self.keep(question.clone(), kept, records);
        Some(reply)
    }

    fn keep(&mut self, question: Question, kept: Kept, records: usize) {
        let weight = kept.weight();
        if self.weight + weight > records / 2 {
            self.old = mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        if let Some(before) = self.young.insert(question, kept) {
            self.weight = self.weight.saturating_sub(before.weight());
        }
    }
}

impl Kept {
    fn weight(&self) -> usize {
        let records = self.reply.as_ref().map_or(0, |answer| answer.records.len());
        records.max(1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use tokio::sync::Notify;
    use tokio::time::advance;

    use super::super::records::{Kind, Records};
    use super::*;

    /// Answers `reply`, as soon as `go` is notified, and counts how often it was asked.
    struct Slow {
        reply: Reply,
        go: Notify,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Dns for Arc<Slow> {
        async fn ask(&self, _: &Question) -> Reply {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.go.notified().await;
            self.reply.clone()
        }
    }

    fn slow(reply: Reply) -> Arc<Slow> {
        let (go, asked) = (Notify::new(), AtomicUsize::new(0));
        Arc::new(Slow { reply, go, asked })
    }

    fn cached(dns: &Arc<Slow>, settings: CacheSettings) -> Cached<Arc<Slow>> {
        Cached::new(Arc::clone(dns), settings, Handle::current())
    }

    fn addresses(count: u8, ttl: u64) -> Reply {
        let ips: Vec<_> = (0..count).map(|i| [192, 0, 2, i].into()).collect();
        Ok(Answer {
            records: Records::Addresses(ips.into()),
            ttl: Some(Duration::from_secs(ttl)),
        })
    }

    fn nothing(ttl: Option<u64>) -> Reply {
        let ttl = ttl.map(Duration::from_secs);
        Ok(Answer {
            records: Records::None,
            ttl,
        })
    }

    fn question(name: &str) -> Question {
        Question::new(Kind::Address, name)
    }

    async fn ask(cached: &Cached<Arc<Slow>>, name: &str) -> Reply {
        cached.0.dns.go.notify_one();
        cached.ask(&question(name)).await
    }

    /// After how many seconds a question is asked anew.
    async fn kept_for(reply: Reply) -> u64 {
        let dns = slow(reply);
        let cached = cached(&dns, CacheSettings::default());
        let _ = ask(&cached, "a.example").await;
        let mut kept = 0;
        while dns.asked.load(Ordering::SeqCst) == 1 {
            advance(Duration::from_secs(1)).await;
            kept += 1;
            let _ = ask(&cached, "A.example.").await;
        }
        kept
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_kept_as_long_as_they_say_within_bounds() {
        assert_eq!(kept_for(addresses(1, 90)).await, 90);
        assert_eq!(kept_for(addresses(1, 0)).await, 60);
        assert_eq!(kept_for(addresses(1, u64::from(u32::MAX))).await, 86_400);
        assert_eq!(kept_for(nothing(Some(30))).await, 30);
        assert_eq!(kept_for(nothing(Some(86_400))).await, 300);
        assert_eq!(kept_for(nothing(None)).await, 300);
        assert_eq!(kept_for(Err(DnsError::Timeout)).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_is_there_at_the_first_poll() {
        let cached = cached(&slow(addresses(1, 60)), CacheSettings::default());
        let reply = ask(&cached, "a.example").await;
        let question = question("a.example");
        let mut again = std::pin::pin!(cached.ask(&question));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(again.as_mut().poll(&mut context), Poll::Ready(reply));
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_who_ask_make_one_look_up() {
        let dns = slow(addresses(1, 60));
        let cached = cached(&dns, CacheSettings::default());
        let question = question("a.example");
        let asked = join(&cached, &question, 1000).await;
        assert!(asked.iter().all(|reply| *reply == dns.reply));
        assert_eq!(dns.asked.load(Ordering::SeqCst), 1);
    }

    async fn join(cached: &Cached<Arc<Slow>>, question: &Question, times: usize) -> Vec<Reply> {
        let all = futures_util::future::join_all((0..times).map(|_| cached.ask(question)));
        cached.0.dns.go.notify_one();
        all.await
    }

    #[tokio::test(start_paused = true)]
    async fn one_look_up_too_many_fails_at_once_and_those_under_way_go_on() {
        let dns = slow(addresses(1, 60));
        let settings = CacheSettings {
            lookups: 1,
            ..CacheSettings::default()
        };
        let cached = cached(&dns, settings);
        let (a, b) = (question("a.example"), question("b.example"));
        let mut first = std::pin::pin!(cached.ask(&a));
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert_eq!(cached.ask(&b).await, Err(DnsError::Overloaded));
        dns.go.notify_one();
        assert_eq!(first.await, dns.reply);
        dns.go.notify_one();
        assert_eq!(
            cached.ask(&b).await,
            dns.reply,
            "nothing was remembered of it"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_answer_to_others() {
        let dns = slow(addresses(1, 60));
        let cached = cached(&dns, CacheSettings::default());
        let question = question("a.example");
        let given_up = timeout(Duration::from_millis(1), cached.ask(&question)).await;
        assert!(given_up.is_err());
        dns.go.notify_one();
        assert_eq!(cached.ask(&question).await, dns.reply);
        assert_eq!(dns.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_waited_for_so_long() {
        let dns = slow(addresses(1, 60));
        let cached = cached(&dns, CacheSettings::default());
        let begun = Instant::now();
        assert_eq!(
            cached.ask(&question("a.example")).await,
            Err(DnsError::Timeout)
        );
        assert_eq!(begun.elapsed().as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_those_asked_for_stay() {
        let dns = slow(addresses(10, 600));
        let settings = CacheSettings {
            records: 1000,
            ..CacheSettings::default()
        };
        let cached = cached(&dns, settings);
        for i in 0..1000 {
            let _ = ask(&cached, &format!("h{i}.example")).await;
            let _ = ask(&cached, "popular.example").await;
            let known = cached.0.known();
            let held = known.young.values().chain(known.old.values());
            assert!(held.map(Kept::weight).sum::<usize>() <= 1000);
        }
        assert_eq!(dns.asked.load(Ordering::SeqCst), 1001);
    }
}
