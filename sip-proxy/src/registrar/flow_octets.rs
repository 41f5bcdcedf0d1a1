//! A flow in as few octets as it takes, for a million bindings hold one each.
//!
//! ```text
//!   octet 0                         transport, plus 128 when the addresses are IPv6
//!   local, remote                   address, port; IPv6 has its scope behind
//!   connection                      8 octets, left out for datagrams
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use sip_core::Transport;
use sip_transaction::{ConnectionId, Flow};

const V6: u8 = 128;

pub(crate) fn write(flow: &Flow, octets: &mut Vec<u8>) {
    let transport = Transport::ALL
        .iter()
        .position(|known| *known == flow.transport);
    let transport = transport
        .and_then(|index| u8::try_from(index).ok())
        .unwrap_or(0);
    let v6 = flow.local.is_ipv6() || flow.remote.is_ipv6();
    octets.push(transport | if v6 { V6 } else { 0 });
    for address in [flow.local, flow.remote] {
        write_address(address, v6, octets);
    }
    if flow.connection != ConnectionId::NONE {
        octets.extend_from_slice(&flow.connection.as_u64().to_be_bytes());
    }
}

/// `None` when there is none, or `octets` were not written by [`write`].
pub(crate) fn read(octets: &[u8]) -> Option<Flow> {
    let (&[head], mut rest) = octets.split_first_chunk()?;
    let transport = *Transport::ALL.get(usize::from(head & !V6))?;
    let local = read_address(&mut rest, head & V6 != 0)?;
    let remote = read_address(&mut rest, head & V6 != 0)?;
    let connection = match rest {
        [] => ConnectionId::NONE,
        _ => {
            let id = u64::from_be_bytes(rest.try_into().ok()?);
            ConnectionId::new((id >> 48) as u16, id)
        }
    };
    Some(Flow {
        transport,
        local,
        remote,
        connection,
    })
}

fn write_address(address: SocketAddr, v6: bool, octets: &mut Vec<u8>) {
    match address.ip() {
        IpAddr::V4(ip) if !v6 => octets.extend_from_slice(&ip.octets()),
        IpAddr::V4(ip) => octets.extend_from_slice(&ip.to_ipv6_mapped().octets()),
        IpAddr::V6(ip) => octets.extend_from_slice(&ip.octets()),
    }
    octets.extend_from_slice(&address.port().to_be_bytes());
    if v6 {
        let scope = if let SocketAddr::V6(address) = address {
            address.scope_id()
        } else {
            0
        };
        octets.extend_from_slice(&scope.to_be_bytes());
    }
}

fn read_address(octets: &mut &[u8], v6: bool) -> Option<SocketAddr> {
    if v6 {
        let ip = Ipv6Addr::from(take::<16>(octets)?);
        let port = u16::from_be_bytes(take(octets)?);
        let scope = u32::from_be_bytes(take(octets)?);
        Some(SocketAddrV6::new(ip, port, 0, scope).into())
    } else {
        let ip = Ipv4Addr::from(take::<4>(octets)?);
        let port = u16::from_be_bytes(take(octets)?);
        Some(SocketAddrV4::new(ip, port).into())
    }
}

fn take<const N: usize>(octets: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = octets.split_first_chunk::<N>()?;
    *octets = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(transport: Transport, local: &str, remote: &str, connection: u64) -> Flow {
        Flow {
            transport,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            connection: ConnectionId::new((connection >> 48) as u16, connection),
        }
    }

    #[test]
    fn every_flow_is_read_back() {
        for transport in Transport::ALL {
            for flow in [
                flow(transport, "192.0.2.1:5060", "198.51.100.7:49152", 0),
                flow(
                    transport,
                    "192.0.2.1:5060",
                    "198.51.100.7:49152",
                    7 << 48 | 9,
                ),
                flow(
                    transport,
                    "[2001:db8::1]:5060",
                    "[2001:db8::2]:5062",
                    u64::MAX,
                ),
                flow(transport, "[fe80::1%3]:5060", "[fe80::2%3]:5062", 0),
            ] {
                let mut octets = Vec::new();
                write(&flow, &mut octets);
                assert_eq!(read(&octets), Some(flow));
            }
        }
    }

    #[test]
    fn a_datagram_flow_over_ipv4_takes_13_octets() {
        let mut octets = Vec::new();
        write(
            &flow(Transport::Udp, "192.0.2.1:5060", "198.51.100.7:49152", 0),
            &mut octets,
        );
        assert_eq!(octets.len(), 13);
    }

    #[test]
    fn other_octets_are_no_flow() {
        for octets in [&[][..], &[0], &[9; 13], &[0; 12], &[0; 14], &[128; 20]] {
            assert_eq!(read(octets), None);
        }
    }
}
