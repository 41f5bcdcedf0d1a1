//! Answers the core's queries from the embedder's backends. The only file here that drives a future.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sip_core::{Response, SipUri};
use sip_transaction::{Reply, Service};

use crate::backend::{Decision, Failed, Incoming, Passing, Resolve, Resolved, Router};

/// What the proxy core asks.
#[derive(Debug)]
pub enum Query {
    /// Where does this request go?
    Route(Arc<Incoming>),
    /// At which addresses is this URI's host (RFC 3263)?
    Resolve {
        /// The URI of the next hop.
        uri: SipUri,
        /// Decides where chance is to.
        seed: u64,
    },
    /// What now that every target has failed?
    Failed(Arc<Failed>),
    /// What is forwarded of this response?
    Passing(Box<Passing>),
}

/// What it is told.
#[derive(Debug)]
pub enum Answer {
    /// To [`Query::Route`].
    Decision(Decision),
    /// To [`Query::Resolve`].
    Addresses(Resolved),
    /// To [`Query::Failed`].
    Instead(Option<Decision>),
    /// To [`Query::Passing`].
    Response(Response),
}

/// The backends behind a proxy, shared by all workers.
#[derive(Clone)]
pub struct ProxyService {
    router: Arc<dyn Router>,
    resolver: Arc<dyn Resolve>,
}

impl ProxyService {
    /// Asks `router` for decisions and `resolver` for addresses.
    pub fn new(router: Arc<dyn Router>, resolver: Arc<dyn Resolve>) -> ProxyService {
        ProxyService { router, resolver }
    }
}

impl Service<Query, Answer> for ProxyService {
    /// Runs the backend as far as it goes without waiting. Only a real wait becomes a task.
    fn call(&self, query: Query) -> Reply<Answer> {
        let mut answer: Pin<Box<dyn Future<Output = Answer> + Send>> = match query {
            Query::Route(incoming) => {
                let router = Arc::clone(&self.router);
                Box::pin(async move { Answer::Decision(router.route(&incoming).await) })
            }
            Query::Resolve { uri, seed } => {
                let resolver = Arc::clone(&self.resolver);
                Box::pin(async move { Answer::Addresses(resolver.resolve(&uri, seed).await) })
            }
            Query::Failed(failed) => {
                let router = Arc::clone(&self.router);
                Box::pin(async move { Answer::Instead(router.failed(&failed).await) })
            }
            Query::Passing(passing) => {
                let router = Arc::clone(&self.router);
                Box::pin(async move { Answer::Response(router.passing(*passing).await) })
            }
        };
        // Whoever drives it onwards polls it again at once, so this waker misses nothing.
        match answer
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(answer) => Reply::Ready(answer),
            Poll::Pending => Reply::Pending(answer),
        }
    }
}
