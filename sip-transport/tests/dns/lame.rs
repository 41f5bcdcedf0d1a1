//! A name server that is late, or says nothing at all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub(crate) struct Lame {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Lame {
    /// Hears every question and answers none.
    pub(crate) async fn silent() -> Lame {
        Lame::start(None).await
    }

    /// Answers every question with one address, after `delay`.
    pub(crate) async fn late(ip: &str, delay: Duration) -> Lame {
        Lame::start(Some((ip.parse().unwrap(), delay))).await
    }

    async fn start(answer: Option<(Ipv4Addr, Duration)>) -> Lame {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                if let Some((ip, delay)) = answer {
                    sleep(delay).await; // what is late is the point here
                    let reply = reply(&buffer[..length], ip);
                    socket.send_to(&reply, from).await.unwrap();
                }
            }
        });
        Lame {
            address,
            asked,
            task,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many questions it has heard.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Lame {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The question back, and one A record that points at its name (RFC 1035 §4.1).
fn reply(query: &[u8], ip: Ipv4Addr) -> Vec<u8> {
    let name_length = query[12..].iter().position(|byte| *byte == 0).unwrap();
    let question = &query[12..12 + name_length + 5];
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    reply.extend(question);
    reply.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4]);
    reply.extend(ip.octets());
    reply
}
