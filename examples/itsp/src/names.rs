//! Names to servers, as RFC 3263 has it; `[dns]` in the configuration.

use std::io;

use async_trait::async_trait;
use sip_core::SipUri;
use sip_proxy::backend::{Resolve, ResolveError, Resolved};
use sip_transport::Resolver;
use sip_transport::resolve::{
    CacheSettings, Cached, Locator, LocatorSettings, NameServerSettings, NameServers, Preferences,
};
use tokio::runtime::Handle;

use crate::config::Dns;

/// Answers the proxy's questions about names. Look-ups run in the runtime this is made in.
#[derive(Debug)]
pub(crate) struct Names(Locator<Cached<NameServers>>);

impl Names {
    /// # Errors
    /// When the resolver cannot be set up.
    pub(crate) fn new(config: &Dns) -> io::Result<Names> {
        let servers = NameServers::new(&NameServerSettings {
            servers: config.servers.clone(),
            timeout: *config.timeout,
            retries: config.retries.into(),
            ipv6: config.ipv6,
            lookups: config.lookups,
        })?;
        let cache = CacheSettings {
            min_ttl: *config.min_ttl,
            max_ttl: *config.max_ttl,
            negative_ttl: *config.negative_ttl,
            records: config.cache,
            lookups: config.lookups,
            ..CacheSettings::default()
        };
        let locator = LocatorSettings {
            preferences: Preferences {
                udp: config.prefer_udp,
                tcp: config.prefer_tcp,
                tls: config.prefer_tls,
            },
            ..LocatorSettings::default()
        };
        let cached = Cached::new(servers, cache, Handle::current());
        Ok(Names(Locator::new(cached, locator)))
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, uri: &SipUri, seed: u64) -> Resolved {
        let found = self.0.resolve(uri, seed).await;
        found.map_err(|error| match error {
            sip_transport::ResolveError::NotFound { .. } => ResolveError::NotFound,
            sip_transport::ResolveError::Overloaded { .. } => ResolveError::Overloaded,
            _ => ResolveError::Unavailable,
        })
    }
}
