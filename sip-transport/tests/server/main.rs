//! A real server on loopback sockets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod stopping;
mod support;
mod tcp;
mod udp;
mod user;
mod workers;
