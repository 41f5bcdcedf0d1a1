//! Writing to a connection, and what waits until its peer reads.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::{Connection, Context, Input, Phase};
use crate::worker::Owner;

/// What waits until the peer reads.
#[derive(Default)]
pub(super) struct Output {
    waiting: VecDeque<Waiting>,
    octets: usize,
    writing: bool,
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
        self: &Rc<Self>,
        payload: &Bytes,
        owner: Option<Owner>,
        context: &Rc<Context>,
    ) -> Result<(), Refused> {
        let mut written = 0;
        if self.is_drained()
            && let Some(stream) = self.stream.get()
        {
            match stream.try_write(payload) {
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Refused::Gone),
            }
        }
        context.counters.octets_sent.add(written);
        if written < payload.len() {
            let payload = payload.slice(written..);
            self.enqueue(Waiting { payload, owner }, context)?;
            self.flush(context);
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

    /// Writes what waits, in a task of its own that ends when all is written.
    pub(crate) fn flush(self: &Rc<Self>, context: &Rc<Context>) {
        if self.stream.get().is_some()
            && let Some(output) = &mut *self.output.borrow_mut()
            && !output.writing
        {
            output.writing = true;
            spawn_local(write(self.clone(), context.clone()));
        }
    }

    /// Writes what the peer takes now; whether that was all.
    fn write_some(&self, stream: &TcpStream, context: &Context) -> io::Result<bool> {
        let mut output = self.output.borrow_mut();
        if let Some(output) = &mut *output {
            while let Some(first) = output.waiting.front_mut() {
                let written = match stream.try_write(&first.payload) {
                    Ok(written) => written,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    Err(error) => return Err(error),
                };
                context.counters.octets_sent.add(written);
                first.payload.advance(written);
                if first.payload.is_empty() {
                    output.waiting.pop_front();
                }
                output.octets -= written;
                context.directory.release(written);
            }
        }
        *output = None;
        Ok(true)
    }

    /// Ends the tasks and the stream; those whose messages did not leave come back.
    pub(crate) fn end(&self, context: &Context) -> Vec<Owner> {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        if let Some(stream) = self.stream.get() {
            // The writing task may hold the connection a little longer.
            let _ = SockRef::from(stream).shutdown(std::net::Shutdown::Both);
        }
        let Some(output) = self.output.take() else {
            return Vec::new();
        };
        context.directory.release(output.octets);
        let left = output.waiting.into_iter();
        left.filter_map(|left| left.owner).collect()
    }
}

/// Writes what waits, as fast as the peer reads.
async fn write(connection: Rc<Connection>, context: Rc<Context>) {
    let Some(stream) = connection.stream.get() else {
        return;
    };
    while poll_fn(|cx| stream.poll_write_ready(cx)).await.is_ok() {
        match connection.write_some(stream, &context) {
            Ok(true) => break,
            Ok(false) => {}
            // The reading task meets the end as well, and tells.
            Err(_) => return,
        }
    }
    if matches!(connection.phase(), Phase::Finishing { .. }) {
        context.tell(|| Input::Written(connection)).await;
    }
}
