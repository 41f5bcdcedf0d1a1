//! Searches against a table of records (RFC 3263 §4, §5).

use std::collections::HashMap;
use std::sync::Mutex;

use sip_core::HostPort;

use super::super::records::{Answer, Naptr};
use super::*;

/// A zone, and the questions it was asked.
#[derive(Default)]
struct Zone {
    records: HashMap<Question, Result<Records, DnsError>>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Dns for Zone {
    async fn ask(&self, question: &Question) -> Result<Answer, DnsError> {
        let line = format!("{:?} {}", question.kind, question.name);
        self.asked.lock().unwrap().push(line);
        let records = self.records.get(question).cloned();
        match records.unwrap_or(Ok(Records::None)) {
            // Nobody answers.
            Err(DnsError::Timeout) => std::future::pending().await,
            records => Ok(Answer {
                records: records?,
                ttl: None,
            }),
        }
    }
}

impl Zone {
    fn with(mut self, kind: Kind, name: &str, records: Result<Records, DnsError>) -> Zone {
        self.records.insert(Question::new(kind, name), records);
        self
    }

    /// Lines such as `10 SIP+D2U _sip._udp.b.example`.
    fn naptr(self, name: &str, lines: &[&str]) -> Zone {
        let record = |line: &&str| {
            let [order, services, replacement] = words(line);
            Naptr {
                order: order.parse().unwrap(),
                preference: 0,
                flags: "s".into(),
                services: services.into(),
                replacement: replacement.into(),
            }
        };
        let records = lines.iter().map(record).collect();
        self.with(Kind::Naptr, name, Ok(Records::Naptr(records)))
    }

    /// Lines such as `10 5060 host.b.example`; all of one weight.
    fn srv(self, name: &str, lines: &[&str]) -> Zone {
        let record = |line: &&str| {
            let [priority, port, target] = words(line);
            Srv {
                priority: priority.parse().unwrap(),
                weight: 1,
                port: port.parse().unwrap(),
                target: target.into(),
            }
        };
        let records = lines.iter().map(record).collect();
        self.with(Kind::Srv, name, Ok(Records::Srv(records)))
    }

    fn host(self, name: &str, ips: &[&str]) -> Zone {
        let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        self.with(Kind::Address, name, Ok(Records::Addresses(ips)))
    }

