//! The server: sockets, workers and backends, put together, run, and ended in order.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sip_core::{DigestAlgorithm, HostPort, Transport};
use sip_proxy::auth::{
    DigestAuthenticator, DigestConfig, FailureLimits, Failures, NonceChecks, NonceCounts, NonceUse,
    Nonces,
};
use sip_proxy::nat::{ContactFix, NatTraversal};
use sip_proxy::registrar::{Brief, ExpiryPolicy, Registrar, RegistrarConfig};
use sip_proxy::{
    Blocklist, BlocklistSettings, DialogCookies, Epoch, KeyRing, OwnAddress, Proxy, ProxyConfig,
    ProxyService, Router, Secret, SessionTimers,
};
use sip_transport::{Bind, Error, Server, Settings, Shutdown, TlsConfig, WsConfig, shutdown};
use tokio::runtime::{self, Runtime};

use crate::backends::Backends;
use crate::banner::Banner;
use crate::config::{self, Algorithm, Checks, Config, ContactOfNat, Network};
use crate::descriptors;
use crate::failure::Failure;
use crate::first_start::primary_address;
use crate::names::Names;
use crate::routing::Routing;
use crate::shutdown::asked_for;
use crate::store::Store;
use crate::tls;

/// Nonces whose use is remembered: 1.7 MB, and 2,000 logins a second while each is fresh for 32 seconds.
const FRESH_NONCES: usize = 65_536;

/// Users and addresses whose wrong passwords are counted: 0.3 MB.
const WRONG_USERS: usize = 16_384;

/// Serves until it is asked to end; on the very first start it makes a demo if `with_demo`.
///
/// # Errors
/// When an address cannot be listened on, or the database not be used.
pub(crate) fn serve(config: &Config, with_demo: bool) -> Result<(), Failure> {
    descriptors::take_all();
    let tls = tls::load(&config.tls)?;
    // First the sockets: where another server runs already, its database stays untouched.
    let server = Server::bind(bind(config, tls.as_ref())).map_err(|error| cannot_run(&error))?;
    let runtime = background_runtime()?;
    runtime.block_on(async {
        let names = Names::new(&config.dns).map_err(|error| cannot_resolve(&error))?;
        let demo = with_demo.then(|| demo_address(&config.network));
        let backends = Backends::start(config, demo).await?;
        let (shutdown, signal) = shutdown();
        // Before anybody is told that the server is ready, and so might end it.
        tokio::spawn(end_when_asked(listen_for_signals()?, shutdown));
        tokio::spawn(tls::reload_when_asked(tls)?);
        banner(config, &server, &backends);

        let router: Arc<dyn Router> = Arc::new(routing(config, &backends));
        let service = ProxyService::new(Arc::clone(&router), Arc::new(names));
        let proxy = proxy_config(&server, &backends.keys);
        let blocklist = blocklist(&config.blocklist);
        let make_proxy = move |_| match blocklist {
            Some(blocklist) => Proxy::new(proxy, router).with_blocklist(blocklist),
            None => Proxy::new(proxy, router),
        };
        let ended = server.run(make_proxy, Arc::new(service), signal).await;
        backends.end().await;
        ended.map_err(|error| cannot_run(&error))
    })
}

/// Everything but the sockets lives here: the workers have threads and runtimes of their own, which no database
/// ever holds up.
fn background_runtime() -> Result<Runtime, Failure> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("itsp-background")
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::setup(
                format!("cannot start: {error}"),
                "free some memory or file descriptors",
            )
        })
}

fn bind(config: &Config, tls: Option<&TlsConfig>) -> Bind {
    let Network {
        listen,
        udp,
        tcp,
        workers,
        udp_pause,
        udp_longest_wait,
        connections,
        connections_per_source,
    } = &config.network;
    let mut settings = Settings::default();
    settings.udp.pause = **udp_pause;
    settings.udp.longest_wait = **udp_longest_wait;
    settings.stream.connections = *connections;
    settings.stream.connections_per_source = *connections_per_source;
    settings.drain = *config.shutdown.grace;
    let mut bind = Bind::nowhere().settings(settings);
    for address in listen {
        if *udp {
            bind = bind.and_udp(address);
        }
        if *tcp {
            bind = bind.and_tcp(address);
        }
    }
    let mut ws = WsConfig::default();
    if !config.ws.origins.is_empty() {
        ws = ws.origins(&config.ws.origins);
    }
    for address in &config.ws.listen {
        bind = bind.and_ws(address, ws.clone());
    }
    if let Some(tls) = tls {
        bind = bind.connect_tls(tls.clone());
        for address in &config.tls.listen {
            bind = bind.and_tls(address, tls.clone());
        }
        for address in &config.ws.secure_listen {
            bind = bind.and_wss(address, tls.clone(), ws.clone());
        }
    }
    match usize::from(*workers) {
        0 => bind,
        count => bind.workers(count),
    }
}

