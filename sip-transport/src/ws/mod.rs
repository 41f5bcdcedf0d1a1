//! WebSocket under SIP (RFC 7118): the upgrade, then one SIP message in each message.

mod frames;
mod upgrade;

use std::sync::Arc;

use bytes::Bytes;

use frames::Frames;
use upgrade::Upgrade;

/// Who may speak SIP over WebSocket.
///
/// ```
/// use sip_transport::{Bind, WsConfig};
///
/// let ws = WsConfig::default().origins(["https://phone.example.com"]);
/// let bind = Bind::udp("0.0.0.0:5060").and_ws("0.0.0.0:8080", ws);
/// ```
#[derive(Clone, Debug, Default)]
pub struct WsConfig {
    origins: Option<Arc<[String]>>,
}

impl WsConfig {
    /// Only scripts of these pages may connect, named as browsers do in `Origin`: `https://phone.example.com`
    /// (RFC 6455 §10.2). Default: scripts of any page. Programs that are no browser name no origin, and may connect
    /// in either case.
    #[must_use]
    pub fn origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> WsConfig {
        self.origins = Some(origins.into_iter().map(Into::into).collect());
        self
    }

    fn allows(&self, origin: &[u8]) -> bool {
        let is_it = |allowed: &String| allowed.as_bytes().eq_ignore_ascii_case(origin);
        self.origins
            .as_ref()
            .is_none_or(|origins| origins.iter().any(is_it))
    }
}

/// The server's end of one connection. An open one that is idle holds no buffer.
pub(crate) enum Session {
    Upgrading(Upgrade),
    Open(Frames),
    /// Whatever comes is not looked at.
    Over,
}

/// What came of a read.
#[derive(Default)]
pub(crate) struct Received {
    /// What the peer said, message by message.
    pub(crate) messages: Vec<Bytes>,
    /// Octets for the peer.
    pub(crate) reply: Vec<u8>,
    /// The peer will say no more.
    pub(crate) ended: bool,
}

/// The peer does not speak WebSocket, or not as it must; the reply says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Session {
    pub(crate) fn new(config: WsConfig) -> Session {
        Session::Upgrading(Upgrade::new(config))
    }

    /// The upgrade is over.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self, Session::Upgrading(_))
    }

    /// A message has begun and not ended.
    pub(crate) fn is_under_way(&self) -> bool {
        match self {
            Session::Open(frames) => frames.is_under_way(),
            Session::Upgrading(_) | Session::Over => false,
        }
    }

    /// Takes what was received; `bound` is how many octets a message may have.
    pub(crate) fn receive(
        &mut self,
        octets: &[u8],
        bound: usize,
        received: &mut Received,
    ) -> Result<(), Broken> {
        let outcome = match self {
            Session::Upgrading(upgrade) => match upgrade.receive(octets, &mut received.reply) {
                Ok(None) => Ok(()),
                Ok(Some(rest)) => {
                    let mut frames = Frames::default();
                    let outcome = frames.receive(&rest, bound, received);
                    *self = Session::Open(frames);
                    outcome
                }
                Err(broken) => Err(broken),
            },
            Session::Open(frames) => frames.receive(octets, bound, received),
            Session::Over => Ok(()),
        };
        if outcome.is_err() || received.ended {
            *self = Session::Over;
        }
        outcome
    }

    /// Adds the frame that carries `message`; false if no more can be sent.
    pub(crate) fn encode(&self, message: &[u8], octets: &mut Vec<u8>) -> bool {
        let is_open = matches!(self, Session::Open(_));
        if is_open {
            frames::write_message(message, octets);
        }
        is_open
    }

    /// Adds the frame that says that we will send no more (RFC 6455 §5.5.1).
    pub(crate) fn part(&mut self, octets: &mut Vec<u8>) {
        if matches!(self, Session::Open(_)) {
            frames::write_close(frames::GOING_AWAY, octets);
            *self = Session::Over;
        }
    }
}
