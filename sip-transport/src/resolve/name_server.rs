//! Asks real name servers, by the resolver of Hickory.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Said, NetError};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};

use super::records::{Answer, Dns, DnsError, Kind, Naptr, Question, Records, Srv};

/// Records of one answer that are looked at; a domain has no use for more.
const MOST: usize = 256;

/// The name servers there are. Put a [`Cached`](super::Cached) before them: they are asked each time.
#[derive(Clone, Debug)]
pub struct NameServers(TokioResolver);

/// Which name servers, and what is asked of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameServerSettings {
    /// Where they are; none means those of the system, in `/etc/resolv.conf`, or the one on this machine where that
    /// names none. Default: none.
    pub servers: Vec<SocketAddr>,
    /// How long one has to answer. Default: 1 s.
    pub timeout: Duration,
    /// How often it is asked again after that. Default: 1.
    pub retries: usize,
    /// Ask for AAAA too; IPv6 is then tried first (RFC 6724). Default: no.
    pub ipv6: bool,
    /// Questions one server is asked at a time. Default: 1,024.
    pub lookups: usize,
}

impl Default for NameServerSettings {
    fn default() -> NameServerSettings {
        NameServerSettings {
            servers: Vec::new(),
            timeout: Duration::from_secs(1),
            retries: 1,
            ipv6: false,
            lookups: 1024,
        }
    }
}

impl NameServers {
    /// Asks as `settings` say. `/etc/hosts` is read once, here, and counts before any of them.
    ///
    /// # Errors
    /// If the resolver cannot be set up.
    pub fn new(settings: &NameServerSettings) -> io::Result<NameServers> {
        let provider = TokioRuntimeProvider::default();
        let config = match &settings.servers[..] {
            [] => system(),
            servers => asking(servers),
        };
        let mut builder = Resolver::builder_with_config(config, provider);
        configure(builder.options_mut(), settings);
        builder.build().map(NameServers).map_err(io::Error::other)
    }
}

/// What the system asks; without any word of it, this machine (resolv.conf(5)).
fn system() -> ResolverConfig {
    match read_system_conf() {
        Ok((config, _)) if !config.name_servers().is_empty() => config,
        read => {
            let why = read.err().map(|error| error.to_string());
            tracing::warn!(why, "the system names no name server; asking 127.0.0.1");
            asking(&[SocketAddr::from(([127, 0, 0, 1], 53))])
        }
    }
}

fn asking(servers: &[SocketAddr]) -> ResolverConfig {
    let servers = servers.iter().map(|addr| server(*addr)).collect();
    ResolverConfig::from_parts(None, Vec::new(), servers)
}

fn server(addr: SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = addr.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(addr.ip(), true, connections)
}

fn configure(options: &mut ResolverOpts, settings: &NameServerSettings) {
    options.timeout = settings.timeout;
    options.attempts = settings.retries;
    options.max_active_requests = settings.lookups;
    options.cache_size = 0; // ours stands before it
    options.ip_strategy = match settings.ipv6 {
        true => LookupIpStrategy::Ipv6AndIpv4,
        false => LookupIpStrategy::Ipv4Only,
    };
}

#[async_trait]
impl Dns for NameServers {
    async fn ask(&self, question: &Question) -> Result<Answer, DnsError> {
        // A name that ends in a dot is looked for nowhere else but there.
        let name = match Name::from_ascii(&question.name) {
            Ok(mut name) => {
                name.set_fqdn(true);
                name
            }
            Err(_) => return Ok(nothing(None)), // DNS has no such name
        };
        let answer = match question.kind {
            Kind::Naptr => self.0.lookup(name, RecordType::NAPTR).await,
            Kind::Srv => self.0.lookup(name, RecordType::SRV).await,
            Kind::Address => {
                let found = self.0.lookup_ip(name).await;
                found.map(|found| found.as_lookup().clone())
            }
        };
        match answer {
            Ok(found) => Ok(answer_of(question.kind, found.answers())),
            Err(NetError::Dns(Said::NoRecordsFound(none))) => Ok(nothing(none.negative_ttl)),
            Err(NetError::Timeout) => Err(DnsError::Timeout),
            Err(NetError::Busy) => Err(DnsError::Overloaded),
            Err(error) => Err(DnsError::Failed(error.to_string().into())),
        }
    }
}

fn nothing(ttl: Option<u32>) -> Answer {
    Answer {
        records: Records::None,
        ttl: ttl.map(seconds),
    }
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}

fn answer_of(kind: Kind, answers: &[Record]) -> Answer {
    let data = || answers.iter().map(|record| &record.data).take(MOST);
    let records = match kind {
        Kind::Naptr => Records::Naptr(data().filter_map(naptr).collect()),
        Kind::Srv => Records::Srv(data().filter_map(srv).collect()),
        Kind::Address => Records::Addresses(data().filter_map(RData::ip_addr).collect()),
    };
    Answer {
        records,
        ttl: answers.iter().map(|record| record.ttl).min().map(seconds),
    }
}

fn naptr(data: &RData) -> Option<Naptr> {
    let RData::NAPTR(naptr) = data else {
        return None;
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into();
    Some(Naptr {
        order: naptr.order,
        preference: naptr.preference,
        flags: text(&naptr.flags),
        services: text(&naptr.services),
        replacement: name(&naptr.replacement),
    })
}

fn srv(data: &RData) -> Option<Srv> {
    let RData::SRV(srv) = data else {
        return None;
    };
    Some(Srv {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: name(&srv.target),
    })
}

/// Without the dot at its end; the root, which stands for no host at all, is then empty.
fn name(name: &Name) -> Box<str> {
    name.to_ascii().trim_end_matches('.').into()
}
