//! Hosts and ports: `host`, `hostport` (RFC 3261 §25.1; RFC 5118 for IPv6).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::str::FromStr;

use super::UriError;
use crate::Text;
use crate::parse::lex::{self, HostPart};

/// A host: a name that DNS may know, or an address. Names are the same in any case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, as written.
    Name(HostName),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without its brackets.
    V6(Ipv6Addr),
}

/// A host name: letters, digits, `-`, `_` and dots. Compared and hashed ignoring case; printed as written.
///
/// A label may be all digits, though `toplabel` says otherwise: there are such names in use.
#[derive(Clone)]
pub struct HostName(Text);

/// A host, and the port if one is named: no port is not the same as the default port (§19.1.4).
///
/// ```
/// use sip_core::{Host, HostPort};
///
/// let address: HostPort = "[2001:db8::10]:5070".parse()?;
/// assert_eq!(address.port, Some(5070));
/// assert_eq!(address.to_string(), "[2001:db8::10]:5070");
/// assert_eq!("Example.COM".parse::<HostPort>()?, "example.com".parse()?);
/// # Ok::<(), sip_core::UriError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, when it is named.
    pub port: Option<u16>,
}

impl HostName {
    /// A copy of `name`.
    ///
    /// # Errors
    /// If it is no `hostname`, or an IPv4 address.
    pub fn new(name: &str) -> Result<HostName, UriError> {
        match name.parse()? {
            Host::Name(name) => Ok(name),
            Host::V4(_) | Host::V6(_) => Err(UriError::new(0, "hostname")),
        }
    }

    /// The name, as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().unwrap_or_default()
    }
}

impl Host {
    /// The address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(ip) => Some(IpAddr::V4(*ip)),
            Host::V6(ip) => Some(IpAddr::V6(*ip)),
        }
    }

    /// The host of a value that has been read: `text` is where it stood, `ip` what it turned out to be.
    pub(crate) fn of_parts(text: impl FnOnce() -> Text, ip: Option<IpAddr>) -> Host {
        match ip {
            Some(ip) => Host::from(ip),
            None => Host::Name(HostName(text())),
        }
    }

    /// Appends what [`Display`](fmt::Display) prints.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Host::Name(name) => out.extend_from_slice(name),
            // Writing to a vector does not fail.
            Host::V4(_) | Host::V6(_) => drop(write!(out, "{self}")),
        }
    }

    fn read(text: &Text, part: HostPart<'_>) -> Host {
        Host::of_parts(
            || crate::span::Span::of(part.text, text).text(text),
            part.ip,
        )
    }

    /// Reads the host a parameter names (`maddr`), brackets or none.
    pub(crate) fn of_param(text: Text) -> Option<Host> {
        if let Ok(part) = lex::exactly(&text, lex::host) {
            return Some(Host::read(&text, part));
        }
        lex::ipv6address(&text).map(Host::V6)
    }
}

impl HostPort {
    /// `host:port`, or `host` alone.
    #[must_use]
    pub fn new(host: Host, port: Option<u16>) -> HostPort {
        HostPort { host, port }
    }

    pub(crate) fn write_port(&self, out: &mut Vec<u8>) {
        if let Some(port) = self.port {
            // Writing to a vector does not fail.
            let _ = write!(out, ":{port}");
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Host {
        match ip {
            IpAddr::V4(ip) => Host::V4(ip),
            IpAddr::V6(ip) => Host::V6(ip),
        }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> HostPort {
        HostPort::new(address.ip().into(), Some(address.port()))
    }
}

impl From<Host> for HostPort {
    fn from(host: Host) -> HostPort {
        HostPort::new(host, None)
    }
}

impl FromStr for Host {
    type Err = UriError;
    fn from_str(host: &str) -> Result<Host, UriError> {
        let text = Text::new(host)?;
        let part = lex::exactly(&text, lex::host)?;
        Ok(Host::read(&text, part))
    }
}

impl FromStr for HostPort {
    type Err = UriError;
    fn from_str(host_port: &str) -> Result<HostPort, UriError> {
        let text = Text::new(host_port)?;
        let (part, port) = lex::exactly(&text, lex::hostport)?;
        Ok(HostPort::new(Host::read(&text, part), port))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name.as_str()),
            Host::V4(ip) => ip.fmt(f),
            Host::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl Deref for HostName {
    type Target = Text;
    fn deref(&self) -> &Text {
        &self.0
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &HostName) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for HostName {}

impl Hash for HostName {
    fn hash<S: Hasher>(&self, state: &mut S) {
        for octet in self.0.as_bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_the_same_in_any_case() {
        assert_eq!(host("AtLanTa.CoM"), host("atlanta.com"));
        assert_eq!(host("AtLanTa.CoM").to_string(), "AtLanTa.CoM");
    }

    #[test]
    fn an_address_is_not_a_name() {
        assert_eq!(host("192.0.2.4"), Host::V4([192, 0, 2, 4].into()));
        assert_eq!(host("[2001:DB8::1]"), host("[2001:db8:0::1]"));
        assert!(matches!(host("300.0.2.4"), Host::Name(_)));
        assert!(HostName::new("192.0.2.4").is_err());
    }

    #[test]
    fn an_all_digit_host_is_a_name() {
        assert!(matches!(host("12345"), Host::Name(_)));
    }

    #[test]
    fn three_colons_before_an_ipv4_address_are_two() {
        assert_eq!(
            host("[2001:db8:::192.0.2.1]"),
            host("[2001:db8::192.0.2.1]")
        );
        assert!("[2001:db8:::1]".parse::<Host>().is_err());
        let long = format!("[{}:::192.0.2.1]", "1:".repeat(40));
        assert!(long.parse::<Host>().is_err());
    }

    #[test]
    fn ipv6_without_brackets_is_no_host() {
        assert!("2001:db8::10".parse::<HostPort>().is_err());
        let ambiguous: HostPort = "[2001:db8::10:5070]".parse().unwrap();
        assert_eq!(ambiguous.port, None);
    }

    #[test]
    fn a_port_is_a_number_up_to_65535() {
        let port = |text: &str| {
            text.parse::<HostPort>()
                .ok()
                .and_then(|address| address.port)
        };
        assert_eq!(port("h:5060"), Some(5060));
        assert_eq!(port("h:00005060"), Some(5060));
        assert_eq!(port("h:65536"), None);
        assert_eq!(port("h:18446744073709556676"), None);
        for bad in [
            "h:", "h:-1", "h:5060x", "h: 5060", "", ".h", "a..b", "-a", "[::1", "a b", "h\r\n",
        ] {
            assert!(bad.parse::<HostPort>().is_err(), "{bad:?}");
        }
    }
}
