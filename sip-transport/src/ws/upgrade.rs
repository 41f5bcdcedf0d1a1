//! The HTTP request that begins a WebSocket connection, and its answer (RFC 6455 §4.2, RFC 7118 §4).

use tungstenite::handshake::derive_accept_key;

use super::{Broken, WsConfig};

/// Octets of the request, at most.
const BOUND: usize = 8192;

/// Header fields of the request, at most.
const FIELDS: usize = 64;

/// The sub-protocol that is SIP (RFC 7118 §4).
const SIP: &[u8] = b"sip";

/// A connection whose request is not complete.
pub(crate) struct Upgrade {
    config: WsConfig,
    request: Vec<u8>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    BadRequest,
    Forbidden,
    TooLarge,
    /// It wants something else than WebSocket as we speak it.
    UpgradeRequired,
}

impl Upgrade {
    pub(super) fn new(config: WsConfig) -> Upgrade {
        Upgrade {
            config,
            request: Vec::new(),
        }
    }

    /// Takes what was received. Once the request is complete and fine, what came after it is handed back.
    pub(super) fn receive(
        &mut self,
        octets: &[u8],
        reply: &mut Vec<u8>,
    ) -> Result<Option<Vec<u8>>, Broken> {
        let searched = self.request.len().saturating_sub(3);
        let is_first = self.request.is_empty();
        self.request.extend_from_slice(octets);
        let unread = self.request.get(searched..).unwrap_or_default();
        let has_end = unread.windows(4).any(|octets| octets == b"\r\n\r\n");
        // Read once at the beginning and once at the end, however small the pieces are it comes in.
        if !is_first && !has_end && self.request.len() <= BOUND {
            return Ok(None);
        }
        let answer = match self.read() {
            Ok(None) => return Ok(None),
            Ok(Some((key, length))) => {
                reply.extend_from_slice(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                      Connection: Upgrade\r\nSec-WebSocket-Protocol: sip\r\nSec-WebSocket-Accept: ",
                );
                reply.extend_from_slice(key.as_bytes());
                reply.extend_from_slice(b"\r\n\r\n");
                return Ok(Some(self.request.split_off(length)));
            }
            Err(refusal) => refusal.response(),
        };
        self.request = Vec::new();
        reply.extend_from_slice(answer.as_bytes());
        Err(Broken)
    }

    /// What to accept the request with, and its length.
    fn read(&self) -> Result<Option<(String, usize)>, Refusal> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        match request.parse(&self.request) {
            Ok(httparse::Status::Complete(length)) if length <= BOUND => {
                self.judge(&request).map(|key| Some((key, length)))
            }
            Ok(httparse::Status::Partial) if self.request.len() <= BOUND => Ok(None),
            Err(httparse::Error::TooManyHeaders) | Ok(_) => Err(Refusal::TooLarge),
            Err(_) => Err(Refusal::BadRequest),
        }
    }

    fn judge(&self, request: &httparse::Request<'_, '_>) -> Result<String, Refusal> {
        let is_get = request.method == Some("GET") && request.version == Some(1);
        if !is_get || !has_token(request, "Host", |_| true) {
            return Err(Refusal::BadRequest);
        }
        let is = |token: &'static [u8]| move |found: &[u8]| found.eq_ignore_ascii_case(token);
        let is_upgrade = has_token(request, "Upgrade", is(b"websocket"))
            && has_token(request, "Connection", is(b"upgrade"))
            && has_token(request, "Sec-WebSocket-Version", is(b"13"));
        if !is_upgrade {
            return Err(Refusal::UpgradeRequired);
        }
        let mut origins = values(request, "Origin");
        if !origins.all(|origin| self.config.allows(origin.trim_ascii())) {
            return Err(Refusal::Forbidden);
        }
        // Sub-protocols are compared as they are written (RFC 6455 §1.9).
        if !has_token(request, "Sec-WebSocket-Protocol", |found| found == SIP) {
            return Err(Refusal::BadRequest);
        }
        let mut keys = values(request, "Sec-WebSocket-Key");
        match (keys.next(), keys.next()) {
            (Some(key), None) if is_key(key) => Ok(derive_accept_key(key)),
            _ => Err(Refusal::BadRequest),
        }
    }
}

impl Refusal {
    fn response(self) -> String {
        let status = match self {
            Refusal::BadRequest => "400 Bad Request",
            Refusal::Forbidden => "403 Forbidden",
            Refusal::TooLarge => "431 Request Header Fields Too Large",
            Refusal::UpgradeRequired => {
                "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
            }
        };
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    }
}

