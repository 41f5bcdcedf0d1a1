//! The proxy core (RFC 3261 §16).

mod fork;

pub use fork::{BranchTarget, ForkPlan};
