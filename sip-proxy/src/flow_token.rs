//! Flow tokens: the user part of a Path or Record-Route URI by which a request finds the flow a phone came on
//! (RFC 5626 §5.2).
//!
//! ```text
//!   octet  0        1 … 8    9           10 … 17      18 …           last 10
//!          key id   server   transport   connection   both ends of   HMAC-SHA-256 over the octets before,
//!                                                     the flow       first 80 bits
//! ```
//! printed in base64url. Nothing is kept for it: what comes back is either signed, and then says all there is to know,
//! or refused.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sip_core::{Text, Transport};
use sip_transaction::{ConnectionId, Flow};

const SIGNATURE: usize = 10;

/// The longest: two IPv6 addresses with their ports.
const LONGEST: usize = 18 + 2 * 18 + SIGNATURE;

/// A secret that signs flow tokens, and the id by which they name it.
#[derive(Clone)]
pub struct FlowTokenKey {
    id: u8,
    keyed: Hmac<Sha256>,
}

impl FlowTokenKey {
    /// A key from 32 secret random octets. Servers that read each other's tokens share `id` and `secret`.
    #[must_use]
    pub fn new(id: u8, secret: &[u8; 32]) -> FlowTokenKey {
        FlowTokenKey {
            id,
            keyed: KeyInit::new_from_slice(secret).expect("HMAC takes a key of any length"),
        }
    }

    /// The first 80 bits of the signature are what a token carries.
    fn sign(&self, octets: &[u8]) -> Hmac<Sha256> {
        self.keyed.clone().chain_update(octets)
    }
}

impl fmt::Debug for FlowTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowTokenKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Makes flow tokens, and reads those that come back.
///
/// ```
/// use sip_proxy::flow_token::{FlowOwner, FlowTokenKey, FlowTokens};
/// use sip_transaction::Flow;
///
/// let tokens = FlowTokens::new(7, FlowTokenKey::new(1, &[0x5a; 32]));
/// let flow = Flow::udp("192.0.2.1:5060".parse()?, "203.0.113.9:40000".parse()?);
/// let token = tokens.make(&flow);
/// assert_eq!(tokens.read(&token), Some(FlowOwner { server: 7, flow }));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlowTokens {
    server: u64,
    signing: FlowTokenKey,
    retired: Vec<FlowTokenKey>,
}

/// What a token that came back says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowOwner {
    /// The server that made it, and holds the flow.
    pub server: u64,
    /// The flow, as that server knows it.
    pub flow: Flow,
}

impl FlowTokens {
    /// Tokens of `server`, signed by `key`. A server takes another number each time it starts, since its connections
    /// are numbered anew: a random one will do.
    #[must_use]
    pub fn new(server: u64, key: FlowTokenKey) -> FlowTokens {
        FlowTokens {
            server,
            signing: key,
            retired: Vec::new(),
        }
    }

    /// Still reads what `key` signed: for as long as registrations last that were made with it. With several servers,
    /// retire the new key on all of them before the first one signs with it.
    #[must_use]
    pub fn retire(mut self, key: FlowTokenKey) -> FlowTokens {
        self.retired.push(key);
        self
    }

    /// The token of `flow`: 54 characters between two IPv4 addresses, 86 between IPv6 ones, all of them allowed in the
    /// user part of a URI as they are.
    #[must_use]
    pub fn make(&self, flow: &Flow) -> Text {
        let mut octets = Vec::with_capacity(LONGEST);
        octets.push(self.signing.id);
        octets.extend(self.server.to_be_bytes());
        octets.push(transport_number(flow.transport));
        octets.extend(flow.connection.as_u64().to_be_bytes());
        for end in [flow.local, flow.remote] {
            match end.ip() {
                IpAddr::V4(ip) => octets.extend(ip.octets()),
                IpAddr::V6(ip) => octets.extend(ip.octets()),
            }
            octets.extend(end.port().to_be_bytes());
        }
        let signature = self.signing.sign(&octets).finalize().into_bytes();
        octets.extend(&signature[..SIGNATURE]);
        Text::new(URL_SAFE_NO_PAD.encode(octets)).expect("letters, digits, - and _")
    }

