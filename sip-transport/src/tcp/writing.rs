//! Writing to a connection, and what waits until its peer reads.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};

use bytes::{Buf, Bytes};

use super::{Connection, Context, Phase};
use crate::worker::Owner;

/// What waits until the peer reads.
#[derive(Default)]
pub(super) struct Output {
    waiting: VecDeque<Waiting>,
    octets: usize,
}

struct Waiting {
    payload: Bytes,
    owner: Option<Owner>,
}

/// Why a message does not leave by a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The connection is gone.
    Gone,
    /// The peer reads too slowly.
    Slow,
}

impl Connection {
    /// Sends `payload`, or lets it wait for a peer that does not read fast enough.
    pub(crate) fn send(
        &self,
        payload: &Bytes,
        owner: Option<Owner>,
        context: &Context,
    ) -> Result<(), Refused> {
        let mut written = 0;
        if self.is_drained()
            && let Some(stream) = self.open_stream()
        {
            match write(stream, payload) {
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Refused::Gone),
            }
        }
        context.counters.octets_sent.add(written);
        if written < payload.len() {
            let payload = payload.slice(written..);
            self.enqueue(Waiting { payload, owner }, context)?;
        }
        Ok(())
    }

    fn enqueue(&self, waiting: Waiting, context: &Context) -> Result<(), Refused> {
        let mut output = self.output.borrow_mut();
        let (octets, before) = (
            waiting.payload.len(),
            output.as_ref().map_or(0, |output| output.octets),
        );
        // One message always has room, be it larger than the queue.
        let fits = before == 0 || before + octets <= context.settings.write_queue;
        if !fits || !context.directory.reserve(octets) {
            return Err(Refused::Slow);
        }
        let output = output.get_or_insert_default();
        output.octets += octets;
        output.waiting.push_back(waiting);
        Ok(())
    }

    /// Writes what waits, as far as the peer takes it now; true if that was all of it.
    pub(crate) fn flush(&self, context: &Context) -> bool {
        let mut waiting = self.output.borrow_mut();
        let (Some(output), Some(stream)) = (&mut *waiting, self.open_stream()) else {
            return false;
        };
        while let Some(first) = output.waiting.front_mut() {
            // An error shows in reading as well, where the connection ends.
            let Ok(written) = write(stream, &first.payload) else {
                return false;
            };
            context.counters.octets_sent.add(written);
            first.payload.advance(written);
            if first.payload.is_empty() {
                output.waiting.pop_front();
            }
            output.octets -= written;
            context.directory.release(written);
        }
        *waiting = None;
        true
    }

    fn open_stream(&self) -> Option<&TcpStream> {
        let is_open = self.phase() != Phase::Connecting;
        self.stream.get().filter(|_| is_open)
    }

    /// Ends the stream; those whose messages did not leave come back.
    pub(crate) fn end(&self, context: &Context) -> Vec<Owner> {
        if let Some(stream) = self.stream.get() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let Some(output) = self.output.take() else {
            return Vec::new();
        };
        context.directory.release(output.octets);
        let left = output.waiting.into_iter();
        left.filter_map(|left| left.owner).collect()
    }
}

fn write(mut stream: &TcpStream, payload: &[u8]) -> io::Result<usize> {
    loop {
        match stream.write(payload) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
