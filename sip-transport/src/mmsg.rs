//! Many datagrams per system call: recvmmsg and sendmmsg (Linux), with the local address of each. All but one
//! `unsafe` blocks of the crate are here and in what belongs to it.
#![allow(unsafe_code)]

mod returned;

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::{Duration, SystemTime};

pub(crate) use returned::{Returned, ReturnedQueue, keep_returned};

/// Most datagrams one system call takes or gives.
pub(crate) const BATCH: usize = 64;

/// The largest payload UDP can carry, rounded up.
const LARGEST: usize = 65_535;

/// Room for the control messages we read or write: the address a datagram came to, or leaves from, and when it came;
/// or what ICMP said of it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 128]);

const EMPTY_CONTROL: Control = Control([0; 128]);

/// A received datagram, still in the batch's buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) source: SocketAddr,
    /// The address it was sent to, if [`report_local_address`] was asked for it.
    pub(crate) local: Option<IpAddr>,
}

/// The buffers one worker receives into; a page of memory is taken only when a datagram first fills it.
pub(crate) struct ReceiveBatch {
    buffer: Vec<u8>,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    received: usize,
}

impl ReceiveBatch {
    pub(crate) fn new() -> ReceiveBatch {
        ReceiveBatch {
            buffer: vec![0; BATCH * LARGEST],
            names: vec![empty_name(); BATCH],
            controls: vec![EMPTY_CONTROL; BATCH],
            vectors: vec![empty_vector(); BATCH],
            headers: vec![empty_header(); BATCH],
            received: 0,
        }
    }

    /// Takes what has arrived, up to [`BATCH`] datagrams, without waiting.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.received = 0;
        let buffers = self.buffer.chunks_exact_mut(LARGEST);
        let places = self.names.iter_mut().zip(&mut self.controls);
        let headers = self.vectors.iter_mut().zip(&mut self.headers);
        for ((buffer, (name, control)), (vector, header)) in buffers.zip(places).zip(headers) {
            vector.iov_base = buffer.as_mut_ptr().cast();
            vector.iov_len = buffer.len();
            let name_length = mem::size_of::<libc::sockaddr_storage>();
            header.msg_hdr = message_header(name, name_length, vector, control);
        }
        // SAFETY: all headers point into arrays of this value, made anew just above, exclusively borrowed for the
        // call and at least as long as the lengths say.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        self.received = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
        Ok(self.received)
    }

    /// How many datagrams the last [`receive`](Self::receive) took.
    pub(crate) fn len(&self) -> usize {
        self.received
    }

    /// How long the first of them waited to be taken, if [`report_arrival`] was asked for it.
    pub(crate) fn waited(&self) -> Option<Duration> {
        let first = self.headers.first().filter(|_| self.received > 0)?;
        let level = libc::SOL_SOCKET;
        let came: libc::timespec = read_control(&first.msg_hdr, level, libc::SCM_TIMESTAMPNS)?;
        let came = Duration::new(came.tv_sec.try_into().ok()?, came.tv_nsec.try_into().ok()?);
        // The clock may have been set back meanwhile.
        let came = SystemTime::UNIX_EPOCH.checked_add(came)?;
        SystemTime::now().duration_since(came).ok()
    }

    /// One of them; `None` if its source cannot be read.
    pub(crate) fn datagram(&self, i: usize) -> Option<Datagram<'_>> {
        let header = self.headers.get(i).filter(|_| i < self.received)?;
        let start = i * LARGEST;
        let length = (header.msg_len as usize).min(LARGEST);
        Some(Datagram {
            bytes: &self.buffer[start..start + length],
            source: read_name(&self.names[i])?,
            local: read_local_address(&header.msg_hdr),
        })
    }
}

/// The largest datagram that leaves in one piece over any path (RFC 8200 §5), and so may share a buffer with others.
const UNFRAGMENTED: usize = 1232;

/// Octets that may share a buffer: it travels as one datagram as far as the kernel's last layer.
const MOST_SHARED: usize = 65_000;

/// A datagram to send.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) remote: SocketAddr,
    /// The address to send from, where the socket itself has none.
    pub(crate) local: Option<IpAddr>,
}

impl Outgoing<'_> {
    /// Whether `next` may stand in one buffer with this one, the first in it, for the kernel to part: same way, same
    /// length. A shorter one may stand last.
    fn may_share(&self, next: &Outgoing<'_>) -> bool {
        self.bytes.len() <= UNFRAGMENTED
            && !next.bytes.is_empty()
            && next.bytes.len() <= self.bytes.len()
            && next.remote == self.remote
            && next.local == self.local
    }
}

