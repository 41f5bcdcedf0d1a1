//! Parties behind a NAT: how they show, and how the rest of the dialog finds back to them (F-80 to F-83).
//!
//! Who sits behind a NAT names a Contact that leads nowhere from outside. [`NatTraversal`] writes next to it where the
//! message came from, as `;alias=ip~port~protocol`, and [`ForkPlan::unchanged`](crate::ForkPlan::unchanged) reads that
//! again when an ACK, a BYE or a re-INVITE comes for this Contact. The party itself sees nothing but its own URI.

use std::net::{IpAddr, SocketAddr};
use std::ops::BitOr;

use sip_core::{
    Contact, Header, HeaderName, Headers, HostPort, Method, Request, Response, SipUri, StatusClass,
    Text, Transport, Uri, Via,
};
use sip_transaction::{Flow, Target};

/// What a message is tested for; it comes from behind a NAT if any of it holds. Numbered as `nat_uac_test` of SER was
/// (F-80).
///
/// ```
/// use sip_proxy::nat::NatTests;
///
/// let tests = NatTests::PRIVATE_CONTACT | NatTests::OTHER_VIA | NatTests::OTHER_VIA_PORT;
/// assert_eq!(tests, NatTests::REQUEST);
/// assert_eq!(tests.bits(), 19);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NatTests(u8);

impl NatTests {
    /// Nothing.
    pub const NONE: NatTests = NatTests(0);
    /// The Contact is a private address.
    pub const PRIVATE_CONTACT: NatTests = NatTests(1);
    /// The Via names another host than the message came from.
    pub const OTHER_VIA: NatTests = NatTests(2);
    /// The Via is a private address.
    pub const PRIVATE_VIA: NatTests = NatTests(4);
    /// The session description wants media at a private address.
    pub const PRIVATE_MEDIA: NatTests = NatTests(8);
    /// The Via names another port than the message came from.
    pub const OTHER_VIA_PORT: NatTests = NatTests(16);
    /// The Contact names another port than the message came from.
    pub const OTHER_CONTACT_PORT: NatTests = NatTests(32);

    /// Of requests in datagrams (F-81).
    pub const REQUEST: NatTests = NatTests(1 | 2 | 16);
    /// Of requests over connections, which come from any port (F-81).
    pub const STREAM_REQUEST: NatTests = NatTests(1 | 2);
    /// Of responses in datagrams (F-82).
    pub const RESPONSE: NatTests = NatTests(1 | 32);
    /// Of responses over connections (F-82).
    pub const STREAM_RESPONSE: NatTests = NatTests(1);

    /// The sum of the numbers.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether any of these tests holds for `request`, that came on `flow`.
    #[must_use]
    pub fn hold_for_request(self, request: &Request, flow: &Flow) -> bool {
        self.of_via(request.headers(), flow)
            || self.of_contact(request.headers(), flow)
            || self.has(NatTests::PRIVATE_MEDIA) && wants_media_at_private_address(request.body())
    }

    /// Whether any of these tests holds for `response`, that came on `flow`. Its Vias say nothing about who sent it.
    #[must_use]
    pub fn hold_for_response(self, response: &Response, flow: &Flow) -> bool {
        self.of_contact(response.headers(), flow)
            || self.has(NatTests::PRIVATE_MEDIA) && wants_media_at_private_address(response.body())
    }

    fn has(self, test: NatTests) -> bool {
        self.0 & test.0 != 0
    }

    fn of_via(self, headers: &Headers, flow: &Flow) -> bool {
        let Ok(via) = headers.require::<Via>() else {
            return false;
        };
        let HostPort { host, port } = via.sent_by();
        let port = port.unwrap_or(flow.transport.default_port());
        let ip = host.ip();
        self.has(NatTests::OTHER_VIA) && ip.is_none_or(|ip| !same_ip(ip, flow.remote.ip()))
            || self.has(NatTests::PRIVATE_VIA) && ip.is_some_and(is_private)
            || self.has(NatTests::OTHER_VIA_PORT) && port != flow.remote.port()
    }

    fn of_contact(self, headers: &Headers, flow: &Flow) -> bool {
        let Some((_, uri)) = contact(headers) else {
            return false;
        };
        let port = uri.port().unwrap_or(flow.transport.default_port());
        self.has(NatTests::PRIVATE_CONTACT) && uri.host().ip().is_some_and(is_private)
            || self.has(NatTests::OTHER_CONTACT_PORT) && port != flow.remote.port()
    }
}

impl BitOr for NatTests {
    type Output = NatTests;
    fn bitor(self, other: NatTests) -> NatTests {
        NatTests(self.0 | other.0)
    }
}

