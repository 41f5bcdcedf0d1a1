//! TLS (RFC 3261 §26, RFC 5922), with rustls' ordinary connections as the peer.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion,
};
use sip_core::{ContentType, Header, StatusCode, Text, Transport};
use sip_transaction::Target;
use sip_transport::{Bind, Settings, TlsConfig, TlsFiles};
use tempfile::TempDir;

use crate::support::{PATIENCE, TcpPeer, ok, parsed, request};
use crate::user::{Command, Stage, What};

/// An authority, and a folder for what it signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key in files.
#[derive(Clone)]
pub(crate) struct Pair {
    chain: PathBuf,
    key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Signs a certificate for `names`, in files called `file`.
    pub(crate) fn sign(&self, file: &str, names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pair = Pair {
            chain: self.folder.path().join(format!("{file}.pem")),
            key: self.folder.path().join(format!("{file}.key")),
        };
        fs::write(&pair.chain, certificate.pem()).unwrap();
        fs::write(&pair.key, key.serialize_pem()).unwrap();
        pair
    }

    pub(crate) fn files(&self, names: &[&str]) -> TlsFiles {
        let pair = self.sign("server", names);
        TlsFiles::new(pair.chain, pair.key).trust(self.file())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    /// What a phone that believes the authority is set up with.
    pub(crate) fn phone(&self) -> ClientConfig {
        self.phone_of(rustls::DEFAULT_VERSIONS)
    }

    fn phone_of(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth()
    }

    fn phone_with(&self, pair: &Pair) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_client_auth_cert(pair.chain(), pair.key())
            .unwrap()
    }
}

impl Pair {
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from_pem_file(&self.chain).unwrap()]
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).unwrap()
    }
}

/// A stream of TLS over `stream`.
pub(crate) fn over(stream: TcpStream, config: ClientConfig, domain: &str) -> Tls {
    let domain = ServerName::try_from(domain.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), domain).unwrap();
    StreamOwned::new(connection, stream)
}

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A phone on TLS.
struct TlsPeer(StreamOwned<ClientConnection, TcpStream>);

impl TlsPeer {
    /// Connects to the server of `domain`; the handshake happens with the first octets.
    fn connect(server: SocketAddr, config: ClientConfig, domain: &str) -> TlsPeer {
        TlsPeer::connect_again(server, &Arc::new(config), domain)
    }

    fn connect_again(server: SocketAddr, config: &Arc<ClientConfig>, domain: &str) -> TlsPeer {
        let domain = ServerName::try_from(domain.to_owned()).unwrap();
        let connection = ClientConnection::new(config.clone(), domain).unwrap();
        TlsPeer(StreamOwned::new(connection, TcpPeer::connect(server).0))
    }

    fn ask(&mut self, call_id: &str) -> io::Result<String> {
        self.0.write_all(options(call_id).as_bytes())?;
        read_message(&mut self.0)
    }

    fn expect_ok(&mut self, call_id: &str) {
        let response = self.ask(call_id).unwrap();
        assert!(response.starts_with("SIP/2.0 200 OK\r\n"), "{response}");
        assert!(response.contains(&format!("\r\nCall-ID: {call_id}\r\n")));
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone()
    }
}

fn read_message(stream: &mut impl Read) -> io::Result<String> {
    let mut text = Vec::new();
    let mut octet = [0];
    while !text.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut octet)?;
        text.push(octet[0]);
    }
    Ok(String::from_utf8(text).unwrap())
}

fn options(call_id: &str) -> String {
    let via = format!("TLS 192.0.2.1;branch=z9hG4bK{call_id}");
    request("OPTIONS", &via, call_id)
}

fn text_plain() -> ContentType {
    ContentType::parse(&Text::from_static("text/plain")).unwrap()
}

fn stage(files: TlsFiles) -> (Stage, SocketAddr) {
    stage_with(files, |_| {})
}

fn stage_with(files: TlsFiles, change: impl FnOnce(&mut Settings)) -> (Stage, SocketAddr) {
    let mut settings = Settings::default();
    change(&mut settings);
    let bind = Bind::tls("127.0.0.1:0", TlsConfig::load(files).unwrap());
    let stage = Stage::set(bind.settings(settings), 1);
    let addr = stage.server.addr(Transport::Tls);
    (stage, addr)
}