/// The headers one worker sends with.
pub(crate) struct SendBatch {
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<Control>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    /// Datagrams in each header.
    shares: Vec<usize>,
    /// Whether datagrams may share a header: the kernel parts them (UDP_SEGMENT, Linux 4.18), and one run through its
    /// layers serves them all. Given up when the device cannot.
    sharing: bool,
}

impl SendBatch {
    pub(crate) fn new() -> SendBatch {
        SendBatch {
            names: vec![empty_name(); BATCH],
            controls: vec![EMPTY_CONTROL; BATCH],
            vectors: vec![empty_vector(); BATCH],
            headers: vec![empty_header(); BATCH],
            shares: Vec::with_capacity(BATCH),
            sharing: true,
        }
    }

    /// Sends the first [`BATCH`] of `datagrams`; says how many left. An error is about the first one alone.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        datagrams: impl Iterator<Item = Outgoing<'a>> + Clone,
    ) -> io::Result<usize> {
        self.fill(datagrams.clone());
        match self.send_filled(socket) {
            Err(error)
                if self.shares.first().is_some_and(|share| *share > 1)
                    && is_about_sharing(&error) =>
            {
                self.send_again(socket, datagrams)
            }
            sent => sent,
        }
    }

    /// Sends as before, since the error may have been about an earlier datagram; and if that fails, each alone.
    fn send_again<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        datagrams: impl Iterator<Item = Outgoing<'a>>,
    ) -> io::Result<usize> {
        match self.send_filled(socket) {
            Err(error) if is_about_sharing(&error) => {
                self.sharing = false;
                self.fill(datagrams);
                let sent = self.send_filled(socket);
                // If it cannot leave alone either, it was not about sharing.
                self.sharing = sent.is_err();
                sent
            }
            sent => sent,
        }
    }

    /// Makes a header for each datagram, or for several that may share one.
    fn fill<'a>(&mut self, datagrams: impl Iterator<Item = Outgoing<'a>>) {
        self.shares.clear();
        let mut datagrams = datagrams.take(BATCH).peekable();
        let mut used = 0;
        while let Some(first) = datagrams.next() {
            let (start, whole) = (used, first.bytes.len());
            let (mut last, mut octets) = (whole, whole);
            self.vectors[used] = vector(first.bytes);
            used += 1;
            while self.sharing
                && last == whole
                && octets + whole <= MOST_SHARED
                && let Some(next) = datagrams.next_if(|next| first.may_share(next))
            {
                last = next.bytes.len();
                octets += last;
                self.vectors[used] = vector(next.bytes);
                used += 1;
            }
            let at = self.shares.len();
            let share = used - start;
            self.shares.push(share);
            let name = &mut self.names[at];
            let name_length = write_name(name, first.remote);
            let (vector, control) = (&mut self.vectors[start], &mut self.controls[at]);
            let header = &mut self.headers[at].msg_hdr;
            *header = message_header(name, name_length, vector, control);
            header.msg_iovlen = share as _;
            let segment = (share > 1).then_some(whole as u16);
            write_controls(header, first.local, segment);
        }
    }

    fn send_filled(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        // SAFETY: the first headers, one for each share, point into arrays of this value and to payloads, made just
        // above by `fill`, whose borrows of the payloads its caller still holds; the kernel only reads through them.
        // The vectors of a header are those from the one it points to on, as many as its share.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.shares.len() as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
        Ok(self.shares.iter().take(sent).sum())
    }
}

fn vector(bytes: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    }
}

/// Whether a device, or a kernel before 4.18, cannot part a buffer.
fn is_about_sharing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EOPNOTSUPP | libc::EMSGSIZE)
    )
}

/// Asks the kernel to say, with each datagram, which local address it was sent to.
pub(crate) fn report_local_address(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    match v6 {
        true => set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        false => set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
    }
}

/// Asks the kernel to say, with each datagram, when it came; or no longer.
pub(crate) fn report_arrival(socket: BorrowedFd<'_>, wanted: bool) -> io::Result<()> {
    let level = libc::SOL_SOCKET;
    set(socket, level, libc::SO_TIMESTAMPNS, wanted.into())
}