/// What is done to the Contact of who is behind a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContactFix {
    /// `;alias=ip~port~protocol` is added to its URI, which is otherwise left alone (F-83).
    Alias,
    /// Host and port of its URI are replaced by the source of the message (F-81, F-82). A phone that compares the
    /// Request-URI with its own Contact will not know itself again.
    Overwrite,
}

/// How parties behind a NAT are found, and what is done about it; for [`Relay::nat`](crate::Relay::nat).
///
/// Only messages that come from the party itself are fixed: one that passed another proxy first comes from where that
/// proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatTraversal {
    /// What is done.
    pub fix: ContactFix,
    /// Tests of requests: in datagrams, and over connections.
    pub requests: (NatTests, NatTests),
    /// Tests of responses: in datagrams, and over connections.
    pub responses: (NatTests, NatTests),
}

impl NatTraversal {
    /// The tests of F-81 and F-82.
    #[must_use]
    pub const fn new(fix: ContactFix) -> NatTraversal {
        NatTraversal {
            fix,
            requests: (NatTests::REQUEST, NatTests::STREAM_REQUEST),
            responses: (NatTests::RESPONSE, NatTests::STREAM_RESPONSE),
        }
    }

    /// Fixes the Contact of a request that came on `flow`; says whether there was need. A REGISTER keeps its own: the
    /// registrar knows where it came from (F-39).
    pub fn fix_request(&self, request: &mut Request, flow: &Flow) -> bool {
        let first_hop = !request.headers().contains(&HeaderName::RecordRoute)
            && request.headers().all::<Via>().nth(1).is_none();
        let tests = of_transport(self.requests, flow);
        let behind_nat = *request.method() != Method::Register
            && first_hop
            && (tests.hold_for_request(request, flow) || names_maddr(request.headers()));
        behind_nat && self.fix_contact(request.headers_mut(), flow)
    }

    /// Fixes the Contact of a response that came on `flow` directly from whoever made it; says whether there was need.
    /// The Contacts of a 3xx are no addresses of its sender.
    pub fn fix_response(&self, response: &mut Response, flow: &Flow) -> bool {
        let tests = of_transport(self.responses, flow);
        let behind_nat = response.status().class() != StatusClass::Redirection
            && (tests.hold_for_response(response, flow) || names_maddr(response.headers()));
        behind_nat && self.fix_contact(response.headers_mut(), flow)
    }

    fn fix_contact(&self, headers: &mut Headers, flow: &Flow) -> bool {
        let Some((contact, uri)) = contact(headers) else {
            return false;
        };
        let fixed = match self.fix {
            // Somebody nearer to it has been here before.
            ContactFix::Alias if uri.params().contains(ALIAS) => return false,
            ContactFix::Alias => uri.with_param(ALIAS, Some(&alias(flow))).ok(),
            ContactFix::Overwrite => Some(
                uri.without_param("maddr")
                    .with_host_port(flow.remote.into()),
            ),
        };
        let Some(contact) = fixed.and_then(|uri| with_uri(&contact, &uri)) else {
            return false;
        };
        headers.replace_front(&contact);
        true
    }
}

fn of_transport((datagram, stream): (NatTests, NatTests), flow: &Flow) -> NatTests {
    match flow.transport.is_reliable() {
        true => stream,
        false => datagram,
    }
}

/// The parameter, as Kamailio calls it.
const ALIAS: &str = "alias";

/// `ip~port~protocol`, as Kamailio writes it.
fn alias(flow: &Flow) -> String {
    let protocol = match flow.transport {
        Transport::Tcp => 2,
        Transport::Tls => 3,
        Transport::Ws => 5,
        Transport::Wss => 6,
        _ => 1,
    };
    let (ip, port) = (flow.remote.ip().to_canonical(), flow.remote.port());
    match ip {
        IpAddr::V4(ip) => format!("{ip}~{port}~{protocol}"),
        IpAddr::V6(ip) => format!("[{ip}]~{port}~{protocol}"),
    }
}

/// The URI as its owner wrote it, and where it is to be found; from our address `from`, if it is found that way.
pub(crate) fn take_alias(
    uri: &Uri,
    from: Option<(Transport, SocketAddr)>,
) -> Option<(Uri, Target)> {
    let uri = uri.as_sip()?;
    let alias = std::str::from_utf8(uri.params().value(ALIAS)?).ok()?;
    let mut parts = alias.split('~');
    let (ip, port, protocol) = (parts.next()?, parts.next()?, parts.next()?);
    let transport = match protocol {
        "1" => Transport::Udp,
        "2" => Transport::Tcp,
        "3" => Transport::Tls,
        "5" => Transport::Ws,
        "6" => Transport::Wss,
        _ => return None,
    };
    let ip = ip.trim_start_matches('[').trim_end_matches(']');
    let remote = SocketAddr::new(ip.parse().ok()?, port.parse().ok()?);
    let from = from.filter(|(by, _)| *by == transport);
    let target = Target::Address {
        transport,
        remote,
        local: from.map(|(_, local)| local),
    };
    (remote.port() != 0).then(|| (Uri::Sip(uri.without_param(ALIAS)), target))
}

