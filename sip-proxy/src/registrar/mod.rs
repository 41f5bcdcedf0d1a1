//! The registrar: RFC 3261 §10.3 from step 2 on, one file per idea.
//!
//! | step | where |
//! |---|---|
//! | 1, 3, 4, 5: whose request, who sent it, for which address | the [`Router`](crate::Router), with [`auth`](crate::auth) |
//! | 2: Require | `require.rs` |
//! | 6, 7: what the request asks for | `asked.rs`, `expiry.rs`, `outbound.rs` |
//! | 6, 7: what becomes of the bindings | [`BindingChange::apply`], done by the [`LocationService`] |
//! | 8: the answer | `answer.rs`, `refusal.rs` |
//!
//! How the bindings then become targets of a call stands in `targets.rs`.

mod answer;
mod asked;
mod binding;
mod change;
mod expiry;
mod flow_octets;
mod method_set;
mod outbound;
mod refusal;
mod require;
mod targets;

use std::sync::Arc;

use sip_core::{AddressOfRecord, Expires, MinExpires, Response, ServiceRoute};

use crate::backend::{Incoming, LocationService};

pub use binding::{Binding, BindingRecord, BindingTooLong};
pub use change::{BindingChange, BindingSet, ChangeRefused, Changed};
pub use expiry::{Brief, ExpiryPolicy};
pub use method_set::MethodSet;
use outbound::Outbound;
use refusal::Refusal;

/// Settings of a registrar.
#[derive(Clone, Debug)]
pub struct RegistrarConfig {
    /// How long bindings last.
    pub expiry: ExpiryPolicy,
    /// The most bindings one address-of-record may have (F-37). Default: 10.
    pub max_contacts: usize,
    /// Every answer says what is granted, in Expires and Min-Expires (F-32). Default: yes.
    pub advertise_expiry: bool,
    /// Also takes a Path from a phone that does not say it supports that; else it gets 420, for a proxy should not
    /// have added one (RFC 3327 §5.3). Default: no.
    pub path_without_support: bool,
    /// What happens to one contact too many. Default: it is refused.
    pub when_full: WhenFull,
    /// The way a phone's own requests are to take, in the answer to every REGISTER (RFC 3608 §6.3). Default: none.
    pub service_route: Vec<ServiceRoute>,
    /// Within how many seconds a phone with a flow of its own must be heard from (RFC 5626 §6, Flow-Timer), said to
    /// those that know what it means. Default: nothing is said.
    pub flow_timer: Option<u32>,
}

/// What happens when an address-of-record has as many contacts as it may (F-37).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// 503, and nothing changes.
    #[default]
    Refuse,
    /// Those that would end first make room. A phone that lost its address need not wait, and one that is abused can
    /// drive out the others.
    ReplaceOldest,
}

impl Default for RegistrarConfig {
    fn default() -> RegistrarConfig {
        RegistrarConfig {
            expiry: ExpiryPolicy::default(),
            max_contacts: 10,
            advertise_expiry: true,
            path_without_support: false,
            when_full: WhenFull::Refuse,
            service_route: Vec::new(),
            flow_timer: None,
        }
    }
}

/// Answers REGISTER requests that a [`Router`](crate::Router) has decided to trust.
///
/// ```
/// use async_trait::async_trait;
/// use sip_core::{AddressOfRecord, Method, StatusCode, To};
/// use sip_proxy::auth::{ChallengeKind, DigestAuthenticator};
/// use sip_proxy::registrar::Registrar;
/// use sip_proxy::{Decision, Incoming, Router};
///
/// struct Home {
///     digest: DigestAuthenticator,
///     registrar: Registrar,
/// }
///
/// #[async_trait]
/// impl Router for Home {
///     async fn route(&self, incoming: &Incoming) -> Decision {
///         if *incoming.request.method() != Method::Register {
///             return incoming.reply(StatusCode::METHOD_NOT_ALLOWED).into();
///         }
///         let asked = self.digest.authenticate(incoming, "example.com", ChallengeKind::Www);
///         let identity = match asked.await.identity() {
///             Ok(identity) => identity,
///             Err(response) => return self.registrar.with_expiry_bounds(response).into(),
///         };
///         let to = incoming.request.headers().require::<To>().ok();
///         let Some(aor) = to.and_then(|to| AddressOfRecord::from_uri(&to.uri())) else {
///             return incoming.reply(StatusCode::NOT_FOUND).into();
///         };
///         if *identity.address_of_record() != aor {
///             return incoming.reply(StatusCode::FORBIDDEN).into(); // §10.3 step 4
///         }
///         self.registrar.register(incoming, &aor).await.into()
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Registrar {
    config: RegistrarConfig,
    location: Arc<dyn LocationService>,
}

impl Registrar {
    /// A registrar that keeps its bindings in `location`.
    #[must_use]
    pub fn new(config: RegistrarConfig, location: Arc<dyn LocationService>) -> Registrar {
        Registrar { config, location }
    }

    /// Changes the bindings of `aor` as the request asks for, all of it or nothing, and answers with those there
    /// are now (§10.3 steps 6 to 8). Who may do that has been decided before (steps 1 to 5).
    ///
    /// Answers 200; 400 for what can't be read; 420, 423, 439; 500 for a late request or a broken store; 503 for too
    /// many contacts or a store with too much to do. The reason stands in P-Registrar-Error (F-36, F-37, F-40).
    pub async fn register(&self, incoming: &Incoming, aor: &AddressOfRecord) -> Response {
        let response = match self.process(incoming, aor).await {
            Ok((bindings, outbound)) => answer::ok(incoming, &bindings, outbound, &self.config),
            Err(refusal) => refusal.response(incoming),
        };
        self.with_expiry_bounds(response)
    }

    /// Adds what the registrar grants to an answer somebody else made to a REGISTER: 401, 403, 404 (F-32).
    #[must_use]
    pub fn with_expiry_bounds(&self, mut response: Response) -> Response {
        if self.config.advertise_expiry {
            response.headers_mut().set(&Expires(self.config.expiry.max));
            response
                .headers_mut()
                .set(&MinExpires(self.config.expiry.min));
        }
        response
    }

    async fn process(
        &self,
        incoming: &Incoming,
        aor: &AddressOfRecord,
    ) -> Result<(BindingSet, Outbound), Refusal> {
        require::check(&incoming.request, &self.config)?;
        match asked::change(incoming, &self.config)? {
            None => Ok((self.location.lookup(aor).await?, Outbound::Ignored)),
            Some((change, outbound)) => Ok((self.location.update(aor, change).await?, outbound)),
        }
    }
}
