//! Reading messages off a connection (RFC 3261 §18.3).

use std::io::{self, Read};
use std::time::Instant;

use sip_core::{Frame, FrameError, StreamFramer};

use super::{Connection, Context};

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

impl Connection {
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
