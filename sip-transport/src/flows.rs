//! The connections of one worker: accepting, opening, reuse (RFC 5923), and closing those that are silent.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task;
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
#[cfg(feature = "tls")]
use rustls::pki_types::ServerName;
use sip_core::Transport;
use sip_transaction::{ConnectionId, Flow};

use crate::counters::Counters;
use crate::directory::{Directory, Full};
use crate::tcp::layers::{Layers, Wrapping};
use crate::tcp::opening;
use crate::tcp::poller::{Happening, Poller};
use crate::tcp::{Connection, Context, Phase};
use crate::worker::Owner;

/// What a closed connection leaves behind.
pub(crate) struct Closed {
    pub(crate) flow: Flow,
    /// Those whose messages did not leave any more.
    pub(crate) unsent: Vec<Owner>,
    /// Workers that sent by it.
    pub(crate) borrowers: u64,
}

/// Why a connection cannot be opened.
pub(crate) enum NotOpened {
    /// There are as many as there may be.
    Full,
    /// There is no way to the peer, or no socket to be had.
    Unreachable,
}

/// What a turn finds at the sockets.
pub(crate) enum Found {
    /// Peers opened connections.
    Peers(Knock),
    /// Datagrams came back to this socket.
    Returned(usize),
    /// Something happened at a connection.
    Connection(Rc<Connection>, Happening),
}

/// Where peers connect.
pub(crate) struct Listener {
    pub(crate) transport: Transport,
    pub(crate) socket: TcpListener,
    pub(crate) wrapping: Wrapping,
}

/// A listener where peers wait to be accepted.
pub(crate) struct Knock(usize);

/// The connections of one worker.
pub(crate) struct Flows {
    worker: u16,
    serial: u64,
    open: HashMap<ConnectionId, Rc<Connection>>,
    /// When to look at each of them. Using a connection leaves its deadline where it is; it is moved when it comes.
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    poller: Poller,
    listeners: Vec<Listener>,
    /// Connections to servers that show who they are; one address may serve many domains.
    #[cfg(feature = "tls")]
    servers: HashMap<(SocketAddr, ServerName<'static>), ConnectionId>,
    /// When to accept again, after there was no room for more.
    accept_again: Option<Instant>,
    directory: Arc<Directory>,
    context: Rc<Context>,
    counters: Arc<Counters>,
}

/// Connections accepted at one listener before others get their turn.
const ACCEPTED: usize = 64;

/// How long peers wait in the backlog when there are no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The numbers of listeners begin here, those of connections end before.
const LISTENERS: u64 = 1 << 63;

/// The numbers of sockets for datagrams begin here.
const DATAGRAMS: u64 = LISTENERS + (1 << 62);

impl Flows {
    /// The connections accepted at `listeners`, and those we open; in the current runtime.
    pub(crate) fn new(
        worker: u16,
        listeners: Vec<Listener>,
        directory: Arc<Directory>,
        context: Rc<Context>,
        counters: Arc<Counters>,
    ) -> io::Result<Flows> {
        let poller = Poller::new()?;
        for (listener, number) in listeners.iter().zip(LISTENERS..) {
            poller.watch(&listener.socket, number)?;
        }
        Ok(Flows {
            worker,
            serial: 0,
            open: HashMap::new(),
            deadlines: BTreeSet::new(),
            poller,
            listeners,
            #[cfg(feature = "tls")]
            servers: HashMap::new(),
            accept_again: None,
            directory,
            context,
            counters,
        })
    }

    /// The addresses where connections are accepted.
    pub(crate) fn listen_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        let addrs = self
            .listeners
            .iter()
            .map(|listener| listener.socket.local_addr());
        addrs.filter_map(Result::ok)
    }

    /// The next socket where something happened.
    pub(crate) fn poll_found(&mut self, cx: &mut task::Context<'_>) -> Poll<Found> {
        loop {
            let happening = ready!(self.poller.poll_next(cx));
            if happening.at >= DATAGRAMS {
                return Poll::Ready(Found::Returned((happening.at - DATAGRAMS) as usize));
            }
            if happening.at >= LISTENERS {
                let listener = (happening.at - LISTENERS) as usize;
                return Poll::Ready(Found::Peers(Knock(listener)));
            }
            let id = ConnectionId::new(self.worker, happening.at);
            // It may be closed by now.
            if let Some(connection) = self.open.get(&id) {
                return Poll::Ready(Found::Connection(connection.clone(), happening));
            }
        }
    }

    /// Tells of datagrams that come back to `socket`, the `i`-th.
    pub(crate) fn watch_returned(&self, socket: impl AsFd, i: usize) -> io::Result<()> {
        self.poller.watch_errors(socket, DATAGRAMS + i as u64)
    }

    /// Tells of them once more, after the others.
    pub(crate) fn returned_again(&mut self, i: usize) {
        self.tell_again(DATAGRAMS + i as u64);
    }

    /// Tells of `happening` again, after the others.
    pub(crate) fn look_again(&mut self, happening: Happening) {
        self.poller.look_again(happening);
    }

    /// Takes in connections that peers opened, or turns all of them away. Over the limits they are dropped at once.
    pub(crate) fn accept(&mut self, now: Instant, Knock(at): Knock, welcome: bool) {
        for _ in 0..ACCEPTED {
            let Some(listener) = self.listeners.get(at) else {
                return;
            };
            match opening::accept(&listener.socket) {
                Ok((stream, remote)) if welcome => self.take_in(now, at, stream, remote),
                Ok(_) => self.counters.connections_refused.add(1),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if opening::is_about_the_peer(&error) => {}
                Err(error) => {
                    // Out of descriptors or memory: the peers wait in the backlog until some are free again.
                    tracing::warn!(%error, "cannot accept connections");
                    self.accept_again = Some(now + ACCEPT_PAUSE);
                    return;
                }
            }
        }
        self.knock_again(at);
    }

