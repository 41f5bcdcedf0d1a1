//! One TLS connection: records in, octets out, and back. It holds keys, and what came of an incomplete record.

use std::sync::Arc;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::pki_types::ServerName;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedConnectionCommon,
    UnbufferedStatus, WriteTraffic,
};
use rustls::{ClientConfig, Error, ServerConfig};

/// What a record adds to the octets in it, at most (RFC 5246 §6.2.3, RFC 8446 §5.2).
const OVERHEAD: usize = 64;

/// Octets of SIP in one record, at most.
const FRAGMENT: usize = 16_384;

/// One end of a connection.
pub(crate) struct Session {
    side: Side,
    /// Begins with an incomplete record; empty most of the time.
    incoming: Vec<u8>,
    is_open: bool,
    /// The peer broke the rules; nothing more can be said.
    is_broken: bool,
    /// Of the server we connected to.
    domain: Option<ServerName<'static>>,
}

enum Side {
    Server(UnbufferedServerConnection),
    Client(UnbufferedClientConnection),
}

/// What came of a read.
#[derive(Default)]
pub(crate) struct Received {
    /// What the peer said.
    pub(crate) octets: Vec<u8>,
    /// Records for the peer.
    pub(crate) reply: Vec<u8>,
    /// The peer will say no more.
    pub(crate) ended: bool,
}

impl Session {
    /// For a peer that connected.
    pub(crate) fn server(config: Arc<ServerConfig>) -> Result<Session, Error> {
        let connection = UnbufferedServerConnection::new(config)?;
        Ok(Session::new(Side::Server(connection), None))
    }

    /// For a connection to the server of `domain`. The first records are there before anything is received.
    pub(crate) fn client(
        config: Arc<ClientConfig>,
        domain: ServerName<'static>,
    ) -> Result<Session, Error> {
        let connection = UnbufferedClientConnection::new(config, domain.clone())?;
        Ok(Session::new(Side::Client(connection), Some(domain)))
    }

    fn new(side: Side, domain: Option<ServerName<'static>>) -> Session {
        Session {
            side,
            incoming: Vec::new(),
            is_open: false,
            is_broken: false,
            domain,
        }
    }

    /// The handshake is over.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// A record has begun and not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// Whom we wanted to reach; `None` for who connected to us.
    pub(crate) fn domain(&self) -> Option<&ServerName<'static>> {
        self.domain.as_ref()
    }

    /// Takes what was received; what it comes to is added to `received`, an alert included.
    ///
    /// # Errors
    /// If the peer does not speak TLS, or not as it must, or is not who it should be. That is the end.
    pub(crate) fn receive(
        &mut self,
        octets: &mut [u8],
        received: &mut Received,
    ) -> Result<(), Error> {
        let outcome = if self.incoming.is_empty() {
            let outcome = self.advance(octets, received);
            if let (Ok(used), false) = (&outcome, received.ended) {
                let rest = octets.get(*used..).unwrap_or_default();
                self.incoming = rest.to_vec();
            }
            outcome
        } else {
            let mut incoming = std::mem::take(&mut self.incoming);
            incoming.extend_from_slice(octets);
            let outcome = self.advance(&mut incoming, received);
            if let (Ok(used), false) = (&outcome, received.ended) {
                incoming.drain(..*used);
                if !incoming.is_empty() {
                    self.incoming = incoming;
                }
            }
            outcome
        };
        self.is_broken = outcome.is_err();
        outcome.map(drop)
    }

    /// Adds the records that carry `octets`; false if no more can be sent.
    pub(crate) fn encrypt(&mut self, octets: &[u8], records: &mut Vec<u8>) -> bool {
        self.write(
            records,
            |traffic, room| traffic.encrypt(octets, room),
            octets.len(),
        )
    }

    /// Adds the record that says that we will send no more (RFC 8446 §6.1).
    pub(crate) fn part(&mut self, records: &mut Vec<u8>) {
        self.write(records, |traffic, room| traffic.close(room), 0);
    }

    fn write(
        &mut self,
        records: &mut Vec<u8>,
        fill: impl FnMut(&mut dyn Traffic, &mut [u8]) -> Result<usize, EncryptError>,
        octets: usize,
    ) -> bool {
        if self.is_broken || !self.is_open {
            return false;
        }
        let room = octets + OVERHEAD * (1 + octets / FRAGMENT);
        match &mut self.side {
            Side::Server(connection) => {
                write(&mut **connection, &mut self.incoming, records, fill, room)
            }
            Side::Client(connection) => {
                write(&mut **connection, &mut self.incoming, records, fill, room)
            }
        }
    }

    /// Says how many octets need not be kept.
    fn advance(&mut self, incoming: &mut [u8], received: &mut Received) -> Result<usize, Error> {
        let is_open = &mut self.is_open;
        match &mut self.side {
            Side::Server(connection) => advance(&mut **connection, incoming, received, is_open),
            Side::Client(connection) => advance(&mut **connection, incoming, received, is_open),
        }
    }
}

