//! Datagrams: one socket for each worker and address, read and written in batches (RFC 3261 §18).

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use sip_transaction::Origin;
use tokio::io::Interest;
use tokio::net::UdpSocket;

use crate::counters::Counters;
use crate::mmsg::{self, BATCH, Outgoing, ReceiveBatch, Returned, ReturnedQueue, SendBatch};

/// A bound socket, and what waits to leave by it.
pub(crate) struct DatagramSocket {
    socket: UdpSocket,
    bound: SocketAddr,
    waiting: VecDeque<Parcel>,
    /// The kernel takes no more for now.
    blocked: bool,
}

/// How often one is tried again that may have failed for another's sake.
const TRIES: usize = 2;

/// A datagram on its way out.
pub(crate) struct Parcel {
    pub(crate) payload: Bytes,
    pub(crate) remote: SocketAddr,
    /// The address to send from; the socket's own, if it has one.
    pub(crate) local: Option<IpAddr>,
    pub(crate) origin: Option<Origin>,
}

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl DatagramSocket {
    /// Takes a bound, non-blocking socket into the current runtime.
    pub(crate) fn new(socket: std::net::UdpSocket) -> io::Result<DatagramSocket> {
        let bound = socket.local_addr()?;
        if bound.ip().is_unspecified() {
            mmsg::report_local_address(socket.as_fd(), bound.is_ipv6())?;
        }
        mmsg::keep_returned(socket.as_fd(), bound.is_ipv6())?;
        Ok(DatagramSocket {
            socket: UdpSocket::from_std(socket)?,
            bound,
            waiting: VecDeque::new(),
            blocked: false,
        })
    }

    /// The address a datagram came to, given what the kernel said about it.
    pub(crate) fn local(&self, reported: Option<IpAddr>) -> SocketAddr {
        let ip = reported.unwrap_or(self.bound.ip());
        SocketAddr::new(ip, self.bound.port())
    }

    /// Whether a datagram from `local` to `remote` may leave here.
    pub(crate) fn serves(&self, local: Option<SocketAddr>, remote: SocketAddr) -> bool {
        let family = self.bound.is_ipv6() == remote.is_ipv6();
        let any = self.bound.ip().is_unspecified();
        let address = |local: SocketAddr| {
            local.port() == self.bound.port() && (any || local.ip() == self.bound.ip())
        };
        family && local.is_none_or(address)
    }

    /// Fills `batch` with what has arrived, once there is something.
    pub(crate) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut ReceiveBatch,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.socket.poll_recv_ready(cx))?;
            let received = self.socket.try_io(Interest::READABLE, || {
                match batch.receive(self.socket.as_fd())? {
                    BATCH => Ok(()),
                    // All there was: the runtime is to wait for more without another try.
                    _ => Err(io::ErrorKind::WouldBlock.into()),
                }
            });
            match received {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && batch.len() == 0 => {}
                // Another error is the word of an earlier datagram's fate, read off now: what has arrived may stand
                // behind it.
                _ => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Leaves `parcel` for the next [`flush`](Self::flush).
    pub(crate) fn enqueue(&mut self, mut parcel: Parcel) {
        let wildcard = self.bound.ip().is_unspecified();
        parcel.local = parcel.local.filter(|ip| wildcard && !ip.is_unspecified());
        self.waiting.push_back(parcel);
    }

    /// Whether something waits, and the kernel may take it.
    pub(crate) fn can_send(&self) -> bool {
        !self.waiting.is_empty() && !self.blocked
    }

    /// Whether a full batch waits.
    pub(crate) fn is_batch_full(&self) -> bool {
        self.waiting.len() >= BATCH && !self.blocked
    }

    /// Sends what waits; what the kernel does not take now stays, up to `bound` datagrams. Calls `failed` for each
    /// that cannot be sent.
    pub(crate) fn flush(
        &mut self,
        batch: &mut SendBatch,
        bound: usize,
        counters: &Counters,
        mut failed: impl FnMut(Origin),
    ) {
        let mut tries = 0;
        while !self.waiting.is_empty() && !self.blocked {
            let outgoing = self.waiting.iter().map(|parcel| Outgoing {
                bytes: &parcel.payload,
                remote: parcel.remote,
                local: parcel.local,
            });
            let send = || batch.send(self.socket.as_fd(), outgoing);
            match self.socket.try_io(Interest::WRITABLE, send) {
                Ok(sent) => {
                    tries = 0;
                    counters.datagrams_sent.add(sent);
                    let octets = self
                        .waiting
                        .drain(..sent)
                        .map(|parcel| parcel.payload.len());
                    counters.octets_sent.add(octets.sum());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It may be the word of an earlier datagram's fate, read off now; that one itself is in the queue of
                // those that came back.
                Err(_) if tries < TRIES => tries += 1,
                Err(error) => {
                    tries = 0;
                    counters.datagrams_lost.add(1);
                    let refused = self.waiting.pop_front();
                    // A full device queue is like any loss on the way: timers make up for it.
                    let origin = refused
                        .filter(|_| error.raw_os_error() != Some(libc::ENOBUFS))
                        .and_then(|parcel| parcel.origin);
                    origin.into_iter().for_each(&mut failed);
                }
            }
        }
        let excess = self.waiting.len().saturating_sub(bound);
        if excess > 0 {
            counters.datagrams_lost.add(excess);
            self.waiting.truncate(bound);
        }
    }

    /// Has the kernel note when datagrams come, or no longer. Those that are there already seem to come just then.
    pub(crate) fn report_arrival(&self, wanted: bool) {
        if let Err(error) = mmsg::report_arrival(self.socket.as_fd(), wanted) {
            tracing::warn!(%error, "cannot tell how long datagrams wait");
        }
    }

    /// The next datagram that came back, if there is one.
    pub(crate) fn returned<'a>(&self, queue: &'a mut ReturnedQueue) -> Option<Returned<'a>> {
        queue.next(self.socket.as_fd())
    }

    /// Ready once the kernel takes datagrams again that it refused.
    pub(crate) fn poll_unblocked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.blocked && self.socket.poll_send_ready(cx).is_ready() {
            self.blocked = false;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Whether nothing waits.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting.is_empty()
    }
}
