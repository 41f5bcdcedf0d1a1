//! The records servers are found by, and who is asked for them (RFC 2782, RFC 3263, RFC 3403).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// Answers questions about names: a name server, a cache before one, or a table in a test.
#[async_trait]
pub trait Dns: Send + Sync + 'static {
    /// The records asked for. That there are none is an answer too.
    async fn ask(&self, question: &Question) -> Result<Answer, DnsError>;
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// Which records.
    pub kind: Kind,
    /// Of which name: in lower case, without the dot at its end.
    pub name: Box<str>,
}

impl Question {
    /// Asks for the records of `name`, in whatever case it is written.
    #[must_use]
    pub fn new(kind: Kind, name: &str) -> Question {
        let name = name.strip_suffix('.').unwrap_or(name);
        Question {
            kind,
            name: name.to_ascii_lowercase().into(),
        }
    }
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Which transports a domain prefers.
    Naptr,
    /// Which hosts offer a service.
    Srv,
    /// A and AAAA together.
    Address,
}

/// What a name server says, and how long it is to be believed. Cloning it copies no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The records, in the order they came; there may be none.
    pub records: Records,
    /// The shortest life of any of them; of an empty answer, the negative TTL if one was given (RFC 2308 §5).
    pub ttl: Option<Duration>,
}

/// Records of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// No such name, or none of the kind asked for.
    None,
    /// To [`Kind::Naptr`].
    Naptr(Arc<[Naptr]>),
    /// To [`Kind::Srv`].
    Srv(Arc<[Srv]>),
    /// To [`Kind::Address`].
    Addresses(Arc<[IpAddr]>),
}

impl Records {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Records::None => 0,
            Records::Naptr(records) => records.len(),
            Records::Srv(records) => records.len(),
            Records::Addresses(records) => records.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A way to go on from a domain (RFC 3403 §4.1). Its regular expression has no meaning for SIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lowest first.
    pub order: u16,
    /// Lowest first, among those of one order.
    pub preference: u16,
    /// `s`: an SRV record is next.
    pub flags: Box<str>,
    /// `SIP+D2U` and so on.
    pub services: Box<str>,
    /// The name to ask for next.
    pub replacement: Box<str>,
}

/// One host that offers a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Srv {
    /// Lowest first.
    pub priority: u16,
    /// Its share of the requests, among those of one priority.
    pub weight: u16,
    /// Where it listens.
    pub port: u16,
    /// The host; empty where the service is decidedly not offered.
    pub target: Box<str>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// No name server answered in time.
    #[error("no name server answered in time")]
    Timeout,
    /// The name servers cannot say.
    #[error("{0}")]
    Failed(Arc<str>),
    /// As many look-ups are under way as may be.
    #[error("too many look-ups at a time")]
    Overloaded,
}