#[test]
fn requests_are_answered_over_both_versions() {
    let authority = Authority::new();
    let (stage, addr) = stage(authority.files(&["b.example"]));
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut alice = TlsPeer::connect(addr, authority.phone_of(&[version]), "b.example");
        alice.expect_ok("first");
        alice.expect_ok("second");
        let (_, _, flow) = stage.next_request();
        assert_eq!(flow.transport, Transport::Tls);
        assert_eq!(stage.next_request().2, flow);
    }
    assert_eq!(stage.server.count("handshakes"), 2);
}

#[test]
fn a_handshake_that_comes_octet_by_octet_is_as_good() {
    let authority = Authority::new();
    let (_stage, addr) = stage(authority.files(&["b.example"]));
    let mut alice = TlsPeer::connect(addr, authority.phone(), "b.example");
    let mut records = Vec::new();
    alice.0.conn.write_tls(&mut records).unwrap();
    for octet in records {
        alice.0.sock.write_all(&[octet]).unwrap();
    }
    alice.expect_ok("patient");
}

#[test]
fn a_large_message_fills_many_records() {
    let authority = Authority::new();
    let (stage, addr) = stage(authority.files(&["b.example"]));
    let mut alice = TlsPeer::connect(addr, authority.phone(), "b.example");
    let body = "x".repeat(40_000);
    let message = options("large").replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Length: 40000\r\n\r\n{body}"),
    );
    alice.0.write_all(message.as_bytes()).unwrap();
    let response = read_message(&mut alice.0).unwrap();
    assert!(response.starts_with("SIP/2.0 200 OK\r\n"));
    let (_, _, flow) = stage.next_request();
    let mut text = parsed("OPTIONS", "sips:alice@a.example");
    text.set_body(&text_plain(), body.into_bytes().into());
    stage.command(0, Command::Send(Box::new(text), Target::Flow(flow)));
    let head = read_message(&mut alice.0).unwrap();
    assert!(head.contains("\r\nVia: SIP/2.0/TLS 127.0.0.1:"), "{head}");
    let mut body = vec![0; 40_000];
    alice.0.read_exact(&mut body).unwrap();
}

#[test]
fn the_name_asked_for_chooses_the_certificate() {
    let authority = Authority::new();
    let second = authority.sign("second", &["c.example", "*.d.example"]);
    let files = authority.files(&["b.example"]);
    let (_stage, addr) = stage(files.and(second.chain.clone(), second.key.clone()));
    for name in ["b.example", "C.example", "www.d.example"] {
        let mut alice = TlsPeer::connect(addr, authority.phone(), name);
        alice.expect_ok("named");
        let is_second = alice.certificate() == second.chain()[0];
        assert_eq!(is_second, name != "b.example", "{name}");
    }
    let mut stranger = TlsPeer::connect(addr, authority.phone(), "e.example");
    stranger.ask("strange").unwrap_err();
}

#[test]
fn sip_is_agreed_on_and_nothing_else() {
    let authority = Authority::new();
    let (_stage, addr) = stage(authority.files(&["b.example"]));
    let speaks = |name: &str| {
        let mut phone = authority.phone();
        phone.alpn_protocols = vec![name.as_bytes().to_vec()];
        TlsPeer::connect(addr, phone, "b.example")
    };
    let mut alice = speaks("sip");
    alice.expect_ok("sip");
    assert_eq!(alice.0.conn.alpn_protocol(), Some(&b"sip"[..]));
    let error = speaks("h2").ask("web").unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
}

#[test]
fn clients_show_certificates_where_they_must() {
    let authority = Authority::new();
    let known = authority.sign("alice", &["a.example"]);
    let elsewhere = Authority::new();
    let unknown = elsewhere.sign("mallory", &["a.example"]);
    let (_stage, addr) = stage(
        authority
            .files(&["b.example"])
            .require_clients(authority.file()),
    );
    let ask = |phone| TlsPeer::connect(addr, phone, "b.example").ask("who");
    ask(authority.phone()).unwrap_err();
    ask(authority.phone_with(&unknown)).unwrap_err();
    ask(authority.phone_with(&known)).unwrap();
    let (_asking, addr) = stage(
        authority
            .files(&["b.example"])
            .ask_clients(authority.file()),
    );
    let ask = |phone| TlsPeer::connect(addr, phone, "b.example").ask("who");
    ask(authority.phone()).unwrap();
    ask(authority.phone_with(&unknown)).unwrap_err();
    ask(authority.phone_with(&known)).unwrap();
}