fn cannot_run(error: &Error) -> Failure {
    let remedy = match error {
        Error::Listen { source, .. } if source.kind() == ErrorKind::AddrNotAvailable => {
            "name an address of this machine, or 0.0.0.0 for all of them, with --listen"
        }
        Error::Listen { .. } => {
            "stop the program that uses it, or choose another address or port with --listen or --port"
        }
        Error::WorkerCount { .. } => "choose another number with --workers",
        _ => "look for the reason in the log",
    };
    Failure::setup(error.to_string(), remedy)
}

fn cannot_resolve(error: &io::Error) -> Failure {
    Failure::setup(
        format!("cannot set up the resolver: {error}"),
        "look at [dns] in the configuration",
    )
}

/// What all workers share of it; nothing where addresses are never passed over.
fn blocklist(config: &config::Blocklist) -> Option<Arc<Blocklist>> {
    let settings = BlocklistSettings {
        time: *config.keep,
        unavailable: config.retry_after,
        capacity: config.addresses,
    };
    (!config.keep.is_zero()).then(|| Arc::new(Blocklist::new(settings)))
}

/// The address the demo users find this server at.
fn demo_address(network: &Network) -> IpAddr {
    let listen = network.listen.first().map(|listen| listen.0.ip());
    listen
        .filter(|ip| !ip.is_unspecified())
        .unwrap_or_else(primary_address)
}

fn banner(config: &Config, server: &Server, backends: &Backends) {
    let addresses = server.local_addrs();
    let listeners: Vec<String> = addresses
        .iter()
        .map(|(transport, address)| format!("{} {address}", transport.uri_param()))
        .collect();
    let banner = Banner {
        database: &Store::file(&config.data),
        listeners: &listeners,
        domains: backends.domains.count(),
        users: backends.users,
        contacts: backends.location.count(),
        demo: backends.demo.as_ref(),
        port: addresses.first().map_or(0, |(_, address)| address.port()),
    };
    banner.print();
}

fn routing(config: &Config, backends: &Backends) -> Routing {
    let auth = &config.auth;
    let nonces = Nonces::new(&backends.keys).with_lifetime(*auth.nonce_lifetime);
    let counts = NonceCounts::new(FRESH_NONCES, unix_time(), rand::random());
    let limits = FailureLimits {
        of_user: auth.failures,
        of_address: auth.failures_of_address,
        ..FailureLimits::default()
    };
    let failures = Failures::new(limits, WRONG_USERS, rand::random());
    let digest = DigestConfig {
        checks: NonceChecks::from(auth.nonce_checks),
        nonce_use: NonceUse::Counted(Arc::new(counts)),
        failures: (auth.failures > 0).then(|| Arc::new(failures)),
        algorithms: auth
            .algorithms
            .iter()
            .map(|algorithm| DigestAlgorithm::from(*algorithm))
            .collect(),
        qop: auth.qop,
        ..DigestConfig::new(nonces)
    };
    let registrar = RegistrarConfig {
        expiry: ExpiryPolicy {
            default: config.registrar.default_expires.seconds(),
            min: config.registrar.min_expires.seconds(),
            max: config.registrar.max_expires.seconds(),
            brief: Brief::Raise,
        },
        max_contacts: config.registrar.max_contacts.into(),
        ..RegistrarConfig::default()
    };
    Routing {
        domains: Arc::clone(&backends.domains),
        authenticator: DigestAuthenticator::new(digest, Arc::clone(&backends.subscribers) as _),
        subscribers: Arc::clone(&backends.subscribers),
        registrar: Registrar::new(registrar, Arc::clone(&backends.location) as _),
        location: Arc::clone(&backends.location) as _,
        nat: nat(config.nat.contact),
        session_timers: SessionTimers::new(
            config.session_timer.default.seconds(),
            config.session_timer.min.seconds(),
        ),
    }
}

fn nat(contact: ContactOfNat) -> Option<NatTraversal> {
    match contact {
        ContactOfNat::Alias => Some(NatTraversal::new(ContactFix::Alias)),
        ContactOfNat::Overwrite => Some(NatTraversal::new(ContactFix::Overwrite)),
        ContactOfNat::Keep => None,
    }
}

impl From<Algorithm> for DigestAlgorithm {
    fn from(algorithm: Algorithm) -> DigestAlgorithm {
        match algorithm {
            Algorithm::Md5 => DigestAlgorithm::Md5,
            Algorithm::Sha256 => DigestAlgorithm::Sha256,
        }
    }
}

