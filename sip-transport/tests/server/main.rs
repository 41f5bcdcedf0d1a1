//! A real server on loopback sockets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod stopping;
mod support;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod udp;
mod user;
mod workers;
#[cfg(feature = "ws")]
mod ws;
