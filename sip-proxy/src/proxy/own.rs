//! Who this proxy is: which URIs mean it, and what it writes into Record-Route and Via (RFC 3261 §16.4, §16.6).

use std::net::{IpAddr, SocketAddr};

use sip_core::{Host, HostPort, RecordRoute, Response, SipUri, Text, Transport, Via};
use sip_transaction::{Flow, Target};

use super::config::{OwnAddress, ProxyConfig};
use super::forward::transport_and_port;

/// The addresses and names of this proxy.
#[derive(Debug)]
pub(crate) struct Own {
    addresses: Vec<OwnAddress>,
    routes: Vec<RecordRoutes>,
    hostnames: Vec<Host>,
}

/// One of our addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OwnId(usize);

/// The Record-Route URIs of one address, printed once: plain, and as half of a pair (`r2=on`). The parameters that
/// follow are `avp`, where there is a cookie, and `lr`.
#[derive(Debug)]
struct RecordRoutes {
    single: Text,
    double: Text,
    secure_single: Text,
    secure_double: Text,
}

impl Own {
    pub(crate) fn new(config: &ProxyConfig) -> Own {
        Own {
            routes: config.addresses.iter().map(RecordRoutes::new).collect(),
            addresses: config.addresses.clone(),
            hostnames: config
                .hostnames
                .iter()
                .filter_map(|name| Some(name.parse::<HostPort>().ok()?.host))
                .collect(),
        }
    }

    /// Whether `uri` leads to this proxy: an IP address of ours with its port, or one of our names with a port of ours
    /// or none, since RFC 3263 finds the port of a name.
    pub(crate) fn is(&self, uri: &SipUri) -> bool {
        if self.is_named(uri, |name| self.hostnames.contains(name)) {
            return true;
        }
        let host = uri.maddr().unwrap_or_else(|| uri.host());
        let default = match uri.transport() {
            Some(transport) if !uri.is_secure() => transport.default_port(),
            _ if uri.is_secure() => Transport::Tls.default_port(),
            _ => Transport::Udp.default_port(),
        };
        self.listens_on(&host, uri.port().unwrap_or(default))
    }

    /// Whether `uri` leads to a name that `is_ours`, with a port of ours or none.
    pub(crate) fn is_named(&self, uri: &SipUri, is_ours: impl FnOnce(&Host) -> bool) -> bool {
        let has_port = |port| self.addresses.iter().any(|own| own.port() == port);
        let host = uri.maddr().unwrap_or_else(|| uri.host());
        uri.port().is_none_or(has_port) && is_ours(&host)
    }

    /// Whether `uri` is a value we put into a Record-Route (§16.4): ours, loose, without a user.
    pub(crate) fn record_routed(&self, uri: &SipUri) -> bool {
        uri.is_loose_router() && uri.user().is_none() && self.is(uri)
    }

    /// Whether this proxy pushed `via`, or another one that answers to the same address.
    pub(crate) fn sent(&self, via: &Via) -> bool {
        let HostPort { host, port } = via.sent_by();
        let transport = via.transport().unwrap_or(Transport::Udp);
        self.listens_on(&host, port.unwrap_or(transport.default_port()))
    }

    /// Whether nobody but this proxy was on the path between whoever made `response` and here.
    pub(crate) fn is_first_hop(&self, response: &Response) -> bool {
        match response.headers().optional::<RecordRoute>() {
            Ok(None) => true,
            Ok(Some(first)) => first.as_uri().as_sip().is_some_and(|uri| self.is(uri)),
            Err(_) => false,
        }
    }

    fn listens_on(&self, host: &Host, port: u16) -> bool {
        self.addresses.iter().any(|own| {
            (own.port() == port && own.advertised.host == *host)
                || (own.local.port() == port && host.ip() == Some(own.local.ip()))
        })
    }

    /// Our address that `uri` names, if it names one.
    pub(crate) fn named_by(&self, uri: &SipUri) -> Option<(Transport, SocketAddr)> {
        let (transport, port) = transport_and_port(uri);
        let host = uri.maddr().unwrap_or_else(|| uri.host());
        let named = |own: &&OwnAddress| {
            own.transport == transport
                && own.port() == port
                && (own.advertised.host == host || host.ip() == Some(own.local.ip()))
        };
        let named = self.addresses.iter().find(named).map(|own| own.local);
        let local = named.filter(|local| !local.ip().is_unspecified())?;
        Some((transport, local))
    }

    /// The address a request came in at.
    pub(crate) fn receiving(&self, flow: &Flow) -> Option<OwnId> {
        self.at(flow.transport, flow.local)
    }

    /// The address a request to `target` leaves from. Where the transport layer has the choice it is `receiving`, if
    /// that one can reach the target at all.
    pub(crate) fn sending(&self, target: &Target, receiving: Option<OwnId>) -> Option<OwnId> {
        let transport = target.transport();
        if let Some(local) = target.local() {
            return self.at(transport, local);
        }
        let family = target.remote().is_ipv4();
        let fits = |own: &OwnAddress| own.transport == transport && own.local.is_ipv4() == family;
        receiving
            .filter(|id| self.addresses.get(id.0).is_some_and(fits))
            .or_else(|| self.addresses.iter().position(fits).map(OwnId))
    }

    fn at(&self, transport: Transport, local: SocketAddr) -> Option<OwnId> {
        let same = |own: &OwnAddress| own.transport == transport && own.local == local;
        let wildcard = |own: &OwnAddress| {
            own.transport == transport
                && own.local.ip().is_unspecified()
                && own.local.port() == local.port()
        };
        // A connection we opened has a port of its own: what it belongs to is the listener of its IP address.
        let same_ip = |own: &OwnAddress| {
            let ip: IpAddr = own.local.ip();
            own.transport == transport
                && (ip == local.ip() || ip.is_unspecified() && ip.is_ipv4() == local.is_ipv4())
        };
        let find =
            |fits: &dyn Fn(&OwnAddress) -> bool| self.addresses.iter().position(fits).map(OwnId);
        find(&same)
            .or_else(|| find(&wildcard))
            .or_else(|| find(&same_ip))
    }

    /// The Record-Route URI for `id`; `pair` if it is one of two.
    pub(crate) fn record_route(&self, id: OwnId, secure: bool, pair: bool) -> Option<&Text> {
        let routes = self.routes.get(id.0)?;
        Some(match (secure, pair) {
            (false, false) => &routes.single,
            (false, true) => &routes.double,
            (true, false) => &routes.secure_single,
            (true, true) => &routes.secure_double,
        })
    }
}

impl RecordRoutes {
    fn new(own: &OwnAddress) -> RecordRoutes {
        let route = |scheme: &str, pair: bool| {
            let transport = match own.transport {
                Transport::Udp => String::new(),
                Transport::Tls if scheme == "sips" => String::new(),
                // RFC 7118 §5.2 knows one name for both.
                Transport::Wss => format!(";transport={}", Transport::Ws.uri_param()),
                other => format!(";transport={}", other.uri_param()),
            };
            let pair = if pair { ";r2=on" } else { "" };
            Text::new(format!("{scheme}:{}{transport}{pair}", own.advertised))
                .expect("an address holds no line end")
        };
        RecordRoutes {
            single: route("sip", false),
            double: route("sip", true),
            secure_single: route("sips", false),
            secure_double: route("sips", true),
        }
    }
}
