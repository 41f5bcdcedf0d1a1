#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod boundary;
mod cancel;
mod client;
mod client_invite;
mod client_non_invite;
mod config;
mod deadline;
mod kept;
mod key;
mod layer;
mod machine;
mod print;
mod same_branch;
mod server;
mod server_invite;
mod server_non_invite;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod table;
mod timer;
mod user;

pub use boundary::{
    ClientId, ConnectionId, Event, Flow, Origin, Repetition, ServerId, Target, Transmit,
};
pub use cancel::CancelError;
pub use config::Config;
pub use key::worker_of;
pub use layer::TransactionLayer;
pub use server::{AcceptError, RespondError};
pub use timer::{Timer, Timers};
pub use user::{QueryId, Reply, Service, TransactionUser};
