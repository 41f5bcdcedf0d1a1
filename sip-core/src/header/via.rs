//! The way back for responses: Via (RFC 3261 §20.42, §18.2; RFC 3581).

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::token::token_types;
use super::top_via::Stamp;
use super::{Header, HeaderError, HeaderName, ListHeader};
use crate::params::Params;
use crate::parse::lex::{self, Parsed};
use crate::span::Span;
use crate::uri::{Host, HostPort};
use crate::{Text, Transport};

token_types! {
    /// Identifies a transaction (§8.1.1.7, §17.1.3). Compared octet by octet.
    Branch
}

impl Branch {
    /// What the branch of a client that follows RFC 3261 begins with.
    pub const MAGIC_COOKIE: &str = "z9hG4bK";

    /// Whether it identifies a transaction by itself: the cookie, and something behind it (§17.2.3; RFC 4475
    /// §3.3.8). Any other is of RFC 2543.
    #[must_use]
    pub fn is_rfc3261(&self) -> bool {
        is_rfc3261(self.as_bytes())
    }
}

pub(super) fn is_rfc3261(branch: &[u8]) -> bool {
    let unique = branch.strip_prefix(Branch::MAGIC_COOKIE.as_bytes());
    unique.is_some_and(|unique| !unique.is_empty())
}

/// One hop a request has taken: the address its sender listens on for the response.
///
/// ```
/// use sip_core::{Header, Text, Transport, Via};
///
/// let via = Via::parse(&Text::from_static("SIP / 2.0 / UDP first.example.com: 4000;rport ;branch=z9hG4bKa7c6a8dlze.1"))?;
/// assert_eq!(via.transport(), Some(Transport::Udp));
/// assert_eq!(via.sent_by().to_string(), "first.example.com:4000");
/// assert!(via.branch().unwrap().is_rfc3261());
/// assert_eq!(via.rport(), Some(None));
///
/// let stamped = via.with_received_rport("192.0.2.7:1024".parse().unwrap());
/// assert_eq!(stamped.received(), "192.0.2.7".parse().ok());
/// assert_eq!(stamped.rport(), Some(Some(1024)));
/// # Ok::<(), sip_core::HeaderError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Via {
    text: Text,
    layout: Layout,
}

/// Where the parts of a Via stand in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    transport: Span,
    pub(super) host: Span,
    pub(super) ip: Option<IpAddr>,
    pub(super) port: Option<u16>,
    params: Span,
    pub(super) branch: Option<Span>,
}

impl Via {
    /// `SIP/2.0/transport sent-by;branch=…`; over UDP it also asks for symmetric routing (`;rport`, RFC 3581 §3).
    #[must_use]
    pub fn new(transport: Transport, sent_by: HostPort, branch: &Branch) -> Via {
        let mut out = Vec::with_capacity(64 + branch.as_bytes().len());
        let rport = if transport == Transport::Udp {
            ";rport"
        } else {
            ""
        };
        // Writing to a vector does not fail.
        let _ = write!(out, "SIP/2.0/{transport} {sent_by}{rport};branch=");
        out.extend_from_slice(branch.as_bytes());
        Via::composed(out)
    }

    /// Reads back what this file composed from parts that were read or checked.
    fn composed(out: Vec<u8>) -> Via {
        let text = Text::composed(out);
        Via::parse(&text).unwrap_or_else(|error| {
            unreachable!("{error} in a Via composed of its own parts: {text:?}")
        })
    }

