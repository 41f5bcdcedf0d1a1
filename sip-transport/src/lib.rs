//! SIP over UDP and TCP, TLS and WebSocket: sockets to machines (RFC 3261 §18).
//!
//! This is the edge of the stack: the only library crate with sockets, a clock and threads in it. A [`Server`] is a
//! few workers, each a thread that owns its sockets, its connections, its transaction layer and its transaction user,
//! and shares nothing with the others on the way of a message.
//!
//! ```no_run
//! use sip_core::{Method, Request, StatusCode};
//! use sip_transport::{Bind, serve};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), sip_transport::Error> {
//!     serve(Bind::udp("0.0.0.0:5060"), |request: &Request| match request.method() {
//!         Method::Options => request.reply(StatusCode::OK),
//!         _ => request.reply(StatusCode::METHOD_NOT_ALLOWED),
//!     })
//!     .await
//! }
//! ```
//!
//! | feature | adds |
//! |---|---|
//! | `tls` | TLS: listeners, and connections to `sips` URIs, by rustls |
//! | `ws` | WebSocket listeners (RFC 7118), over TLS too where `tls` is on |
//! | `dns` | servers found by NAPTR, SRV and address (RFC 3263), by the resolver of Hickory |
//!
//! What a message meets on its way, file by file: `udp` (in batches, by `mmsg`) or `tcp` takes it from the kernel,
//! `driver` takes it in, `via` notes where it came from, `screen` turns away what is broken, `worker` hands it over if
//! it belongs to another thread, and the transaction layer takes it from there. A worker that is behind refuses new work
//! (`overload`), and one that datagrams come to fast waits for some more of them (`pause`).
#![deny(unsafe_code)]

mod alarm;
mod bind;
mod counters;
mod directory;
mod driver;
mod error;
mod flows;
mod keepalive;
mod mmsg;
mod overload;
mod pause;
pub mod resolve;
mod responder;
mod screen;
mod server;
mod settings;
mod shutdown;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
mod udp;
pub mod via;
mod worker;
#[cfg(feature = "ws")]
mod ws;

use std::sync::Arc;

use sip_core::{Request, Response};

pub use bind::Bind;
pub use counters::{Counter, Counters};
pub use error::Error;
pub use resolve::{ResolveError, Resolver, SystemResolver};
pub use server::{Server, WorkerContext};
pub use settings::{Settings, StreamSettings, UdpSettings};
pub use shutdown::{Shutdown, ShutdownSignal, shutdown};
#[cfg(feature = "tls")]
pub use tls::{TlsConfig, TlsError, TlsFiles};
#[cfg(feature = "ws")]
pub use ws::WsConfig;

/// Answers requests with a closure, for as long as the process lives.
///
/// The server keeps no state (RFC 3261 §8.2.7): a retransmission is answered anew, so the same request must get the
/// same response. ACK and CANCEL are ignored, as §8.2.7 has it. Whoever wants transactions, or to send requests,
/// writes a [`TransactionUser`](sip_transaction::TransactionUser) and a [`Server`].
///
/// # Errors
/// If the server cannot listen, or the closure panics.
pub async fn serve(
    bind: Bind,
    responder: impl Fn(&Request) -> Response + Clone + Send + 'static,
) -> Result<(), Error> {
    Server::bind(bind)?
        .run(
            move |_| responder::Responder(responder),
            Arc::new(()),
            ShutdownSignal::never(),
        )
        .await
}
