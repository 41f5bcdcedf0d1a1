//! The SIP transaction layer of RFC 3261 §17, without sockets or clocks.
#![forbid(unsafe_code)]

mod boundary;
mod table;
mod timer;

pub use boundary::{ClientId, ConnectionId, Flow, Origin, ServerId, Target, Transmit};
pub use timer::{Timer, Timers};
