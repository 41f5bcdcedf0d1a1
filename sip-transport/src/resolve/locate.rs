//! From a domain to its servers: NAPTR, then SRV, then addresses (RFC 3263 §4, §5).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use sip_core::{HostPort, SipUri, Transport};
use sip_transaction::Target;
use tokio::time::{Instant, timeout_at};

use super::order::{self, Preferences, Service};
use super::records::{Dns, DnsError, Kind, Question, Records, Srv};
use super::{Destination, ResolveError, Resolver};

/// Finds servers as RFC 3263 has it, asking `D`.
#[derive(Clone, Debug)]
pub struct Locator<D> {
    dns: D,
    settings: LocatorSettings,
}

/// What a [`Locator`] prefers, and its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocatorSettings {
    /// Which transport, where the domain offers several.
    pub preferences: Preferences,
    /// Addresses of one list at most; as many hosts are asked about. Default: 16.
    pub max_targets: usize,
    /// How long finding them may take; what is known by then is the answer. Default: 1.5 s.
    pub timeout: Duration,
}

impl Default for LocatorSettings {
    fn default() -> LocatorSettings {
        LocatorSettings {
            preferences: Preferences::default(),
            max_targets: 16,
            timeout: Duration::from_millis(1500),
        }
    }
}

impl<D: Dns> Locator<D> {
    /// Asks `dns`.
    pub fn new(dns: D, settings: LocatorSettings) -> Locator<D> {
        Locator { dns, settings }
    }

    /// Where a response goes whose connection is gone, and whose topmost Via was sent by `sent_by` (RFC 3263 §5).
    ///
    /// # Errors
    /// As [`Resolver::resolve`].
    pub async fn resolve_sent_by(
        &self,
        transport: Transport,
        sent_by: &HostPort,
        seed: u64,
    ) -> Result<Vec<Target>, ResolveError> {
        let port = sent_by.port.unwrap_or(transport.default_port());
        if let Some(ip) = sent_by.host.ip() {
            let remote = SocketAddr::new(ip, port);
            return Ok(vec![Target::address(transport, remote)]);
        }
        let domain = sent_by.host.to_string();
        let mut search = self.search(seed);
        if sent_by.port.is_none() {
            search.services(Service::of(&domain, transport)).await;
        }
        if !search.has_services {
            search.host(transport, &domain, port).await;
        }
        search.found(domain)
    }

    fn search(&self, seed: u64) -> Search<'_, D> {
        Search {
            dns: &self.dns,
            settings: &self.settings,
            seed,
            until: Instant::now() + self.settings.timeout,
            targets: Vec::new(),
            has_services: false,
            failure: None,
        }
    }
}

#[async_trait]
impl<D: Dns> Resolver for Locator<D> {
    async fn resolve(&self, uri: &SipUri, seed: u64) -> Result<Vec<Target>, ResolveError> {
        let destination = Destination::of(uri);
        let Destination {
            host,
            port,
            transport,
        } = &destination;
        if let Some(ip) = host.ip() {
            return Ok(destination.targets([ip]));
        }
        let domain = host.to_string();
        let mut search = self.search(seed);
        if uri.port().is_none() {
            match uri.transport() {
                Some(_) => search.services(Service::of(&domain, *transport)).await,
                None => search.domain(&domain, uri.is_secure()).await,
            }
        }
        if !search.has_services {
            search.host(*transport, &domain, *port).await;
        }
        search.found(domain)
    }
}

/// One search: what was found, and what went wrong on the way.
struct Search<'a, D> {
    dns: &'a D,
    settings: &'a LocatorSettings,
    seed: u64,
    until: Instant,
    targets: Vec<Target>,
    /// There are SRV records: they have the last word, and the domain's own addresses none (§4.2).
    has_services: bool,
    failure: Option<DnsError>,
}

impl<D: Dns> Search<'_, D> {
    /// Neither port nor transport is named: the domain says how it likes to be reached (§4.1).
    async fn domain(&mut self, domain: &str, secure: bool) {
        let preferences = &self.settings.preferences;
        if let Records::Naptr(records) = self.ask(Kind::Naptr, domain).await {
            self.services(order::by_naptr(&records, secure, preferences))
                .await;
        }
        // A transport whose SRV records exist is supported; the first of those will do.
        for service in order::by_preference(domain, secure, preferences) {
            if self.has_services {
                break;
            }
            self.services([service]).await;
        }
    }

    /// The hosts of each service, best first (§4.2).
    async fn services(&mut self, services: impl IntoIterator<Item = Service>) {
        for Service { transport, name } in services {
            let room = self.settings.max_targets.saturating_sub(self.targets.len());
            if room == 0 {
                return;
            }
            if let Records::Srv(records) = self.ask(Kind::Srv, &name).await
                && !records.is_empty()
            {
                self.has_services = true;
                let hosts = order::by_weight(&records, self.seed, room);
                self.hosts(transport, &hosts).await;
            }
        }
    }

    /// Asks for all hosts at a time, so that the slowest one is waited for once.
    async fn hosts(&mut self, transport: Transport, hosts: &[Srv]) {
        let (dns, until) = (self.dns, self.until);
        let asked = hosts
            .iter()
            .map(|host| ask(dns, until, Kind::Address, &host.target));
        for (host, answer) in hosts.iter().zip(join_all(asked).await) {
            let records = self.note(answer);
            self.add(transport, &records, host.port);
        }
    }

    /// The addresses of one host.
    async fn host(&mut self, transport: Transport, name: &str, port: u16) {
        let records = self.ask(Kind::Address, name).await;
        self.add(transport, &records, port);
    }

    fn add(&mut self, transport: Transport, records: &Records, port: u16) {
        let ips: &[IpAddr] = match records {
            Records::Addresses(ips) => ips,
            _ => &[],
        };
        for ip in ips {
            let target = Target::address(transport, SocketAddr::new(*ip, port));
            if self.targets.len() < self.settings.max_targets && !self.targets.contains(&target) {
                self.targets.push(target);
            }
        }
    }

    async fn ask(&mut self, kind: Kind, name: &str) -> Records {
        let answer = ask(self.dns, self.until, kind, name).await;
        self.note(answer)
    }

    /// A question without an answer is passed over, since many a name server knows addresses alone; but that nothing
    /// was found is then nobody's word.
    fn note(&mut self, answer: Result<Records, DnsError>) -> Records {
        answer.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            Records::None
        })
    }

    fn found(self, host: String) -> Result<Vec<Target>, ResolveError> {
        if !self.targets.is_empty() {
            return Ok(self.targets);
        }
        Err(match self.failure {
            None => ResolveError::NotFound { host },
            Some(DnsError::Timeout) => ResolveError::Timeout { host },
            Some(DnsError::Overloaded) => ResolveError::Overloaded { host },
            Some(DnsError::Failed(why)) => ResolveError::Failed {
                host,
                source: io::Error::other(&*why),
            },
        })
    }
}

async fn ask(dns: &impl Dns, until: Instant, kind: Kind, name: &str) -> Result<Records, DnsError> {
    let question = Question::new(kind, name);
    match timeout_at(until, dns.ask(&question)).await {
        Ok(answer) => answer.map(|answer| answer.records),
        Err(_elapsed) => Err(DnsError::Timeout),
    }
}

#[cfg(test)]
mod tests;