    /// How the message travelled; `None` for a transport this stack does not carry.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_token(self.transport_token())
    }

    /// How the message travelled, as written.
    #[must_use]
    pub fn transport_token(&self) -> &[u8] {
        self.layout.transport.bytes(&self.text)
    }

    /// Where the sender says that it listens.
    #[must_use]
    pub fn sent_by(&self) -> HostPort {
        let host = Host::of_parts(|| self.layout.host.text(&self.text), self.layout.ip);
        HostPort::new(host, self.layout.port)
    }

    /// All parameters.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        self.layout.params(&self.text)
    }

    /// The transaction this hop is part of; absent from requests of RFC 2543.
    #[must_use]
    pub fn branch(&self) -> Option<Branch> {
        Some(Branch(self.layout.branch?.text(&self.text)))
    }

    /// Where the message really came from (§18.2.1); brackets around an IPv6 address mean nothing (RFC 5118 §4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let value = self.params().value("received")?;
        let bare = value
            .strip_prefix(b"[")
            .and_then(|value| value.strip_suffix(b"]"));
        match bare {
            Some(ip) => lex::ipv6address(ip).map(IpAddr::V6),
            None => std::str::from_utf8(value).ok()?.parse().ok(),
        }
    }

    /// Symmetric routing (RFC 3581): `Some(None)` asks for it, `Some(Some(port))` is the port the message came from.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        let value = self.params().get("rport")?;
        Some(value.and_then(|port| lex::exactly(port, lex::port).ok()))
    }

    /// The multicast address, or another host, to send the response to (§18.2.2).
    #[must_use]
    pub fn maddr(&self) -> Option<Host> {
        let value = self.params().value("maddr")?;
        Host::of_param(Span::of(value, &self.text).text(&self.text))
    }

    /// How far a multicast goes: 0 to 255 (§18.1.1).
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        let value = self.params().value("ttl")?;
        let ttl = lex::exactly(value, |input| lex::number(input, 255, "ttl")).ok()?;
        u8::try_from(ttl).ok()
    }

    /// With what the receiver knows of the source: `received` and `rport`, in place of any that are there
    /// (§18.2.1; RFC 3581 §4).
    #[must_use]
    pub fn with_received_rport(&self, source: SocketAddr) -> Via {
        let start = self.layout.params.start();
        let mut out = Vec::with_capacity(self.text.len() + Stamp::MAX);
        self.layout
            .write_stamped(&self.text, &Stamp::of(source), |part| {
                out.extend_from_slice(part);
            });
        let text = Text::composed(out);
        let params = Span::of(&text[start..], &text);
        let branch = Params::of_header(&text[start..]).value("branch");
        Via {
            layout: Layout {
                params,
                branch: Span::of_option(branch, &text),
                ..self.layout
            },
            text,
        }
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> Via {
        Via {
            text: self.text.detached(),
            ..*self
        }
    }
}

impl Layout {
    /// Reads a Via without white space around it.
    #[inline]
    pub(super) fn read(text: &[u8]) -> Result<Layout, HeaderError> {
        lex::value(text, |input| Layout::via_parm(input))
            .map_err(|expected| expected.in_header(Via::NAME))
    }

    /// `via-parm = sent-protocol LWS sent-by *(SEMI via-params)`
    fn via_parm(text: &[u8]) -> Parsed<'_, Layout> {
        let (left, [_, _, transport]) = lex::sent_protocol(text)?;
        let (left, _) = lex::lws(left)?;
        let (left, (host, port)) = lex::sent_by(left)?;
        let mut branch = None;
        let (left, params) = lex::params(left, |name, value| see_branch(&mut branch, name, value))?;
        let layout = Layout {
            transport: Span::of(transport, text),
            host: Span::of(host.text, text),
            ip: host.ip,
            port,
            params: Span::of(params, text),
            branch: Span::of_option(branch, text),
        };
        Ok((left, layout))
    }

    pub(super) fn params<'a>(&self, text: &'a [u8]) -> Params<'a> {
        Params::of_header(self.params.bytes(text))
    }

    /// Writes `text` with `stamp` in place of what says the same.
    pub(super) fn write_stamped(&self, text: &[u8], stamp: &Stamp, mut write: impl FnMut(&[u8])) {
        write(&text[..self.params.start()]);
        for param in self.params(text).without(&["received", "rport"]) {
            write(b";");
            write(param);
        }
        write(stamp);
    }
}

/// A branch stands once, and is not empty: two readers must not find two transactions in one message.
fn see_branch<'a>(
    branch: &mut Option<&'a [u8]>,
    name: &[u8],
    value: Option<&'a [u8]>,
) -> Result<(), &'static str> {
    if !name.eq_ignore_ascii_case(b"branch") {
        return Ok(());
    }
    match value {
        Some(value) if lex::is_unquoted(value) && branch.is_none() => {
            *branch = Some(value);
            Ok(())
        }
        _ => Err("one branch"),
    }
}

impl Header for Via {
    const NAME: HeaderName = HeaderName::Via;
    const LIST: bool = true;
    const ENDS_AT_COMMA: bool = true;

    fn parse(value: &Text) -> Result<Via, HeaderError> {
        Via::read(value.clone())
    }

    fn read(value: Text) -> Result<Via, HeaderError> {
        let text = value.into_trimmed();
        let layout = Layout::read(&text)?;
        Ok(Via { text, layout })
    }

    fn as_text(&self) -> Text {
        self.text.clone()
    }
}

