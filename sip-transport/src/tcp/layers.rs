//! What lies between a connection and SIP: TLS, WebSocket, one over the other, or nothing.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::writing::Waiting;
#[cfg(feature = "tls")]
use crate::tls::{self, TlsConfig};
#[cfg(feature = "ws")]
use crate::ws::{self, WsConfig};

/// What the connections of a listener are wrapped in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wrapping {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsConfig>,
    #[cfg(feature = "ws")]
    pub(crate) ws: Option<WsConfig>,
}

/// The wrapping of one connection.
#[derive(Default)]
pub(crate) struct Layers {
    #[cfg(feature = "tls")]
    tls: Option<tls::session::Session>,
    #[cfg(feature = "ws")]
    ws: Option<ws::Session>,
    /// What is to be sent once the peer is ready for it.
    pub(super) early: VecDeque<Waiting>,
    pub(super) early_octets: usize,
    /// Since when a record or a message is incomplete.
    pub(super) incomplete_since: Option<Instant>,
    parted: bool,
    /// A step of the handshake waits for its turn.
    pub(super) waits_for_turn: bool,
}

/// What came of a read.
#[derive(Default)]
pub(crate) struct Unwrapped {
    /// The stream of SIP, where a stream it is.
    pub(crate) octets: Vec<u8>,
    /// Its messages, where each comes on its own.
    pub(crate) messages: Vec<Bytes>,
    /// Octets for the peer that are none of SIP.
    pub(crate) reply: Vec<u8>,
    /// The peer will send no more.
    pub(crate) ended: bool,
}

/// The peer does not keep to the rules of a layer; that is the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Wrapping {
    #[cfg(feature = "tls")]
    pub(crate) fn tls(config: TlsConfig) -> Wrapping {
        Wrapping {
            tls: Some(config),
            #[cfg(feature = "ws")]
            ws: None,
        }
    }

    #[cfg(feature = "ws")]
    pub(crate) fn ws(config: WsConfig) -> Wrapping {
        Wrapping {
            #[cfg(feature = "tls")]
            tls: None,
            ws: Some(config),
        }
    }

    /// For a peer that connected; nothing for a bare connection.
    pub(crate) fn wrap(&self) -> Result<Option<Box<Layers>>, Broken> {
        #[allow(unused_mut)]
        let mut layers = None::<Box<Layers>>;
        #[cfg(feature = "tls")]
        if let Some(config) = &self.tls {
            let config = config.server(self.is_websocket());
            let session = tls::session::Session::server(config).map_err(|_| Broken)?;
            layers.get_or_insert_default().tls = Some(session);
        }
        #[cfg(feature = "ws")]
        if let Some(config) = &self.ws {
            layers.get_or_insert_default().ws = Some(ws::Session::new(config.clone()));
        }
        Ok(layers)
    }

    #[cfg(feature = "tls")]
    fn is_websocket(&self) -> bool {
        #[cfg(feature = "ws")]
        return self.ws.is_some();
        #[cfg(not(feature = "ws"))]
        false
    }
}

impl Layers {
    /// For a connection to the server of `domain`.
    #[cfg(feature = "tls")]
    pub(crate) fn to_server(
        config: &TlsConfig,
        domain: rustls::pki_types::ServerName<'static>,
    ) -> Option<Box<Layers>> {
        let session = tls::session::Session::client(config.client(), domain).ok()?;
        Some(Box::new(Layers {
            tls: Some(session),
            ..Layers::default()
        }))
    }

