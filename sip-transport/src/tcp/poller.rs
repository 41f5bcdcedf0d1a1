//! Waiting at many sockets as at one: a queue in the kernel of those where something happened (epoll).
//!
//! The runtime keeps a quarter of a kilobyte for each socket it watches, and as much for a task that waits there. This
//! queue is one socket to it; of those behind it there is a number in the kernel, and nothing here.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Happenings taken from the kernel in one go.
const BATCH: usize = 256;

/// What can be told of a socket, and is told once: whoever has not read or written all there was looks
/// [again](Poller::look_again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Happening {
    /// The number the socket is watched under.
    pub(crate) at: u64,
    /// There may be something to read, an end or an error included.
    pub(crate) readable: bool,
    /// The peer takes octets again, or the connection is there.
    pub(crate) writable: bool,
    /// The peer has sent all it will: a read that brings something is not the last.
    pub(crate) ended: bool,
}

/// The sockets of one worker.
pub(crate) struct Poller {
    queue: AsyncFd<OwnedFd>,
    /// Room for the kernel to write to.
    batch: Vec<epoll::Event>,
    happened: VecDeque<Happening>,
    again: Vec<Happening>,
}

impl Poller {
    /// A poller in the current runtime.
    pub(crate) fn new() -> io::Result<Poller> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // What came after it is unsafe, for types that may change their descriptor; an OwnedFd keeps the one it has.
        #[allow(deprecated)]
        let queue = AsyncFd::with_interest(queue, Interest::READABLE)?;
        Ok(Poller {
            queue,
            batch: Vec::with_capacity(BATCH),
            happened: VecDeque::new(),
            again: Vec::new(),
        })
    }

    /// Watches `socket` under a number, until it is closed.
    pub(crate) fn watch(&self, socket: impl AsFd, at: u64) -> io::Result<()> {
        use epoll::EventFlags;
        // Each change is told once (ET), so that nothing must be switched off and on while a peer is slow.
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.queue, socket, epoll::EventData::new_u64(at), flags)?;
        Ok(())
    }

    /// Watches for nothing but errors at `socket`, as datagrams that come back.
    pub(crate) fn watch_errors(&self, socket: impl AsFd, at: u64) -> io::Result<()> {
        let flags = epoll::EventFlags::ET; // errors are always told
        epoll::add(&self.queue, socket, epoll::EventData::new_u64(at), flags)?;
        Ok(())
    }

    /// Tells of the socket once more, after the others.
    pub(crate) fn look_again(&mut self, happening: Happening) {
        self.again.push(happening);
    }

    /// The next happening. Sockets that are closed by now may be among them.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Happening> {
        if self.happened.is_empty() {
            if self.again.is_empty() {
                ready!(self.poll_kernel(cx));
            } else {
                // It need not be ready: there is something to do.
                let _ = self.poll_kernel(cx);
                self.happened.extend(self.again.drain(..));
            }
        }
        self.happened.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes what the kernel has to tell.
    fn poll_kernel(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut ready = match ready!(self.queue.poll_read_ready(cx)) {
                Ok(ready) => ready,
                Err(error) => {
                    tracing::error!(%error, "cannot wait for connections");
                    return Poll::Pending;
                }
            };
            self.batch.clear();
            let at_once = Timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            let room = spare_capacity(&mut self.batch);
            match epoll::wait(self.queue.get_ref(), room, Some(&at_once)) {
                Ok(count) => {
                    if count < BATCH {
                        // All there was: another change tells of itself.
                        ready.clear_ready();
                    }
                    self.happened.extend(self.batch.iter().map(happening));
                    if count > 0 {
                        return Poll::Ready(());
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot wait for connections");
                    return Poll::Pending;
                }
            }
        }
    }
}

fn happening(event: &epoll::Event) -> Happening {
    use epoll::EventFlags;
    let (flags, data) = (event.flags, event.data);
    let over = EventFlags::HUP | EventFlags::ERR;
    Happening {
        at: data.u64(),
        readable: flags.intersects(EventFlags::IN | EventFlags::RDHUP | over),
        writable: flags.intersects(EventFlags::OUT | over),
        ended: flags.intersects(EventFlags::RDHUP | over),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (near, listener.accept().unwrap().0)
    }

    fn now(poller: &mut Poller, cx: &mut Context<'_>) -> Vec<u64> {
        let next = || match poller.poll_next(cx) {
            Poll::Ready(happening) => Some(happening.at),
            Poll::Pending => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[tokio::test]
    async fn a_change_is_told_once_and_again_to_who_asks() {
        let mut poller = Poller::new().unwrap();
        let (near, mut far) = pair();
        poller.watch(&near, 7).unwrap();
        let first = poll_fn(|cx| poller.poll_next(cx)).await;
        assert_eq!((first.at, first.readable, first.writable), (7, false, true));
        far.write_all(b"x").unwrap();
        let second = poll_fn(|cx| poller.poll_next(cx)).await;
        assert!(second.readable && !second.ended);
        poller.look_again(second);
        let left = poll_fn(|cx| Poll::Ready(now(&mut poller, cx))).await;
        assert_eq!(left, [7]);
        drop(far);
        assert!(poll_fn(|cx| poller.poll_next(cx)).await.ended);
    }

    #[tokio::test]
    async fn who_looks_again_without_end_does_not_hide_the_others() {
        let mut poller = Poller::new().unwrap();
        let (near, _far) = pair();
        let busy = Happening {
            at: 1,
            readable: true,
            writable: false,
            ended: false,
        };
        poller.look_again(busy);
        poller.watch(&near, 2).unwrap();
        let mut seen = Vec::new();
        while !seen.contains(&2) {
            let next = poll_fn(|cx| poller.poll_next(cx)).await;
            seen.push(next.at);
            if next.at == 1 {
                poller.look_again(busy);
                tokio::task::yield_now().await;
            }
        }
    }
}