    fn fails(self, kind: Kind, name: &str, error: DnsError) -> Zone {
        self.with(kind, name, Err(error))
    }
}

fn words<const N: usize>(line: &str) -> [&str; N] {
    let words: Vec<&str> = line.split(' ').collect();
    words.try_into().unwrap()
}

/// A domain with all there can be.
fn full() -> Zone {
    Zone::default()
        .naptr(
            "b.example",
            &[
                "10 SIPS+D2T _sips._tcp.b.example",
                "20 SIP+D2T _sip._tcp.b.example",
                "30 SIP+D2U _sip._udp.b.example",
            ],
        )
        .srv("_sips._tcp.b.example", &["1 5061 one.b.example"])
        .srv("_sip._tcp.b.example", &["1 5070 one.b.example"])
        .srv(
            "_sip._udp.b.example",
            &["2 5080 two.b.example", "1 5060 one.b.example"],
        )
        .host("one.b.example", &["192.0.2.1"])
        .host("two.b.example", &["192.0.2.2", "192.0.2.3"])
        .host("b.example", &["192.0.2.9"])
}

/// The questions asked and the list found for `uri`, both as text.
async fn resolve(zone: Zone, uri: &str) -> (Vec<String>, Result<Vec<String>, String>) {
    let locator = Locator::new(zone, LocatorSettings::default());
    let found = locator.resolve(&uri.parse().unwrap(), 1).await;
    (locator.dns.asked.into_inner().unwrap(), text(found))
}

fn text(found: Result<Vec<Target>, ResolveError>) -> Result<Vec<String>, String> {
    let line = |target: &Target| format!("{} {}", target.transport().as_str(), target.remote());
    match found {
        Ok(targets) => Ok(targets.iter().map(line).collect()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn naptr_then_srv_then_addresses() {
    let (asked, found) = resolve(full(), "sip:bob@B.example").await;
    assert_eq!(
        found.unwrap(),
        [
            "UDP 192.0.2.1:5060",
            "UDP 192.0.2.2:5080",
            "UDP 192.0.2.3:5080",
            "TCP 192.0.2.1:5070"
        ]
    );
    assert_eq!(asked[..2], ["Naptr b.example", "Srv _sip._udp.b.example"]);
}

#[tokio::test]
async fn a_numeric_host_is_no_question() {
    for (uri, target) in [
        ("sip:192.0.2.7", "UDP 192.0.2.7:5060"),
        ("sips:192.0.2.7", "TLS 192.0.2.7:5061"),
        (
            "sip:b.example;maddr=192.0.2.7;transport=tcp",
            "TCP 192.0.2.7:5060",
        ),
        ("sip:[2001:db8::7]:5070", "UDP [2001:db8::7]:5070"),
    ] {
        let (asked, found) = resolve(full(), uri).await;
        assert_eq!((asked.len(), found.unwrap()), (0, vec![target.to_owned()]));
    }
}

#[tokio::test]
async fn a_port_leaves_addresses_alone_to_ask_for() {
    let (asked, found) = resolve(full(), "sip:b.example:5060").await;
    assert_eq!(asked, ["Address b.example"]);
    assert_eq!(found.unwrap(), ["UDP 192.0.2.9:5060"]);
}

#[tokio::test]
async fn a_transport_leaves_its_srv_records_to_ask_for() {
    let (asked, found) = resolve(full(), "sip:b.example;transport=tcp").await;
    assert_eq!(asked, ["Srv _sip._tcp.b.example", "Address one.b.example"]);
    assert_eq!(found.unwrap(), ["TCP 192.0.2.1:5070"]);
    let (asked, found) = resolve(full(), "sip:b.example;transport=tls").await;
    assert_eq!(asked[0], "Srv _sips._tcp.b.example");
    assert_eq!(found.unwrap(), ["TLS 192.0.2.1:5061"]);
}

#[tokio::test]
async fn maddr_is_looked_up_in_place_of_the_host() {
    let (asked, _) = resolve(full(), "sip:c.example;maddr=b.example").await;
    assert_eq!(asked[0], "Naptr b.example");
}

#[tokio::test]
async fn sips_goes_by_tls_alone() {
    let (_, found) = resolve(full(), "sips:bob@b.example").await;
    assert_eq!(found.unwrap(), ["TLS 192.0.2.1:5061"]);
    let plain = Zone::default()
        .naptr("b.example", &["1 SIP+D2U _sip._udp.b.example"])
        .srv("_sip._udp.b.example", &["1 5060 one.b.example"])
        .host("one.b.example", &["192.0.2.1"]);
    let (_, found) = resolve(plain, "sips:b.example").await;
    assert_eq!(found.unwrap_err(), "no address for b.example");
}

#[tokio::test]
async fn without_naptr_the_first_transport_with_srv_records_is_taken() {
    let zone = Zone::default()
        .srv("_sip._tcp.b.example", &["1 5070 one.b.example"])
        .host("one.b.example", &["192.0.2.1"]);
    let (asked, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(
        asked[..3],
        [
            "Naptr b.example",
            "Srv _sip._udp.b.example",
            "Srv _sip._tcp.b.example"
        ]
    );
    assert_eq!(found.unwrap(), ["TCP 192.0.2.1:5070"]);
}

#[tokio::test]
async fn without_any_srv_record_the_domain_is_the_host() {
    let zone = || Zone::default().host("b.example", &["192.0.2.9"]);
    let (_, found) = resolve(zone(), "sip:b.example").await;
    assert_eq!(found.unwrap(), ["UDP 192.0.2.9:5060"]);
    let (_, found) = resolve(zone(), "sips:b.example").await;
    assert_eq!(found.unwrap(), ["TLS 192.0.2.9:5061"]);
    let (_, found) = resolve(zone(), "sip:b.example;transport=ws").await;
    assert_eq!(found.unwrap(), ["WS 192.0.2.9:80"]);
}

/// RFC 2782: a target of "." says that the service is decidedly not available at this domain.
#[tokio::test]
async fn a_service_that_is_decidedly_not_offered_is_not_found() {
    let zone = Zone::default()
        .srv("_sip._udp.b.example", &["0 0 "])
        .host("b.example", &["192.0.2.9"]);
    let (asked, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap_err(), "no address for b.example");
    assert_eq!(asked.len(), 2, "neither other transports nor addresses");
}

#[tokio::test]
async fn nothing_anywhere_is_not_found() {
    let (_, found) = resolve(Zone::default(), "sip:b.example").await;
    assert_eq!(found.unwrap_err(), "no address for b.example");
}

#[tokio::test]
async fn what_a_server_cannot_say_is_passed_over() {
    let refused = || DnsError::Failed("refused".into());
    let zone = full().fails(Kind::Naptr, "b.example", refused());
    let (_, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap()[0], "UDP 192.0.2.1:5060");
    let zone = full().fails(Kind::Address, "one.b.example", refused());
    let (_, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap()[0], "UDP 192.0.2.2:5080");
}

#[tokio::test]
async fn that_nobody_could_say_is_no_no() {
    let zone = Zone::default().fails(Kind::Naptr, "b.example", DnsError::Failed("x".into()));
    let (_, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap_err(), "cannot look up b.example");
    let zone = Zone::default().fails(Kind::Naptr, "b.example", DnsError::Overloaded);
    let (_, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(
        found.unwrap_err(),
        "too many look-ups to ask about b.example"
    );
}

#[tokio::test(start_paused = true)]
async fn one_host_nobody_answers_about_holds_up_no_other_for_longer_than_the_search() {
    let zone = full().fails(Kind::Address, "one.b.example", DnsError::Timeout);
    let begun = Instant::now();
    let (_, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap(), ["UDP 192.0.2.2:5080", "UDP 192.0.2.3:5080"]);
    assert_eq!(begun.elapsed().as_millis(), 1500);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_ends_the_search() {
    let zone = Zone::default().fails(Kind::Naptr, "b.example", DnsError::Timeout);
    let begun = Instant::now();
    let (_, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap_err(), "no answer about b.example in time");
    assert_eq!(begun.elapsed().as_millis(), 1500);
}

#[tokio::test]
async fn two_hundred_hosts_are_two_hundred_choices_but_no_list_of_two_hundred() {
    let lines: Vec<String> = (0..200).map(|i| format!("1 5060 h{i}.b.example")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut zone = Zone::default().srv("_sip._udp.b.example", &lines);
    for i in 0..200 {
        zone = zone.host(&format!("h{i}.b.example"), &[&format!("192.0.2.{i}")]);
    }
    let (asked, found) = resolve(zone, "sip:b.example").await;
    assert_eq!(found.unwrap().len(), 16);
    assert_eq!(asked.len(), 2 + 16);
}

#[tokio::test]
async fn a_response_goes_where_its_via_was_sent_from() {
    let expected = [
        (Transport::Tcp, "192.0.2.7", "TCP 192.0.2.7:5060"),
        (Transport::Tls, "192.0.2.7:5070", "TLS 192.0.2.7:5070"),
        (Transport::Tcp, "b.example:5090", "TCP 192.0.2.9:5090"),
        (Transport::Tcp, "b.example", "TCP 192.0.2.1:5070"),
        (Transport::Tls, "b.example", "TLS 192.0.2.1:5061"),
        (Transport::Udp, "two.b.example", "UDP 192.0.2.2:5060"),
    ];
    for (transport, sent_by, first) in expected {
        let locator = Locator::new(full(), LocatorSettings::default());
        let sent_by: HostPort = sent_by.parse().unwrap();
        let found = locator.resolve_sent_by(transport, &sent_by, 1).await;
        assert_eq!(text(found).unwrap()[0], first);
    }
}