    /// SIP can be spoken.
    pub(crate) fn is_open(&self) -> bool {
        #[allow(unused_mut)]
        let mut is_open = true;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            is_open &= tls.is_open();
        }
        #[cfg(feature = "ws")]
        if let Some(ws) = &self.ws {
            is_open &= ws.is_open();
        }
        is_open
    }

    /// A record or a message has begun and not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        #[allow(unused_mut)]
        let mut is_under_way = false;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            is_under_way |= tls.is_under_way();
        }
        #[cfg(feature = "ws")]
        if let Some(ws) = &self.ws {
            is_under_way |= ws.is_under_way();
        }
        is_under_way
    }

    /// The domain whose server we connected to.
    #[cfg(feature = "tls")]
    pub(crate) fn domain(&self) -> Option<&rustls::pki_types::ServerName<'static>> {
        self.tls.as_ref()?.domain()
    }

    /// Takes what was received; a message of SIP may have `bound` octets. What comes of it is added to `unwrapped`,
    /// even when it is the end.
    #[allow(unused_variables, unused_mut)]
    pub(crate) fn receive(
        &mut self,
        octets: &mut [u8],
        bound: usize,
        unwrapped: &mut Unwrapped,
    ) -> Result<(), Broken> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let mut received = tls::session::Received {
                octets: std::mem::take(&mut unwrapped.octets),
                reply: std::mem::take(&mut unwrapped.reply),
                ended: false,
            };
            let outcome = tls.receive(octets, &mut received);
            (unwrapped.octets, unwrapped.reply) = (received.octets, received.reply);
            unwrapped.ended |= received.ended;
            if let Err(error) = outcome {
                tracing::debug!(%error, "TLS failed");
                return Err(Broken);
            }
            #[cfg(feature = "ws")]
            if let Some(ws) = &mut self.ws {
                let mut answer = Vec::new();
                let octets = std::mem::take(&mut unwrapped.octets);
                let outcome = speak_websocket(ws, &octets, bound, unwrapped, &mut answer);
                if !answer.is_empty() {
                    tls.encrypt(&answer, &mut unwrapped.reply);
                }
                return outcome;
            }
            return Ok(());
        }
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            let mut answer = Vec::new();
            let outcome = speak_websocket(ws, octets, bound, unwrapped, &mut answer);
            unwrapped.reply.append(&mut answer);
            return outcome;
        }
        Ok(())
    }

    /// Whether messages come one by one, not as a stream.
    pub(crate) fn keep_messages_apart(&self) -> bool {
        #[cfg(feature = "ws")]
        return self.ws.is_some();
        #[cfg(not(feature = "ws"))]
        false
    }

    /// Adds the octets that carry `message`; false if no more can be sent.
    #[allow(unused_variables, clippy::ptr_arg)]
    pub(crate) fn encode(&mut self, message: &[u8], octets: &mut Vec<u8>) -> bool {
        #[cfg(feature = "ws")]
        if let Some(ws) = &self.ws {
            #[cfg(feature = "tls")]
            if let Some(tls) = &mut self.tls {
                let mut frame = Vec::with_capacity(message.len() + 16);
                return ws.encode(message, &mut frame) && tls.encrypt(&frame, octets);
            }
            return ws.encode(message, octets);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.encrypt(message, octets);
        }
        false
    }

    /// What says, once, that we will send no more.
    pub(crate) fn part(&mut self) -> Vec<u8> {
        #[allow(unused_mut)]
        let mut octets = Vec::new();
        if std::mem::replace(&mut self.parted, true) {
            return octets;
        }
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            ws.part(&mut octets);
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let frame = std::mem::take(&mut octets);
            if !frame.is_empty() {
                tls.encrypt(&frame, &mut octets);
            }
            tls.part(&mut octets);
        }
        octets
    }
}

#[cfg(feature = "ws")]
fn speak_websocket(
    session: &mut ws::Session,
    octets: &[u8],
    bound: usize,
    unwrapped: &mut Unwrapped,
    answer: &mut Vec<u8>,
) -> Result<(), Broken> {
    let mut received = ws::Received::default();
    let outcome = session.receive(octets, bound, &mut received);
    unwrapped.messages.append(&mut received.messages);
    unwrapped.ended |= received.ended;
    answer.append(&mut received.reply);
    outcome.map_err(|ws::Broken| Broken)
}
