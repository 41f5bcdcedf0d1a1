//! dnsmasq with a zone of its own, ended with the test.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct Dnsmasq {
    process: Child,
    address: SocketAddr,
}

impl Dnsmasq {
    /// Serves these records and asks nobody else; `None` where it is not installed.
    pub(crate) fn start(records: &[&str]) -> Option<Dnsmasq> {
        let program = program()?;
        let address = free_address();
        let process = Command::new(program)
            .args([
                "--keep-in-foreground",
                "--conf-file=/dev/null",
                "--pid-file=",
            ])
            .args([
                "--no-resolv",
                "--no-hosts",
                "--local=/test/",
                "--bind-interfaces",
            ])
            .args(["--user=", "--group=", "--log-facility=-"])
            .arg(format!("--listen-address={}", address.ip()))
            .arg(format!("--port={}", address.port()))
            .args(records)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Dnsmasq { process, address };
        // It listens on TCP once it does on UDP.
        while TcpStream::connect(address).is_err() {
            assert!(server.process.try_wait().unwrap().is_none(), "it ended");
            std::thread::yield_now();
        }
        Some(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port nobody uses on an address hardly anybody does.
fn free_address() -> SocketAddr {
    let [high, low] = (std::process::id() as u16).to_be_bytes();
    let ip = Ipv4Addr::new(127, high | 0x80, low, 53);
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    socket.local_addr().unwrap()
}

/// Where it is: not everybody has the folder of servers in the path.
fn program() -> Option<&'static str> {
    let found = [
        "/usr/sbin/dnsmasq",
        "/usr/local/sbin/dnsmasq",
        "/usr/bin/dnsmasq",
    ]
    .into_iter()
    .find(|program| Path::new(program).exists());
    if found.is_none() {
        assert!(
            std::env::var_os("SKIP_NOTHING").is_none(),
            "dnsmasq is not installed: `make test` installs it"
        );
        let test = std::thread::current();
        let name = test.name().unwrap_or("?");
        let note = format!("SKIPPED {name}: dnsmasq is not installed; `make test` installs it\n");
        io::stderr().write_all(note.as_bytes()).unwrap();
    }
    found
}
