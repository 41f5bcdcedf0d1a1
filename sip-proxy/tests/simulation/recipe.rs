//! How a proxy is made, and made again after a crash: the same settings, the same backends, and no memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sip_core::{HostPort, Transport};
use sip_proxy::backend::Resolve;
use sip_proxy::{Epoch, OwnAddress, Proxy, ProxyConfig, ProxyService, Router, Secret};
use sip_transaction::Config;
use sip_transaction::sim::{PeerId, Sim, epoch};

use crate::backends::Backend;

pub(crate) struct Recipe {
    pub(crate) address: SocketAddr,
    transport: Transport,
    backend: Arc<Backend>,
}

impl Recipe {
    pub(crate) fn new(transport: Transport, address: SocketAddr, backend: Backend) -> Recipe {
        Recipe {
            address,
            transport,
            backend: Arc::new(backend),
        }
    }

    pub(crate) fn add_to(&self, sim: &mut Sim, name: &str) -> PeerId<Proxy> {
        let (proxy, service) = self.proxy();
        sim.add(name, self.layer(), proxy, service)
    }

    pub(crate) fn restart(&self, sim: &mut Sim, id: PeerId<Proxy>) {
        let (proxy, service) = self.proxy();
        sim.restart(id, self.layer(), proxy, service);
    }

    fn layer(&self) -> Config {
        Config {
            sent_by: vec![(self.transport, HostPort::from(self.address))],
            ..Config::default()
        }
    }

    fn proxy(&self) -> (Proxy, ProxyService) {
        let own = OwnAddress::new(self.transport, self.address);
        let epoch = Epoch {
            instant: epoch(),
            unix: Duration::from_secs(1_700_000_000),
        };
        let config = ProxyConfig::new(vec![own], epoch, Secret::new([7; 16]));
        let router: Arc<dyn Router> = Arc::clone(&self.backend) as Arc<dyn Router>;
        let resolver: Arc<dyn Resolve> = Arc::clone(&self.backend) as Arc<dyn Resolve>;
        let service = ProxyService::new(Arc::clone(&router), resolver);
        (Proxy::new(config, router), service)
    }
}
