//! What holds for every session description and every body of several parts: what nobody edits stays as it came, an edit
//! touches its own octets, and nothing panics (RFC 8866 §5, RFC 2046 §5.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sip_core::multipart::Multipart;
use sip_core::sdp::{Sdp, SdpEdit, Section};
use sip_core::{ContentType, Limits, Message, Text, parse_message};

/// A line without its end.
fn line() -> impl Strategy<Value = String> {
    let address = select(vec![
        "IP4 10.0.0.9",
        "IP4 0.0.0.0",
        "IP6 ::",
        "IP6 fd00::9",
        "IP4 a.example",
        "IP4 224.0.0.1/9/2",
    ]);
    prop_oneof![
        2 => address.clone().prop_map(|address| format!("c=IN {address}")),
        1 => address.prop_map(|address| format!("o=- 1 1 IN {}", address.replace('/', "-"))),
        2 => ("(audio|image)", 0..3_u16, "(RTP/AVP|udptl|TCP/MSRP)", "( [0-9]{1,3}| \\*){0,3} ?")
            .prop_map(|(kind, port, proto, formats)| format!("m={kind} {} {proto}{formats}", port * 4000)),
        1 => (1..5_u32).prop_map(|count| format!("m=audio 4000/{count} RTP/AVP 0")),
        1 => Just("a=rtcp:4001 IN IP4 10.0.0.9".to_owned()),
        1 => select(vec!["a=rtcp:9", "a=rtcp:", "a=rtcp", "a=nortpproxy:yes", "a=sendonly", "a=inactive"]).prop_map(str::to_owned),
        1 => Just("a=candidate:1 1 UDP 1 10.0.0.9 8998 typ host".to_owned()),
        2 => "[abeiprstuzXk]=[ -~é]{0,12}",
    ]
}

/// A description, its lines, and the octets behind them.
fn description() -> impl Strategy<Value = (Vec<String>, String)> {
    let ends = (
        select(vec!["\r\n", "\n"]),
        select(vec!["", "\r\n", "\n", "\n\r\n\n"]),
    );
    (vec(line(), 0..25), ends, any::<bool>()).prop_map(|(rest, (end, blank), ended)| {
        let mut lines: Vec<String> = vec![format!("v=0{end}")];
        lines.extend(rest.into_iter().map(|line| format!("{line}{end}")));
        if ended {
            return (lines, blank.to_owned());
        }
        let last = lines.last_mut().expect("a line");
        last.truncate(last.len() - end.len());
        (lines, String::new())
    })
}

#[derive(Clone, Debug)]
enum Edit {
    Connections(IpAddr),
    ConnectionOf(usize, IpAddr),
    Origin(IpAddr),
    Port(usize, u16),
    Rtcp(usize, u16),
    Candidates,
    Attribute(usize, String),
    OldAddresses,
}

fn edit() -> impl Strategy<Value = Edit> {
    let ip = select(vec![
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    ]);
    let media = 0..6_usize;
    prop_oneof![
        ip.clone().prop_map(Edit::Connections),
        (media.clone(), ip.clone()).prop_map(|(media, ip)| Edit::ConnectionOf(media, ip)),
        ip.prop_map(Edit::Origin),
        (media.clone(), any::<u16>()).prop_map(|(media, port)| Edit::Port(media, port)),
        (media.clone(), any::<u16>()).prop_map(|(media, port)| Edit::Rtcp(media, port)),
        Just(Edit::Candidates),
        (media, "[a-z]{1,3}(:[ -~]{1,8})?").prop_map(|(media, text)| Edit::Attribute(media, text)),
        Just(Edit::OldAddresses),
    ]
}

fn apply(edits: &[Edit], sdp: &mut SdpEdit<'_>) {
    for edit in edits {
        match edit {
            Edit::Connections(ip) => sdp.set_connection_address(*ip),
            Edit::ConnectionOf(media, ip) => {
                sdp.set_connection_address_of(Section::Media(*media), *ip)
            }
            Edit::Origin(ip) => sdp.set_origin_address(*ip),
            Edit::Port(media, port) => sdp.set_port(*media, *port),
            Edit::Rtcp(media, port) => sdp.set_rtcp_port(*media, *port),
            Edit::Candidates => sdp.remove_candidates(),
            Edit::Attribute(media, text) => {
                let text = Text::new(text).expect("no line end");
                sdp.add_attribute(Section::Media(*media), &text);
            }
            Edit::OldAddresses => sdp.add_old_addresses(),
        }
    }
}

/// Whether no edit of this module changes such a line.
fn is_out_of_reach(line: &str) -> bool {
    !["c=", "o=", "m=", "a=rtcp", "a=candidate"]
        .iter()
        .any(|start| line.starts_with(start))
}

/// Whether all of `lines` stand in `text`, in that order; line ends aside, for the last line may have none.
fn stand_in_order<'a>(mut lines: impl Iterator<Item = &'a str>, text: &str) -> bool {
    let without_end = |line: &'a str| line.trim_end_matches(['\r', '\n']);
    let mut rest = text.lines();
    lines.all(|line| rest.any(|found| found == without_end(line)))
}

/// An INVITE with that body.
fn invite(content_type: &str, body: &[u8]) -> Message {
    let head = format!("INVITE sip:b.example SIP/2.0\r\nc: {content_type}\r\n\r\n");
    let octets = [head.as_bytes(), body].concat();
    parse_message(Bytes::from(octets), &Limits::default()).expect("a start line")
}

