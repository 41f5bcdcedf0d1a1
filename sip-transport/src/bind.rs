//! What a server listens on.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::thread;

use sip_core::{HostPort, Transport};
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::Error;
use crate::settings::Settings;
use crate::tcp::layers::Wrapping;
#[cfg(feature = "tls")]
use crate::tls::TlsConfig;
#[cfg(feature = "ws")]
use crate::ws::WsConfig;

/// The addresses a server listens on, by how many workers, and how it behaves.
///
/// ```
/// # use sip_transport::Bind;
/// let bind = Bind::udp("127.0.0.1:5060").and_tcp("127.0.0.1:5060").workers(2);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Bind {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) workers: Option<usize>,
    pub(crate) settings: Settings,
    /// For connections we open.
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsConfig>,
}

#[derive(Clone, Debug)]
pub(crate) struct Listener {
    pub(crate) transport: Transport,
    pub(crate) addr: String,
    pub(crate) advertised: Option<HostPort>,
    pub(crate) wrapping: Wrapping,
}

impl Bind {
    /// Listens for datagrams on `addr`, an IP address and port; port 0 takes a free one.
    pub fn udp(addr: impl Display) -> Bind {
        Bind::nowhere().and(Transport::Udp, addr)
    }

    /// Listens for TCP connections on `addr`.
    pub fn tcp(addr: impl Display) -> Bind {
        Bind::nowhere().and(Transport::Tcp, addr)
    }

    /// Listens for datagrams on `addr`, too.
    pub fn and_udp(self, addr: impl Display) -> Bind {
        self.and(Transport::Udp, addr)
    }

    /// Listens for TCP connections on `addr`, too.
    pub fn and_tcp(self, addr: impl Display) -> Bind {
        self.and(Transport::Tcp, addr)
    }

    /// Listens for TLS connections on `addr`.
    #[cfg(feature = "tls")]
    pub fn tls(addr: impl Display, config: TlsConfig) -> Bind {
        Bind::nowhere().and_tls(addr, config)
    }

    /// Listens for TLS connections on `addr`, too.
    #[cfg(feature = "tls")]
    pub fn and_tls(mut self, addr: impl Display, config: TlsConfig) -> Bind {
        self.tls.get_or_insert_with(|| config.clone());
        self.and_wrapped(Transport::Tls, addr, Wrapping::tls(config))
    }

    /// Opens TLS connections with these certificates and authorities. Without this it is those of the first address
    /// listened on for TLS; where there is none, TLS connections are not opened.
    #[cfg(feature = "tls")]
    pub fn connect_tls(mut self, config: TlsConfig) -> Bind {
        self.tls = Some(config);
        self
    }

    /// Listens for WebSocket connections on `addr`.
    #[cfg(feature = "ws")]
    pub fn ws(addr: impl Display, config: WsConfig) -> Bind {
        Bind::nowhere().and_ws(addr, config)
    }

    /// Listens for WebSocket connections on `addr`, too.
    #[cfg(feature = "ws")]
    pub fn and_ws(self, addr: impl Display, config: WsConfig) -> Bind {
        self.and_wrapped(Transport::Ws, addr, Wrapping::ws(config))
    }

    /// Listens for WebSocket connections over TLS on `addr`, too.
    #[cfg(all(feature = "tls", feature = "ws"))]
    pub fn and_wss(self, addr: impl Display, tls: TlsConfig, ws: WsConfig) -> Bind {
        let (tls, ws) = (Some(tls), Some(ws));
        self.and_wrapped(Transport::Wss, addr, Wrapping { tls, ws })
    }

    /// What peers know the address named last as, where that is not the address itself: behind a NAT, or by a
    /// name. It stands in the Via of requests (RFC 3261 §18.1.1).
    pub fn advertised(mut self, name: HostPort) -> Bind {
        if let Some(listener) = self.listeners.last_mut() {
            listener.advertised = Some(name);
        }
        self
    }

    /// How many threads share the work; one for each core if nothing is said.
    pub fn workers(mut self, count: usize) -> Bind {
        self.workers = Some(count);
        self
    }

    /// Behaves like this.
    pub fn settings(mut self, settings: Settings) -> Bind {
        self.settings = settings;
        self
    }

