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

pub(super) struct Waiting {
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
    /// Sends a message of SIP, or lets it wait for a peer that is not ready, or does not read fast enough.
    pub(crate) fn send(
        &self,
        message: &Bytes,
        owner: Option<Owner>,
        context: &Context,
    ) -> Result<(), Refused> {
        if !self.is_wrapped() {
            return self.send_octets(message, owner, context);
        }
        if matches!(self.phase(), Phase::Connecting | Phase::ShakingHands { .. }) {
            return self.send_early(message, owner, context);
        }
        let mut octets = context.outgoing.take();
        octets.clear();
        let encoded = {
            let mut layers = self.layers.borrow_mut();
            layers
                .as_mut()
                .is_some_and(|layers| layers.encode(message, &mut octets))
        };
        let sent = match encoded {
            true => self.send_slice(&octets, owner, context),
            false => Err(Refused::Gone),
        };
        context.outgoing.set(octets);
        sent
    }

    /// Keeps a message for when the peer is ready.
    fn send_early(
        &self,
        message: &Bytes,
        owner: Option<Owner>,
        context: &Context,
    ) -> Result<(), Refused> {
        let mut layers = self.layers.borrow_mut();
        let Some(layers) = layers.as_mut() else {
            return Err(Refused::Gone);
        };
        let (before, octets) = (layers.early_octets, message.len());
        let fits = before == 0 || before + octets <= context.settings.write_queue;
        if !fits || !context.directory.reserve(octets) {
            return Err(Refused::Slow);
        }
        layers.early_octets += octets;
        layers.early.push_back(Waiting {
            payload: message.clone(),
            owner,
        });
        Ok(())
    }

    /// The peer is ready: sends what waited for that. What comes back did not leave, and is the last to be tried.
    pub(crate) fn send_waiting(&self, context: &Context) -> Result<(), (Refused, Option<Owner>)> {
        while let Some(Waiting { payload, owner }) = self.next_early(context) {
            self.send(&payload, owner, context)
                .map_err(|refused| (refused, owner))?;
        }
        Ok(())
    }

    /// Drops a message that waits for the peer to be ready, if there is one: whose it was.
    pub(crate) fn drop_waiting(&self, context: &Context) -> Option<Option<Owner>> {
        self.next_early(context).map(|waiting| waiting.owner)
    }

    fn next_early(&self, context: &Context) -> Option<Waiting> {
        let mut layers = self.layers.borrow_mut();
        let layers = layers.as_mut()?;
        let waiting = layers.early.pop_front()?;
        layers.early_octets -= waiting.payload.len();
        context.directory.release(waiting.payload.len());
        Some(waiting)
    }

    /// Says, once, that we will send no more.
    pub(super) fn part(&self) {
        let octets = match self.layers.borrow_mut().as_mut() {
            Some(layers) => layers.part(),
            None => return,
        };
        // A peer that reads too slowly for this little misses nothing but the word.
        if let Some(stream) = self.open_stream()
            && self.is_drained()
            && !octets.is_empty()
        {
            let _ = write(stream, &octets);
        }
    }

    /// Sends octets of a layer.
    pub(crate) fn send_slice(
        &self,
        octets: &[u8],
        owner: Option<Owner>,
        context: &Context,
    ) -> Result<(), Refused> {
        let written = self.write_now(octets, context)?;
        match octets.get(written..) {
            Some(rest) if !rest.is_empty() => {
                let payload = Bytes::copy_from_slice(rest);
                self.enqueue(Waiting { payload, owner }, context)
            }
            _ => Ok(()),
        }
    }

    fn send_octets(
        &self,
        payload: &Bytes,
        owner: Option<Owner>,
        context: &Context,
    ) -> Result<(), Refused> {
        let written = self.write_now(payload, context)?;
        if written < payload.len() {
            let payload = payload.slice(written..);
            self.enqueue(Waiting { payload, owner }, context)?;
        }
        Ok(())
    }

    /// Writes what the peer takes at once, if nothing waits already; how many octets that were.
    fn write_now(&self, octets: &[u8], context: &Context) -> Result<usize, Refused> {
        let Some(stream) = self
            .open_stream()
            .filter(|_| self.output.borrow().is_none())
        else {
            return Ok(0);
        };
        match write(stream, octets) {
            Ok(written) => {
                context.counters.octets_sent.add(written);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(_) => Err(Refused::Gone),
        }
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
        self.part();
        if let Some(stream) = self.stream.get() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let output = self.output.take().unwrap_or_default();
        let layers = self.layers.take().unwrap_or_default();
        context
            .directory
            .release(output.octets + layers.early_octets);
        let left = output.waiting.into_iter().chain(layers.early);
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
