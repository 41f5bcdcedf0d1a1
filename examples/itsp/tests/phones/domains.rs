//! Calls to other providers: their servers are found by DNS, and one that is dead is passed over (F-120 to F-122).

use std::fs;
use std::net::{SocketAddrV4, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::phone::Transport;
use crate::process::{Process, eventually};
use crate::server::{Server, path};

/// A name server that knows `far.test`, whose first server is dead and whose second is the phone at port 5072.
fn name_server(server: &Server) -> (Process, SocketAddrV4) {
    let ip = *server.address().ip();
    let port = UdpSocket::bind((ip, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let process = Process::start(
        Command::new("dnsmasq")
            .env("PATH", path())
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
            .arg(format!("--listen-address={ip}"))
            .arg(format!("--port={port}"))
            .args([
                "--srv-host=_sip._tcp.far.test,dead.far.test,5999,1,10",
                "--srv-host=_sip._tcp.far.test,alive.far.test,5072,2,10",
            ])
            .arg(format!("--host-record=dead.far.test,{ip}"))
            .arg(format!("--host-record=alive.far.test,{ip}"))
            .stderr(Stdio::null()),
    );
    let address = SocketAddrV4::new(ip, port);
    let up = eventually(Duration::from_secs(30), || TcpStream::connect(address).ok());
    assert!(up.is_some(), "the name server does not listen");
    (process, address)
}

/// Starts the server anew, to ask this name server.
fn ask_only(server: &mut Server, name_server: SocketAddrV4) {
    let file = server.file("itsp.toml");
    fs::write(&file, format!("[dns]\nservers = [\"{name_server}\"]\n")).unwrap();
    server.stop();
    server.start_with(&["--config", file.to_str().unwrap()]);
}

#[test]
fn a_domain_is_reached_by_its_second_server_when_the_first_is_dead() {
    Server::with_tools(&["dnsmasq"], |mut server| {
        let (_name_server, address) = name_server(&server);
        ask_only(&mut server, address);

        let far = server.phone("bob", Transport::Tcp, 5072);
        let alice = server.phone("alice", Transport::Tcp, 5071);
        for _ in 0..2 {
            let called = far.waits("answer");
            alice
                .plays("call", "bob")
                .in_domain("far.test")
                .run()
                .succeeds();
            called.succeeds();
        }
    });
}

// F-12
#[test]
fn a_domain_that_is_not_there_is_478() {
    Server::with_tools(&["dnsmasq"], |mut server| {
        let (_name_server, address) = name_server(&server);
        ask_only(&mut server, address);

        let alice = server.phone("alice", Transport::Udp, 5071);
        let script = alice.plays("call_refused", "bob").in_domain("nowhere.test");
        script.ending(478).run().succeeds();
    });
}