    fn knock_again(&mut self, at: usize) {
        self.tell_again(LISTENERS + at as u64);
    }

    fn tell_again(&mut self, at: u64) {
        self.poller.look_again(Happening {
            at,
            readable: true,
            writable: false,
            ended: false,
        });
    }

    fn take_in(&mut self, now: Instant, at: usize, stream: TcpStream, remote: SocketAddr) {
        let Some(listener) = self.listeners.get(at) else {
            return;
        };
        let (transport, wrapped) = (listener.transport, listener.wrapping.wrap());
        let Ok(layers) = wrapped else {
            return self.counters.connections_refused.add(1);
        };
        let accepted = stream.local_addr();
        match accepted.map(|local| self.insert(now, transport, local, remote)) {
            Ok(Ok(connection)) => {
                self.counters.connections_accepted.add(1);
                layers
                    .into_iter()
                    .for_each(|layers| connection.wrap(layers));
                connection.open(now + self.context.settings.handshake_timeout);
                self.watch_deadline(&connection);
                if self.attach(&connection, stream).is_err() {
                    // The kernel watches no more sockets: the next look closes it.
                    self.watch(&connection, now);
                }
            }
            Ok(Err(Full)) => self.counters.connections_refused.add(1),
            Err(_reset_meanwhile) => self.counters.connections_closed.add(1),
        }
    }

    /// Begins to open a connection; what is sent before it is there waits.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        transport: Transport,
        from: Option<IpAddr>,
        remote: SocketAddr,
        layers: Option<Box<Layers>>,
    ) -> Result<Rc<Connection>, NotOpened> {
        let local = SocketAddr::new(from.unwrap_or(unspecified(remote)), 0);
        let inserted = self.insert(now, transport, local, remote);
        let connection = inserted.map_err(|Full| NotOpened::Full)?;
        layers
            .into_iter()
            .for_each(|layers| connection.wrap(layers));
        #[cfg(feature = "tls")]
        if let Some(domain) = connection.domain() {
            self.servers.insert((remote, domain), connection.id);
        }
        let opened = opening::connect(local, remote).and_then(|(stream, is_there)| {
            self.attach(&connection, stream)?;
            Ok(is_there)
        });
        match opened {
            Ok(true) if !connection.is_wrapped() => self.connected(now, &connection),
            // The poller tells, and the first words of a handshake are said then.
            Ok(_) => {}
            Err(_) => {
                self.close(connection.id);
                return Err(NotOpened::Unreachable);
            }
        }
        Ok(connection)
    }

    /// Goes on with a connection that is there now.
    pub(crate) fn connected(&mut self, now: Instant, connection: &Connection) {
        self.counters.connections_opened.add(1);
        connection.open(now + self.context.settings.handshake_timeout);
        connection.touch(now);
        self.watch_deadline(connection);
    }

    fn attach(&self, connection: &Connection, stream: TcpStream) -> io::Result<()> {
        let watched = self.poller.watch(&stream, connection.id.serial());
        connection.attach(stream);
        watched
    }

    /// The open connection of this number.
    pub(crate) fn find(&self, id: ConnectionId) -> Option<&Rc<Connection>> {
        self.open.get(&id)
    }

    /// The connection to the server of `domain` at an address.
    #[cfg(feature = "tls")]
    pub(crate) fn with_server(
        &self,
        remote: SocketAddr,
        domain: ServerName<'static>,
    ) -> Option<ConnectionId> {
        self.servers.get(&(remote, domain)).copied()
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
            Phase::ShakingHands { .. } => {
                self.counters.handshakes_failed.add(1);
                now + patience
            }
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
            Phase::ShakingHands { .. } => {
                self.counters.handshakes_failed.add(1);
                self.counters.connections_closed.add(1);
            }
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
        if self.accept_again.is_some_and(|at| at <= now) {
            self.accept_again = None;
            (0..self.listeners.len()).for_each(|at| self.knock_again(at));
        }
        while self.deadlines.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.deadlines.pop_first() else {
                break;
            };
            let Some(connection) = self.open.get(&id).cloned() else {
                continue;
            };
            let deadline = connection.deadline(&self.context.settings);
            if deadline <= now {
                if connection.phase() != Phase::Connecting {
                    self.counters.connections_timed_out.add(1);
                }
                return Some(id);
            }
            self.watch(&connection, deadline);
        }
        None
    }

    /// The handshake is over.
    pub(crate) fn shook_hands(&mut self, now: Instant, connection: &Connection) {
        self.counters.handshakes.add(1);
        connection.set_phase(Phase::Open);
        connection.touch(now);
    }

    /// A message or a handshake has begun and not ended: looks at its connection in time.
    pub(crate) fn watch_deadline(&mut self, connection: &Connection) {
        let deadline = connection.deadline(&self.context.settings);
        if deadline < connection.watched() {
            self.watch(connection, deadline);
        }
    }

    /// When to call [`expire`](Self::expire).
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let first = self.deadlines.first().map(|(at, _)| *at);
        first.into_iter().chain(self.accept_again).min()
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

    fn retire(&mut self, connection: &Connection) {
        #[cfg(feature = "tls")]
        if let Some(domain) = connection.domain() {
            let key = (connection.remote, domain);
            if self.servers.get(&key) == Some(&connection.id) {
                self.servers.remove(&key);
            }
        }
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
