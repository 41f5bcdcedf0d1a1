//! SIP proxy core, registrar and digest authentication (RFC 3261 §10, §16, §22).
#![forbid(unsafe_code)]

pub mod auth;
pub mod backend;
pub mod registrar;
