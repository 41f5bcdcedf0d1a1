//! Where requests go, read from top to bottom: each step lets a request pass on, or has the last word.

mod authenticate;
mod callee;
mod dialog;
mod domains;
mod keep_alive;
mod options;
mod register;
mod relay;
#[cfg(test)]
mod scene;

use std::ops::ControlFlow::{self, Break, Continue};
use std::sync::Arc;

use async_trait::async_trait;
use sip_core::{Host, Method, Request, Response, StatusCode, Text};
use sip_proxy::auth::DigestAuthenticator;
use sip_proxy::backend::LocationService;
use sip_proxy::nat::NatTraversal;
use sip_proxy::registrar::Registrar;
use sip_proxy::{Decision, Incoming, Router, SessionTimers};
use sip_transaction::Flow;

use crate::domains::Domains;
use crate::subscribers::Subscribers;

use authenticate::Caller;
use domains::Parties;

/// This provider's policy.
pub(crate) struct Routing {
    pub(crate) domains: Arc<Domains>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) location: Arc<dyn LocationService>,
    pub(crate) registrar: Registrar,
    pub(crate) authenticator: DigestAuthenticator,
    /// What is done for phones behind a NAT.
    pub(crate) nat: Option<NatTraversal>,
    pub(crate) session_timers: SessionTimers,
}

/// A step's result: the decision, or what the next steps need.
type Step<T = ()> = ControlFlow<Decision, T>;

#[async_trait]
impl Router for Routing {
    fn screen(&self, request: &Request, flow: &Flow) -> Option<Response> {
        match request.method() {
            Method::Notify => self.keep_alive(request, flow),
            Method::Options => self.options(request, flow),
            _ => None,
        }
    }

    fn is_own_name(&self, name: &Host) -> bool {
        self.domains.find(name).is_some()
    }

    async fn route(&self, incoming: &Incoming) -> Decision {
        match self.steps(incoming).await {
            Break(decision) => decision,
            Continue(()) => refuse(incoming, StatusCode::NOT_FOUND, "No route matched"), // F-13
        }
    }
}

impl Routing {
    async fn steps(&self, incoming: &Incoming) -> Step {
        self.along_dialog(incoming)?;
        let parties = self.parties(incoming)?;
        self.refuse_strangers(incoming, &parties)?;
        self.register(incoming, &parties).await?;
        let caller = self.authenticate(incoming, &parties).await?;
        self.outbound(incoming, &parties, &caller)?;
        self.to_callee(incoming, &parties, &caller).await
    }

    /// Whether `host` is the address a request arrived at, or a domain served.
    fn is_ours(&self, host: &Host, flow: &Flow) -> bool {
        host.ip() == Some(flow.local.ip()) || self.domains.find(host).is_some()
    }
}

/// An answer of our own with a reason phrase that says more than the RFC's.
fn refuse(incoming: &Incoming, status: StatusCode, reason: &'static str) -> Decision {
    Decision::Reply(
        incoming
            .reply(status)
            .with_reason(&Text::from_static(reason)),
    )
}

/// The database did not say: an outage, never a "no".
fn outage(incoming: &Incoming) -> Decision {
    refuse(
        incoming,
        StatusCode::SERVER_INTERNAL_ERROR,
        "Database error",
    )
}
