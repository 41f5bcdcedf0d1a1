//! SIP proxy core, registrar and digest authentication (RFC 3261 §10, §16, §22).
#![forbid(unsafe_code)]

pub mod auth;
pub mod backend;
mod proxy;
pub mod registrar;
mod service;

pub use backend::{Admission, Decision, InDialog, Incoming, Relay, Router};
pub use proxy::{BranchTarget, Epoch, ForkPlan, OwnAddress, Proxy, ProxyConfig, Secret};
pub use service::{Answer, ProxyService, Query};
