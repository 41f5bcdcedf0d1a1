//! What goes out, and by which socket or connection (RFC 3261 §18.1.1, §18.2.2).

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use sip_core::{Limits, Message, Transport, parse_message};
use sip_transaction::{ConnectionId, Origin, Service, Target, TransactionUser, Transmit};

use super::Driver;
use crate::flows::{Closed, NotOpened};
use crate::tcp::layers::Layers;
use crate::tcp::{self, Connection, Refused};
use crate::udp::{DatagramSocket, Parcel};
use crate::via;
use crate::worker::{Handover, Owner};

impl<U, S> Driver<U, S>
where
    U: TransactionUser,
    U::Answer: 'static,
    S: Service<U::Query, U::Answer>,
{
    pub(super) fn transmit(&mut self, transmit: Transmit) {
        let Transmit {
            payload,
            to,
            origin,
            ..
        } = transmit;
        if to.transport() == Transport::Udp {
            return self.send_datagram(payload, to, origin);
        }
        let owner = origin.map(|origin| Owner {
            worker: self.worker,
            origin,
        });
        match to {
            Target::Flow(flow) => self.send_by(flow.connection, payload, to, owner),
            Target::Address {
                transport, remote, ..
            } => match self.leading_to(transport, remote, &payload) {
                Some(connection) => self.send_by(connection, payload, to, owner),
                None => self.send_by_new(payload, to, owner),
            },
            Target::New { .. } => self.send_by_new(payload, to, owner),
        }
    }

    fn send_datagram(&mut self, payload: Bytes, to: Target, origin: Option<Origin>) {
        let (local, remote) = (to.local(), to.remote());
        let serves = |socket: &DatagramSocket| socket.serves(local, remote);
        let Some(i) = self.sockets.iter().position(serves) else {
            return self.fail(origin.map(|origin| Owner {
                worker: self.worker,
                origin,
            }));
        };
        self.sockets[i].enqueue(Parcel {
            payload,
            remote,
            local: local.map(|local| local.ip()),
            origin,
        });
        if self.sockets[i].is_batch_full() {
            self.flush(i);
        }
    }

    /// Ends a turn: sends what waits, and what the failures among it lead to.
    pub(super) fn flush_all(&mut self) {
        while self.sockets.iter().any(DatagramSocket::can_send) {
            (0..self.sockets.len()).for_each(|i| self.flush(i));
            self.settle();
        }
    }

    /// Sends what waits at one socket.
    fn flush(&mut self, i: usize) {
        let mut unsent = std::mem::take(&mut self.unsent);
        let bound = self.settings.udp.send_queue;
        self.sockets[i].flush(&mut self.send, bound, &self.counters, |origin| {
            unsent.push(origin);
        });
        for origin in unsent.drain(..) {
            self.counters.send_failures.add(1);
            self.layer.handle_send_failure(self.now, origin);
        }
        self.unsent = unsent;
    }

    /// Sends by a connection, whoever owns it.
    fn send_by(
        &mut self,
        connection: ConnectionId,
        payload: Bytes,
        to: Target,
        owner: Option<Owner>,
    ) {
        if connection.worker() != self.worker && !connection.is_none() {
            return self.hand_over(
                connection.worker(),
                Handover::Transmit {
                    connection,
                    payload,
                    to,
                    owner,
                },
            );
        }
        match self.flows.find(connection).cloned() {
            Some(connection) => self.send_on(&connection, payload, owner),
            None => self.send_elsewhere(payload, to, owner),
        }
    }

    /// The connection that leads to an address. Over TLS it is one whose peer has shown to be the server of the domain
    /// that the message is for (RFC 5922 §7.3); each worker has its own.
    fn leading_to(
        &self,
        transport: Transport,
        remote: SocketAddr,
        payload: &Bytes,
    ) -> Option<ConnectionId> {
        #[cfg(feature = "tls")]
        if transport == Transport::Tls {
            let domain = crate::tls::identity::of_next_hop(payload)?;
            return self.flows.with_server(remote, domain);
        }
        let _ = payload;
        self.workers.directory.find(transport, remote)
    }

    pub(super) fn send_on(
        &mut self,
        connection: &Rc<Connection>,
        payload: Bytes,
        owner: Option<Owner>,
    ) {
        match connection.send(&payload, owner, &self.context) {
            Ok(()) => {
                connection.touch(self.now);
                if is_final_response(&payload) {
                    connection.settle();
                    self.wind_up(connection);
                }
            }
            Err(Refused::Gone) => {
                self.close(connection);
                self.send_elsewhere(payload, Target::Flow(connection.flow()), owner);
            }
            Err(Refused::Slow) => {
                self.counters.slow_readers.add(1);
                self.close(connection);
                self.fail(owner);
            }
        }
    }

    /// The connection is gone. A response may take another one (§18.2.2); a request for this flow has failed.
    pub(super) fn send_elsewhere(&mut self, payload: Bytes, to: Target, owner: Option<Owner>) {
        let Target::Flow(_) = to else {
            return self.send_by_new(payload, to, owner);
        };
        match parse_message(payload.clone(), &Limits::default()) {
            Ok(Message::Response(response)) => match via::response_target(&response) {
                Some(to) if to.transport() != Transport::Udp => {
                    let known = self
                        .leading_to(to.transport(), to.remote(), &payload)
                        .and_then(|id| self.flows.find(id).cloned());
                    match known {
                        Some(connection) => self.send_on(&connection, payload, owner),
                        None => self.send_by_new(payload, to, owner),
                    }
                }
                _ => self.fail(owner),
            },
            _ => self.fail(owner),
        }
    }

    /// Opens a connection; the message waits on it.
    fn send_by_new(&mut self, payload: Bytes, to: Target, owner: Option<Owner>) {
        let Some(layers) = self.layers_for(to.transport(), &payload) else {
            return self.fail(owner);
        };
        let from = to.local().or_else(|| self.home(to.remote()));
        let from = from.map(|local| local.ip());
        match self
            .flows
            .connect(self.now, to.transport(), from, to.remote(), layers)
        {
            Ok(connection) => self.send_on(&connection, payload, owner),
            Err(NotOpened::Full) => {
                self.counters.connections_refused.add(1);
                self.fail(owner);
            }
            Err(NotOpened::Unreachable) => self.fail(owner),
        }
    }

    /// What a connection we open is wrapped in; `None` if we cannot open such.
    fn layers_for(&self, transport: Transport, payload: &Bytes) -> Option<Option<Box<Layers>>> {
        match transport {
            Transport::Tcp => Some(None),
            #[cfg(feature = "tls")]
            Transport::Tls => {
                let domain = crate::tls::identity::of_next_hop(payload)?;
                Layers::to_server(self.tls.as_ref()?, domain).map(Some)
            }
            // Nobody listens for WebSocket but servers, and those speak TLS to each other.
            _ => {
                let _ = payload;
                None
            }
        }
    }

    /// The address to connect from: peers know us by the one we listen on.
    fn home(&self, remote: SocketAddr) -> Option<SocketAddr> {
        let same_kind = |addr: &&SocketAddr| addr.is_ipv6() == remote.is_ipv6();
        self.accepting.iter().find(same_kind).copied()
    }

    pub(super) fn hand_over(&mut self, worker: u16, handover: Handover) {
        let owner = match &handover {
            Handover::Transmit { owner, .. } => *owner,
            _ => None,
        };
        if self.workers.hand_over(worker, handover) {
            self.counters.handed_over.add(1);
        } else {
            self.counters.handover_lost.add(1);
            self.fail(owner.filter(|owner| owner.worker == self.worker));
        }
    }

    /// Tells the owner of a message that it did not leave.
    pub(super) fn fail(&mut self, owner: Option<Owner>) {
        self.counters.send_failures.add(1);
        match owner {
            Some(Owner { worker, origin }) if worker == self.worker => {
                self.layer.handle_send_failure(self.now, origin);
            }
            Some(Owner { worker, origin }) => {
                self.hand_over(worker, Handover::SendFailed(origin));
            }
            None => {}
        }
    }

    pub(super) fn wind_up(&mut self, connection: &Rc<Connection>) {
        if connection.wind_up() {
            self.close(connection);
        }
    }

    pub(super) fn close(&mut self, connection: &Rc<Connection>) {
        let Some(closed) = self.flows.close(connection.id) else {
            return;
        };
        let Closed {
            flow,
            unsent,
            borrowers,
        } = closed;
        unsent.into_iter().for_each(|owner| self.fail(Some(owner)));
        self.layer.handle_flow_failure(self.now, flow);
        self.user.handle_flow_end(self.now, flow, &mut self.layer);
        for worker in 0..self.workers.count() {
            if worker != self.worker && borrowers & tcp::borrower_bit(worker) != 0 {
                self.hand_over(worker, Handover::FlowFailed(flow));
            }
        }
    }
}

fn is_final_response(payload: &[u8]) -> bool {
    let class = payload.strip_prefix(b"SIP/2.0 ").and_then(<[u8]>::first);
    class.is_some_and(|digit| (b'2'..=b'6').contains(digit))
}
