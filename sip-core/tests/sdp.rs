//! Session descriptions: the examples of RFC 4566, 8866, 4475 and 5118, offers as they are seen, and what a relay makes of
//! them.

use std::net::IpAddr;

use bytes::Bytes;
use sip_core::sdp::{Direction, Sdp, Section};
use sip_core::{Limits, Text, parse_message};

const ASTERISK: &str = include_str!("sdp/asterisk.sdp");
const BROWSER: &str = include_str!("sdp/browser.sdp");
const HOLD: &str = include_str!("sdp/hold.sdp");
const LF_NO_END: &str = include_str!("sdp/lf_no_end.sdp");
const PHONE: &str = include_str!("sdp/phone.sdp");
const RFC4566: &str = include_str!("sdp/rfc4566_5.sdp");
const RFC8866: &str = include_str!("sdp/rfc8866_5.sdp");
const ALL: [&str; 7] = [ASTERISK, BROWSER, HOLD, LF_NO_END, PHONE, RFC4566, RFC8866];

fn sdp(text: &str) -> Sdp {
    Sdp::parse(Bytes::copy_from_slice(text.as_bytes())).expect("a session description")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Lines taken out and put in, in order, as a patch shows them.
fn changes(before: &str, after: &Bytes) -> Vec<String> {
    let after = std::str::from_utf8(after).expect("UTF-8");
    let mut after = after.split_inclusive('\n').peekable();
    let before: Vec<&str> = before.split_inclusive('\n').collect();
    let mut changes = Vec::new();
    for (at, line) in before.iter().enumerate() {
        if after.next_if_eq(line).is_some() {
            continue;
        }
        let kept_later = |new: &str| before[at + 1..].contains(&new);
        match after.next_if(|new| !kept_later(new)) {
            Some(new) => changes.push(format!("{} -> {}", line.trim_end(), new.trim_end())),
            None => changes.push(format!("- {}", line.trim_end())),
        }
        while after
            .peek()
            .is_some_and(|new| !kept_later(new) && at + 1 == before.len())
        {
            changes.extend(after.next().map(|new| format!("+ {}", new.trim_end())));
        }
    }
    changes.extend(after.map(|new| format!("+ {}", new.trim_end())));
    changes
}

/// What a relay does in the way of rtpproxy, every stream at the next even port.
fn relayed(sdp: &Sdp, relay: &str) -> Bytes {
    let mut edit = sdp.relay_anyway();
    edit.set_connection_address(ip(relay));
    for media in sdp.media().filter(|media| media.is_over_udp()) {
        let port = 30_000 + 2 * media.index() as u16;
        edit.set_port(media.index(), port);
        edit.set_rtcp_port(media.index(), port + 1);
    }
    edit.remove_candidates();
    edit.finish()
}

#[test]
fn the_example_of_rfc_8866_section_5_is_read() {
    let sdp = sdp(RFC8866);
    let origin = sdp.origin().unwrap().unwrap();
    assert_eq!(origin.username(), b"jdoe");
    assert_eq!(
        (origin.id(), origin.version()),
        (&b"3724394400"[..], &b"3724394405"[..])
    );
    assert_eq!(
        (origin.net_type(), origin.addr_type()),
        (&b"IN"[..], &b"IP4"[..])
    );
    assert_eq!(origin.ip(), Some(ip("198.51.100.1")));
    assert_eq!(sdp.connection().unwrap().ip(), Some(ip("198.51.100.1")));
    let seen: Vec<_> = sdp
        .media()
        .map(|media| {
            (
                media.kind(),
                media.port(),
                media.connection().and_then(|c| c.ip()),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (&b"audio"[..], 49170, Some(ip("198.51.100.1"))),
            (b"audio", 49180, Some(ip("198.51.100.1"))),
            (b"video", 51372, Some(ip("2001:db8::2"))),
        ]
    );
    assert_eq!(
        sdp.media().nth(2).unwrap().attribute("rtpmap"),
        Some(&b"99 h263-1998/90000"[..])
    );
}

#[test]
fn the_example_of_rfc_4566_section_5_is_read() {
    let sdp = sdp(RFC4566);
    let connection = sdp.connection().unwrap();
    assert_eq!(
        (connection.address(), connection.ttl()),
        (&b"224.2.17.12"[..], Some(127))
    );
    assert!(
        sdp.media()
            .all(|media| media.direction() == Direction::RecvOnly)
    );
    assert!(!sdp.media().any(|media| media.is_on_hold()));
}

#[test]
fn the_bodies_of_torture_messages_are_read() {
    let read = |name: &str, octets: &'static [u8]| {
        let message = parse_message(Bytes::from_static(octets), &Limits::default()).unwrap();
        let body = message.session_description().unwrap().expect(name);
        Sdp::parse(body).expect(name)
    };
    let sdp01 = read("sdp01", include_bytes!("torture/rfc4475/sdp01.dat"));
    let formats: Vec<_> = sdp01.media().flat_map(|media| media.formats()).collect();
    assert_eq!(formats, [&b"0"[..], b"12", b"31"]);

    let v6 = read(
        "ipv6-in-sdp",
        include_bytes!("torture/rfc5118/ipv6-in-sdp.dat"),
    );
    assert!(
        v6.media()
            .all(|media| media.connection().unwrap().ip() == Some(ip("2001:db8::20")))
    );

    let both = read(
        "mult-ip-in-sdp",
        include_bytes!("torture/rfc5118/mult-ip-in-sdp.dat"),
    );
    assert!(both.connection().is_none());
    let families: Vec<_> = both
        .connections()
        .map(|connection| connection.addr_type())
        .collect();
    assert_eq!(families, [b"IP4", b"IP6"]);
    assert_eq!(
        both.origin().unwrap().unwrap().address(),
        b"host.example.com"
    );
    assert_eq!(both.origin().unwrap().unwrap().ip(), None);
}

#[test]
fn multicast_addresses_have_a_time_to_live_and_a_number() {
    let read = |address: &str| {
        let text = format!("v=0\r\nc=IN {address}\r\n");
        let parsed = Sdp::parse(Bytes::from(text))?;
        let connection = parsed.connection().unwrap();
        Ok::<_, sip_core::sdp::SdpError>((connection.ttl(), connection.count()))
    };
    assert_eq!(read("IP4 233.252.0.1/127"), Ok((Some(127), None)));
    assert_eq!(read("IP4 233.252.0.1/127/3"), Ok((Some(127), Some(3))));
    assert_eq!(read("IP6 ff00::db8:0:101/3"), Ok((None, Some(3))));
    for bad in [
        "IP4 233.252.0.1/256",
        "IP4 233.252.0.1/1/0",
        "IP4 233.252.0.1/",
        "IP4 233.252.0.1/1/2/3",
        "IP6 ff00::1/0",
        "IP6 ff00::1/127/3",
        "IP4 233.252.0.1/99999999999",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_browsers_offer_is_read() {
    let sdp = sdp(BROWSER);
    let audio = sdp.media().next().unwrap();
    assert!(audio.is_over_udp() && !sdp.media().nth(2).unwrap().is_over_udp());
    assert_eq!(
        audio.rtcp().unwrap().map(|rtcp| (rtcp.port(), rtcp.ip())),
        Some((9, Some(ip("0.0.0.0"))))
    );
    let candidates: Vec<_> = audio
        .candidates()
        .map(|candidate| candidate.unwrap())
        .collect();
    let seen: Vec<_> = candidates
        .iter()
        .map(|candidate| {
            (
                candidate.kind(),
                candidate.ip(),
                candidate.port(),
                candidate.component(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (&b"srflx"[..], Some(ip("203.0.113.77")), 54400, 1),
            (b"host", None, 54400, 1),
            (b"host", Some(ip("2001:db8::5")), 9, 1),
        ]
    );
    assert_eq!(candidates[2].transport(), b"tcp");
    assert_eq!(candidates[0].foundation(), b"842163049");
    assert_eq!(candidates[0].priority(), 1_677_729_535);
    assert!(candidates[1].address().ends_with(b".local"));
    let session: Vec<_> = sdp.attributes().map(|attribute| attribute.name()).collect();
    assert_eq!(
        session,
        [&b"group"[..], b"extmap-allow-mixed", b"msid-semantic"]
    );
}

#[test]
fn hold_is_a_direction_or_a_null_address() {
    let hold: Vec<_> = [ASTERISK, PHONE, HOLD]
        .map(|text| sdp(text).media().next().unwrap().is_on_hold())
        .into();
    assert_eq!(hold, [false, true, true]);
    assert!(
        sdp(HOLD)
            .connections()
            .all(|connection| connection.is_null() && !connection.is_private())
    );
    assert_eq!(
        sdp(HOLD).media().next().unwrap().direction(),
        Direction::Inactive
    );
    let v6 = "v=0\r\nm=audio 9 RTP/AVP 0\r\nc=IN IP6 ::\r\n";
    assert!(sdp(v6).media().next().unwrap().is_on_hold());
}

#[test]
fn a_private_address_is_one_of_rfc_1918() {
    let private = |address: &str| {
        sdp(&format!("v=0\r\nc=IN IP4 {address}\r\n"))
            .connection()
            .unwrap()
            .is_private()
    };
    for address in ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"] {
        assert!(private(address), "{address}");
    }
    for address in [
        "0.0.0.0",
        "172.32.0.1",
        "192.0.2.1",
        "127.0.0.1",
        "100.64.0.1",
        "phone.example",
    ] {
        assert!(!private(address), "{address}");
    }
}

#[test]
fn what_nobody_edits_is_the_very_octets_that_came() {
    for text in ALL {
        let sdp = sdp(text);
        assert_eq!(sdp.edit().finish(), text);
        assert_eq!(sdp.edit().finish().as_ptr(), sdp.as_bytes().as_ptr());
    }
}

#[test]
fn a_relay_takes_the_place_of_a_phone() {
    let sdp = sdp(PHONE);
    assert!(sdp.connections().all(|connection| connection.is_private()));
    assert_eq!(
        changes(PHONE, &relayed(&sdp, "192.0.2.1")),
        [
            "c=IN IP4 192.168.1.42 -> c=IN IP4 192.0.2.1",
            "m=audio 11780/2 RTP/AVP 0 8 18 101 -> m=audio 30000/2 RTP/AVP 0 8 18 101",
            "c=IN IP4 192.168.1.42 -> c=IN IP4 192.0.2.1",
            "a=rtcp:11781 IN IP4 192.168.1.42 -> a=rtcp:30001",
            "m=video 11782 RTP/AVP 99 -> m=video 30002 RTP/AVP 99",
            "a=rtcp:11783 -> a=rtcp:30003",
            "+ a=nortpproxy:yes",
        ]
    );
}

#[test]
fn a_rejected_stream_keeps_port_0() {
    assert_eq!(
        changes(ASTERISK, &relayed(&sdp(ASTERISK), "192.0.2.1")),
        [
            "c=IN IP4 203.0.113.20 -> c=IN IP4 192.0.2.1",
            "m=audio 14926 RTP/AVP 9 8 0 101 -> m=audio 30000 RTP/AVP 9 8 0 101",
            "+ a=nortpproxy:yes",
        ]
    );
}

#[test]
fn a_null_address_stays_null_in_the_family_of_the_relay() {
    assert_eq!(
        changes(HOLD, &relayed(&sdp(HOLD), "2001:db8::1")),
        [
            "c=IN IP4 0.0.0.0 -> c=IN IP6 ::",
            "m=audio 4000 RTP/AVP 8 -> m=audio 30000 RTP/AVP 8",
            "+ a=nortpproxy:yes",
        ]
    );
}

#[test]
fn candidates_go_and_other_transports_stay() {
    assert_eq!(
        changes(BROWSER, &relayed(&sdp(BROWSER), "2001:db8::1")),
        [
            "m=audio 54400 UDP/TLS/RTP/SAVPF 111 0 8 -> m=audio 30000 UDP/TLS/RTP/SAVPF 111 0 8",
            "c=IN IP4 203.0.113.77 -> c=IN IP6 2001:db8::1",
            "a=rtcp:9 IN IP4 0.0.0.0 -> a=rtcp:30001",
            "- a=candidate:842163049 1 udp 1677729535 203.0.113.77 54400 typ srflx raddr 192.168.1.5 rport 54400 generation 0 network-cost 999",
            "- a=candidate:1467250027 1 udp 2122260223 9a1b7c3e-8f6d-4f0e-9f55-2b1d3c4e5f60.local 54400 typ host generation 0",
            "- a=candidate:233762139 1 tcp 1518280447 2001:db8::5 9 typ host tcptype active generation 0",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 -> m=video 30002 UDP/TLS/RTP/SAVPF 96",
            "c=IN IP4 0.0.0.0 -> c=IN IP6 ::",
            "- a=end-of-candidates",
            "c=IN IP4 0.0.0.0 -> c=IN IP6 ::",
            "+ a=nortpproxy:yes",
        ]
    );
}

#[test]
fn line_ends_are_kept_and_a_last_line_without_one_gets_it_when_another_follows() {
    assert_eq!(
        relayed(&sdp(LF_NO_END), "192.0.2.1"),
        "v=0\no=u 1 1 IN IP6 fd00::9\ns=\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 30000 RTP/AVP 8\nm=video 0 RTP/AVP 31\n\
         a=nortpproxy:yes\n"
    );
    let sdp = sdp(LF_NO_END);
    let mut edit = sdp.edit();
    edit.set_port(0, 7);
    assert!(edit.finish().ends_with(b"m=video 0 RTP/AVP 31"));
}

#[test]
fn a_line_is_added_before_the_blank_ones_that_end_a_body() {
    let text = "v=0\r\nm=audio 9 RTP/AVP 0\r\n\r\n\r\n";
    let added = sdp(text).relay().unwrap().finish();
    assert_eq!(
        added,
        "v=0\r\nm=audio 9 RTP/AVP 0\r\na=nortpproxy:yes\r\n\r\n\r\n"
    );
}

#[test]
fn nothing_is_relayed_twice_unless_forced() {
    for text in ALL {
        let once = relayed(&sdp(text), "192.0.2.1");
        let again = Sdp::parse(once.clone()).unwrap();
        assert!(again.is_relayed() && again.relay().is_none());
        assert_eq!(
            relayed(&again, "192.0.2.1"),
            once,
            "forced, and marked once"
        );
    }
    let upstream = "v=0\r\na=nortpproxy:yes\r\nm=audio 9 RTP/AVP 0\r\n";
    assert!(sdp(upstream).relay().is_none());
    let other = "v=0\r\na=nortpproxy:yesno\r\n";
    assert!(sdp(other).relay().is_some());
}

#[test]
fn the_origin_gets_an_address_and_keeps_its_version() {
    let phone = sdp(PHONE);
    let mut edit = phone.edit();
    edit.set_origin_address(ip("2001:db8::1"));
    assert_eq!(
        changes(PHONE, &edit.finish()),
        ["o=John Doe 20518 20519 IN IP4 192.168.1.42 -> o=John Doe 20518 20519 IN IP6 2001:db8::1"]
    );
    let none = sdp("v=0\r\no=broken\r\n");
    assert!(none.origin().is_err());
    let mut edit = none.edit();
    edit.set_origin_address(ip("192.0.2.1"));
    assert_eq!(edit.finish(), "v=0\r\no=broken\r\n");
}

#[test]
fn old_addresses_are_told_when_asked_for() {
    let text = "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 4000/2 RTP/AVP 8\r\nm=video 4002 RTP/AVP 31\r\nc=IN IP6 fd00::9\r\n";
    let sdp = sdp(text);
    let mut edit = sdp.relay().unwrap();
    edit.add_old_addresses();
    assert_eq!(
        edit.finish(),
        "v=0\r\nc=IN IP4 10.0.0.9\r\nm=audio 4000/2 RTP/AVP 8\r\na=oldmediaip:10.0.0.9\r\na=oldmediaport:4000\r\n\
         m=video 4002 RTP/AVP 31\r\nc=IN IP6 fd00::9\r\na=oldmediaip6:fd00::9\r\na=oldmediaport:4002\r\n\
         a=nortpproxy:yes\r\n"
    );
}

#[test]
fn of_two_edits_of_one_value_the_later_counts() {
    let sdp = sdp(RFC8866);
    let mut edit = sdp.edit();
    edit.set_port(0, 1);
    edit.set_connection_address(ip("192.0.2.1"));
    edit.set_connection_address_of(Section::Media(2), ip("192.0.2.2"));
    edit.set_port(0, 2);
    edit.add_attribute(Section::Session, &Text::from_static("first"));
    edit.add_attribute(Section::Session, &Text::from_static("second:x"));
    edit.remove_attributes(&["rtpmap"]);
    for nowhere in [3, usize::MAX - 1] {
        edit.set_port(nowhere, 3);
        edit.set_rtcp_port(nowhere, 3);
        edit.add_attribute(Section::Media(nowhere), &Text::from_static("nowhere"));
    }
    let printed = edit.finish();
    let printed = std::str::from_utf8(&printed).unwrap();
    let (_, from_connection) = printed.split_at(printed.find("c=").unwrap());
    assert_eq!(
        from_connection,
        "c=IN IP4 192.0.2.1\r\nt=0 0\r\na=first\r\na=second:x\r\nm=audio 2 RTP/AVP 0\r\nm=audio 49180 RTP/AVP 0\r\n\
         m=video 51372 RTP/AVP 99\r\nc=IN IP4 192.0.2.2\r\n"
    );
}

#[test]
fn a_dropped_line_stays_dropped() {
    let text = "v=0\r\nm=audio 9 RTP/AVP 0\r\na=rtcp:7\r\na=rtcp:8";
    let sdp = sdp(text);
    let mut edit = sdp.edit();
    edit.remove_attributes(&["rtcp"]);
    edit.set_rtcp_port(0, 9);
    edit.add_attribute(Section::Media(0), &Text::from_static("x"));
    assert_eq!(edit.finish(), "v=0\r\nm=audio 9 RTP/AVP 0\r\na=x\r\n");
}

#[test]
fn lines_may_be_dropped_in_any_order_and_more_than_once() {
    let sdp = sdp("v=0\r\na=a\r\na=b\r\na=c\r\na=d\r\ns=-\r\n");
    for order in [["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"]] {
        let mut edit = sdp.edit();
        for name in order {
            edit.remove_attributes(&[name]);
            edit.remove_attributes(&[name, "b"]);
        }
        edit.remove_attributes(&["c", "b"]);
        assert_eq!(edit.finish(), "v=0\r\na=d\r\ns=-\r\n");
    }
}

#[test]
fn another_type_of_network_is_left_alone() {
    let text = "v=0\r\nc=ATM NSAP 47.0091.8100/x/y/z\r\nm=audio 9 RTP/AVP 0\r\n";
    let sdp = sdp(text);
    let connection = sdp.connection().unwrap();
    assert_eq!(
        (connection.net_type(), connection.ip()),
        (&b"ATM"[..], None)
    );
    let mut edit = sdp.edit();
    edit.set_connection_address(ip("192.0.2.1"));
    assert_eq!(edit.finish(), text);
}

#[test]
fn a_name_is_as_good_as_an_address() {
    let sdp = sdp("v=0\r\nc=IN IP4 phone.example.com \r\n");
    let connection = sdp.connection().unwrap();
    assert_eq!(
        (connection.address(), connection.ip()),
        (&b"phone.example.com"[..], None)
    );
    let mut edit = sdp.edit();
    edit.set_connection_address(ip("192.0.2.1"));
    assert_eq!(edit.finish(), "v=0\r\nc=IN IP4 192.0.2.1 \r\n");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    for (text, offset, expected) in [
        ("", 0, "type letter"),
        ("\r\n", 0, "type letter"),
        ("hello", 1, "\"=\""),
        ("o=x", 0, "version-field"),
        ("v=", 2, "version 0"),
        ("v=1\r\n", 2, "version 0"),
        ("v=0\r\n\r\ns=-\r\n", 5, "type letter"),
        ("v=0\r\n=x\r\n", 5, "type letter"),
        ("v=0\r\ns\r\n", 6, "\"=\""),
        ("v=0\r\ns=a\rb\r\n", 8, "byte-string"),
        ("v=0\r\ns=a\0b\r\n", 8, "byte-string"),
        ("v=0\r\ns=a\r", 8, "CRLF"),
        ("v=0\r\nc=IN IP4\r\n", 13, "SP"),
        ("v=0\r\nc=IN IP4 \r\n", 14, "connection-address"),
        ("v=0\r\nc=IN IP4 1.2.3.4 x\r\n", 22, "end of value"),
        ("v=0\r\nm=audio\r\n", 12, "SP"),
        ("v=0\r\nm=audio x RTP/AVP 0\r\n", 13, "port"),
        ("v=0\r\nm=audio -1 RTP/AVP 0\r\n", 13, "port"),
        ("v=0\r\nm=audio 65536 RTP/AVP 0\r\n", 13, "port"),
        (
            "v=0\r\nm=audio 99999999999999999999 RTP/AVP 0\r\n",
            13,
            "port",
        ),
        ("v=0\r\nm=audio 9/0 RTP/AVP 0\r\n", 15, "integer"),
        ("v=0\r\nm=audio 9\r\n", 14, "SP"),
        ("v=0\r\nm=audio 9 \r\n", 15, "proto"),
    ] {
        let error = Sdp::parse(Bytes::copy_from_slice(text.as_bytes())).expect_err(text);
        assert_eq!(
            (error.offset, error.expected),
            (offset, expected),
            "{text:?}"
        );

        let head = "ACK sip:b.example SIP/2.0\r\nc: application/sdp\r\n\r\n";
        let octets = Bytes::from(format!("{head}{text}"));
        let message = parse_message(octets.clone(), &Limits::default()).unwrap();
        assert_eq!(message.to_bytes(), octets, "it is forwarded all the same");
    }
}

#[test]
fn an_attribute_that_cannot_be_read_harms_nobody_who_does_not_ask() {
    let text = "v=0\r\nm=audio 9 RTP/AVP 0\r\na=rtcp:99999\r\na=candidate:1 1 UDP\r\na=candidate\r\na\x3d:\r\n";
    let sdp = sdp(text);
    let media = sdp.media().next().unwrap();
    let error = media.rtcp().unwrap_err();
    assert_eq!((error.offset, error.expected), (33, "port"));
    let errors: Vec<_> = media
        .candidates()
        .map(|candidate| candidate.unwrap_err())
        .collect();
    assert_eq!((errors[0].offset, errors[0].expected), (59, "SP"));
    assert_eq!((errors[1].offset, errors[1].expected), (72, "foundation"));
    assert_eq!(sdp.edit().finish(), text);
}
