//! A run as a capture file, for whoever wants to look at it in Wireshark.

use std::net::{Ipv4Addr, SocketAddr};

use super::wire::Packet;

/// The classic format; each packet starts with its IP header.
const MAGIC: u32 = 0xa1b2_c3d4;
const LINK_TYPE_RAW: u32 = 101;
const LONGEST: u32 = 65_535;

const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;

/// Every message as a datagram, whatever it travelled on: each is whole, so none needs a stream around it.
pub(crate) fn write(packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    file.extend(MAGIC.to_ne_bytes());
    file.extend(2u16.to_ne_bytes()); // version 2.4
    file.extend(4u16.to_ne_bytes());
    for field in [0, 0, LONGEST, LINK_TYPE_RAW] {
        file.extend(field.to_ne_bytes());
    }
    for packet in packets {
        write_packet(packet, &mut file);
    }
    file
}

fn write_packet(packet: &Packet, file: &mut Vec<u8>) {
    let datagram = datagram(packet);
    let length = datagram.len() as u32;
    let (seconds, micros) = (packet.at.as_secs() as u32, packet.at.subsec_micros());
    for field in [seconds, micros, length, length] {
        file.extend(field.to_ne_bytes());
    }
    file.extend(datagram);
}

/// IP and UDP headers (RFC 791, RFC 768) and the message, cut where IP would refuse it.
fn datagram(packet: &Packet) -> Vec<u8> {
    let room = LONGEST as usize - IP_HEADER - UDP_HEADER;
    let payload = &packet.payload[..packet.payload.len().min(room)];
    let length = |headers: usize| ((headers + payload.len()) as u16).to_be_bytes();
    let mut ip = vec![0x45, 0];
    ip.extend(length(IP_HEADER + UDP_HEADER));
    ip.extend([0, 0, 0x40, 0, 64, 17, 0, 0]); // not to be fragmented, 64 hops, UDP
    ip.extend(ipv4(packet.from).octets());
    ip.extend(ipv4(packet.to).octets());
    let checksum = checksum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&checksum);
    ip.extend(packet.from.port().to_be_bytes());
    ip.extend(packet.to.port().to_be_bytes());
    ip.extend(length(UDP_HEADER));
    ip.extend([0, 0]); // no checksum
    ip.extend(payload);
    ip
}

fn ipv4(address: SocketAddr) -> Ipv4Addr {
    match address {
        SocketAddr::V4(v4) => *v4.ip(),
        SocketAddr::V6(_) => Ipv4Addr::UNSPECIFIED, // peers have addresses of version 4
    }
}

/// RFC 1071.
fn checksum(header: &[u8]) -> u16 {
    let words = header
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_checksum_of_a_header_with_its_checksum_is_zero() {
        let address = |text: &str| text.parse().unwrap();
        let packet = Packet {
            at: Duration::from_millis(1500),
            from: address("192.0.2.1:5060"),
            to: address("192.0.2.2:5060"),
            payload: Bytes::from_static(b"INVITE"),
            arrivals: Vec::new(),
        };
        let datagram = datagram(&packet);
        assert_eq!(checksum(&datagram[..IP_HEADER]), 0);
        assert_eq!(datagram.len(), IP_HEADER + UDP_HEADER + 6);
        let file = write(&[packet]);
        assert_eq!(file.len(), 24 + 16 + datagram.len());
        assert!(file.ends_with(&datagram));
    }
}
