//! A SIP proxy core, a registrar and digest authentication (RFC 3261 §10, §16, §22), without sockets or clocks.
//!
//! The [`Proxy`] knows how to forward; where to is said by a [`Router`], which is all an embedder must write. This
//! one rings every phone of whoever is called, and stays on the path of the call:
//!
//! ```
//! use sip_core::{AddressOfRecord, Method, StatusCode};
//! use sip_proxy::backend::{LocationService, MemoryLocation};
//! use sip_proxy::registrar::Registrar;
//! use sip_proxy::{Admission, Decision, ForkPlan, Incoming, Relay, Router};
//!
//! struct Switchboard {
//!     registrar: Registrar,
//!     location: std::sync::Arc<MemoryLocation>,
//! }
//!
//! #[async_trait::async_trait]
//! impl Router for Switchboard {
//!     async fn route(&self, incoming: &Incoming) -> Decision {
//!         if let Some(admission) = Admission::in_dialog(incoming) {
//!             return Relay::new(admission, ForkPlan::unchanged(incoming)).into();
//!         }
//!         if *incoming.request.method() == Method::Register {
//!             return match incoming.request.headers().require::<sip_core::To>() {
//!                 Ok(to) => match AddressOfRecord::from_uri(&to.uri()) {
//!                     Some(user) => self.registrar.register(incoming, &user).await.into(),
//!                     None => incoming.reply(StatusCode::NOT_FOUND).into(),
//!                 },
//!                 Err(_) => incoming.reply(StatusCode::BAD_REQUEST).into(),
//!             };
//!         }
//!         let Some(callee) = AddressOfRecord::from_uri(incoming.request.uri()) else {
//!             return incoming.reply(StatusCode::NOT_FOUND).into();
//!         };
//!         let Ok(bindings) = self.location.lookup(&callee).await else {
//!             return incoming.reply(StatusCode::SERVICE_UNAVAILABLE).into();
//!         };
//!         let phones = bindings.targets(incoming.unix_time);
//!         let admission = Admission::without_authentication("everybody here may call everybody");
//!         Relay::new(admission, ForkPlan::parallel(phones)).into()
//!     }
//! }
//! ```
//!
//! A [`Proxy`] is a [`TransactionUser`](sip_transaction::TransactionUser): it stands on one transaction layer, asks
//! its questions with [`Query`], and [`ProxyService`] answers them from the router and a resolver. The backends an
//! embedder can replace are in [`backend`].
#![forbid(unsafe_code)]

pub mod auth;
pub mod backend;
mod blocklist;
pub mod dialog;
pub mod flow_token;
mod keys;
pub mod nat;
mod proxy;
pub mod registrar;
mod service;
mod session_timer;
#[cfg(feature = "sim")]
pub mod sim;

pub use backend::{Admission, Decision, Failed, Incoming, Passing, Relay, Router};
pub use blocklist::{Blocklist, BlocklistSettings};
pub use dialog::{Dialog, DialogCookies, DialogValues, InDialog};
pub use keys::{KeyRing, SigningKey};
pub use proxy::{BranchTarget, Epoch, ForkPlan, OwnAddress, Proxy, ProxyConfig, Secret};
pub use service::{Answer, ProxyService, Query};
pub use session_timer::SessionTimers;
