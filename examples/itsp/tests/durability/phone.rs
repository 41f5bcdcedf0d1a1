//! A phone of a few lines: it registers over UDP with digest (RFC 3261 §10.2, RFC 2617 §3.2.2).

use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use md5::{Digest, Md5};

pub(crate) const DOMAIN: &str = "example.test";
pub(crate) const PASSWORD: &str = "s3cret";

/// Before a request is sent again (T1), and how often.
const RESEND: Duration = Duration::from_millis(500);
const TRIES: usize = 20;

/// CSeq numbers only rise, whichever phone of a user sends.
static CSEQ: AtomicU32 = AtomicU32::new(1);

pub(crate) fn user(number: usize) -> String {
    format!("user{number}")
}

pub(crate) struct Phone {
    pub(crate) user: usize,
    /// The last answer, whole.
    pub(crate) last: String,
    socket: UdpSocket,
    request: String,
}

impl Phone {
    pub(crate) fn new(user: usize, server: SocketAddr) -> Phone {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(RESEND)).unwrap();
        Phone {
            user,
            last: String::new(),
            socket,
            request: String::new(),
        }
    }

    /// Sends a REGISTER that is challenged, and the answer to the challenge; the reply to that is not waited for.
    pub(crate) fn ask_to_register(&mut self, expires: u32) {
        // The same contact whatever socket it is sent from, so that it can be removed again.
        let contact = format!(
            "Contact: <sip:{}@192.0.2.1:5070>\r\nExpires: {expires}\r\n",
            user(self.user)
        );
        self.ask(&contact);
    }

    /// The contacts registered: a REGISTER without a Contact asks for them (RFC 3261 §10.2.3).
    pub(crate) fn contacts(&mut self) -> Vec<String> {
        self.ask("");
        assert_eq!(self.answer(), 200, "{}", self.last);
        let lines = self
            .last
            .lines()
            .filter_map(|line| line.strip_prefix("Contact: "));
        lines
            .flat_map(|line| line.split(", "))
            .map(str::to_owned)
            .collect()
    }

    /// The status of the reply to what was sent last.
    pub(crate) fn answer(&mut self) -> u16 {
        let cseq = field(&self.request, "CSeq: ").to_owned();
        let mut buffer = [0; 4096];
        for _ in 0..TRIES {
            match self.socket.recv(&mut buffer) {
                Ok(length) => {
                    self.last = String::from_utf8(buffer[..length].to_vec()).unwrap();
                    if field(&self.last, "CSeq: ") == cseq {
                        return self.last.split(' ').nth(1).unwrap().parse().unwrap();
                    }
                }
                Err(_) => self.send(),
            }
        }
        panic!("no answer to\n{}", self.request);
    }

    fn ask(&mut self, headers: &str) {
        self.request = self.register(headers);
        self.send();
        assert_eq!(self.answer(), 401, "{}", self.last);
        let credentials = self.credentials();
        self.request = self.register(&format!("{headers}{credentials}"));
        self.send();
    }

    fn send(&self) {
        self.socket.send(self.request.as_bytes()).unwrap();
    }

    fn register(&self, headers: &str) -> String {
        let (user, local) = (user(self.user), self.socket.local_addr().unwrap());
        let cseq = CSEQ.fetch_add(1, Ordering::Relaxed);
        format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{cseq};rport\r\n\
             From: <sip:{user}@{DOMAIN}>;tag={cseq}\r\nTo: <sip:{user}@{DOMAIN}>\r\nCall-ID: {user}@durability\r\n\
             CSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\n{headers}Content-Length: 0\r\n\r\n"
        )
    }

    /// The Authorization header that answers the challenge just received.
    fn credentials(&self) -> String {
        let challenge = field(&self.last, "WWW-Authenticate: ");
        let (realm, nonce) = (quoted(challenge, "realm"), quoted(challenge, "nonce"));
        let (user, uri) = (user(self.user), format!("sip:{DOMAIN}"));
        let ha1 = md5(&format!("{user}:{realm}:{PASSWORD}"));
        let ha2 = md5(&format!("REGISTER:{uri}"));
        let mut header = format!(
            "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\""
        );
        let proof = if challenge.contains("qop=") {
            header.push_str(", qop=auth, nc=00000001, cnonce=\"c\"");
            format!("{ha1}:{nonce}:00000001:c:auth:{ha2}")
        } else {
            format!("{ha1}:{nonce}:{ha2}")
        };
        write!(header, ", response=\"{}\"\r\n", md5(&proof)).unwrap();
        header
    }
}

fn field<'a>(message: &'a str, name: &str) -> &'a str {
    message
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default()
}

fn quoted<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, after) = challenge.split_once(&format!("{name}=\"")).unwrap();
    after.split_once('"').unwrap().0
}

fn md5(text: &str) -> String {
    Md5::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
