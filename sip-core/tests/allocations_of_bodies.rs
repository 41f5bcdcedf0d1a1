//! Reading a session description allocates nothing, rewriting it the printed one alone; and whatever arrives takes work and
//! memory in proportion to its length.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use sip_core::sdp::Sdp;
use sip_core::{Limits, Message, parse_message};

const RELAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn read(body: &Bytes) -> Sdp {
    Sdp::parse(body.clone()).expect("a session description")
}

fn relayed(sdp: &Sdp, relay: IpAddr) -> Bytes {
    let mut edit = sdp.relay_anyway();
    edit.set_connection_address(relay);
    for media in sdp.media().filter(|media| media.is_over_udp()) {
        edit.set_port(media.index(), 30_000);
        edit.set_rtcp_port(media.index(), 30_001);
    }
    edit.remove_candidates();
    edit.finish()
}

#[test]
fn reading_an_offer_allocates_nothing() {
    let body = Bytes::from_static(include_bytes!("sdp/phone.sdp"));
    let counted = measure(|| {
        let sdp = read(&body);
        assert!(!sdp.is_relayed() && sdp.origin().is_ok());
        assert!(sdp.connections().all(|connection| connection.is_private()));
        for media in sdp.media() {
            assert!(media.rtcp().is_ok() && media.is_on_hold() == (media.index() == 0));
        }
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn relaying_an_offer_allocates_the_printed_one_alone() {
    for body in [
        &include_bytes!("sdp/phone.sdp")[..],
        include_bytes!("sdp/browser.sdp"),
    ] {
        let sdp = read(&Bytes::from_static(body));
        let counted = measure(|| assert!(relayed(&sdp, RELAY).len() > 100));
        // The printed octets, and what shares them.
        assert!(counted.count_total <= 2, "{}", counted.count_total);
    }
}

/// The head of a description and `line` over and over, up to 60,000 octets.
fn repeated(lines: &str) -> Bytes {
    Bytes::from(format!("v=0\n{}", lines.repeat(60_000 / lines.len())))
}

fn assert_within(counted: &AllocationInfo, octets: usize, what: &str) {
    assert!(
        counted.bytes_max as usize <= 4 * octets,
        "{what:?}: {} for {octets}",
        counted.bytes_max
    );
    // Buffers that grow by doubling, not one allocation per line.
    assert!(
        counted.count_total <= 40,
        "{what:?}: {} allocations",
        counted.count_total
    );
}

#[test]
fn a_description_of_nothing_but_one_line_takes_memory_in_proportion() {
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    for lines in [
        "a=\n",
        "c=IN I a\n",
        "m=a 1 b\n",
        "m=a 1 udp\n",
        "m=a 1 udp\nc=IN I a\n",
        "m=a 1 udp\na=rtcp:1\n",
        "a=candidate\n",
        "a=candidate\na=\n",
        "m=a 1 udp\na=candidate\na=rtcp:1\na=candidate\nc=IN IP4 0.0.0.0\n",
    ] {
        let body = repeated(lines);
        let mut sdp = None;
        let counted = measure(|| sdp = Some(read(&body)));
        assert_within(&counted, body.len(), lines);
        let sdp = sdp.expect("it was read");
        let mut printed = 0;
        let counted = measure(|| printed = relayed(&sdp, v6).len());
        assert_within(&counted, body.len() + printed, lines);
    }
}

/// An INVITE with a body of that many parts, inside of that many multiparts.
fn invite(levels: usize, parts: usize) -> Message {
    let part = "--0\r\nContent-Type: text/plain\r\n\r\n\r\n".repeat(parts);
    let mut body = format!("{part}--0--");
    for level in 1..levels {
        let inner = level - 1;
        body = format!(
            "--{level}\r\nContent-Type: multipart/x;boundary={inner}\r\n\r\n{body}\r\n--{level}--"
        );
    }
    let outer = levels - 1;
    let text = format!(
        "INVITE sip:b.example SIP/2.0\r\nc: multipart/mixed;boundary={outer}\r\n\r\n{body}"
    );
    let mut limits = Limits::default();
    limits.max_message = 1 << 20;
    parse_message(Bytes::from(text), &limits).expect("a start line")
}

#[test]
fn looking_for_a_description_allocates_by_the_level_and_not_by_the_part() {
    let count = |levels, parts| {
        let message = invite(levels, parts);
        let counted = measure(|| drop(message.session_description()));
        assert!(counted.bytes_max <= 8_192, "{}", counted.bytes_max);
        counted.count_total
    };
    assert_eq!(count(1, 1), count(1, 9_000));
    assert_eq!(count(8, 1), count(8, 9_000));
    assert_eq!(
        count(9, 1),
        count(700, 1),
        "nothing is opened below the eighth level"
    );
}