fn names_maddr(headers: &Headers) -> bool {
    contact(headers).is_some_and(|(_, uri)| uri.maddr().is_some())
}

fn contact(headers: &Headers) -> Option<(Contact, SipUri)> {
    let contact: Contact = headers.optional().ok()??;
    let uri = contact.uri()?.as_sip()?.clone();
    Some((contact, uri))
}

/// `contact` with another URI, its name and parameters as they were.
fn with_uri(contact: &Contact, uri: &SipUri) -> Option<Contact> {
    let text = contact.as_text();
    let old = contact.uri()?;
    let bracket = bracket(&text);
    let start = bracket.map_or(0, |at| at + 1);
    let after = text.get(start..)?.strip_prefix(&**old.as_text())?;
    let (before, after) = match bracket {
        Some(at) => (&text[..at], after.strip_prefix(b">")?),
        None => (&text[..0], after),
    };
    let text = [before, b"<", uri.as_text(), b">", after].concat();
    Contact::parse(&Text::new(text).ok()?).ok()
}

/// Where the `<` of a `name-addr` is: not one within a quoted name.
fn bracket(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|octet| {
        let found = *octet == b'<' && !quoted;
        quoted ^= *octet == b'"' && !escaped;
        escaped = quoted && *octet == b'\\' && !escaped;
        found
    })
}

/// A connection line of a session description with a private address. 0.0.0.0 is on hold, and nowhere.
fn wants_media_at_private_address(body: &[u8]) -> bool {
    let address = |line: &[u8]| {
        let rest = line.strip_prefix(b"c=IN IP")?.get(2..)?;
        let ip = rest.split(|octet| b"/ \r".contains(octet)).next()?;
        std::str::from_utf8(ip).ok()?.parse::<IpAddr>().ok()
    };
    let mut lines = body.split(|octet| *octet == b'\n');
    lines.any(|line| address(line).is_some_and(is_private))
}

/// Whether an address means something inside one network only (RFC 1918, RFC 3927, RFC 6598; RFC 4193, RFC 4291).
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            ip.is_private() || ip.is_link_local() || a == 100 && b & 0xc0 == 64
        }
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