/// Lets a socket that is about to connect, and bound to port 0 if to any, get its port as fast with thousands of
/// connections as with one.
///
/// Bound late, a port that is taken towards another peer will do. And where a range is named, be it all of them, the
/// kernel does not keep every second port for others: without, it goes through 14,000 ports that are taken for each
/// new connection, once as many are open, which takes a millisecond.
pub(crate) fn choose_port_late(socket: BorrowedFd<'_>) {
    const FROM_THE_FIRST: libc::c_int = 1;
    for (option, value) in [
        (libc::IP_BIND_ADDRESS_NO_PORT, 1),
        (IP_LOCAL_PORT_RANGE, FROM_THE_FIRST),
    ] {
        // Where the kernel does not know it (the range before Linux 6.3), it only takes longer.
        let _ = set(socket, libc::IPPROTO_IP, option, value);
    }
}

/// Of `linux/in.h`: the lowest port in the lower half, the highest in the upper one.
const IP_LOCAL_PORT_RANGE: libc::c_int = 51;

fn set(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: these options take an int, and the pointer and length given are those of a live int.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&value).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn empty_name() -> libc::sockaddr_storage {
    // SAFETY: a C structure of integers, for which all zeroes is a valid value.
    unsafe { mem::zeroed() }
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: a C structure of integers and nullable pointers, for which all zeroes is a valid value.
    unsafe { mem::zeroed() }
}

fn empty_vector() -> libc::iovec {
    libc::iovec {
        iov_base: ptr::null_mut(),
        iov_len: 0,
    }
}

fn message_header(
    name: &mut libc::sockaddr_storage,
    name_length: usize,
    vector: &mut libc::iovec,
    control: &mut Control,
) -> libc::msghdr {
    let mut header = empty_header().msg_hdr;
    header.msg_name = ptr::from_mut(name).cast();
    header.msg_namelen = name_length as libc::socklen_t;
    header.msg_iov = vector;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = mem::size_of::<Control>() as _;
    header
}

fn read_name(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: sockaddr_storage is as large and as aligned as every address structure, and the family, set by
            // the kernel, says that it holds this one.
            let v4 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// Writes `addr`; gives the length of the structure used.
fn write_name(name: &mut libc::sockaddr_storage, addr: SocketAddr) -> usize {
    match addr {
        SocketAddr::V4(v4) => {
            // SAFETY: sockaddr_storage is as large and as aligned as every address structure, and any bits are valid
            // integers.
            let out = unsafe { &mut *ptr::from_mut(name).cast::<libc::sockaddr_in>() };
            out.sin_family = libc::AF_INET as libc::sa_family_t;
            out.sin_port = v4.port().to_be();
            out.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            mem::size_of::<libc::sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            // SAFETY: as above.
            let out = unsafe { &mut *ptr::from_mut(name).cast::<libc::sockaddr_in6>() };
            out.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            out.sin6_port = v6.port().to_be();
            out.sin6_addr.s6_addr = v6.ip().octets();
            out.sin6_flowinfo = v6.flowinfo();
            out.sin6_scope_id = v6.scope_id();
            mem::size_of::<libc::sockaddr_in6>()
        }
    }
}

fn read_local_address(header: &libc::msghdr) -> Option<IpAddr> {
    let v4 = || {
        let info: libc::in_pktinfo = read_control(header, libc::IPPROTO_IP, libc::IP_PKTINFO)?;
        Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into())
    };
    let v6 = || {
        let info: libc::in6_pktinfo = read_control(header, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)?;
        Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into())
    };
    v4().or_else(v6)
}

/// What a control message may hold.
///
/// # Safety
/// A C structure of integers: any octets are a valid value.
unsafe trait Plain: Copy {}
// SAFETY: each is one.
unsafe impl Plain for libc::in_pktinfo {}
// SAFETY: the same.
unsafe impl Plain for libc::in6_pktinfo {}
// SAFETY: the same.
unsafe impl Plain for libc::sock_extended_err {}
// SAFETY: the same.
unsafe impl Plain for libc::timespec {}

/// The data of the control message of this kind, in a header that the kernel has filled.
fn read_control<T: Plain>(
    header: &libc::msghdr,
    level: libc::c_int,
    kind: libc::c_int,
) -> Option<T> {
    // SAFETY: the header's control pointer and length are those of a live, aligned Control the kernel filled; the
    // CMSG functions stay within it. The data is read unaligned, of a type that takes any octets, and only if the
    // message is long enough.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(found) = message.as_ref() {
            let needed = libc::CMSG_LEN(mem::size_of::<T>() as libc::c_uint) as _;
            if (found.cmsg_level, found.cmsg_type) == (level, kind) && found.cmsg_len >= needed {
                return Some(libc::CMSG_DATA(message).cast::<T>().read_unaligned());
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
        None
    }
}