/// The values of all fields of this name.
fn values<'a>(
    request: &'a httparse::Request<'_, '_>,
    name: &'static str,
) -> impl Iterator<Item = &'a [u8]> {
    let named = move |field: &&httparse::Header<'_>| field.name.eq_ignore_ascii_case(name);
    request
        .headers
        .iter()
        .filter(named)
        .map(|field| field.value)
}

fn has_token(
    request: &httparse::Request<'_, '_>,
    name: &'static str,
    is_it: impl Fn(&[u8]) -> bool,
) -> bool {
    let tokens = values(request, name).flat_map(|value| value.split(|octet| *octet == b','));
    tokens.map(<[u8]>::trim_ascii).any(is_it)
}

/// Whether it is the Base64 of 16 octets.
fn is_key(key: &[u8]) -> bool {
    let digits = key.strip_suffix(b"==");
    let is_digit = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
    digits.is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET / HTTP/1.1\r\n\
        Host: proxy.example.com\r\n\
        Upgrade: websocket\r\n\
        Connection: keep-alive, Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Origin: https://www.example.com\r\n\
        Sec-WebSocket-Protocol: chat, sip\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";

    fn answer_to(request: &str) -> String {
        answer_of(WsConfig::default(), request)
    }

    fn answer_of(config: WsConfig, request: &str) -> String {
        let mut reply = Vec::new();
        let _ = Upgrade::new(config).receive(request.as_bytes(), &mut reply);
        let reply = String::from_utf8(reply).unwrap();
        reply.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_request_is_accepted_with_its_key_and_what_follows_is_kept() {
        let mut reply = Vec::new();
        let mut upgrade = Upgrade::new(WsConfig::default());
        let (head, tail) = REQUEST.split_at(100);
        assert_eq!(upgrade.receive(head.as_bytes(), &mut reply), Ok(None));
        let tail = format!("{tail}frames");
        let rest = upgrade.receive(tail.as_bytes(), &mut reply);
        assert_eq!(rest, Ok(Some(b"frames".to_vec())));
        let reply = String::from_utf8(reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
        // The key is the one of RFC 6455 §1.3.
        assert!(reply.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(reply.contains("\r\nSec-WebSocket-Protocol: sip\r\n"));
    }

    #[test]
    fn what_is_no_upgrade_to_sip_is_refused() {
        let refused = [
            ("GET /", "POST /", "HTTP/1.1 400 Bad Request"),
            ("HTTP/1.1", "HTTP/1.0", "HTTP/1.1 400 Bad Request"),
            ("Host", "Ghost", "HTTP/1.1 400 Bad Request"),
            (": websocket", ": h2c", "HTTP/1.1 426 Upgrade Required"),
            (", Upgrade", "", "HTTP/1.1 426 Upgrade Required"),
            ("Version: 13", "Version: 8", "HTTP/1.1 426 Upgrade Required"),
            ("chat, sip", "chat", "HTTP/1.1 400 Bad Request"),
            ("chat, sip", "SIP", "HTTP/1.1 400 Bad Request"),
            ("ZQ==", "ZQ=", "HTTP/1.1 400 Bad Request"),
            ("GET", "\u{16}\u{3}\u{1}", "HTTP/1.1 400 Bad Request"),
        ];
        for (from, to, line) in refused {
            assert_eq!(answer_to(&REQUEST.replace(from, to)), line, "{from}");
        }
    }

    #[test]
    fn an_origin_that_is_not_listed_is_refused() {
        let config = |origin: &str| WsConfig::default().origins([origin]);
        let switching = "HTTP/1.1 101 Switching Protocols";
        let listed = config("https://www.example.com");
        assert_eq!(answer_of(listed.clone(), REQUEST), switching);
        let other = config("https://example.com");
        assert_eq!(answer_of(other, REQUEST), "HTTP/1.1 403 Forbidden");
        let program = REQUEST.replace("Origin: https://www.example.com\r\n", "");
        assert_eq!(answer_of(listed, &program), switching);
    }

    #[test]
    fn a_request_without_end_is_refused() {
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(BOUND));
        assert!(answer_to(&endless).starts_with("HTTP/1.1 431 "));
        let many = format!("GET / HTTP/1.1\r\n{}", "A: b\r\n".repeat(FIELDS + 1));
        assert!(answer_to(&many).starts_with("HTTP/1.1 431 "));
    }
}
