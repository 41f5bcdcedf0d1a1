//! Connections with TLS or WebSocket around them: handshakes, and what comes through (RFC 3261 §26.2.1, RFC 7118 §5).

use std::rc::Rc;

use bytes::Bytes;
use sip_core::parse_message;
use sip_transaction::{Service, TransactionUser};

use super::Driver;
use super::streams::LAST_WORDS;
use crate::keepalive;
use crate::tcp::layers::Unwrapped;
use crate::tcp::{Connection, Phase, Progress, Refused};

/// Steps of handshakes that one turn takes: a signature takes as long as a hundred messages, and whoever is connected
/// already does not wait for those who want to be.
const HANDSHAKES: usize = 8;

impl<U, S> Driver<U, S>
where
    U: TransactionUser,
    U::Answer: 'static,
    S: Service<U::Query, U::Answer>,
{
    /// Goes on with some of the handshakes whose peers have said something; whether there were any.
    pub(super) fn shake_hands(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..HANDSHAKES {
            let Some((connection, mut happening)) = self.handshakes.pop_front() else {
                break;
            };
            worked = true;
            connection.wait_for_turn(false);
            // What happened while it waited was not told again: it may have ended.
            happening.ended = true;
            // It may be closed by now.
            if self.is_open(&connection) {
                self.read(&connection, happening);
                self.settle();
            }
        }
        self.has_more |= !self.handshakes.is_empty();
        worked
    }

    /// Says the first words of a handshake that is ours to begin.
    pub(super) fn begin_handshake(&mut self, connection: &Rc<Connection>) {
        if connection.is_wrapped() {
            let (context, mut unwrapped) = (self.context.clone(), Unwrapped::default());
            let progress = connection.unwrap_received(self.now, &mut [], &mut unwrapped, &context);
            self.take_unwrapped(connection, unwrapped, progress);
        }
    }

    /// Takes what came through the layers; says how many messages that were.
    pub(super) fn take_unwrapped(
        &mut self,
        connection: &Rc<Connection>,
        unwrapped: Unwrapped,
        progress: Progress,
    ) -> usize {
        let context = self.context.clone();
        if !unwrapped.reply.is_empty() {
            let sent = connection.send_slice(&unwrapped.reply, None, &context);
            if let Err(refused) = sent {
                self.give_up(connection, refused);
                return 0;
            }
        }
        if progress.is_ready {
            self.flows.shook_hands(self.now, connection);
            if let Err((refused, owner)) = connection.send_waiting(&context) {
                self.give_up(connection, refused);
                self.fail(owner);
                return 0;
            }
        }
        if progress.has_begun {
            self.flows.watch_deadline(connection);
        }
        let messages = match progress.apart {
            true => self.take_messages(connection, unwrapped.messages),
            false if unwrapped.octets.is_empty() => 0,
            false => {
                let mut framing = connection.resume(&context);
                framing.push(&unwrapped.octets);
                self.take_frames(connection, framing)
            }
        };
        if !self.is_open(connection) {
            return messages;
        }
        if progress.outcome.is_err() {
            self.handle_broken_layer(connection);
        } else if unwrapped.ended {
            self.handle_end(connection);
        }
        messages
    }

    /// Takes messages that came one by one (RFC 7118 §5); says how many.
    fn take_messages(&mut self, connection: &Rc<Connection>, messages: Vec<Bytes>) -> usize {
        let count = messages.len();
        for bytes in messages {
            if bytes.is_empty() || bytes == keepalive::PONG {
                continue;
            }
            if keepalive::is_filler(&bytes) {
                self.counters.keepalives.add(1);
                self.send_on(connection, keepalive::PONG, None);
            } else {
                self.counters.stream_messages.add(1);
                match parse_message(bytes, &self.settings.limits) {
                    Ok(message) => {
                        self.handle_message(message, connection.flow(), Some(connection))
                    }
                    Err(_) => self.counters.garbage.add(1),
                }
            }
            if !self.is_open(connection) {
                break;
            }
        }
        count
    }

    /// The peer does not speak the protocol: lets it read why, and closes.
    fn handle_broken_layer(&mut self, connection: &Rc<Connection>) {
        if connection.phase() == Phase::Open {
            self.counters.garbage.add(1);
        }
        let context = self.context.clone();
        // What waited for the end of the handshake has failed by now.
        while let Some(owner) = connection.drop_waiting(&context) {
            self.fail(owner);
        }
        self.flows.finish(self.now, connection, false, LAST_WORDS);
        self.wind_up(connection);
    }

    fn give_up(&mut self, connection: &Rc<Connection>, refused: Refused) {
        if refused == Refused::Slow {
            self.counters.slow_readers.add(1);
        }
        self.close(connection);
    }
}
