//! Servers found by real name servers (RFC 3263): dnsmasq, and one that is late or silent, on loopback.
//!
//! Without dnsmasq a test says that it was skipped; with `SKIP_NOTHING` set it fails instead.
#![allow(clippy::unwrap_used, clippy::panic)]

mod dnsmasq;
mod lame;

use std::net::SocketAddr;
use std::time::Duration;

use sip_transport::Resolver;
use sip_transport::resolve::{
    CacheSettings, Cached, Locator, LocatorSettings, NameServerSettings, NameServers,
};
use tokio::runtime::Handle;

use dnsmasq::Dnsmasq;
use lame::Lame;

type Locating = Locator<Cached<NameServers>>;

fn locating(server: SocketAddr) -> Locating {
    let servers = NameServerSettings {
        servers: vec![server],
        timeout: Duration::from_millis(300),
        ..NameServerSettings::default()
    };
    let cache = CacheSettings {
        lookups: 8,
        ..CacheSettings::default()
    };
    let cached = Cached::new(
        NameServers::new(&servers).unwrap(),
        cache,
        Handle::current(),
    );
    Locator::new(cached, LocatorSettings::default())
}

async fn found(locating: &Locating, uri: &str, seed: u64) -> Vec<String> {
    match locating.resolve(&uri.parse().unwrap(), seed).await {
        Ok(targets) => targets
            .iter()
            .map(|to| format!("{} {}", to.transport().as_str(), to.remote()))
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}

#[tokio::test]
async fn naptr_srv_and_addresses_of_a_real_server() {
    let Some(server) = Dnsmasq::start(&[
        "--naptr-record=b.test,50,50,s,SIPS+D2T,,_sips._tcp.b.test",
        "--naptr-record=b.test,90,50,s,SIP+D2T,,_sip._tcp.b.test",
        "--naptr-record=b.test,100,50,s,SIP+D2U,,_sip._udp.c.test",
        "--srv-host=_sip._udp.c.test,one.c.test,5070,1,10",
        "--srv-host=_sip._udp.c.test,two.c.test,5080,2,10",
        "--srv-host=_sip._tcp.b.test,one.c.test,5090,1,10",
        "--srv-host=_sips._tcp.b.test,two.c.test,5061,1,10",
        "--host-record=one.c.test,192.0.2.1",
        "--host-record=two.c.test,192.0.2.2",
    ]) else {
        return;
    };
    let locating = locating(server.address());
    assert_eq!(
        found(&locating, "sip:bob@b.test", 1).await,
        [
            "UDP 192.0.2.1:5070",
            "UDP 192.0.2.2:5080",
            "TCP 192.0.2.1:5090"
        ]
    );
    assert_eq!(
        found(&locating, "sips:b.test", 1).await,
        ["TLS 192.0.2.2:5061"]
    );
    let by_tcp = found(&locating, "sip:b.test;transport=tcp", 1).await;
    assert_eq!(by_tcp, ["TCP 192.0.2.1:5090"]);
}

#[tokio::test]
async fn what_is_known_outlives_its_server() {
    let Some(server) = Dnsmasq::start(&["--host-record=b.test,192.0.2.9"]) else {
        return;
    };
    let locating = locating(server.address());
    let first = found(&locating, "sip:b.test", 1).await;
    let none = found(&locating, "sip:nobody.test", 1).await;
    assert_eq!(none, ["no address for nobody.test"]);
    drop(server);
    assert_eq!(found(&locating, "sip:B.test", 2).await, first);
    assert_eq!(found(&locating, "sip:nobody.test", 2).await, none);
}

#[tokio::test]
async fn an_alias_is_followed() {
    let Some(server) = Dnsmasq::start(&[
        "--cname=alias.test,b.test",
        "--host-record=b.test,192.0.2.9",
    ]) else {
        return;
    };
    let locating = locating(server.address());
    let by_alias = found(&locating, "sip:alias.test:5070", 1).await;
    assert_eq!(by_alias, ["UDP 192.0.2.9:5070"]);
}

/// More than one datagram holds, so TCP is asked.
#[tokio::test]
async fn two_hundred_srv_records_share_the_requests() {
    let mut records: Vec<String> = Vec::new();
    for i in 0..200 {
        records.push(format!("--srv-host=_sip._udp.b.test,h{i}.b.test,5060,1,10"));
        records.push(format!("--host-record=h{i}.b.test,192.0.2.{i}"));
    }
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let Some(server) = Dnsmasq::start(&records) else {
        return;
    };
    let servers = NameServerSettings {
        servers: vec![server.address()],
        ..NameServerSettings::default()
    };
    let cached = Cached::new(
        NameServers::new(&servers).unwrap(),
        CacheSettings::default(),
        Handle::current(),
    );
    let locating = Locator::new(cached, LocatorSettings::default());
    let mut first = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let list = found(&locating, "sip:b.test", seed).await;
        assert_eq!(list.len(), 16, "{list:?}");
        first.insert(list[0].clone());
    }
    assert!(first.len() > 30, "{first:?}");
}

#[tokio::test]
async fn a_server_that_answers_late_is_still_heard() {
    let lame = Lame::late("192.0.2.9", Duration::from_millis(100)).await;
    let locating = locating(lame.address());
    let list = found(&locating, "sip:b.test:5060", 1).await;
    assert_eq!(list, ["UDP 192.0.2.9:5060"]);
}

#[tokio::test]
async fn a_server_that_never_answers_ends_the_search_and_is_not_asked_again_at_once() {
    let lame = Lame::silent().await;
    let locating = locating(lame.address());
    let silence = ["no answer about b.test in time"];
    assert_eq!(found(&locating, "sip:b.test:5060", 1).await, silence);
    let asked = lame.asked();
    assert!((1..=4).contains(&asked), "{asked}");
    assert_eq!(found(&locating, "sip:b.test:5060", 1).await, silence);
    assert_eq!(lame.asked(), asked);
}

#[tokio::test]
async fn more_names_than_may_be_asked_about_at_a_time_are_refused_at_once() {
    let lame = Lame::silent().await;
    let locating = std::sync::Arc::new(locating(lame.address()));
    let mut waiting = tokio::task::JoinSet::new();
    for i in 0..100 {
        let locating = std::sync::Arc::clone(&locating);
        let uri = format!("sip:h{i}.test:5060");
        waiting.spawn(async move { found(&locating, &uri, 1).await.remove(0) });
    }
    let ends = waiting.join_all().await;
    let refused = ends
        .iter()
        .filter(|end| end.starts_with("too many look-ups"));
    assert_eq!(refused.count(), 92, "{ends:?}");
}
