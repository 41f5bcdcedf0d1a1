//! A plain UDP echo: what the machine can do at best, to hold servers against.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use clap::Args;
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt,
};

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::span::Span;

/// What `sipload echo` is told.
#[derive(Debug, Args)]
pub(crate) struct Echo {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5060")]
    listen: SocketAddr,
    /// Datagrams for each system call, 1 to 64
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=64))]
    batch: u16,
    /// Make of each request a 200 of the same size, as the cheapest SIP server there could be
    #[arg(long)]
    answer: bool,
    /// Core to run on
    #[arg(long, value_name = "N")]
    cpu: Option<usize>,
    /// End after so long
    #[arg(long = "for", value_name = "TIME", default_value = "1h")]
    length: Span,
}

/// More than any SIP message over UDP has.
const LARGEST: usize = 4096;

/// How often the echo looks whether its time is over.
const LOOK: Duration = Duration::from_millis(100);

/// Echoes until the time is over or somebody says so; how many.
pub(crate) fn run(echo: &Echo) -> Result<u64, Failure> {
    if let Some(cpu) = echo.cpu {
        crate::run::pin(cpu);
    }
    let failed =
        |error: io::Error| Failure::new(format!("cannot echo on {}: {error}", echo.listen));
    let socket = UdpSocket::bind(echo.listen).map_err(failed)?;
    socket.set_read_timeout(Some(LOOK)).map_err(failed)?;
    // A smaller buffer than asked for is no reason not to start.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &(4 << 20));
    eprintln!(
        "echo listens on udp {}",
        socket.local_addr().map_err(failed)?
    );
    let interrupt = Interrupt::beside()?;
    let until = Instant::now() + *echo.length;
    let mut count = 0;
    let mut batch = Batch::new(echo.batch.into());
    while Instant::now() < until && !interrupt.came() {
        match batch.turn(&socket, echo.answer) {
            Ok(echoed) => count += echoed as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(count)
}

/// The buffers of one system call.
struct Batch {
    buffers: Vec<Vec<u8>>,
    received: MultiHeaders<SockaddrStorage>,
    sent: MultiHeaders<SockaddrStorage>,
    lengths: Vec<(usize, Option<SockaddrStorage>)>,
}

impl Batch {
    fn new(size: usize) -> Batch {
        Batch {
            buffers: vec![vec![0; LARGEST]; size],
            received: MultiHeaders::preallocate(size, None),
            sent: MultiHeaders::preallocate(size, None),
            lengths: Vec::with_capacity(size),
        }
    }

    /// Waits for datagrams and sends them back; how many.
    fn turn(&mut self, socket: &UdpSocket, answer: bool) -> io::Result<usize> {
        let descriptor = socket.as_raw_fd();
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .buffers
            .iter_mut()
            .map(|buffer| [IoSliceMut::new(buffer)])
            .collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        self.lengths.clear();
        let received = recvmmsg(
            descriptor,
            &mut self.received,
            slices.iter_mut(),
            flags,
            None,
        )?;
        self.lengths
            .extend(received.map(|message| (message.bytes, message.address)));
        let mut addresses = Vec::with_capacity(self.lengths.len());
        let mut out: Vec<[IoSlice<'_>; 1]> = Vec::with_capacity(self.lengths.len());
        for (buffer, (length, address)) in self.buffers.iter_mut().zip(&self.lengths) {
            if answer {
                make_answer(&mut buffer[..*length]);
            }
            out.push([IoSlice::new(&buffer[..*length])]);
            addresses.push(*address);
        }
        let sent = sendmmsg(
            descriptor,
            &mut self.sent,
            &out,
            &addresses,
            [],
            MsgFlags::empty(),
        )?;
        Ok(sent.count())
    }
}

/// Writes a status line of the same length over the request line.
fn make_answer(message: &mut [u8]) {
    const OK: &[u8] = b"SIP/2.0 200 OK";
    let end = message.iter().position(|octet| *octet == b'\r');
    if let Some(line) = end
        .and_then(|end| message.get_mut(..end))
        .filter(|line| line.len() >= OK.len())
    {
        line[..OK.len()].copy_from_slice(OK);
        line[OK.len()..].fill(b'.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_as_long_as_its_request() {
        let mut message = b"NOTIFY sip:example.com SIP/2.0\r\nCSeq: 1 NOTIFY\r\n\r\n".to_vec();
        make_answer(&mut message);
        assert_eq!(
            message,
            b"SIP/2.0 200 OK................\r\nCSeq: 1 NOTIFY\r\n\r\n"
        );
        let mut short = b"X\r\n".to_vec();
        make_answer(&mut short);
        assert_eq!(short, b"X\r\n");
    }
}
