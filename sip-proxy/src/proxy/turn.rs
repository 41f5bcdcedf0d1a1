//! What the steps of §16 work with in one turn: the rules, what is out, and the transaction layer below.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};
use sip_core::{Method, Request, Response, RetryAfter, Role, StatusCode, Transport};
use sip_transaction::{ClientId, QueryId, ServerId, Target, TransactionLayer};

use crate::backend::{Accounting, Incoming, Router};
use crate::blocklist::Blocklist;
use crate::service::Query;

use super::config::ProxyConfig;
use super::keyed::Keyed;
use super::own::Own;
use super::stateless::Passing;
use super::supervise::Failure;

/// What does not change while the proxy runs.
pub(crate) struct Rules {
    pub(crate) config: ProxyConfig,
    pub(crate) own: Own,
    pub(crate) role: Role,
    pub(crate) keyed: Keyed,
    pub(crate) router: Arc<dyn Router>,
    pub(crate) accounting: Option<Arc<dyn Accounting>>,
    pub(crate) blocklist: Option<Arc<Blocklist>>,
}

impl Rules {
    /// Whether nothing but the end of a call may be sent to `to` for now. An ACK goes where there is somewhere to go:
    /// nobody waits for an answer to it.
    pub(crate) fn is_blocked(&self, now: Instant, request: &Request, to: &Target) -> bool {
        let blocklist = self.blocklist.as_deref();
        blocklist.is_some_and(|list| {
            !matches!(request.method(), Method::Bye | Method::Ack) && list.is_blocked(now, to)
        })
    }

    /// Says in a 503 when to come again.
    pub(crate) fn retry_later(&self, mut response: Response) -> Response {
        let retry_after = RetryAfter::new(self.config.retry_after);
        response.headers_mut().push(&retry_after);
        response
    }
}

/// What is out, and to whom its outcome belongs.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// The context and the branch of each client transaction.
    pub(crate) clients: HashMap<ClientId, (ServerId, usize)>,
    pub(crate) deadlines: BTreeSet<(Instant, Deadline)>,
    pub(crate) queries: VecDeque<(QueryId, Query)>,
    asked: HashMap<QueryId, (Asked, Option<Instant>)>,
    last_query: u64,
    /// Requests without a transaction whose router waits; their retransmissions need not wait again.
    pub(crate) waiting: HashSet<u64>,
}

/// What a deadline ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// Timer C of a branch (§16.8).
    TimerC(ClientId),
    /// The time an answer may take.
    Answer(QueryId),
}

/// What a query is about.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Where a request goes.
    Decision(Undecided),
    /// The next hop of one branch.
    Addresses { server: ServerId, branch: usize },
    /// The next hop of a request forwarded statelessly.
    PassingAddresses(Box<Passing>),
    /// What now that every target has failed.
    Instead(Box<Failure>),
    /// A response about to pass upstream, and as it passes if nobody says otherwise.
    Passing {
        server: ServerId,
        response: Box<Response>,
    },
}

/// A request the router has not decided about yet.
#[derive(Debug)]
pub(crate) struct Undecided {
    pub(crate) incoming: Arc<Incoming>,
    /// By what it is known if it comes back (RFC 5393).
    pub(crate) mark: u32,
    /// Its transaction, once the router had to wait.
    pub(crate) server: Option<ServerId>,
}

/// One turn of the proxy core.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    pub(crate) rules: &'a Rules,
    pub(crate) index: &'a mut Index,
    pub(crate) layer: &'a mut TransactionLayer,
}

impl Turn<'_> {
    /// Sets Timer C, or a shorter patience, for a branch.
    pub(crate) fn set_timer_c(&mut self, client: ClientId, patience: Duration) -> Instant {
        let at = self.now + patience;
        self.index.deadlines.insert((at, Deadline::TimerC(client)));
        at
    }

    /// Stops Timer C.
    pub(crate) fn stop_timer_c(&mut self, client: ClientId, at: Instant) {
        self.index.deadlines.remove(&(at, Deadline::TimerC(client)));
    }

    /// The time of day.
    pub(crate) fn unix_time(&self) -> Duration {
        self.rules.config.epoch.unix_time(self.now)
    }

    /// An answer of our own to the request of `server`.
    pub(crate) fn reply(&self, server: ServerId, status: StatusCode) -> Option<Response> {
        let request = self.layer.request(server)?;
        let mut response = request.reply(status);
        response.set_to_tag(&self.rules.keyed.tag_of(&request));
        Some(response)
    }

    /// Our own 503, since there is no room for one request more.
    pub(crate) fn refuse_for_now(&self, server: ServerId) -> Option<Response> {
        let response = self.reply(server, StatusCode::SERVICE_UNAVAILABLE)?;
        Some(self.rules.retry_later(response))
    }

    /// Nothing could be sent to `address`, or nothing came back.
    pub(crate) fn note_failed(&self, address: Option<(Transport, SocketAddr)>) {
        if let (Some(blocklist), Some((transport, remote))) = (&self.rules.blocklist, address) {
            blocklist.failed(self.now, &Target::address(transport, remote));
        }
    }

    /// `address` serves nobody, and may have said for how long.
    pub(crate) fn note_unavailable(
        &self,
        address: Option<(Transport, SocketAddr)>,
        response: &Response,
    ) {
        if let (Some(blocklist), Some((transport, remote))) = (&self.rules.blocklist, address) {
            let to = Target::address(transport, remote);
            let retry_after = response.headers().optional::<RetryAfter>().ok().flatten();
            blocklist.unavailable(self.now, &to, retry_after.map(|after| after.seconds()));
        }
    }
}

impl Index {
    /// Asks the service.
    pub(crate) fn ask(&mut self, query: Query, asked: Asked) {
        self.last_query += 1;
        let id = QueryId(self.last_query);
        self.asked.insert(id, (asked, None));
        self.queries.push_back((id, query));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
            && self.deadlines.is_empty()
            && self.asked.is_empty()
            && self.waiting.is_empty()
    }

    /// Takes the next deadline out, if its time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Deadline> {
        let (at, _) = self.deadlines.first()?;
        (*at <= now)
            .then(|| self.deadlines.pop_first())?
            .map(|(_, deadline)| deadline)
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Whether as many questions are open as may be.
    pub(crate) fn is_full(&self, limit: usize) -> bool {
        self.asked.len() >= limit
    }

    /// What `id` was about; it is answered, or no longer waited for.
    pub(crate) fn answered(&mut self, id: QueryId) -> Option<Asked> {
        let (asked, until) = self.asked.remove(&id)?;
        if let Some(at) = until {
            self.deadlines.remove(&(at, Deadline::Answer(id)));
        }
        Some(asked)
    }

    /// What `id` is about. Its answer takes time, but shall not take longer than till `at`.
    pub(crate) fn waits(&mut self, id: QueryId, at: Instant) -> Option<&mut Asked> {
        let (asked, until) = self.asked.get_mut(&id)?;
        if until.replace(at).is_none() {
            self.deadlines.insert((at, Deadline::Answer(id)));
        }
        Some(asked)
    }
}
