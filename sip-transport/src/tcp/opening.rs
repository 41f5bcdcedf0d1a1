//! Sockets of connections: opened by us, or taken from a listener.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;

use rustix::net::{SocketFlags, acceptfrom_with};
use socket2::{Domain, Protocol, Socket, Type};

use crate::mmsg;

/// Begins to connect to `remote`, from the address of `local` if that names one; whether the connection is there
/// already.
pub(crate) fn connect(local: SocketAddr, remote: SocketAddr) -> io::Result<(TcpStream, bool)> {
    let kind = Type::STREAM.nonblocking();
    let socket = Socket::new(Domain::for_address(remote), kind, Some(Protocol::TCP))?;
    mmsg::choose_port_late(socket.as_fd());
    if !local.ip().is_unspecified() {
        socket.bind(&local.into())?;
    }
    let connected = match socket.connect(&remote.into()) {
        Ok(()) => true,
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => false,
        Err(error) => return Err(error),
    };
    Ok((socket.into(), connected))
}

/// Whether a connection that was begun is there by now.
pub(crate) fn is_connected(stream: &TcpStream) -> io::Result<bool> {
    match stream.take_error()? {
        Some(error) => Err(error),
        None => match stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// The next connection that a peer opened, ready to be used without waiting.
pub(crate) fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (stream, remote) = acceptfrom_with(listener, flags)?;
    let stream = TcpStream::from(stream);
    let remote = match remote.and_then(|remote| SocketAddr::try_from(remote).ok()) {
        Some(remote) => remote,
        None => stream.peer_addr()?,
    };
    Ok((stream, remote))
}

/// Whether `accept` failed for one connection, and not for all of them.
pub(crate) fn is_about_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}