#[test]
fn certificates_are_read_again_while_connections_stay() {
    let authority = Authority::new();
    let tls = TlsConfig::load(authority.files(&["b.example"])).unwrap();
    let stage = Stage::set(Bind::tls("127.0.0.1:0", tls.clone()), 1);
    let addr = stage.server.addr(Transport::Tls);
    let mut before = TlsPeer::connect(addr, authority.phone(), "b.example");
    before.expect_ok("before");
    let renewed = authority.sign("server", &["b.example"]);
    tls.reload().unwrap();
    let mut after = TlsPeer::connect(addr, authority.phone(), "b.example");
    after.expect_ok("after");
    assert_ne!(after.certificate(), before.certificate());
    assert_eq!(after.certificate(), renewed.chain()[0]);
    before.expect_ok("still-there");
    // What cannot be used changes nothing.
    fs::write(&renewed.key, "no key").unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("server.key holds no private key"), "{error}");
    TlsPeer::connect(addr, authority.phone(), "b.example").expect_ok("unharmed");
}

#[test]
fn a_session_is_resumed_over_both_versions_and_after_a_reload() {
    let authority = Authority::new();
    let tls = TlsConfig::load(authority.files(&["b.example"])).unwrap();
    let stage = Stage::set(Bind::tls("127.0.0.1:0", tls.clone()), 1);
    let addr = stage.server.addr(Transport::Tls);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let phone = Arc::new(authority.phone_of(&[version]));
        let mut kinds = Vec::new();
        for _ in 0..3 {
            let mut alice = TlsPeer::connect_again(addr, &phone, "b.example");
            alice.expect_ok("again");
            kinds.push(alice.0.conn.handshake_kind().unwrap());
            tls.reload().unwrap();
        }
        assert_ne!(kinds[0], HandshakeKind::Resumed);
        assert_eq!(kinds[1..], [HandshakeKind::Resumed; 2]);
    }
}

#[test]
fn half_a_handshake_does_not_wait_forever() {
    let authority = Authority::new();
    let (stage, addr) = stage_with(authority.files(&["b.example"]), |settings| {
        settings.stream.handshake_timeout = Duration::from_millis(20);
    });
    let mut silent = TcpPeer::connect(addr);
    let mut half = TcpPeer::connect(addr);
    half.send(&[22, 3, 1, 2, 0, 1, 0, 1][..]);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    silent.0.read_to_end(&mut first).unwrap();
    half.0.read_to_end(&mut second).unwrap();
    assert!(first.is_empty() && second.is_empty());
    stage.server.await_count("handshakes_failed", 2);
}

#[test]
fn what_is_not_tls_is_told_so_and_closed() {
    let authority = Authority::new();
    let (stage, addr) = stage(authority.files(&["b.example"]));
    let noise: Vec<u8> = (0..2000_u32).map(|i| ((i * 7919) >> 3) as u8).collect();
    // A record that is too long; one with an alert of a kind that is none; handshakes cut in pieces, then nonsense.
    let long = [22, 3, 3, 0xff, 0xff];
    let split = [
        22, 3, 1, 0, 5, 1, 0, 1, 0, 3, // the head of a ClientHello and one octet
        22, 3, 1, 0, 1, 3, // one more
        23, 3, 3, 0, 1, 0, // and data between
    ];
    for octets in [options("plain").as_bytes(), &noise, &long, &split] {
        let mut peer = TcpPeer::connect(addr);
        peer.send(octets);
        let mut answer = Vec::new();
        // A reset is an answer, too, to who has not been read to the end.
        let _ = peer.0.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer[0] == 21,
            "{answer:?} is no alert"
        );
    }
    stage.server.await_count("handshakes_failed", 4);
    TlsPeer::connect(addr, authority.phone(), "b.example").expect_ok("unharmed");
}

#[test]
fn both_sides_say_goodbye() {
    let authority = Authority::new();
    let (stage, addr) = stage(authority.files(&["b.example"]));
    let mut alice = TlsPeer::connect(addr, authority.phone(), "b.example");
    alice.expect_ok("bye");
    alice.0.conn.send_close_notify();
    alice.0.flush().unwrap();
    // An end without a word is an error here.
    assert_eq!(alice.0.read(&mut [0; 10]).unwrap(), 0);
    stage.server.await_count("connections_closed", 1);
}

