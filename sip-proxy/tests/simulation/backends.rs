//! Routers and resolvers as they are on bad days: late, silent, failing. The same request always gets the same answer.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sip_core::{CallId, Method, SipUri, StatusCode, Transport};
use sip_proxy::backend::{Resolve, ResolveError, Resolved};
use sip_proxy::{Admission, BranchTarget, Decision, ForkPlan, Incoming, Relay, Router};
use sip_transaction::Target;
use sip_transaction::sim::Clock;

/// The backends of one proxy.
pub(crate) struct Backend {
    /// Where their moods come from; without it they are well at all times.
    pub(crate) moods: Option<u64>,
    pub(crate) clock: Clock,
    /// Where calls for the group go from here.
    pub(crate) targets: Vec<BranchTarget>,
    pub(crate) order: Order,
    pub(crate) ring_time: Option<Duration>,
    /// Call-IDs of requests that got no answer by decision.
    pub(crate) dropped: Arc<Mutex<HashSet<String>>>,
    /// What names mean.
    pub(crate) names: Vec<(&'static str, Vec<Target>)>,
}

#[derive(Clone, Copy)]
pub(crate) enum Order {
    Parallel,
    Serial,
    ByQ,
}

/// How one question is answered.
struct Mood {
    wait: Wait,
    outcome: Outcome,
}

enum Wait {
    No,
    For(Duration),
    /// Till nobody remembers the question.
    Ever,
}

enum Outcome {
    Well,
    Refuses(StatusCode),
    Drops,
}

impl Backend {
    /// Backends that are well, and know these phones.
    pub(crate) fn willing(clock: Clock, targets: Vec<BranchTarget>) -> Backend {
        Backend {
            moods: None,
            clock,
            targets,
            order: Order::Parallel,
            ring_time: None,
            dropped: Arc::default(),
            names: Vec::new(),
        }
    }

    /// A URI of `user` at `place`, over this backend's transport.
    pub(crate) fn target(transport: Transport, user: &str, place: &str) -> BranchTarget {
        let uri = format!("sip:{user}@{place};transport={}", transport.uri_param());
        BranchTarget::new(uri.parse().expect("a URI"))
    }

    fn mood(&self, about: impl Hash) -> Mood {
        let Some(seed) = self.moods else {
            return Mood {
                wait: Wait::No,
                outcome: Outcome::Well,
            };
        };
        let mut hasher = DefaultHasher::new();
        (seed, about).hash(&mut hasher);
        let mut chance = StdRng::seed_from_u64(hasher.finish());
        Mood {
            wait: match chance.random_range(0..20) {
                0..12 => Wait::No,
                12..19 => Wait::For(Duration::from_millis(chance.random_range(1..2500))),
                _ => Wait::Ever,
            },
            outcome: match chance.random_range(0..20) {
                0..17 => Outcome::Well,
                17 => Outcome::Refuses(StatusCode::NOT_FOUND),
                18 => Outcome::Refuses(StatusCode::SERVICE_UNAVAILABLE),
                _ => Outcome::Drops,
            },
        }
    }

    async fn wait(&self, wait: &Wait) {
        match wait {
            Wait::No => {}
            Wait::For(time) => self.clock.sleep(*time).await,
            Wait::Ever => self.clock.sleep(Duration::from_secs(900)).await,
        }
    }

    fn plan(&self) -> ForkPlan {
        let targets = self.targets.iter().cloned();
        match self.order {
            Order::Parallel => ForkPlan::parallel(targets),
            Order::Serial => ForkPlan::serial(targets),
            Order::ByQ => ForkPlan::serial_by_q(targets),
        }
    }
}

#[async_trait::async_trait]
impl Router for Backend {
    async fn route(&self, incoming: &Incoming) -> Decision {
        let request = &incoming.request;
        if let Some(admission) = Admission::in_dialog(incoming) {
            return Relay::new(admission, ForkPlan::unchanged(incoming)).into();
        }
        if *request.method() == Method::Ack {
            return Decision::Drop;
        }
        let user = request.uri().as_sip().and_then(SipUri::user);
        if user != Some(b"group") {
            return incoming
                .reply(StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST)
                .into();
        }
        let call = request.headers().require::<CallId>();
        let call = call.map(|call| call.to_string()).unwrap_or_default();
        let mood = self.mood((&call, request.method().as_bytes()));
        // A decision that takes no time keeps no state: each copy of a rogue's request would be another request.
        let is_rogue = call.starts_with("rogue");
        match mood.wait {
            Wait::No if is_rogue => self.clock.sleep(Duration::from_millis(1)).await,
            wait => self.wait(&wait).await,
        }
        match mood.outcome {
            Outcome::Well => {}
            Outcome::Refuses(status) => return incoming.reply(status).into(),
            Outcome::Drops => {
                let mut dropped = self.dropped.lock().expect("nobody panics");
                dropped.insert(call);
                return Decision::Drop;
            }
        }
        let admission = Admission::without_authentication("a simulation");
        let relay = Relay::new(admission, self.plan());
        match self.ring_time {
            Some(time) => relay.ring_at_most(time).into(),
            None => relay.into(),
        }
    }
}

#[async_trait::async_trait]
impl Resolve for Backend {
    async fn resolve(&self, uri: &SipUri, _: u64) -> Resolved {
        let host = uri.host().to_string();
        let mood = self.mood(&host);
        self.wait(&mood.wait).await;
        match mood.outcome {
            Outcome::Well => {}
            Outcome::Refuses(_) => return Err(ResolveError::NotFound),
            Outcome::Drops => return Err(ResolveError::Unavailable),
        }
        let known = self.names.iter().find(|(name, _)| *name == host);
        known
            .map(|(_, addresses)| addresses.clone())
            .ok_or(ResolveError::NotFound)
    }
}
