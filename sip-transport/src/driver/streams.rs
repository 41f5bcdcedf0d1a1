//! What happens at connections: messages arrive, peers read again or end (RFC 3261 §18.3).

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use sip_core::{Frame, FrameError, Message, Method};
use sip_transaction::{Service, TransactionUser};

use super::{Driver, INPUTS};
use crate::flows::Found;
use crate::tcp::layers::Unwrapped;
use crate::tcp::poller::Happening;
use crate::tcp::{Connection, Framing, Phase};
use crate::{keepalive, via};

/// How long a peer that sent nonsense has to read what that is answered with.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(5);

impl<U, S> Driver<U, S>
where
    U: TransactionUser,
    U::Answer: 'static,
    S: Service<U::Query, U::Answer>,
{
    /// Takes what happened at connections. A turn takes so much and leaves the rest to the next.
    pub(super) fn poll_connections(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut taken = 0;
        while taken < INPUTS {
            let Poll::Ready(found) = self.flows.poll_found(cx) else {
                break;
            };
            taken += 1;
            match found {
                Found::Peers(knock) => {
                    let welcome = self.stopping.is_none();
                    self.flows.accept(self.now, knock, welcome);
                }
                Found::Returned(socket) => self.take_returned(socket),
                Found::Connection(connection, happening) => {
                    taken += self.look_at(&connection, happening);
                }
            }
            self.settle();
        }
        self.has_more |= taken >= INPUTS;
        match taken {
            0 => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }

    /// Does what can be done at a connection; says how many messages came.
    fn look_at(&mut self, connection: &Rc<Connection>, happening: Happening) -> usize {
        if connection.phase() == Phase::Connecting {
            match connection.is_connected() {
                Ok(true) => {
                    self.flows.connected(self.now, connection);
                    self.begin_handshake(connection);
                }
                Ok(false) => return 0,
                Err(_) => {
                    self.close(connection);
                    return 0;
                }
            }
        }
        if happening.writable && connection.flush(&self.context) {
            self.wind_up(connection);
        }
        match happening.readable && self.is_open(connection) {
            true if matches!(connection.phase(), Phase::ShakingHands { .. }) => {
                if !connection.wait_for_turn(true) {
                    self.handshakes.push_back((connection.clone(), happening));
                }
                0
            }
            true => self.read(connection, happening),
            false => 0,
        }
    }

    /// Reads one bufferful; says how many messages it completed.
    pub(super) fn read(&mut self, connection: &Rc<Connection>, happening: Happening) -> usize {
        let context = self.context.clone();
        let mut buffer = context.buffer.borrow_mut();
        let count = match connection.read(&mut buffer) {
            Ok(0) => {
                self.handle_end(connection);
                return 0;
            }
            Ok(count) => {
                context.counters.octets_received.add(count);
                count
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.flows.look_again(happening);
                return 0;
            }
            Err(_) => {
                self.close(connection);
                return 0;
            }
        };
        connection.touch(self.now);
        if count == buffer.len() || happening.ended {
            self.flows.look_again(happening);
        }
        // After nonsense it is read without looking, so that the peer gets to read our last words before the
        // connection is reset.
        if matches!(connection.phase(), Phase::Finishing { .. }) {
            return 0;
        }
        let received = buffer.get_mut(..count).unwrap_or_default();
        if connection.is_wrapped() {
            let mut unwrapped = Unwrapped::default();
            let progress = connection.unwrap_received(self.now, received, &mut unwrapped, &context);
            drop(buffer);
            return self.take_unwrapped(connection, unwrapped, progress);
        }
        let mut framing = connection.resume(&context);
        framing.push(received);
        drop(buffer);
        self.take_frames(connection, framing)
    }

    /// Takes what has arrived completely; says how many messages that were.
    pub(super) fn take_frames(
        &mut self,
        connection: &Rc<Connection>,
        mut framing: Box<Framing>,
    ) -> usize {
        let mut messages = 0;
        loop {
            match framing.next() {
                Ok(Some(Frame::Message(message))) => {
                    messages += 1;
                    self.counters.stream_messages.add(1);
                    self.handle_message(message, connection.flow(), Some(connection));
                }
                Ok(Some(Frame::Ping)) => {
                    self.counters.keepalives.add(1);
                    self.send_on(connection, keepalive::PONG, None);
                }
                Ok(Some(Frame::Pong)) => {}
                Ok(None) => break,
                Err(error) => {
                    self.handle_broken(connection, *error);
                    return messages;
                }
            }
            // We closed it ourselves: what else came is not worth a new connection for its answer.
            if !self.is_open(connection) {
                return messages;
            }
        }
        if connection.suspend(self.now, framing, &self.context) {
            self.flows.watch_deadline(connection);
        }
        messages
    }

    pub(super) fn is_open(&self, connection: &Connection) -> bool {
        self.flows.find(connection.id).is_some()
    }

    /// Answers what can be answered, and closes: where the next message would begin is anybody's guess (§18.3).
    fn handle_broken(&mut self, connection: &Rc<Connection>, error: FrameError) {
        let flow = connection.flow();
        self.flows.finish(self.now, connection, false, LAST_WORDS);
        match (error.message, error.flaw.status) {
            (Some(Message::Request(mut request)), Some(status))
                if *request.method() != Method::Ack =>
            {
                self.counters.flawed_answered.add(1);
                connection.owe();
                via::stamp(&mut request, flow.remote);
                self.refuse(&request, request.reply(status), flow);
                self.settle();
            }
            (Some(_), _) => self.counters.flawed_dropped.add(1),
            (None, _) => self.counters.garbage.add(1),
        }
        self.wind_up(connection);
    }

    /// The peer sends no more. What it asked before is still answered: it may have closed one direction only.
    pub(super) fn handle_end(&mut self, connection: &Rc<Connection>) {
        if matches!(
            connection.phase(),
            Phase::Finishing {
                peer_ended: true,
                ..
            }
        ) {
            return;
        }
        let patience = self.settings.timers.patience();
        self.flows.finish(self.now, connection, true, patience);
        self.wind_up(connection);
    }
}
