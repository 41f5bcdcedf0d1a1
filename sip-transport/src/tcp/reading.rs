//! Connecting, and reading messages off a connection (RFC 3261 §18.3).

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use sip_core::{Frame, FrameError, StreamFramer};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use super::{Connection, Context, End, Input};

/// Opens the connection.
pub(crate) async fn connect(connection: Rc<Connection>, context: Rc<Context>) {
    let opening = open(connection.local.get(), connection.remote);
    let opened = timeout(context.settings.connect_timeout, opening).await;
    if let Ok(Ok(stream)) = opened {
        connection.attach(stream);
        context.tell(|| Input::Connected(connection)).await;
    } else {
        let ended = || Input::Ended(connection, End::Lost);
        context.tell(ended).await;
    }
}

async fn open(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = match remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if !local.ip().is_unspecified() {
        socket.bind(local)?;
    }
    socket.connect(remote).await
}

/// Reads messages until the peer ends or makes no sense any more.
pub(crate) async fn read(connection: Rc<Connection>, context: Rc<Context>) {
    let end = match read_messages(&connection, &context).await {
        Ok(end) => end,
        Err(error) => {
            context
                .tell(|| Input::Broken(connection.clone(), error))
                .await;
            discard(&connection, &context).await
        }
    };
    context.tell(|| Input::Ended(connection, end)).await;
}

async fn read_messages(
    connection: &Rc<Connection>,
    context: &Context,
) -> Result<End, Box<FrameError>> {
    let mut framing: Option<Box<Framing>> = None;
    while connection.is_readable().await {
        let push = |received: &[u8]| {
            let framing = framing.get_or_insert_with(|| Box::new(Framing::new(context)));
            framing.push(received);
        };
        match connection.read_some(context, push) {
            Ok(0) => return Ok(End::Finished),
            Ok(_) => connection.touch(Instant::now()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => break,
        }
        while let Some(under_way) = &mut framing
            && !under_way.pass_on(connection, context)?
        {
            context.room().await;
        }
        framing = framing.filter(|framing| framing.is_under_way());
        if connection.note_incomplete(framing.as_deref()) {
            context.tell(|| Input::Incomplete(connection.clone())).await;
        }
    }
    Ok(End::Lost)
}

/// What is under way on a connection; an idle one has none.
struct Framing {
    framer: StreamFramer,
    /// Something was complete since the last octets came.
    progress: bool,
    half_ping: bool,
}

impl Framing {
    fn new(context: &Context) -> Framing {
        Framing {
            framer: StreamFramer::new(context.limits.clone()),
            progress: false,
            half_ping: false,
        }
    }

    fn push(&mut self, received: &[u8]) {
        self.progress = false;
        self.framer.push(received);
    }

    /// Passes on what has arrived completely. False if the driver has no room for all of it yet.
    fn pass_on(
        &mut self,
        connection: &Rc<Connection>,
        context: &Context,
    ) -> Result<bool, Box<FrameError>> {
        loop {
            let place = match context.inputs.try_reserve() {
                Ok(place) => place,
                Err(TrySendError::Full(())) => return Ok(false),
                Err(TrySendError::Closed(())) => return Ok(true),
            };
            let frame = self.framer.next().map_err(Box::new)?;
            self.half_ping = match &frame {
                None => self.half_ping,
                Some(frame) => matches!(frame, Frame::Pong),
            };
            match frame {
                None => return Ok(true),
                Some(Frame::Pong) => {}
                Some(Frame::Ping) => place.send(Input::Ping(connection.clone())),
                Some(Frame::Message(message)) => {
                    place.send(Input::Message(connection.clone(), message));
                }
            }
            self.progress = true;
        }
    }

    fn is_under_way(&self) -> bool {
        !self.framer.is_idle() || self.half_ping
    }
}

/// Reads on without looking, so that the peer gets to read our last words before the connection is reset.
async fn discard(connection: &Connection, context: &Context) -> End {
    while connection.is_readable().await {
        match connection.read_some(context, |_| {}) {
            Ok(0) => return End::Finished,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    End::Lost
}

impl Connection {
    /// Waits for something to read. False if that can never be.
    async fn is_readable(&self) -> bool {
        let readable = poll_fn(|cx| match self.stream.get() {
            Some(stream) => stream.poll_read_ready(cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        });
        readable.await.is_ok()
    }

    /// Shows `take` what has arrived, in the buffer that all connections share.
    fn read_some(&self, context: &Context, take: impl FnOnce(&[u8])) -> io::Result<usize> {
        let stream = self.stream.get().ok_or(io::ErrorKind::NotConnected)?;
        let mut buffer = context.buffer.borrow_mut();
        let count = stream.try_read(&mut buffer)?;
        context.counters.octets_received.add(count);
        take(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }

    /// Takes down since when a message is incomplete; whether one has just begun.
    fn note_incomplete(&self, framing: Option<&Framing>) -> bool {
        let began = match framing {
            Some(framing) if !framing.framer.is_idle() => {
                let last_began = self.incomplete_since.get();
                last_began.filter(|_| !framing.progress)
            }
            _ => {
                self.incomplete_since.set(None);
                return false;
            }
        };
        self.incomplete_since
            .set(began.or(Some(self.last_used.get())));
        began.is_none()
    }
}