    /// What `token` says, whichever server made it; `None` if no holder of our keys did. RFC 5626 §5.3 answers a
    /// request with such a token 403, and one for a flow of ours that is gone 430.
    #[must_use]
    pub fn read(&self, token: &[u8]) -> Option<FlowOwner> {
        let mut octets = [0; LONGEST];
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut octets).ok()?;
        let signed_length = length.checked_sub(SIGNATURE)?;
        let (signed, signature) = octets.get(..length)?.split_at(signed_length);
        let key = self.key(*signed.first()?)?;
        key.sign(signed).verify_truncated_left(signature).ok()?;
        read_signed(signed)
    }

    /// Whether this server made it, since it started.
    #[must_use]
    pub fn is_ours(&self, owner: &FlowOwner) -> bool {
        owner.server == self.server
    }

    fn key(&self, id: u8) -> Option<&FlowTokenKey> {
        std::iter::once(&self.signing)
            .chain(&self.retired)
            .find(|key| key.id == id)
    }
}

fn read_signed(octets: &[u8]) -> Option<FlowOwner> {
    let (_key, rest) = octets.split_first()?;
    let (server, rest) = rest.split_first_chunk()?;
    let (transport, rest) = rest.split_first()?;
    let (connection, ends) = rest.split_first_chunk()?;
    let (local, remote) = ends.split_at(ends.len() / 2);
    let connection = u64::from_be_bytes(*connection);
    Some(FlowOwner {
        server: u64::from_be_bytes(*server),
        flow: Flow {
            transport: *Transport::ALL.get(usize::from(*transport))?,
            local: read_end(local)?,
            remote: read_end(remote)?,
            connection: ConnectionId::from_u64(connection),
        },
    })
}

fn read_end(octets: &[u8]) -> Option<SocketAddr> {
    let (ip, port) = octets.split_last_chunk()?;
    let ip: IpAddr = match ip.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(ip).ok()?).into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?).into(),
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

/// The place in [`Transport::ALL`], which only grows.
fn transport_number(transport: Transport) -> u8 {
    let place = Transport::ALL.iter().position(|one| *one == transport);
    place
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(server: u64, key: u8) -> FlowTokens {
        FlowTokens::new(server, FlowTokenKey::new(key, &[key; 32]))
    }

    fn flow(transport: Transport, local: &str, remote: &str) -> Flow {
        Flow {
            transport,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            connection: ConnectionId::new(3, 77),
        }
    }

    fn v4() -> Flow {
        flow(Transport::Tls, "192.0.2.1:5061", "203.0.113.9:40000")
    }

    #[test]
    fn a_token_says_which_flow_it_was_made_for() {
        let tokens = tokens(9, 1);
        let v6 = flow(
            Transport::Wss,
            "[2001:db8::1]:443",
            "[2001:db8::ffff]:40000",
        );
        for (flow, length) in [(v4(), 54), (v6, 86)] {
            let token = tokens.make(&flow);
            assert_eq!(token.len(), length);
            let owner = tokens.read(&token).unwrap();
            assert_eq!(owner, FlowOwner { server: 9, flow });
            assert!(tokens.is_ours(&owner));
        }
    }

    #[test]
    fn every_transport_comes_back_as_itself() {
        for transport in Transport::ALL {
            let flow = flow(transport, "192.0.2.1:1", "192.0.2.2:2");
            let tokens = tokens(0, 1);
            assert_eq!(tokens.read(&tokens.make(&flow)).unwrap().flow, flow);
        }
    }

    #[test]
    fn another_server_reads_it_and_knows_whose_it_is() {
        let (here, there) = (tokens(1, 1), tokens(2, 1));
        let owner = there.read(&here.make(&v4())).unwrap();
        assert_eq!(owner.server, 1);
        assert!(!there.is_ours(&owner));
    }

    #[test]
    fn what_was_altered_cut_or_made_with_another_key_is_refused() {
        let tokens = tokens(1, 1);
        let token = tokens.make(&v4());
        for at in 0..token.len() {
            let mut altered = token.to_vec();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens.read(&altered), None, "{at}");
            assert_eq!(tokens.read(&token[..at]), None, "{at}");
        }
        let same_id = FlowTokens::new(1, FlowTokenKey::new(1, &[0xee; 32]));
        assert_eq!(same_id.read(&token), None);
        for junk in [&b""[..], b"alice", b"====", &[b'A'; 54], &[b'A'; 5000]] {
            assert_eq!(tokens.read(junk), None);
        }
    }

    #[test]
    fn a_retired_key_is_still_read_and_signs_no_more() {
        let old = tokens(1, 1);
        let token = old.make(&v4());
        assert_eq!(tokens(1, 2).read(&token), None);
        let both = tokens(1, 2).retire(FlowTokenKey::new(1, &[1; 32]));
        assert_eq!(both.read(&token).unwrap().flow, v4());
        assert_eq!(old.read(&both.make(&v4())), None);
    }

    #[test]
    fn a_key_does_not_show_its_secret() {
        let shown = format!("{:?}", tokens(1, 0xab));
        assert!(!shown.contains("171, 171"), "{shown}");
    }
}
