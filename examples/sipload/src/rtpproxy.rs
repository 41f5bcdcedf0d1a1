//! A stand-in for an RTP proxy: it speaks the control protocol, so that a server pays for asking, and relays nothing.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use clap::Args;

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::span::Span;

/// What `sipload rtpproxy` is told.
#[derive(Debug, Args)]
pub(crate) struct Rtpproxy {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7722")]
    listen: SocketAddr,
    /// End after so long
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    length: Span,
}

/// More than any command has.
const LARGEST: usize = 4096;

/// How often it looks whether its time is over.
const LOOK: Duration = Duration::from_millis(100);

/// Answers until the time is over or somebody says so; tells what there was.
pub(crate) fn run(args: &Rtpproxy) -> Result<String, Failure> {
    let failed =
        |error: io::Error| Failure::new(format!("cannot listen on {}: {error}", args.listen));
    let socket = UdpSocket::bind(args.listen).map_err(failed)?;
    socket.set_read_timeout(Some(LOOK)).map_err(failed)?;
    let interrupt = Interrupt::beside()?;
    let until = Instant::now() + *args.length;
    let mut relay = Relay::new(args.listen.ip());
    let mut buffer = [0; LARGEST];
    while Instant::now() < until && !interrupt.came() {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let reply = buffer
                    .get(..length)
                    .and_then(|datagram| relay.answer(datagram));
                if let Some(reply) = reply {
                    // Whoever asked asks again.
                    let _ = socket.send_to(&reply, from);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(relay.summary())
}

/// The calls it would relay, were there anything to relay.
struct Relay {
    ip: IpAddr,
    calls: HashMap<Vec<u8>, Call>,
    next_port: u16,
    began: u64,
    ended: u64,
}

/// One call, by its Call-ID.
struct Call {
    /// The tag of the party whose offer came first.
    offerer: Vec<u8>,
    /// By number of the stream: a port for each party, the offerer's first.
    ports: HashMap<Vec<u8>, [u16; 2]>,
}

const PORTS: std::ops::Range<u16> = 10_000..60_000;

/// The version all clients ask for, and the one of commands that number the streams.
const BASE: &str = "20040107";
const SEVERAL_STREAMS: &[u8] = b"20050322";

impl Relay {
    fn new(ip: IpAddr) -> Relay {
        Relay {
            ip,
            calls: HashMap::new(),
            next_port: PORTS.start,
            began: 0,
            ended: 0,
        }
    }

    /// `COOKIE COMMAND` gets `COOKIE REPLY`. Asked again it says the same, since a party keeps its port.
    fn answer(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut words = datagram
            .trim_ascii()
            .split(|octet| *octet == b' ')
            .filter(|word| !word.is_empty());
        let (cookie, command) = (words.next()?, words.next()?);
        let rest: Vec<&[u8]> = words.collect();
        let reply = match (command.first()?.to_ascii_uppercase(), rest.as_slice()) {
            (b'V', []) => BASE.to_owned(),
            (b'V', [version]) => u8::from(*version == SEVERAL_STREAMS).to_string(),
            (b'U', [call, _, _, from, ..]) => self.update(call, from),
            (b'L', [call, _, _, from, _to]) => self.look_up(call, from),
            (b'D', [call, ..]) => self.delete(call),
            (b'U' | b'L' | b'D', _) => "E1".to_owned(),
            _ => "E0".to_owned(),
        };
        Some([cookie, b" ", reply.as_bytes(), b"\n"].concat())
    }

    /// A party offers a stream.
    fn update(&mut self, call_id: &[u8], from: &[u8]) -> String {
        let (tag, stream) = tag_and_stream(from);
        let call = self.calls.entry(call_id.to_vec()).or_insert_with(|| {
            self.began += 1;
            Call {
                offerer: tag.to_vec(),
                ports: HashMap::new(),
            }
        });
        let ports = call.ports.entry(stream.to_vec()).or_insert_with(|| {
            let first = self.next_port;
            // Each party has one for RTP and one for RTCP.
            self.next_port = if first + 4 < PORTS.end {
                first + 4
            } else {
                PORTS.start
            };
            [first, first + 2]
        });
        let port = ports[usize::from(call.offerer != tag)];
        format!("{port} {}", self.ip)
    }

    /// The other party answers it: `from` is who offered.
    fn look_up(&self, call_id: &[u8], from: &[u8]) -> String {
        let (tag, stream) = tag_and_stream(from);
        let call = self.calls.get(call_id);
        match call.and_then(|call| Some((call, call.ports.get(stream)?))) {
            Some((call, ports)) => {
                format!("{} {}", ports[usize::from(call.offerer == tag)], self.ip)
            }
            None => "0".to_owned(),
        }
    }

    fn delete(&mut self, call_id: &[u8]) -> String {
        match self.calls.remove(call_id) {
            Some(_) => {
                self.ended += 1;
                "0".to_owned()
            }
            None => "E50".to_owned(),
        }
    }

    fn summary(&self) -> String {
        format!(
            "{} calls began, {} ended, {} were left\n",
            self.began,
            self.ended,
            self.calls.len()
        )
    }
}

/// `TAG;N`
fn tag_and_stream(party: &[u8]) -> (&[u8], &[u8]) {
    match party.iter().rposition(|octet| *octet == b';') {
        Some(at) => (&party[..at], &party[at + 1..]),
        None => (party, b"1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(relay: &mut Relay, command: &str) -> String {
        let reply = relay
            .answer(format!("cookie {command}").as_bytes())
            .unwrap();
        let reply = String::from_utf8(reply).unwrap();
        let reply = reply
            .strip_prefix("cookie ")
            .and_then(|reply| reply.strip_suffix('\n'));
        reply.unwrap().to_owned()
    }

    fn relay() -> Relay {
        Relay::new("127.0.0.1".parse().unwrap())
    }

    #[test]
    fn it_is_known_by_its_version() {
        let mut relay = relay();
        assert_eq!(told(&mut relay, "V"), "20040107");
        assert_eq!(told(&mut relay, "VF 20050322"), "1");
        assert_eq!(told(&mut relay, "VF 20990101"), "0");
        assert_eq!(told(&mut relay, "Z"), "E0");
        assert_eq!(relay.answer(b"cookie"), None);
    }

    #[test]
    fn each_party_of_a_call_keeps_its_port() {
        let mut relay = relay();
        let offer = told(&mut relay, "Ucor call 10.0.0.2 16384 a;1\n");
        assert_eq!(offer, "10000 127.0.0.1");
        assert_eq!(told(&mut relay, "U call 10.0.0.2 16384 a;1"), offer);
        let answer = told(&mut relay, "L call 10.0.0.3 16384 a;1 b;1");
        assert_eq!(answer, "10002 127.0.0.1");
        // Offered again by the other one.
        assert_eq!(told(&mut relay, "U call 10.0.0.3 16384 b;1 a;1"), answer);
        assert_eq!(told(&mut relay, "L call 10.0.0.2 16384 b;1 a;1"), offer);
        assert_eq!(
            told(&mut relay, "U call 10.0.0.2 16386 a;2"),
            "10004 127.0.0.1"
        );
    }

    #[test]
    fn what_is_over_is_unknown() {
        let mut relay = relay();
        assert_eq!(told(&mut relay, "L call 10.0.0.3 16384 a;1 b;1"), "0");
        told(&mut relay, "U call 10.0.0.2 16384 a;1");
        assert_eq!(told(&mut relay, "D call a b"), "0");
        assert_eq!(told(&mut relay, "D call a b"), "E50");
        assert_eq!(relay.summary(), "1 calls began, 1 ended, 0 were left\n");
    }

    #[test]
    fn ports_begin_again_before_they_run_out() {
        let mut relay = relay();
        for call in 0..30_000 {
            let reply = told(&mut relay, &format!("U {call} 10.0.0.2 16384 a;1"));
            let port: u16 = reply.split(' ').next().unwrap().parse().unwrap();
            assert!(
                PORTS.contains(&port) && PORTS.contains(&(port + 3)),
                "{port}"
            );
        }
    }
}
