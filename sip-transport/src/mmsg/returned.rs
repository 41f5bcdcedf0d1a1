//! Datagrams that come back: what ICMP says of them, from the socket's error queue (RFC 3261 §18.4).

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{
    Control, EMPTY_CONTROL, empty_name, empty_vector, message_header, read_control, read_name, set,
};

/// More than ICMP quotes of a datagram: 576 octets over IPv4 (RFC 1812 §4.3.2.3), 1,232 over IPv6 (RFC 4443 §2.4).
const QUOTED: usize = 1500;

/// Has the kernel keep what comes back. From then on a call that sends or receives may fail for an earlier datagram.
pub(crate) fn keep_returned(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        true => set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, 1),
        false => set(socket, libc::IPPROTO_IP, libc::IP_RECVERR, 1),
    }
}

/// A datagram of ours that came back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Returned<'a> {
    /// Its beginning, as far as the router quoted it.
    pub(crate) bytes: &'a [u8],
    /// Where it was sent to.
    pub(crate) remote: SocketAddr,
    /// Whether that means that it cannot be delivered.
    pub(crate) is_final: bool,
}

/// The buffers to take them into.
pub(crate) struct ReturnedQueue {
    buffer: Box<[u8; QUOTED]>,
    name: libc::sockaddr_storage,
    control: Control,
}

impl ReturnedQueue {
    pub(crate) fn new() -> ReturnedQueue {
        ReturnedQueue {
            buffer: Box::new([0; QUOTED]),
            name: empty_name(),
            control: EMPTY_CONTROL,
        }
    }

    /// The next one, without waiting; `None` when there is none.
    pub(crate) fn next(&mut self, socket: BorrowedFd<'_>) -> Option<Returned<'_>> {
        loop {
            let mut vector = empty_vector();
            vector.iov_base = self.buffer.as_mut_ptr().cast();
            vector.iov_len = QUOTED;
            let name_length = size_of::<libc::sockaddr_storage>();
            let mut header =
                message_header(&mut self.name, name_length, &mut vector, &mut self.control);
            // SAFETY: the header points to a vector that lives here and to buffers of this value, exclusively borrowed
            // for the call and as long as the lengths say.
            let received = unsafe {
                libc::recvmsg(
                    socket.as_raw_fd(),
                    &raw mut header,
                    libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT,
                )
            };
            let length = match usize::try_from(received) {
                Ok(length) => length.min(QUOTED),
                Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {
                    continue;
                }
                Err(_) => return None,
            };
            let remote = read_name(&self.name);
            let (Some(is_final), Some(remote)) = (read_verdict(&header), remote) else {
                continue; // not of ICMP
            };
            return Some(Returned {
                bytes: &self.buffer[..length],
                remote,
                is_final,
            });
        }
    }
}

/// Whether the datagram is undeliverable, by what ICMP said; `None` if it is not ICMP that said something.
fn read_verdict(header: &libc::msghdr) -> Option<bool> {
    let v4 = || read_control(header, libc::IPPROTO_IP, libc::IP_RECVERR);
    let v6 = || read_control(header, libc::IPPROTO_IPV6, libc::IPV6_RECVERR);
    let error: libc::sock_extended_err = v4().or_else(v6)?;
    match error.ee_origin {
        libc::SO_EE_ORIGIN_ICMP => Some(is_final_v4(error.ee_type, error.ee_code)),
        libc::SO_EE_ORIGIN_ICMP6 => Some(is_final_v6(error.ee_type)),
        _ => None,
    }
}

/// §18.4: host, network, port or protocol unreachable, or a parameter problem; neither source quench nor TTL exceeded.
/// That a smaller datagram is wanted (RFC 1191) the kernel sees to.
fn is_final_v4(kind: u8, code: u8) -> bool {
    const UNREACHABLE: u8 = 3;
    const FRAGMENTATION_NEEDED: u8 = 4;
    const PARAMETER_PROBLEM: u8 = 12;
    match kind {
        UNREACHABLE => code != FRAGMENTATION_NEEDED,
        kind => kind == PARAMETER_PROBLEM,
    }
}

/// The same of RFC 4443.
fn is_final_v6(kind: u8) -> bool {
    const UNREACHABLE: u8 = 1;
    const PARAMETER_PROBLEM: u8 = 4;
    matches!(kind, UNREACHABLE | PARAMETER_PROBLEM)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    /// Sends from `near` to a port of the same host where nobody listens.
    fn send_to_nobody(near: &str) {
        let socket = UdpSocket::bind(near).unwrap();
        let gone = UdpSocket::bind(near).unwrap();
        let remote = gone.local_addr().unwrap();
        drop(gone);
        keep_returned(socket.as_fd(), remote.is_ipv6()).unwrap();
        socket.send_to(b"anybody there?", remote).unwrap();
        let mut queue = ReturnedQueue::new();
        // On the loopback the answer is there when the call returns.
        let returned = Returned {
            bytes: b"anybody there?",
            remote,
            is_final: true,
        };
        assert_eq!(queue.next(socket.as_fd()), Some(returned));
        assert_eq!(queue.next(socket.as_fd()), None);
    }

    #[test]
    fn what_nobody_takes_comes_back() {
        send_to_nobody("127.0.0.1:0");
        send_to_nobody("[::1]:0");
    }

    #[test]
    fn only_what_rfc_3261_names_is_a_failure() {
        for (kind, code, is_final) in [
            (3, 0, true),
            (3, 1, true),
            (3, 2, true),
            (3, 3, true),
            (3, 4, false),
            (4, 0, false),
            (11, 0, false),
            (12, 0, true),
        ] {
            assert_eq!(is_final_v4(kind, code), is_final, "{kind} {code}");
        }
        let v6: Vec<u8> = (0..=5).filter(|kind| is_final_v6(*kind)).collect();
        assert_eq!(v6, [1, 4]);
    }
}