/// What both ends of a connection can do.
trait Records {
    type Data;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, Self::Data>;

    /// Whether records wait to be handed out.
    fn has_to_send(&self) -> bool;
}

impl Records for UnbufferedConnectionCommon<ServerConnectionData> {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ServerConnectionData> {
        self.process_tls_records(incoming)
    }

    fn has_to_send(&self) -> bool {
        self.wants_write()
    }
}

impl Records for UnbufferedConnectionCommon<ClientConnectionData> {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(
        &'c mut self,
        incoming: &'i mut [u8],
    ) -> UnbufferedStatus<'c, 'i, ClientConnectionData> {
        self.process_tls_records(incoming)
    }

    fn has_to_send(&self) -> bool {
        self.wants_write()
    }
}

/// A connection that takes octets to send.
trait Traffic {
    fn encrypt(&mut self, octets: &[u8], room: &mut [u8]) -> Result<usize, EncryptError>;
    fn close(&mut self, room: &mut [u8]) -> Result<usize, EncryptError>;
}

impl<D> Traffic for WriteTraffic<'_, D> {
    fn encrypt(&mut self, octets: &[u8], room: &mut [u8]) -> Result<usize, EncryptError> {
        WriteTraffic::encrypt(self, octets, room)
    }

    fn close(&mut self, room: &mut [u8]) -> Result<usize, EncryptError> {
        self.queue_close_notify(room)
    }
}

fn advance<C: Records>(
    connection: &mut C,
    incoming: &mut [u8],
    received: &mut Received,
    is_open: &mut bool,
) -> Result<usize, Error> {
    let mut used = 0;
    loop {
        let rest = incoming.get_mut(used..).unwrap_or_default();
        let UnbufferedStatus { mut discard, state } = connection.process(rest);
        let goes_on = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    let record = record?;
                    received.octets.extend_from_slice(record.payload);
                    discard += record.discard;
                }
                true
            }
            Ok(ConnectionState::PeerClosed) => {
                received.ended = true;
                true
            }
            Ok(ConnectionState::WriteTraffic(_)) => {
                *is_open = true;
                false
            }
            Ok(state) => answer(state, &mut received.reply)?,
            Err(error) => {
                let rest = incoming.get_mut(used..).unwrap_or_default();
                say_why(connection, rest, &mut received.reply);
                return Err(error);
            }
        };
        used += discard;
        if !goes_on {
            return Ok(used);
        }
    }
}

/// Takes what the connection itself has to say; whether it has more.
fn answer<D>(state: ConnectionState<'_, '_, D>, reply: &mut Vec<u8>) -> Result<bool, Error> {
    match state {
        ConnectionState::EncodeTlsData(mut data) => {
            append(reply, 0, |room| match data.encode(room) {
                Err(EncodeError::InsufficientSize(needed)) => Err(Some(needed)),
                other => other.map_err(|_| None),
            });
            Ok(true)
        }
        ConnectionState::TransmitTlsData(data) => {
            data.done();
            Ok(true)
        }
        ConnectionState::BlockedHandshake | ConnectionState::Closed => Ok(false),
        // Early data is not offered.
        _ => Err(Error::General("unexpected state".to_owned())),
    }
}

/// The alert that tells the peer what was wrong, and what was to be sent before it.
fn say_why<C: Records>(connection: &mut C, incoming: &mut [u8], reply: &mut Vec<u8>) {
    // All of it is handed out before anything is read. Asked once more, the connection would read what it has stumbled
    // over, and stumble again; without the octets it would index past their end.
    while connection.has_to_send() {
        let Ok(state) = connection.process(incoming).state else {
            return;
        };
        if answer(state, reply).is_err() {
            return;
        }
    }
}

fn write<C: Records>(
    connection: &mut C,
    incoming: &mut [u8],
    records: &mut Vec<u8>,
    mut fill: impl FnMut(&mut dyn Traffic, &mut [u8]) -> Result<usize, EncryptError>,
    room: usize,
) -> bool {
    loop {
        match connection.process(incoming).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                return append(records, room, |room| match fill(&mut traffic, room) {
                    Err(EncryptError::InsufficientSize(needed)) => Err(Some(needed)),
                    other => other.map_err(|_| None),
                });
            }
            Ok(state) => {
                if !matches!(answer(state, records), Ok(true)) {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
}

/// Has `fill` write behind what is there, into `room` octets or as many as it asks for; false if it cannot.
fn append(
    octets: &mut Vec<u8>,
    mut room: usize,
    mut fill: impl FnMut(&mut [u8]) -> Result<usize, Option<InsufficientSizeError>>,
) -> bool {
    let before = octets.len();
    loop {
        octets.resize(before + room, 0);
        match fill(octets.get_mut(before..).unwrap_or_default()) {
            Ok(written) => {
                octets.truncate(before + written);
                return true;
            }
            Err(Some(needed)) if needed.required_size > room => room = needed.required_size,
            Err(_) => {
                octets.truncate(before);
                return false;
            }
        }
    }
}
