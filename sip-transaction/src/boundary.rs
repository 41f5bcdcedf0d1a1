//! The values that cross the edge: where messages travel, what leaves, and what is told (RFC 3261 §17, §18).

use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::{Request, Response, Transport};

use crate::table::SlotId;
use crate::timer::Timer;

/// One connection of a stream transport; never reused while the process lives.
///
/// The top 16 bits name the worker that owns it, so that any worker knows whom to hand a message to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// Datagrams have no connection.
    pub const NONE: ConnectionId = ConnectionId(0);

    const SERIAL_BITS: u32 = 48;

    /// The `serial`-th connection of `worker`. Serials start at 1 and use 48 bits.
    #[must_use]
    pub const fn new(worker: u16, serial: u64) -> ConnectionId {
        let serial = serial & ((1 << ConnectionId::SERIAL_BITS) - 1);
        ConnectionId(((worker as u64) << ConnectionId::SERIAL_BITS) | serial)
    }

    /// The worker that owns the connection.
    #[must_use]
    pub const fn worker(self) -> u16 {
        (self.0 >> ConnectionId::SERIAL_BITS) as u16
    }

    /// Which of that worker's connections it is.
    #[must_use]
    pub const fn serial(self) -> u64 {
        self.0 & ((1 << ConnectionId::SERIAL_BITS) - 1)
    }

    /// Whether there is no connection behind it.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The connection whose [number](ConnectionId::as_u64) this is; it may be gone, or never have been.
    #[must_use]
    pub const fn from_u64(number: u64) -> ConnectionId {
        ConnectionId(number)
    }

    /// The number itself, for logs and for whoever is to bring it back.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// The path a message came on: its transport, both ends, and the connection if there is one.
///
/// What goes back on the same flow reaches a peer behind a NAT (RFC 3581 §4, RFC 5626 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// How messages travel on it.
    pub transport: Transport,
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end, as seen from here.
    pub remote: SocketAddr,
    /// The connection, or [`ConnectionId::NONE`].
    pub connection: ConnectionId,
}

impl Flow {
    /// The flow of datagrams between two addresses.
    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow {
            transport: Transport::Udp,
            local,
            remote,
            connection: ConnectionId::NONE,
        }
    }
}

/// Where a message is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Along a flow that exists; if it is gone, sending fails.
    Flow(Flow),
    /// To an address, over any connection there is, else a new one.
    Address {
        /// How to send.
        transport: Transport,
        /// Where to.
        remote: SocketAddr,
        /// Which of our addresses to send from; `None` leaves it to the transport layer.
        local: Option<SocketAddr>,
    },
    /// To an address, over a connection opened for this message though there be another: for who is many parties
    /// at once. The flow of the response leads to it from then on. With datagrams it is as
    /// [`Address`](Target::Address).
    New {
        /// How to send.
        transport: Transport,
        /// Where to.
        remote: SocketAddr,
        /// Which of our addresses to send from; the port is any that is free.
        local: Option<SocketAddr>,
    },
}

impl Target {
    /// An address, from whichever of our addresses suits.
    #[must_use]
    pub const fn address(transport: Transport, remote: SocketAddr) -> Target {
        Target::Address {
            transport,
            remote,
            local: None,
        }
    }

    /// How the message travels.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        match self {
            Target::Flow(flow) => flow.transport,
            Target::Address { transport, .. } | Target::New { transport, .. } => *transport,
        }
    }

    /// The peer's address.
    #[must_use]
    pub const fn remote(&self) -> SocketAddr {
        match self {
            Target::Flow(flow) => flow.remote,
            Target::Address { remote, .. } | Target::New { remote, .. } => *remote,
        }
    }

    /// Our own address, where it is decided.
    #[must_use]
    pub const fn local(&self) -> Option<SocketAddr> {
        match self {
            Target::Flow(flow) => Some(flow.local),
            Target::Address { local, .. } | Target::New { local, .. } => *local,
        }
    }

    /// The connection it is bound to; [`ConnectionId::NONE`] for datagrams and plain addresses.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        match self {
            Target::Flow(flow) => flow.connection,
            Target::Address { .. } | Target::New { .. } => ConnectionId::NONE,
        }
    }
}