fn same_ip(one: IpAddr, other: IpAddr) -> bool {
    one.to_canonical() == other.to_canonical()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sip_core::{Limits, Message, parse_message};

    use super::*;

    fn invite(contact: &str, more: &str, body: &str) -> Request {
        let text = format!(
            "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK1\r\n{more}\
             From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
             Contact: {contact}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        match parse_message(Bytes::from(text), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("no request: {other:?}"),
        }
    }

    fn from(remote: &str) -> Flow {
        let address = |text: &str| text.parse().expect("an address");
        Flow::udp(address("192.0.2.1:5060"), address(remote))
    }

    fn fixed(contact: &str, fix: ContactFix, remote: &str) -> String {
        let mut request = invite(contact, "", "");
        NatTraversal::new(fix).fix_request(&mut request, &from(remote));
        let contact: Contact = request.headers().require().expect("is there");
        contact.as_text().to_string()
    }

    const PHONE: &str = "\"<Ann> \\\" \" <sip:ann@10.0.0.9:5070;ob>;expires=60;x=\"<\"";

    #[test]
    fn f83_an_alias_leaves_name_uri_and_parameters_as_they_are() {
        assert_eq!(
            fixed(PHONE, ContactFix::Alias, "198.51.100.1:1024"),
            "\"<Ann> \\\" \" <sip:ann@10.0.0.9:5070;ob;alias=198.51.100.1~1024~1>;expires=60;x=\"<\""
        );
        assert_eq!(
            fixed(
                "sip:ann@10.0.0.9;expires=60",
                ContactFix::Alias,
                "[2001:db8::1]:5060"
            ),
            "<sip:ann@10.0.0.9;alias=[2001:db8::1]~5060~1>;expires=60"
        );
    }

    #[test]
    fn f83_an_alias_of_another_proxy_stays_alone() {
        let contact = "<sip:ann@10.0.0.9;alias=203.0.113.7~9~1>";
        assert_eq!(
            fixed(contact, ContactFix::Alias, "198.51.100.1:1024"),
            contact
        );
    }

    #[test]
    fn f81_overwriting_keeps_user_and_parameters_and_always_writes_the_port() {
        assert_eq!(
            fixed(PHONE, ContactFix::Overwrite, "198.51.100.1:5060"),
            "\"<Ann> \\\" \" <sip:ann@198.51.100.1:5060;ob>;expires=60;x=\"<\""
        );
        assert_eq!(
            fixed(
                "<sip:ann@10.0.0.9>",
                ContactFix::Overwrite,
                "[2001:db8::1]:5061"
            ),
            "<sip:ann@[2001:db8::1]:5061>"
        );
        assert_eq!(
            fixed(
                "<sip:a@192.0.2.9;maddr=192.0.2.8>",
                ContactFix::Overwrite,
                "198.51.100.1:5060"
            ),
            "<sip:a@198.51.100.1:5060>"
        );
    }

    #[test]
    fn f80_each_test_by_its_number() {
        let straight = invite("<sip:a@198.51.100.1>", "", "c=IN IP4 0.0.0.0\r\n");
        let all = NatTests(63);
        assert!(!all.hold_for_request(&straight, &from("198.51.100.1:5060")));
        let holds = |request: &Request, remote: &str| -> Vec<u8> {
            let bits = (0..6).map(|bit| NatTests(1 << bit));
            bits.filter(|test| test.hold_for_request(request, &from(remote)))
                .map(NatTests::bits)
                .collect()
        };
        assert_eq!(holds(&straight, "198.51.100.1:5061"), [16, 32]);
        assert_eq!(holds(&straight, "198.51.100.2:5060"), [2]);
        let private = invite(
            "<sip:a@10.1.2.3>",
            "",
            "v=0\r\nc=IN IP4 192.168.0.1/127\r\n",
        );
        assert_eq!(holds(&private, "198.51.100.1:5060"), [1, 8]);
        let mut via = straight.clone();
        let text = Text::from_static("SIP/2.0/UDP 172.31.0.1;branch=z9hG4bK1");
        via.headers_mut().set(&Via::parse(&text).expect("a Via"));
        assert_eq!(holds(&via, "198.51.100.1:5060"), [2, 4]);
    }

    #[test]
    fn what_another_proxy_forwards_does_not_come_from_where_the_party_is() {
        for more in [
            "Record-Route: <sip:203.0.113.1;lr>\r\n",
            "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK0\r\n",
        ] {
            let mut request = invite("<sip:a@10.0.0.9>", more, "");
            let nat = NatTraversal::new(ContactFix::Alias);
            assert!(
                !nat.fix_request(&mut request, &from("203.0.113.1:5060")),
                "{more}"
            );
        }
    }

    #[test]
    fn an_alias_is_read_back_and_nonsense_is_none() {
        let read = |uri: &str| take_alias(&uri.parse().expect("a URI"), None);
        for (flow, transport) in [
            ("1", Transport::Udp),
            ("2", Transport::Tcp),
            ("3", Transport::Tls),
        ] {
            let (uri, target) = read(&format!("sip:ann@10.0.0.9;ob;alias=[2001:db8::1]~9~{flow}"))
                .expect("an alias");
            assert_eq!(uri.to_string(), "sip:ann@10.0.0.9;ob");
            let remote = "[2001:db8::1]:9".parse().expect("an address");
            assert_eq!(target, Target::address(transport, remote));
        }
        for nonsense in [
            "",
            "=",
            "=1.2.3.4",
            "=1.2.3.4~5060",
            "=1.2.3.4~0~1",
            "=1.2.3.4~70000~1",
            "=a~1~1",
        ] {
            let uri = format!("sip:ann@10.0.0.9;alias{nonsense}");
            assert!(read(&uri).is_none(), "{nonsense}");
        }
    }

    proptest::proptest! {
        /// Whatever a Contact looks like: what is around the URI stays, and the URI comes back as it was.
        #[test]
        fn an_alias_added_and_taken_off_leaves_the_contact_as_it_was(
            name in "(\"([a-z<>;]|\\\\[\"<])*\" ?|[a-z]* ?)",
            uri in "sip:([a-z]{1,4}@)?10\\.0\\.0\\.[0-9](:[1-9][0-9]{0,3})?(;ob|;x=[a-z])?",
            params in "(;q=0\\.[0-9])?(;x=\"[a-z<>]*\")?",
            port in 1_u16..,
        ) {
            let before = format!("{name}<{uri}>{params}");
            let flow = from(&format!("198.51.100.1:{port}"));
            let mut request = invite(&before, "", "");
            proptest::prop_assert!(NatTraversal::new(ContactFix::Alias).fix_request(&mut request, &flow));
            let (after, aliased) = contact(request.headers()).expect("is there");
            let (plain, source) = take_alias(&Uri::Sip(aliased), None).expect("an alias");
            proptest::prop_assert_eq!(plain.to_string(), uri);
            proptest::prop_assert_eq!(source.remote(), flow.remote);
            let text = after.as_text().to_string();
            let alias = format!(";alias=198.51.100.1~{port}~1");
            proptest::prop_assert_eq!(text.replacen(&alias, "", 1), before.trim());
        }
    }
}