/// A proxy elsewhere, that answers one OPTIONS on each connection.
struct Far {
    addr: SocketAddr,
    thread: thread::JoinHandle<Vec<io::Result<String>>>,
}

fn far(pair: &Pair, connections: usize) -> Far {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(pair.chain(), pair.key())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let thread = thread::spawn(move || {
        let mut streams = Vec::new();
        let serve = |_| {
            let (stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let request = read_message(&mut stream)?;
            stream.write_all(ok(&request).as_bytes())?;
            streams.push(stream);
            Ok(request)
        };
        (0..connections).map(serve).collect()
    });
    Far { addr, thread }
}

fn send(stage: &Stage, uri: &str, to: SocketAddr) {
    let request = Box::new(parsed("OPTIONS", uri));
    let to = Target::address(Transport::Tls, to);
    stage.command(0, Command::Send(request, to));
}

#[test]
fn a_server_that_shows_its_domain_is_sent_to() {
    let authority = Authority::new();
    let (stage, _) = stage(authority.files(&["b.example"]));
    let far = far(&authority.sign("far", &["c.example"]), 1);
    send(&stage, "sips:carol@c.example", far.addr);
    assert!(matches!(stage.next().what, What::Response(StatusCode::OK)));
    let requests = far.thread.join().unwrap();
    let request = requests[0].as_ref().unwrap();
    assert!(
        request.contains("\r\nVia: SIP/2.0/TLS 127.0.0.1:"),
        "{request}"
    );
}

#[test]
fn a_server_of_another_domain_is_not_sent_to() {
    let authority = Authority::new();
    let names: [&[&str]; 3] = [&["d.example"], &["*.example"], &[]];
    for names in names {
        let (stage, _) = stage(authority.files(&["b.example"]));
        let far = far(&authority.sign("far", names), 1);
        send(&stage, "sips:carol@c.example", far.addr);
        assert_eq!(stage.next().what, What::TransportFailure, "{names:?}");
        assert!(far.thread.join().unwrap()[0].is_err());
    }
    // Nor one that nobody we believe has signed.
    let (stage, _) = stage(authority.files(&["b.example"]));
    let elsewhere = Authority::new();
    let far = far(&elsewhere.sign("far", &["c.example"]), 1);
    send(&stage, "sips:carol@c.example", far.addr);
    assert_eq!(stage.next().what, What::TransportFailure);
}

#[test]
fn a_connection_is_for_the_domain_it_was_opened_for() {
    let authority = Authority::new();
    let (stage, _) = stage(authority.files(&["b.example"]));
    let far = far(&authority.sign("far", &["c.example", "d.example"]), 2);
    for uri in ["sips:carol@c.example", "sips:dave@d.example"] {
        send(&stage, uri, far.addr);
        assert_eq!(stage.next().what, What::Response(StatusCode::OK));
    }
    // It answers one request on each: had one connection been taken for both, this would not end.
    assert_eq!(far.thread.join().unwrap().len(), 2);
    assert_eq!(stage.server.count("connections_opened"), 2);
}

#[test]
fn a_second_message_to_a_server_takes_the_connection_there_is() {
    let authority = Authority::new();
    let (stage, near) = stage(authority.files(&["b.example"]));
    // The server itself is as good as any other.
    for uri in ["sips:b.example", "sips:bob@b.example", "sips:b.example"] {
        send(&stage, uri, near);
        assert!(matches!(stage.next().what, What::Request(..)));
        assert_eq!(stage.next().what, What::Response(StatusCode::OK));
    }
    assert_eq!(stage.server.count("connections_opened"), 1);
}

#[test]
fn a_server_that_does_not_speak_tls_is_not_sent_to() {
    let authority = Authority::new();
    let (stage, _) = stage_with(authority.files(&["b.example"]), |settings| {
        settings.stream.handshake_timeout = Duration::from_millis(50);
    });
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    send(&stage, "sips:carol@c.example", addr);
    let (mut mute, _) = listener.accept().unwrap();
    assert_eq!(stage.next().what, What::TransportFailure);
    let mut octets = Vec::new();
    mute.read_to_end(&mut octets).unwrap();
    let text = String::from_utf8_lossy(&octets);
    assert!(octets[0] == 22 && !text.contains("OPTIONS"), "{text}");
}