proptest! {
    #[test]
    fn an_edit_touches_no_other_line((lines, blank) in description(), edits in vec(edit(), 0..8), relay in any::<bool>()) {
        let text = lines.concat() + &blank;
        let sdp = Sdp::parse(Bytes::from(text.clone())).expect("a description");
        prop_assert_eq!(sdp.edit().finish(), &text);

        let mut edit = if relay { sdp.relay_anyway() } else { sdp.edit() };
        apply(&edits, &mut edit);
        let printed = edit.finish();
        let printed_text = std::str::from_utf8(&printed).expect("UTF-8");
        let untouched = lines.iter().map(String::as_str).filter(|line| is_out_of_reach(line));
        prop_assert!(stand_in_order(untouched, printed_text), "{printed_text:?}");
        prop_assert!(printed_text.ends_with(&blank));

        let again = Sdp::parse(printed.clone()).expect("what was printed can be read");
        prop_assert_eq!(again.media().len(), sdp.media().len());
        for (new, old) in again.media().zip(sdp.media()) {
            prop_assert_eq!((new.kind(), new.proto(), new.port_count()), (old.kind(), old.proto(), old.port_count()));
            prop_assert!(new.formats().eq(old.formats()));
            prop_assert!(new.port() == 0 || old.port() != 0);
        }
        prop_assert_eq!(again.connections().count(), sdp.connections().count());
        prop_assert!(again.connections().zip(sdp.connections()).all(|(new, old)| new.is_null() == old.is_null()));
        prop_assert_eq!(again.is_relayed(), relay || sdp.is_relayed());
        prop_assert_eq!(again.relay().is_none(), again.is_relayed());
    }

    #[test]
    fn the_same_edits_again_change_nothing((lines, blank) in description()) {
        let sdp = Sdp::parse(Bytes::from(lines.concat() + &blank)).expect("a description");
        let relayed = |sdp: &Sdp| {
            let mut edit = sdp.relay_anyway();
            edit.set_connection_address(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
            for media in sdp.media() {
                edit.set_port(media.index(), 30_000);
                edit.set_rtcp_port(media.index(), 30_001);
            }
            edit.remove_candidates();
            edit.finish()
        };
        let once = relayed(&sdp);
        let again = Sdp::parse(once.clone()).expect("what was printed can be read");
        prop_assert_eq!(relayed(&again), once);
    }

    #[test]
    fn any_octets_are_read_without_a_panic(
        (lines, _) in description(),
        noise in vec(any::<u8>(), 0..6),
        at in any::<Index>(),
        edits in vec(edit(), 0..4),
    ) {
        let mut octets = lines.concat().into_bytes();
        let at = at.index(octets.len());
        octets.splice(at..octets.len().min(at + noise.len() / 2), noise);
        match Sdp::parse(Bytes::from(octets.clone())) {
            Ok(sdp) => {
                let mut edit = sdp.edit();
                apply(&edits, &mut edit);
                prop_assert!(Sdp::parse(edit.finish()).is_ok());
                let _ = sdp.origin();
                for media in sdp.media() {
                    let _ = (media.rtcp(), media.candidates().count(), media.is_on_hold());
                }
            }
            Err(error) => prop_assert!(error.offset <= octets.len()),
        }
    }

    #[test]
    fn parts_come_out_as_they_went_in(
        contents in vec(vec(any::<u8>(), 0..30), 1..6),
        preamble in "[ -~\r\n]{0,10}",
        end in select(vec!["\r\n", "\n"]),
    ) {
        let boundary = "--such a boundary";
        let mut body = format!("{preamble}{end}").into_bytes();
        for content in &contents {
            body.extend(format!("{boundary}{end}X: y{end}{end}").into_bytes());
            body.extend(content);
            body.extend(b"\r\n");
        }
        body.extend(format!("{boundary}--{end}epilogue").into_bytes());
        let content_type: ContentType = "multipart/mixed;boundary=\"such a boundary\"".parse().expect("a media type");
        let multipart = Multipart::read(&content_type, Bytes::from(body)).expect("parts");
        let read: Vec<_> = multipart.parts().map(|part| part.content().to_vec()).collect();
        prop_assert_eq!(read, contents);
    }

    #[test]
    fn a_replaced_description_leaves_every_other_octet(
        pieces in vec(select(vec![
            "--b\r\n", "--b--\r\n", "--c\n", "--c--", "\r\n", "\n", "Content-Type: application/sdp\r\n", "v=0\r\n",
            "Content-Type: multipart/mixed;boundary=c\r\n", "Content-Type: multipart/x;boundary=b\n", "x",
        ]), 0..30),
    ) {
        let body = pieces.concat();
        let mut message = invite("multipart/mixed;boundary=b", body.as_bytes());
        let found = message.session_description();
        let new = &b"v=0\r\ns=new\r\n"[..];
        prop_assert_eq!(message.replace_session_description(new).is_err(), found.is_err());
        let Ok(Some(found)) = found else {
            prop_assert_eq!(message.body(), &body);
            return Ok(());
        };
        let (old, now) = (body.as_bytes(), &message.body()[..]);
        let replaced_at = |start| [&old[..start], new, &old[start + found.len()..]].concat() == now;
        let mut starts = 0..=old.len() - found.len();
        prop_assert!(starts.any(|start| old[start..].starts_with(&found) && replaced_at(start)));
    }
}