    /// Listens nowhere yet, for addresses that come from a configuration.
    pub fn nowhere() -> Bind {
        Bind {
            listeners: Vec::new(),
            workers: None,
            settings: Settings::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    fn and(self, transport: Transport, addr: impl Display) -> Bind {
        self.and_wrapped(transport, addr, Wrapping::default())
    }

    fn and_wrapped(mut self, transport: Transport, addr: impl Display, wrapping: Wrapping) -> Bind {
        self.listeners.push(Listener {
            transport,
            addr: addr.to_string(),
            advertised: None,
            wrapping,
        });
        self
    }

    /// The number of workers, checked.
    pub(crate) fn worker_count(&self) -> Result<u16, Error> {
        let workers = self
            .workers
            .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
        match u16::try_from(workers) {
            Ok(count) if count > 0 => Ok(count),
            _ => Err(Error::WorkerCount { workers }),
        }
    }
}

impl Listener {
    /// One socket for each worker, all on the same address; the kernel spreads what arrives over them.
    pub(crate) fn open(&self, workers: u16, settings: &Settings) -> Result<Vec<Socket>, Error> {
        let addr: SocketAddr = self.addr.parse().map_err(|_| Error::InvalidAddress {
            text: self.addr.clone(),
        })?;
        open_group(self.transport, addr, workers, settings).map_err(|source| Error::Listen {
            transport: self.transport,
            addr,
            source,
        })
    }
}

fn open_group(
    transport: Transport,
    addr: SocketAddr,
    workers: u16,
    settings: &Settings,
) -> io::Result<Vec<Socket>> {
    // The first socket binds without SO_REUSEPORT: it fails if anybody is there, be it another run of this very
    // program, and a port it is given for port 0 is nobody else's.
    let first = new_socket(transport, addr, settings)?;
    first.bind(&addr.into())?;
    first.set_reuse_port(true)?;
    let bound = first.local_addr()?;

    let mut group = vec![first];
    for _ in 1..workers {
        let socket = new_socket(transport, addr, settings)?;
        socket.set_reuse_port(true)?;
        socket.bind(&bound)?;
        group.push(socket);
    }
    if transport.is_reliable() {
        for socket in &group {
            socket.listen(1024)?;
        }
    }
    Ok(group)
}

fn new_socket(transport: Transport, addr: SocketAddr, settings: &Settings) -> io::Result<Socket> {
    let (kind, protocol) = match transport.is_reliable() {
        true => (Type::STREAM, Protocol::TCP),
        false => (Type::DGRAM, Protocol::UDP),
    };
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if transport.is_reliable() {
        // Connections of an earlier run may still be in TIME_WAIT.
        socket.set_reuse_address(true)?;
    } else {
        // A smaller buffer than asked for is no reason not to start.
        let _ = socket.set_recv_buffer_size(settings.udp.receive_buffer);
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(transport: Transport, addr: &str, workers: u16) -> Result<Vec<Socket>, Error> {
        let listener = Listener {
            transport,
            addr: addr.to_owned(),
            advertised: None,
            wrapping: Wrapping::default(),
        };
        listener.open(workers, &Settings::default())
    }

    fn port(socket: &Socket) -> u16 {
        socket.local_addr().unwrap().as_socket().unwrap().port()
    }

    #[test]
    fn all_workers_share_one_port() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let group = open(transport, "127.0.0.1:0", 3).unwrap();
            let ports: Vec<u16> = group.iter().map(port).collect();
            assert_ne!(ports[0], 0);
            assert_eq!(ports, [ports[0]; 3]);
        }
    }

    #[test]
    fn a_second_server_is_told_that_the_port_is_in_use() {
        for transport in [Transport::Udp, Transport::Tcp] {
            let group = open(transport, "127.0.0.1:0", 2).unwrap();
            let addr = format!("127.0.0.1:{}", port(&group[0]));
            let error = open(transport, &addr, 2).unwrap_err().to_string();
            let name = transport.as_str();
            assert_eq!(
                error,
                format!("cannot listen on {name} {addr}: the port is in use by another program")
            );
        }
    }

    #[test]
    fn an_unreadable_address_is_named() {
        let error = open(Transport::Udp, "localhost", 1).unwrap_err();
        assert!(error.to_string().starts_with("`localhost` is no address"));
    }

    #[test]
    fn one_port_serves_both_kinds_of_addresses() {
        let v4 = open(Transport::Udp, "0.0.0.0:0", 1).unwrap();
        open(Transport::Udp, &format!("[::]:{}", port(&v4[0])), 1).unwrap();
    }
}
