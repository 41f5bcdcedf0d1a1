//! A proxy among the phones of a simulated network (feature `sim`): an embedder's [`Router`] tested in virtual time.
//!
//! The network is [`sip_transaction::sim`]; alice has the address 192.0.2.1, bob 192.0.2.2, and whoever comes next the
//! next. Three minutes of ringing pass in microseconds, and no socket is opened.
//!
//! ```
//! use sip_proxy::sim::SimProxy;
//! use sip_proxy::{Admission, BranchTarget, Decision, ForkPlan, Incoming, Relay, Router};
//! use sip_transaction::sim::{Link, Sim};
//!
//! /// Everybody is bob.
//! struct ToBob;
//!
//! #[async_trait::async_trait]
//! impl Router for ToBob {
//!     async fn route(&self, incoming: &Incoming) -> Decision {
//!         if let Some(admission) = Admission::in_dialog(incoming) {
//!             return Relay::new(admission, ForkPlan::unchanged(incoming)).into();
//!         }
//!         let bob = BranchTarget::new("sip:bob@192.0.2.2".parse().expect("a URI"));
//!         Relay::new(Admission::without_authentication("a test"), ForkPlan::to(bob)).into()
//!     }
//! }
//!
//! let mut sim = Sim::new(Link::udp());
//! SimProxy::new(ToBob).join(&mut sim, "proxy");
//! sim.bob().answers(&[(0.5, 180), (2.0, 486)]);
//! sim.alice().through("proxy");
//! sim.alice().invite("sip:anybody@example.com");
//! sim.run_for(3.0);
//! assert_eq!(sim.alice().heard(), ["100 INVITE", "180 INVITE", "486 INVITE"]);
//! ```

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::HashMap;
use sip_core::{
    Authorization, Challenge, Credentials, HostPort, ProxyAuthenticate, ProxyAuthorization,
    Request, Response, SipUri, Transport, WwwAuthenticate,
};
use sip_transaction::sim::{PeerId, Sim, epoch};
use sip_transaction::{Config, Target};

use crate::auth::{Exchange, Ha1};
use crate::backend::{Accounting, AddressesOnly, Resolve, ResolveError, Resolved};
use crate::{Epoch, OwnAddress, Proxy, ProxyConfig, ProxyService, Router, Secret};

/// A proxy that is about to join a simulated network.
pub struct SimProxy {
    router: Arc<dyn Router>,
    resolver: Arc<dyn Resolve>,
    accounting: Option<Arc<dyn Accounting>>,
    change: Box<dyn FnOnce(&mut ProxyConfig)>,
}

impl SimProxy {
    /// Seconds since 1970 when a simulation begins.
    pub const UNIX_TIME: u64 = 1_700_000_000;

    /// A proxy that does as `router` decides, and knows addresses only.
    #[must_use]
    pub fn new(router: impl Router) -> SimProxy {
        SimProxy {
            router: Arc::new(router),
            resolver: Arc::new(AddressesOnly),
            accounting: None,
            change: Box::new(|_| {}),
        }
    }

