//! Everything that can be set, with its unit, default and reason.

use std::time::Duration;

use sip_core::Limits;
use sip_transaction::Timers;

/// How a server behaves; [`Default`] suits a public server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What a message may measure, at most.
    pub limits: Limits,
    /// T1, T2 and T4 (RFC 3261 §17.1.1.1).
    pub timers: Timers,
    /// Whether users are told what transactions do by themselves
    /// ([`Config::tell_repetitions`](sip_transaction::Config::tell_repetitions)). Default: no.
    pub tell_repetitions: bool,
    /// How long a server that was told to stop works on what is under way. Default: 5 s.
    pub drain: Duration,
    /// Queries of one worker that may wait for an answer at a time. Default: 10,000.
    pub waiting_queries: usize,
    /// Messages that may wait for each worker in its queue from the others. Default: 4,096.
    pub handover_queue: usize,
    /// What concerns datagrams.
    pub udp: UdpSettings,
    /// What concerns connections.
    pub stream: StreamSettings,
}

/// How datagrams are handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UdpSettings {
    /// The kernel's buffer for datagrams not read yet, in octets for each socket; the system may allow less
    /// (`net.core.rmem_max`). Default: 4 MiB.
    pub receive_buffer: usize,
    /// Datagrams of one socket that may wait while the kernel takes no more. Default: 1,024.
    pub send_queue: usize,
    /// How long a worker may sleep between two batches, at most, while so many datagrams come that each sleep gathers
    /// several: it adds up to so much to their delay, and takes half of what they cost. Below 10,000 a second nothing
    /// is delayed. Zero never sleeps. Default: 250 µs.
    pub pause: Duration,
    /// How long datagrams may wait in the kernel until a worker takes them. While they wait longer, it refuses part of
    /// what is new with 503 and Retry-After: no message of a dialog, no emergency call (`urn:service:sos`,
    /// `Priority: emergency`), and neither OPTIONS nor NOTIFY, which are answered as fast. Zero refuses nothing.
    /// Default: 20 ms, of the 40 to 100 ms that the buffer holds.
    pub longest_wait: Duration,
}

/// How connections are handled.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StreamSettings {
    /// How long connecting may take. Default: 1 s.
    pub connect_timeout: Duration,
    /// How long the handshake of TLS or WebSocket may take. Default: 8 s.
    pub handshake_timeout: Duration,
    /// How long a connection may say nothing before it is closed. Default: 3,600 s.
    pub idle: Duration,
    /// How long a message may take from its first octet to its last. Default: 30 s.
    pub message_deadline: Duration,
    /// Open connections of the whole server. Default: 100,000.
    pub connections: usize,
    /// Open connections from one IP address. Default: 1,024.
    pub connections_per_source: u32,
    /// Octets that may wait on one connection for a slow reader. Default: 32,000.
    pub write_queue: usize,
    /// Octets that may wait on all connections together. Default: 10,000,000.
    pub write_queue_total: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            limits: Limits::default(),
            timers: Timers::default(),
            tell_repetitions: false,
            drain: Duration::from_secs(5),
            waiting_queries: 10_000,
            handover_queue: 4096,
            udp: UdpSettings::default(),
            stream: StreamSettings::default(),
        }
    }
}

impl Default for UdpSettings {
    fn default() -> UdpSettings {
        UdpSettings {
            receive_buffer: 4 << 20,
            send_queue: 1024,
            pause: Duration::from_micros(250),
            longest_wait: Duration::from_millis(20),
        }
    }
}

impl Default for StreamSettings {
    fn default() -> StreamSettings {
        StreamSettings {
            connect_timeout: Duration::from_secs(1),
            handshake_timeout: Duration::from_secs(8),
            idle: Duration::from_secs(3600),
            message_deadline: Duration::from_secs(30),
            connections: 100_000,
            connections_per_source: 1024,
            write_queue: 32_000,
            write_queue_total: 10_000_000,
        }
    }
}
