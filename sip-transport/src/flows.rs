//! The connections of one worker: accepting, opening, reuse (RFC 5923), and closing those that are silent.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use sip_core::Transport;
use sip_transaction::{ConnectionId, Flow};
use tokio::net::TcpStream;

use crate::counters::Counters;
use crate::directory::{Directory, Full};
use crate::tcp::{self, Connection, Context, Phase};
use crate::worker::Owner;

/// What a closed connection leaves behind.
pub(crate) struct Closed {
    pub(crate) flow: Flow,
    /// Those whose messages did not leave any more.
    pub(crate) unsent: Vec<Owner>,
    /// Workers that sent by it.
    pub(crate) borrowers: u64,
}

/// The connections of one worker.
pub(crate) struct Flows {
    worker: u16,
    serial: u64,
    open: HashMap<ConnectionId, Rc<Connection>>,
    /// When to look at each of them. Using a connection leaves its deadline where it is; it is moved when it comes.
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    directory: Arc<Directory>,
    context: Rc<Context>,
    counters: Arc<Counters>,
}

impl Flows {
    pub(crate) fn new(
        worker: u16,
        directory: Arc<Directory>,
        context: Rc<Context>,
        counters: Arc<Counters>,
    ) -> Flows {
        Flows {
            worker,
            serial: 0,
            open: HashMap::new(),
            deadlines: BTreeSet::new(),
            directory,
            context,
            counters,
        }
    }

    /// Takes in a connection a peer opened. Over the limits it is dropped at once.
    pub(crate) fn accept(&mut self, now: Instant, stream: TcpStream, remote: SocketAddr) {
        let accepted = stream.local_addr();
        match accepted.map(|local| self.insert(now, Transport::Tcp, local, remote)) {
            Ok(Ok(connection)) => {
                self.counters.connections_accepted.add(1);
                connection.attach(stream);
                connection.read_by(tcp::read(connection.clone(), self.context.clone()));
            }
            Ok(Err(Full)) => self.counters.connections_refused.add(1),
            Err(_reset_meanwhile) => self.counters.connections_closed.add(1),
        }
    }

    /// Begins to open a connection; what is sent meanwhile waits.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        transport: Transport,
        from: Option<IpAddr>,
        remote: SocketAddr,
    ) -> Result<Rc<Connection>, Full> {
        let local = SocketAddr::new(from.unwrap_or(unspecified(remote)), 0);
        let connection = self.insert(now, transport, local, remote)?;
        connection.read_by(tcp::connect(connection.clone(), self.context.clone()));
        Ok(connection)
    }

    /// Goes on with a connection that was opened.
    pub(crate) fn connected(&mut self, connection: &Rc<Connection>) {
        self.counters.connections_opened.add(1);
        connection.read_by(tcp::read(connection.clone(), self.context.clone()));
        connection.flush(&self.context);
    }

    /// The open connection of this number.
    pub(crate) fn find(&self, id: ConnectionId) -> Option<&Rc<Connection>> {
        self.open.get(&id)
    }

    /// A request on `connection` named `port` in its Via: requests to that port of the peer may take it, too.
    pub(crate) fn note_alias(&self, connection: &Connection, port: u16) {
        let alias = SocketAddr::new(connection.remote.ip(), port);
        if alias == connection.remote || connection.has_alias(port) {
            return;
        }
        if let Some(slot) = connection.free_alias()
            && self
                .directory
                .alias(connection.transport, alias, connection.id)
        {
            connection.set_alias(slot, port);
        }
    }

    /// No new messages go by the connection; it closes once what is owed is sent, or after `patience`.
    pub(crate) fn finish(
        &mut self,
        now: Instant,
        connection: &Connection,
        peer_ended: bool,
        patience: Duration,
    ) {
        self.retire(connection);
        let until = match connection.phase() {
            Phase::Finishing { until, .. } => until,
            Phase::Connecting | Phase::Open => now + patience,
        };
        connection.set_phase(Phase::Finishing { until, peer_ended });
        self.watch(connection, until);
    }

    /// Takes the connection out, whatever it is doing.
    pub(crate) fn close(&mut self, id: ConnectionId) -> Option<Closed> {
        let connection = self.open.remove(&id)?;
        self.deadlines.remove(&(connection.watched(), id));
        self.retire(&connection);
        self.directory.close(connection.remote.ip());
        match connection.phase() {
            Phase::Connecting => self.counters.connects_failed.add(1),
            Phase::Open | Phase::Finishing { .. } => self.counters.connections_closed.add(1),
        }
        let unsent = connection.end(&self.context);
        Some(Closed {
            flow: connection.flow(),
            unsent,
            borrowers: connection.borrowers(),
        })
    }

    /// A connection to close: silent for too long, or with a message that does not end.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<ConnectionId> {
        while self.poll_timeout().is_some_and(|at| at <= now) {
            let Some((_, id)) = self.deadlines.pop_first() else {
                break;
            };
            let Some(connection) = self.open.get(&id).cloned() else {
                continue;
            };
            let deadline = connection.deadline(&self.context.settings);
            if deadline <= now {
                self.counters.connections_timed_out.add(1);
                return Some(id);
            }
            self.watch(&connection, deadline);
        }
        None
    }

    /// A message has begun and not ended: looks at its connection in time.
    pub(crate) fn watch_message(&mut self, connection: &Connection) {
        let deadline = connection.deadline(&self.context.settings);
        if deadline < connection.watched() {
            self.watch(connection, deadline);
        }
    }

    /// When to call [`expire`](Self::expire).
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Whether nothing waits to be written.
    pub(crate) fn is_drained(&self) -> bool {
        self.open.values().all(|connection| connection.is_drained())
    }

    fn insert(
        &mut self,
        now: Instant,
        transport: Transport,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Rc<Connection>, Full> {
        let id = ConnectionId::new(self.worker, self.serial + 1);
        self.directory.open(transport, remote, id)?;
        self.serial += 1;
        let connection = Rc::new(Connection::new(id, transport, local, remote, now));
        self.open.insert(id, connection.clone());
        let deadline = connection.deadline(&self.context.settings);
        self.watch(&connection, deadline);
        Ok(connection)
    }

    fn watch(&mut self, connection: &Connection, at: Instant) {
        self.deadlines
            .remove(&(connection.watched(), connection.id));
        self.deadlines.insert((at, connection.id));
        connection.set_watched(at);
    }

    fn retire(&self, connection: &Connection) {
        let ip = connection.remote.ip();
        let aliases = connection
            .aliases()
            .map(move |port| SocketAddr::new(ip, port));
        let remotes = aliases.chain([connection.remote]);
        self.directory
            .retire(connection.transport, remotes, connection.id);
    }
}

fn unspecified(remote: SocketAddr) -> IpAddr {
    match remote {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// Takes connections in, for as long as the worker lives.
pub(crate) async fn accept(listener: tokio::net::TcpListener, context: Rc<Context>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                context.tell(|| tcp::Input::Accepted(stream, remote)).await;
            }
            Err(error) if is_about_the_peer(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: the peer waits in the backlog until some are free again.
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}
