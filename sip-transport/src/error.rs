//! Why a server could not start or go on, said to its operator.

use std::io;
use std::net::SocketAddr;

use sip_core::Transport;

/// Why a server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to listen on.
    #[error("no address to listen on")]
    NoAddress,
    /// An address cannot be read.
    #[error(
        "`{text}` is no address to listen on; write it like 192.0.2.1:5060 or [2001:db8::1]:5060"
    )]
    InvalidAddress {
        /// What was given.
        text: String,
    },
    /// There are no workers, or more than branches and connections can name.
    #[error("{workers} workers; there can be 1 to {}", u16::MAX)]
    WorkerCount {
        /// How many were asked for.
        workers: usize,
    },
    /// A socket cannot listen.
    #[error("cannot listen on {} {addr}: {}", transport.as_str(), problem(source))]
    Listen {
        /// The transport.
        transport: Transport,
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A worker's thread or runtime cannot be started.
    #[error("cannot start worker {worker}")]
    Start {
        /// Which one.
        worker: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A worker ended by a panic in the program's own code.
    #[error("worker {worker} panicked")]
    Panicked {
        /// Which one.
        worker: u16,
    },
}

fn problem(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another program",
        io::ErrorKind::AddrNotAvailable => "this machine does not have the address",
        io::ErrorKind::PermissionDenied => "not permitted; ports below 1024 need a privilege",
        io::ErrorKind::Unsupported => "the system does not support this kind of address",
        _ => "the system refused",
    }
}
