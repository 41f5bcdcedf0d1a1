//! Keep-alives as fast as the server answers them, for measuring: `keep_alives SERVER:PORT COUNT`.
//!
//! So many requests are always under way, each from a flow of its own; the next leaves when an answer comes back.
//! Ends with the number of answers on standard output.

use std::env;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::time::Duration;

/// Phones, that is sockets: enough for the kernel to spread over every worker.
const PHONES: usize = 64;

/// Requests under way per phone. Together they fill a batch of the server and no socket buffer.
const WINDOW: usize = 4;

/// An answer that did not come within this is lost.
const LOST: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let parsed = match arguments.as_slice() {
        [server, count] => server.parse().ok().zip(count.parse().ok()),
        _ => None,
    };
    let Some((server, count)) = parsed else {
        eprintln!("usage: keep_alives SERVER:PORT COUNT");
        return ExitCode::from(2);
    };
    match run(server, count) {
        Ok(answers) => {
            println!("{answers}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("keep_alives: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(server: SocketAddr, count: u64) -> io::Result<u64> {
    let phones = (0..PHONES)
        .map(|number| Phone::new(server, number))
        .collect::<io::Result<Vec<_>>>()?;
    for phone in &phones {
        phone.send(WINDOW)?;
    }
    let mut answers = 0;
    while answers < count {
        for phone in &phones {
            let heard = phone.receive()?;
            answers += heard as u64;
            // Silence means the whole window was lost: open it again.
            phone.send(if heard == 0 { WINDOW } else { heard })?;
        }
    }
    Ok(answers)
}

struct Phone {
    socket: UdpSocket,
    request: Vec<u8>,
}

impl Phone {
    fn new(server: SocketAddr, number: usize) -> io::Result<Phone> {
        let any = if server.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(LOST))?;
        let local = socket.local_addr()?;
        let request = format!(
            "NOTIFY sip:example.test SIP/2.0\r\n\
             Via: SIP/2.0/UDP {local};branch=z9hG4bK-keep-alive-{number};rport\r\n\
             From: <sip:user{number}@example.test>;tag={number}\r\n\
             To: <sip:example.test>\r\n\
             Call-ID: keep-alive-{number}@{local}\r\n\
             CSeq: 1 NOTIFY\r\n\
             Max-Forwards: 70\r\n\
             Contact: <sip:user{number}@{local}>\r\n\
             Event: keep-alive\r\n\
             Content-Length: 0\r\n\r\n"
        );
        Ok(Phone {
            socket,
            request: request.into_bytes(),
        })
    }

    fn send(&self, times: usize) -> io::Result<()> {
        (0..times).try_for_each(|_| self.socket.send(&self.request).map(drop))
    }

    /// How many answers came, up to a whole window.
    fn receive(&self) -> io::Result<usize> {
        let mut answer = [0; 2048];
        for heard in 0..WINDOW {
            match self.socket.recv(&mut answer) {
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Ok(heard);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(WINDOW)
    }
}
