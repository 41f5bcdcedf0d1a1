//! Reading messages off a connection (RFC 3261 §18.3).

use std::io::{self, Read};
use std::time::Instant;

use sip_core::{Frame, FrameError, StreamFramer};

use super::layers::{Broken, Unwrapped};
use super::{Connection, Context, Phase};

/// What is under way on a connection; an idle one has none.
pub(crate) struct Framing {
    framer: StreamFramer,
    /// Since when a message is incomplete.
    pub(super) incomplete_since: Option<Instant>,
    half_ping: bool,
}

impl Framing {
    fn new(context: &Context) -> Framing {
        Framing {
            framer: StreamFramer::new(context.limits.clone()),
            incomplete_since: None,
            half_ping: false,
        }
    }

    pub(crate) fn push(&mut self, received: &[u8]) {
        self.framer.push(received);
    }

    /// The next thing that has arrived completely.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Box<FrameError>> {
        let frame = self.framer.next().map_err(Box::new)?;
        if let Some(frame) = &frame {
            self.half_ping = matches!(frame, Frame::Pong);
            self.incomplete_since = None;
        }
        Ok(frame)
    }

    fn is_under_way(&self) -> bool {
        !self.framer.is_idle() || self.half_ping
    }
}

/// What a read through layers came to.
pub(crate) struct Progress {
    pub(crate) outcome: Result<(), Broken>,
    /// The peer is ready for SIP since this read.
    pub(crate) is_ready: bool,
    /// A record or a message has just begun, and is incomplete.
    pub(crate) has_begun: bool,
    /// Messages come one by one, not as a stream.
    pub(crate) apart: bool,
}

impl Connection {
    /// Takes what was read through TLS and WebSocket.
    pub(crate) fn unwrap_received(
        &self,
        now: Instant,
        octets: &mut [u8],
        unwrapped: &mut Unwrapped,
        context: &Context,
    ) -> Progress {
        let mut layers = self.layers.borrow_mut();
        let Some(layers) = layers.as_mut() else {
            return Progress {
                outcome: Err(Broken),
                is_ready: false,
                has_begun: false,
                apart: false,
            };
        };
        let outcome = layers.receive(octets, context.limits.max_message, unwrapped);
        let has_come = !unwrapped.octets.is_empty() || !unwrapped.messages.is_empty();
        if has_come || !layers.is_under_way() {
            layers.incomplete_since = None;
        }
        let has_begun = layers.is_under_way() && layers.incomplete_since.is_none();
        if has_begun {
            layers.incomplete_since = Some(now);
        }
        let is_shaking_hands = matches!(self.phase(), Phase::ShakingHands { .. });
        Progress {
            is_ready: outcome.is_ok() && is_shaking_hands && layers.is_open(),
            outcome,
            has_begun,
            apart: layers.keep_messages_apart(),
        }
    }

    /// Reads what has arrived into the buffer that all connections share.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut stream = self.stream.get().ok_or(io::ErrorKind::NotConnected)?;
        stream.read(buffer)
    }

    /// Goes on with what is under way, or begins.
    pub(crate) fn resume(&self, context: &Context) -> Box<Framing> {
        let framing = self.framing.take().or_else(|| context.spare.take());
        framing.unwrap_or_else(|| Box::new(Framing::new(context)))
    }

    /// Keeps what is incomplete; whether a message has just begun, and is.
    pub(crate) fn suspend(
        &self,
        now: Instant,
        mut framing: Box<Framing>,
        context: &Context,
    ) -> bool {
        if !framing.is_under_way() {
            framing.incomplete_since = None;
            context.spare.set(Some(framing));
            return false;
        }
        let has_begun = !framing.framer.is_idle() && framing.incomplete_since.is_none();
        if has_begun {
            framing.incomplete_since = Some(now);
        }
        self.framing.replace(Some(framing));
        has_begun
    }
}