/// Makes the datagrams of a header leave from `local`, or from whatever address the kernel picks, and `segment` octets
/// in each of them if there are several.
fn write_controls(header: &mut libc::msghdr, local: Option<IpAddr>, segment: Option<u16>) {
    let mut length = 0;
    match local {
        None => {}
        Some(IpAddr::V4(ip)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from(ip).to_be(),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            write_control(
                header,
                &mut length,
                libc::IPPROTO_IP,
                libc::IP_PKTINFO,
                info,
            );
        }
        Some(IpAddr::V6(ip)) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: ip.octets(),
                },
                ipi6_ifindex: 0,
            };
            write_control(
                header,
                &mut length,
                libc::IPPROTO_IPV6,
                libc::IPV6_PKTINFO,
                info,
            );
        }
    }
    if let Some(segment) = segment {
        write_control(
            header,
            &mut length,
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            segment,
        );
    }
    header.msg_controllen = length as _;
    if length == 0 {
        header.msg_control = ptr::null_mut();
    }
}

/// Appends a control message to those of `header`, which are `length` octets long.
fn write_control<T>(
    header: &mut libc::msghdr,
    length: &mut usize,
    level: libc::c_int,
    kind: libc::c_int,
    data: T,
) {
    let size = mem::size_of::<T>() as libc::c_uint;
    // SAFETY: the header's control pointer is that of a live, aligned Control of 128 octets. At most two messages are
    // written into it: an address of at most 40 octets with its header, and two octets that take 24 with theirs. Each
    // takes a multiple of eight (CMSG_SPACE), so the next begins aligned, too.
    unsafe {
        let message: *mut libc::cmsghdr = header.msg_control.byte_add(*length).cast();
        (*message).cmsg_level = level;
        (*message).cmsg_type = kind;
        (*message).cmsg_len = libc::CMSG_LEN(size) as _;
        libc::CMSG_DATA(message).cast::<T>().write_unaligned(data);
        *length += libc::CMSG_SPACE(size) as usize;
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    fn socket(addr: &str) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind(addr).unwrap();
        let addr = socket.local_addr().unwrap();
        (socket, addr)
    }

    #[test]
    fn a_batch_arrives_as_it_was_sent() {
        let (alice, alice_addr) = socket("127.0.0.1:0");
        let (bob, bob_addr) = socket("127.0.0.1:0");
        let payloads: Vec<Vec<u8>> = (0..100_u8).map(|i| vec![i; usize::from(i) + 1]).collect();
        let outgoing = |skip: usize| {
            payloads.iter().skip(skip).map(move |bytes| Outgoing {
                bytes,
                remote: bob_addr,
                local: None,
            })
        };
        let mut send = SendBatch::new();
        assert_eq!(send.send(alice.as_fd(), outgoing(0)).unwrap(), BATCH);
        assert_eq!(send.send(alice.as_fd(), outgoing(BATCH)).unwrap(), 36);

        let mut receive = ReceiveBatch::new();
        let mut seen = Vec::new();
        while seen.len() < 100 {
            receive.receive(bob.as_fd()).unwrap();
            for datagram in (0..receive.len()).filter_map(|i| receive.datagram(i)) {
                assert_eq!(datagram.source, alice_addr);
                assert_eq!(datagram.local, None);
                seen.push(datagram.bytes.to_vec());
            }
        }
        assert_eq!(seen, payloads);
        let empty = receive.receive(bob.as_fd()).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(receive.datagram(0), None);
    }

    #[test]
    fn datagrams_of_one_size_arrive_apart_though_they_left_together() {
        let (alice, _) = socket("127.0.0.1:0");
        let receivers = [socket("127.0.0.1:0"), socket("127.0.0.1:0")];
        // Runs of one size, each with a shorter one at its end, as far as that; and sizes that share nothing.
        let sizes = [[500; 20], [1232; 20], [1233; 20]].concat();
        let shorter = |i: usize| i % 7 == 6;
        let payloads: Vec<Vec<u8>> = sizes
            .iter()
            .enumerate()
            .map(|(i, size)| vec![i as u8; size - usize::from(shorter(i))])
            .collect();
        let mut send = SendBatch::new();
        for (_, remote) in &receivers {
            let outgoing = payloads.iter().map(|bytes| Outgoing {
                bytes,
                remote: *remote,
                local: None,
            });
            assert_eq!(send.send(alice.as_fd(), outgoing).unwrap(), payloads.len());
            assert!(send.shares.len() < payloads.len());
        }
        for (receiver, _) in &receivers {
            let mut receive = ReceiveBatch::new();
            let mut seen = Vec::new();
            while seen.len() < payloads.len() {
                receive.receive(receiver.as_fd()).unwrap();
                let datagrams = (0..receive.len()).filter_map(|i| receive.datagram(i));
                seen.extend(datagrams.map(|datagram| datagram.bytes.to_vec()));
            }
            assert_eq!(seen, payloads);
        }
    }

    #[test]
    fn the_largest_datagram_fits() {
        let (alice, _) = socket("127.0.0.1:0");
        let (bob, bob_addr) = socket("127.0.0.1:0");
        let payload = vec![7; 65_507];
        alice.send_to(&payload, bob_addr).unwrap();
        let mut receive = ReceiveBatch::new();
        receive.receive(bob.as_fd()).unwrap();
        assert_eq!(receive.datagram(0).unwrap().bytes, payload);
    }

    #[test]
    fn a_wildcard_socket_answers_from_the_address_it_was_asked_at() {
        let (alice, alice_addr) = socket("127.0.0.1:0");
        let (wild, wild_addr) = socket("0.0.0.0:0");
        report_local_address(wild.as_fd(), false).unwrap();
        let asked: SocketAddr = (Ipv4Addr::new(127, 0, 0, 77), wild_addr.port()).into();
        alice.send_to(b"?", asked).unwrap();

        let mut receive = ReceiveBatch::new();
        receive.receive(wild.as_fd()).unwrap();
        let question = receive.datagram(0).unwrap();
        assert_eq!(question.local, Some(asked.ip()));

        let answer = Outgoing {
            bytes: b"!",
            remote: alice_addr,
            local: question.local,
        };
        SendBatch::new()
            .send(wild.as_fd(), [answer].into_iter())
            .unwrap();
        let mut buffer = [0; 8];
        assert_eq!(alice.recv_from(&mut buffer).unwrap(), (1, asked));
    }

    #[test]
    fn the_same_over_ipv6() {
        let (alice, alice_addr) = socket("[::1]:0");
        let (wild, wild_addr) = socket("[::]:0");
        report_local_address(wild.as_fd(), true).unwrap();
        alice
            .send_to(b"?", (Ipv6Addr::LOCALHOST, wild_addr.port()))
            .unwrap();
        let mut receive = ReceiveBatch::new();
        receive.receive(wild.as_fd()).unwrap();
        let question = receive.datagram(0).unwrap();
        assert_eq!(question.source, alice_addr);
        assert_eq!(question.local, Some(Ipv6Addr::LOCALHOST.into()));
        let answer = Outgoing {
            bytes: b"!",
            remote: alice_addr,
            local: question.local,
        };
        let sent = SendBatch::new().send(wild.as_fd(), [answer].into_iter());
        assert_eq!(sent.unwrap(), 1);
    }

    #[test]
    fn an_address_nobody_can_send_to_does_not_part_the_others() {
        let (alice, addr) = socket("127.0.0.1:0");
        let mut nowhere = addr;
        nowhere.set_port(0);
        let to = |remote| {
            [Outgoing {
                bytes: b"ab",
                remote,
                local: None,
            }; 2]
                .into_iter()
        };
        let mut send = SendBatch::new();
        assert!(send.send(alice.as_fd(), to(nowhere)).is_err());
        assert_eq!(send.send(alice.as_fd(), to(addr)).unwrap(), 2);
        assert_eq!(send.shares, [2]);
    }

    #[test]
    fn an_error_is_about_the_first_datagram() {
        let (alice, addr) = socket("127.0.0.1:0");
        let too_large = vec![0; 65_508];
        let bytes: [&[u8]; 2] = [&too_large, b"ok"];
        let outgoing = bytes.map(|bytes| Outgoing {
            bytes,
            remote: addr,
            local: None,
        });
        let error = SendBatch::new()
            .send(alice.as_fd(), outgoing.into_iter())
            .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    }
}