impl From<Checks> for NonceChecks {
    fn from(checks: Checks) -> NonceChecks {
        match checks {
            Checks::None => NonceChecks::NONE,
            Checks::SourceIp => NonceChecks::SOURCE_IP,
            Checks::Strict => NonceChecks::STRICT,
        }
    }
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// What all workers' proxies share.
fn proxy_config(server: &Server, keys: &KeyRing) -> ProxyConfig {
    let addresses = server.local_addrs();
    let known = server.advertised().iter().map(|(_, known)| known);
    let own = addresses
        .iter()
        .zip(known)
        .flat_map(|((transport, address), known)| own_addresses(*transport, *address, known));
    let epoch = Epoch {
        instant: Instant::now(),
        unix: unix_time(),
    };
    let secret = Secret::new(rand::random());
    ProxyConfig {
        dialogs: DialogCookies::new(keys),
        ..ProxyConfig::new(own.collect(), epoch, secret)
    }
}

/// What phones may write to mean a socket: for one on all addresses of the machine, the address it is `known` by,
/// and the loopback one.
fn own_addresses(transport: Transport, address: SocketAddr, known: &HostPort) -> Vec<OwnAddress> {
    if !address.ip().is_unspecified() {
        return vec![OwnAddress::new(transport, address)];
    }
    let loopback: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let known_ip = known.host.ip().unwrap_or(loopback);
    let at = |ip: IpAddr| OwnAddress::new(transport, SocketAddr::new(ip, address.port()));
    let mut own = vec![
        at(known_ip),
        OwnAddress::new(transport, address).advertised(known.clone()),
    ];
    if known_ip != loopback {
        own.push(at(loopback));
    }
    own
}

fn listen_for_signals() -> Result<impl Future<Output = &'static str>, Failure> {
    asked_for().map_err(|error| {
        Failure::setup(
            format!("the system does not tell of signals: {error}"),
            "allow this process more file descriptors",
        )
    })
}

async fn end_when_asked(asked: impl Future<Output = &'static str>, shutdown: Shutdown) {
    let how = asked.await;
    tracing::info!("{how}: finishing what is under way");
    shutdown.begin();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(address: &str) -> HostPort {
        HostPort::from(address.parse::<SocketAddr>().expect("an address"))
    }

    #[test]
    fn a_socket_on_every_address_is_known_by_addresses_one_can_write() {
        let own = own_addresses(
            Transport::Udp,
            "0.0.0.0:5070".parse().expect("an address"),
            &known("192.0.2.7:5070"),
        );
        let advertised: Vec<String> = own.iter().map(|own| own.advertised.to_string()).collect();
        assert!(
            advertised
                .iter()
                .all(|name| name.ends_with(":5070") && !name.starts_with("0.0.0.0"))
        );
        assert!(
            advertised.contains(&"127.0.0.1:5070".to_owned()),
            "{advertised:?}"
        );
        assert!(
            own.iter().any(|own| own.local.ip().is_unspecified()),
            "for all others there may be"
        );
    }

    #[test]
    fn a_socket_on_one_address_is_known_by_that() {
        let address = "127.0.0.1:5070".parse().expect("an address");
        assert_eq!(
            own_addresses(Transport::Tcp, address, &known("127.0.0.1:5070")),
            [OwnAddress::new(Transport::Tcp, address)]
        );
    }

    #[test]
    fn the_demo_is_where_the_server_listens() {
        let network = Network {
            listen: vec!["127.0.0.7:5070".parse().expect("an address")],
            ..Network::default()
        };
        assert_eq!(demo_address(&network).to_string(), "127.0.0.7");
    }

    /// A phone elsewhere would take `[::1]` in a Record-Route for itself.
    #[test]
    fn a_socket_on_all_addresses_is_known_by_the_one_others_see() {
        for (anywhere, known) in [
            ("[::]:5060", "[2001:db8::7]:5060"),
            ("0.0.0.0:5060", "192.0.2.7:5060"),
        ] {
            let known = self::known(known);
            let anywhere = anywhere.parse().expect("an address");
            let own = own_addresses(Transport::Udp, anywhere, &known);
            let on_all = own
                .iter()
                .find(|own| own.local == anywhere)
                .expect("is there");
            assert_eq!(on_all.advertised, known);
            assert!(
                own.iter()
                    .any(|own| Some(own.local.ip()) == known.host.ip())
            );
            assert!(own.iter().any(|own| own.local.ip().is_loopback()));
        }
    }
}