impl ListHeader for Via {}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(value: &'static str) -> Via {
        Via::parse(&Text::from_static(value)).unwrap()
    }

    #[test]
    fn white_space_may_stand_around_every_separator() {
        // RFC 4475 §3.1.1.1 (wsinv)
        let spindle =
            via("  SIP  / 2.0  / TCP     spindle.example.com   ;   branch  =   z9hG4bK9ikj8  ");
        assert_eq!(spindle.transport(), Some(Transport::Tcp));
        assert_eq!(spindle.sent_by().to_string(), "spindle.example.com");
        assert_eq!(spindle.branch().unwrap(), "z9hG4bK9ikj8");
        let old = via("SIP  /   2.0  /UDP     192.0.2.2;branch=390skdjuw");
        assert!(!old.branch().unwrap().is_rfc3261());
        // RFC 3261 §20.42
        let multicast = via(
            "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
        );
        assert_eq!(multicast.sent_by().port, Some(4000));
        assert_eq!(multicast.ttl(), Some(16));
        assert_eq!(multicast.maddr().unwrap().ip(), "224.2.0.1".parse().ok());
    }

    #[test]
    fn unknown_transports_are_kept() {
        // RFC 4475 §3.1.1.10 (transports)
        let via = via("SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en");
        assert_eq!(
            (via.transport(), via.transport_token()),
            (None, &b"UNKNOWN"[..])
        );
    }

    #[test]
    fn ipv6_needs_brackets_in_sent_by_but_not_in_received() {
        // RFC 5118 §4.5
        for value in [
            "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111",
            "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3",
        ] {
            let via = via(value);
            assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
            assert_eq!(via.sent_by().host.ip(), "2001:db8::9:1".parse().ok());
            let stamped = via.with_received_rport("[2001:db8::7]:5060".parse().unwrap());
            assert!(
                stamped
                    .as_text()
                    .to_string()
                    .ends_with(";received=2001:db8::7;rport=5060")
            );
        }
        let mapped = via("SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19");
        assert_eq!(mapped.sent_by().port, Some(19823));
        assert!(Via::parse(&Text::from_static("SIP/2.0/UDP 2001:db8::1")).is_err());
    }

    #[test]
    fn a_cookie_alone_identifies_nothing() {
        // RFC 4475 §3.3.8 (badbranch)
        assert!(
            !via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK")
                .branch()
                .unwrap()
                .is_rfc3261()
        );
        assert!(
            via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
                .branch()
                .unwrap()
                .is_rfc3261()
        );
        assert_eq!(via("SIP/2.0/UDP 192.0.2.1").branch(), None);
    }

    #[test]
    fn received_and_rport_of_the_sender_are_not_believed() {
        let forged = via("SIP/2.0/UDP h:5060;received=203.0.113.9;Rport=1;x=\";\";branch=b;rport");
        let stamped = forged.with_received_rport("192.0.2.7:1024".parse().unwrap());
        assert_eq!(
            stamped.as_text(),
            "SIP/2.0/UDP h:5060;x=\";\";branch=b;received=192.0.2.7;rport=1024"
        );
    }

    #[test]
    fn broken_vias_are_refused() {
        for bad in [
            "SIP/2.0/UDP 192.0.2.15;;",
            "SIP/2.0/UDP 192.0.2.15;",
            "SIP/2.0/UDP",
            "SIP/2.0 192.0.2.15",
            "SIP/2.0/UDP192.0.2.15",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP h:65536",
            "SIP/2.0/UDP h x",
            "SIP/2.0/UDP h;branch",
            "SIP/2.0/UDP h;branch=",
            "SIP/2.0/UDP h;branch=a;branch=b",
            "SIP/2.0/UDP h;x=\"",
            "SIP/2.0/UDP h;branch=a b",
            "",
        ] {
            assert!(Via::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_composed_via_reads_back() {
        let branch = Branch::new("z9hG4bK776asdhds").unwrap();
        let sent_by: HostPort = "[2001:db8::1]:5070".parse().unwrap();
        let udp = Via::new(Transport::Udp, sent_by.clone(), &branch);
        assert_eq!(
            udp.as_text(),
            "SIP/2.0/UDP [2001:db8::1]:5070;rport;branch=z9hG4bK776asdhds"
        );
        let tls = Via::new(Transport::Tls, sent_by.clone(), &branch);
        assert_eq!(
            (tls.rport(), tls.branch(), tls.sent_by()),
            (None, Some(branch), sent_by)
        );
    }
}
