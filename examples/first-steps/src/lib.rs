//! What the registrar and the two proxies share: sockets below, the proxy core above, a router on top.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sip_proxy::backend::AddressesOnly;
use sip_proxy::{Epoch, OwnAddress, Proxy, ProxyConfig, ProxyService, Router, Secret};
use sip_transport::{Bind, Error, Server, ShutdownSignal};

/// Serves `bind` with a proxy core that asks `router` what to do with each request.
///
/// # Errors
/// If the server cannot listen.
pub async fn serve_router(
    bind: Bind,
    router: impl Router,
    adjust: impl FnOnce(&mut ProxyConfig),
) -> Result<(), Error> {
    let server = Server::bind(bind)?;
    let router: Arc<dyn Router> = Arc::new(router);
    let service = ProxyService::new(router.clone(), Arc::new(AddressesOnly));

    // The core reads no clock and draws no randomness: it is told here, once, what time it is.
    let addresses = server.local_addrs();
    let known_as = server.advertised();
    let own = addresses
        .iter()
        .zip(known_as)
        .map(|(&(transport, local), (_, name))| {
            OwnAddress::new(transport, local).advertised(name.clone())
        });
    let epoch = Epoch {
        instant: Instant::now(),
        unix: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    };
    let mut config = ProxyConfig::new(own.collect(), epoch, Secret::new(rand::random()));
    adjust(&mut config);

    // Every worker has a proxy of its own; they share the router.
    let proxy = move |_| Proxy::new(config, router);
    server
        .run(proxy, Arc::new(service), ShutdownSignal::never())
        .await
}

/// The program in the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
