//! What a worker counts, for whoever watches over the server.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows. One worker writes it, anyone reads it.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// How many so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Its one writer needs no locked addition.
    pub(crate) fn add(&self, count: usize) {
        let sum = self.value().wrapping_add(count as u64);
        self.0.store(sum, Ordering::Relaxed);
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What one worker has seen since it started.
        #[derive(Debug, Default)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Counters {
            /// Each counter with its name, in the order of the structure.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
                [$((stringify!($name), self.$name.value()),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Datagrams taken from the kernel.
    datagrams_received,
    /// Datagrams given to the kernel.
    datagrams_sent,
    /// Datagrams the kernel refused, or that found the queue full.
    datagrams_lost,
    /// Datagrams that came back by ICMP, or of which it said something.
    datagrams_returned,
    /// Messages read from connections.
    stream_messages,
    /// Octets of SIP taken from the kernel: payload of datagrams, and what connections brought.
    octets_received,
    /// Octets of SIP given to the kernel.
    octets_sent,
    /// Keep-alives: CRLF on connections, datagrams of blanks or zeroes.
    keepalives,
    /// Input that is no SIP at all, dropped in silence.
    garbage,
    /// Requests with a flaw, answered with the status it deserves.
    flawed_answered,
    /// Messages with a flaw, dropped: responses, ACKs, and what cannot be answered.
    flawed_dropped,
    /// Messages given to the worker that owns their transaction or connection.
    handed_over,
    /// Messages lost since the owner's queue was full.
    handover_lost,
    /// Connections accepted.
    connections_accepted,
    /// Connections refused for a limit.
    connections_refused,
    /// Connections opened to peers.
    connections_opened,
    /// Attempts to connect that failed.
    connects_failed,
    /// Connections that ended, in whatever way.
    connections_closed,
    /// Handshakes of TLS and WebSocket that came to an end.
    handshakes,
    /// Handshakes that failed, or took too long.
    handshakes_failed,
    /// Connections closed since the peer read too slowly.
    slow_readers,
    /// Connections closed since a message did not end in time, or nothing was said for too long.
    connections_timed_out,
    /// Messages that could not be sent.
    send_failures,
    /// Queries that had to wait for their answer.
    queries_waited,
    /// Queries dropped since too many waited.
    queries_refused,
    /// Requests refused with 503 while stopping.
    refused_stopping,
    /// Requests refused with 503 while the worker was behind.
    refused_overload,
}