impl From<Flow> for Target {
    fn from(flow: Flow) -> Target {
        Target::Flow(flow)
    }
}

/// A client transaction of one [`TransactionLayer`](crate::TransactionLayer). Never names another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub(crate) SlotId);

/// A server transaction of one [`TransactionLayer`](crate::TransactionLayer). Never names another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub(crate) SlotId);

/// The transaction a message was sent for, to be told when sending fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A request, or the ACK of a failure response.
    Client(ClientId),
    /// A response.
    Server(ServerId),
}

/// A message to send.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// The whole message, printed.
    pub payload: Bytes,
    /// Where it goes.
    pub to: Target,
    /// Whom to tell if it cannot be sent ([`TransactionLayer::handle_send_failure`]); `None` when nobody waits.
    ///
    /// [`TransactionLayer::handle_send_failure`]: crate::TransactionLayer::handle_send_failure
    pub origin: Option<Origin>,
    /// The timer that made this leave: A, E and G for what is sent again.
    pub timer: Option<Timer>,
}

/// What a client transaction deals with by itself, told to who measures
/// ([`Config::tell_repetitions`](crate::Config::tell_repetitions)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repetition {
    /// The request was sent again: timer A or E.
    Request(ClientId),
    /// The final response came again, and went no further. A 2xx to INVITE is the user's, and comes as an
    /// [`Event::Response`] each time.
    Response(ClientId),
}

/// What the transaction layer tells its user (§17.1, §17.2).
///
/// Every [`ClientId`] and [`ServerId`] handed out comes back exactly once in [`ClientEnded`](Event::ClientEnded)
/// or [`Ended`](Event::Ended), as the last word about it.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request that matches no transaction, an ACK for a 2xx and a CANCEL for nothing known among them.
    /// The user accepts it, answers it statelessly, forwards it or drops it.
    Request {
        /// The request.
        request: Request,
        /// The flow it came on, and its response goes back on.
        flow: Flow,
    },
    /// A CANCEL matched the INVITE `id` before its final response. It is answered already (§9.2); what is
    /// left to do is to answer the INVITE, or to cancel where it was forwarded.
    Cancelled {
        /// The INVITE's transaction.
        id: ServerId,
        /// The CANCEL.
        request: Request,
        /// The flow the CANCEL came on.
        flow: Flow,
    },
    /// A response to the request of `id`, and not a retransmission, except for 2xx to INVITE (RFC 6026 §7.2).
    Response {
        /// The request's transaction.
        id: ClientId,
        /// The response, our own Via still on top.
        response: Response,
        /// The flow it came on.
        flow: Flow,
    },
    /// A response to nothing known; a stateful proxy must not forward it (RFC 6026 §7.3).
    StrayResponse {
        /// The response.
        response: Response,
        /// The flow it came on.
        flow: Flow,
    },
    /// No response in 64·T1: timer B or F, or 64·T1 after a CANCEL (§9.1).
    Timeout {
        /// The request's transaction.
        id: ClientId,
    },
    /// The request, or the ACK of its failure response, could not be sent (§17.1.4).
    TransportFailure {
        /// The request's transaction.
        id: ClientId,
    },
    /// A response could not be sent (§17.2.4), or no ACK came for it (timer H).
    ServerFailed {
        /// The request's transaction.
        id: ServerId,
    },
    /// The server transaction is Terminated and forgotten.
    Ended {
        /// The transaction there was.
        id: ServerId,
    },
    /// The client transaction is Terminated and forgotten.
    ClientEnded {
        /// The transaction there was.
        id: ClientId,
    },
}
