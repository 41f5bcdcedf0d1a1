//! Transport protocols, as Via and URIs name them (RFC 3261 §18, RFC 7118).

use std::fmt;

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A plain connection.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket over TLS (RFC 7118).
    Wss,
}

impl Transport {
    /// All of them.
    pub const ALL: [Transport; 5] = [
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ];

    /// As a Via prints it: `UDP`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// As the `transport` parameter of a URI prints it: `udp`.
    #[must_use]
    pub fn uri_param(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// Reads either spelling, in any case; `None` for transports this stack does not carry (SCTP, …).
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<Transport> {
        Transport::ALL
            .into_iter()
            .find(|transport| transport.as_str().as_bytes().eq_ignore_ascii_case(token))
    }

    /// The transport itself delivers in order and resends, so transactions need not (§17).
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether what travels is encrypted up to the next hop.
    #[must_use]
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The port meant when none is named (§18.2.2, §19.1.2; RFC 7118 §8).
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read_in_any_case() {
        for transport in Transport::ALL {
            assert_eq!(
                Transport::from_token(transport.as_str().as_bytes()),
                Some(transport)
            );
            assert_eq!(
                Transport::from_token(transport.uri_param().as_bytes()),
                Some(transport)
            );
        }
        assert_eq!(Transport::from_token(b"Tcp"), Some(Transport::Tcp));
        assert_eq!(Transport::from_token(b"SCTP"), None);
    }
}