    /// Finds names by `resolver`: [`Names`], or the embedder's own.
    #[must_use]
    pub fn resolving(mut self, resolver: impl Resolve) -> SimProxy {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Tells `accounting`.
    #[must_use]
    pub fn accounting(mut self, accounting: Arc<dyn Accounting>) -> SimProxy {
        self.accounting = Some(accounting);
        self
    }

    /// With other settings than the defaults.
    #[must_use]
    pub fn configured(mut self, change: impl FnOnce(&mut ProxyConfig) + 'static) -> SimProxy {
        self.change = Box::new(change);
        self
    }

    /// Joins `sim` as the peer called `name`, at [`Sim::next_address`].
    pub fn join(self, sim: &mut Sim, name: &str) -> PeerId<Proxy> {
        let (address, transport) = (sim.next_address(), sim.transport());
        let own = OwnAddress::new(transport, address);
        let clock = Epoch {
            instant: epoch(),
            unix: Duration::from_secs(SimProxy::UNIX_TIME),
        };
        let mut config = ProxyConfig::new(vec![own], clock, Secret::new(*b"known to anybody"));
        (self.change)(&mut config);
        let mut proxy = Proxy::new(config, Arc::clone(&self.router));
        if let Some(accounting) = self.accounting {
            proxy = proxy.with_accounting(accounting);
        }
        let layer = Config {
            sent_by: vec![(transport, HostPort::from(address))],
            ..Config::default()
        };
        let service = ProxyService::new(self.router, self.resolver);
        sim.add(name, layer, proxy, service)
    }
}

/// What a simulated phone does about a challenge when it knows a password: digest without `qop`, to the first challenge
/// of each kind.
///
/// ```
/// use sip_proxy::sim::password;
/// use sip_transaction::sim::{Link, Sim};
///
/// let mut sim = Sim::new(Link::udp());
/// sim.bob().answers_challenges(password("bob", "open sesame"));
/// ```
pub fn password(
    user: &str,
    password: &str,
) -> impl Fn(&mut Request, &Response) -> bool + use<> + 'static {
    let (user, password) = (user.to_owned(), password.to_owned());
    move |request, challenge| {
        let headers = challenge.headers();
        let www: Option<WwwAuthenticate> = headers.lines_of().flatten().next();
        let proxy: Option<ProxyAuthenticate> = headers.lines_of().flatten().next();
        let www = www.and_then(|www| credentials(request, &www.0, &user, &password));
        let proxy = proxy.and_then(|proxy| credentials(request, &proxy.0, &user, &password));
        let answered = www.is_some() || proxy.is_some();
        if let Some(www) = www {
            request.headers_mut().set(&Authorization(www));
        }
        if let Some(proxy) = proxy {
            request.headers_mut().set(&ProxyAuthorization(proxy));
        }
        answered
    }
}

fn credentials(
    request: &Request,
    challenge: &Challenge,
    user: &str,
    password: &str,
) -> Option<Credentials> {
    let (realm, nonce, uri) = (
        challenge.realm(),
        challenge.nonce(),
        request.uri().as_text(),
    );
    let algorithm = challenge.algorithm()?;
    let ha1 = Ha1::compute(algorithm, user.as_bytes(), &realm, password.as_bytes());
    let exchange = Exchange {
        method: request.method().as_bytes(),
        uri,
        nonce: &nonce,
        auth: None,
    };
    let response = ha1.response(&exchange).to_string();
    let credentials = Credentials::digest(user, realm, nonce, uri, response);
    Some(credentials.algorithm(algorithm).build())
}

/// Names and their addresses, best first; no port, and whatever transport a URI says.
///
/// ```
/// use sip_proxy::sim::Names;
///
/// let names = Names::new().with("bob.example.net", &["192.0.2.2:5060", "192.0.2.4:5060"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Names(HashMap<String, Vec<SocketAddr>>);

impl Names {
    /// None yet.
    #[must_use]
    pub fn new() -> Names {
        Names::default()
    }

    /// With one more.
    ///
    /// # Panics
    /// If one of `addresses` is none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "tests are told by a panic")]
    pub fn with(mut self, name: &str, addresses: &[&str]) -> Names {
        let parsed = addresses
            .iter()
            .map(|address| address.parse().expect("an address and a port"));
        self.0.insert(name.to_ascii_lowercase(), parsed.collect());
        self
    }
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, uri: &SipUri, _: u64) -> Resolved {
        let name = uri.maddr().unwrap_or_else(|| uri.host()).to_string();
        let addresses = self.0.get(name.to_ascii_lowercase().as_str());
        let transport = uri.transport().unwrap_or(Transport::Udp);
        let targets = addresses.into_iter().flatten();
        let targets: Vec<_> = targets
            .map(|address| Target::address(transport, *address))
            .collect();
        match targets.is_empty() {
            true => Err(ResolveError::NotFound),
            false => Ok(targets),
        }
    }
}
