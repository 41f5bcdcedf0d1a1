//! The server a run is aimed at: its address, whether it may be aimed at, and whether anybody is there.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use sip_core::Transport;

use crate::failure::Failure;

/// Waits for an answer, one after the other.
const WAITS: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(200),
];

/// Reads `HOST[:PORT]`.
pub(crate) fn resolve(target: &str) -> Result<SocketAddr, Failure> {
    if let Ok(addr) = target.parse::<SocketAddr>() {
        return Ok(addr);
    }
    if let Ok(ip) = target.trim_matches(['[', ']']).parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, 5060));
    }
    let with_port = match target.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => target.to_owned(),
        _ => format!("{target}:5060"),
    };
    let found = with_port
        .to_socket_addrs()
        .ok()
        .and_then(|mut addrs| addrs.next());
    found.ok_or_else(|| {
        Failure::new(format!(
            "`{target}` is no server: write it like 127.0.0.1:5060"
        ))
    })
}

/// Load on somebody else's server is an attack.
pub(crate) fn allow(server: SocketAddr, is_mine: bool) -> Result<(), Failure> {
    match server.ip().is_loopback() || is_mine {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "{server} is not this machine; if that server is yours, and only then, say --this-server-is-mine"
        ))),
    }
}

/// The address to send from when none is named.
pub(crate) fn default_source(server: SocketAddr) -> Result<IpAddr, Failure> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Nothing is sent: the kernel only says which address it would take.
    let route = || {
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.local_addr()
    };
    let local =
        route().map_err(|error| Failure::new(format!("no way leads to {server}: {error}")))?;
    Ok(local.ip())
}

/// Asks once whether anybody is there. Silence is no answer: servers need not know OPTIONS.
pub(crate) fn probe(server: SocketAddr, transport: Transport, from: IpAddr) -> Result<(), Failure> {
    let heard = match transport {
        Transport::Udp => probe_udp(server, from),
        _ => TcpStream::connect_timeout(&server, Duration::from_secs(3)).map(drop),
    };
    let why = match heard {
        Ok(()) => return Ok(()),
        Err(error) if is_silence(&error) && transport == Transport::Udp => return Ok(()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            "nothing listens there".to_owned()
        }
        Err(error) => error.to_string(),
    };
    let name = transport.as_str();
    Err(Failure::new(format!(
        "no SIP server at {server} over {name}: {why}"
    )))
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// A connected socket learns at once that nothing listens.
fn probe_udp(server: SocketAddr, from: IpAddr) -> io::Result<()> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.connect(server)?;
    let local = socket.local_addr()?;
    let options = format!(
        "OPTIONS sip:{server} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {local};rport;branch=z9hG4bKprobe{port}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:probe@{local}>;tag=probe\r\n\
         To: <sip:{server}>\r\n\
         Call-ID: probe{port}@{ip}\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n",
        port = local.port(),
        ip = local.ip(),
    );
    let mut heard = Err(ErrorKind::TimedOut.into());
    for wait in WAITS {
        socket.send(options.as_bytes())?;
        socket.set_read_timeout(Some(wait))?;
        heard = socket.recv(&mut [0; 2048]).map(drop);
        match &heard {
            Err(error) if is_silence(error) => {}
            _ => break,
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_an_address_or_a_name() {
        let addr = |text: &str| resolve(text).unwrap().to_string();
        assert_eq!(addr("127.0.0.1:5070"), "127.0.0.1:5070");
        assert_eq!(addr("127.0.0.1"), "127.0.0.1:5060");
        assert_eq!(addr("::1"), "[::1]:5060");
        assert_eq!(addr("[::1]:5070"), "[::1]:5070");
        assert!(resolve("127.0.0.1:99999").is_err());
    }

    #[test]
    fn others_servers_are_left_alone() {
        let far = "192.0.2.1:5060".parse().unwrap();
        assert!(allow(far, false).is_err());
        assert!(allow(far, true).is_ok());
        assert!(allow("[::1]:5060".parse().unwrap(), false).is_ok());
    }
}
