//! A session description of anything: what nobody edits is what came, and what a relay makes of it reads back with every
//! other line as it was.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip_core::Text;
use sip_core::sdp::{Sdp, SdpEdit, Section};

fuzz_target!(|octets: &[u8]| {
    let body = Bytes::copy_from_slice(octets);
    let sdp = match Sdp::parse(body) {
        Ok(sdp) => sdp,
        Err(error) => {
            assert!(error.offset <= octets.len());
            return;
        }
    };
    accessors(&sdp);
    assert_eq!(sdp.edit().finish(), octets);
    for relay in [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ] {
        let mut edit = sdp.relay_anyway();
        relay_media(&mut edit, &sdp, relay);
        let printed = edit.finish();
        let again = Sdp::parse(printed.clone()).expect("what was printed can be read");
        assert!(again.is_relayed() && again.relay().is_none());
        assert_same_streams(&sdp, &again, relay);
        assert_eq!(lines(octets), lines(&printed), "lines out of reach");

        let mut edit = again.relay_anyway();
        relay_media(&mut edit, &again, relay);
        assert_eq!(edit.finish(), printed, "the same edits again");
    }
    more_edits(&sdp);
});

fn accessors(sdp: &Sdp) {
    if let Ok(Some(origin)) = sdp.origin() {
        assert!(!origin.address().is_empty() && !origin.username().is_empty());
    }
    for media in sdp.media() {
        assert!(!media.kind().is_empty() && media.port_count() > 0);
        let _ = (media.rtcp(), media.direction(), media.is_on_hold());
        for candidate in media.candidates().flatten() {
            assert!(!candidate.address().is_empty());
        }
    }
}

fn relay_media(edit: &mut SdpEdit<'_>, sdp: &Sdp, relay: IpAddr) {
    edit.set_connection_address(relay);
    edit.set_origin_address(relay);
    for media in sdp.media().filter(|media| media.is_over_udp()) {
        edit.set_port(media.index(), 30_000);
        edit.set_rtcp_port(media.index(), 30_001);
    }
    edit.remove_candidates();
}

fn assert_same_streams(old: &Sdp, new: &Sdp, relay: IpAddr) {
    assert_eq!(old.media().len(), new.media().len());
    for (old, new) in old.media().zip(new.media()) {
        assert_eq!((old.kind(), old.proto()), (new.kind(), new.proto()));
        assert!(old.formats().eq(new.formats()));
        assert_eq!(old.port_count(), new.port_count());
        let port = match old.port() {
            0 => 0,
            port if !old.is_over_udp() => port,
            _ => 30_000,
        };
        assert_eq!(new.port(), port);
        assert_eq!(old.direction(), new.direction());
        assert_eq!(old.is_on_hold(), new.is_on_hold());
        assert_eq!(new.candidates().count(), 0);
    }
    for (old, new) in old.connections().zip(new.connections()) {
        assert_eq!(old.is_null(), new.is_null());
        if old.net_type() == b"IN" && !old.is_null() {
            assert_eq!(new.ip(), Some(relay));
        }
    }
}

/// The lines that [`relay_media`] leaves alone, without the line ends that stand between them.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let touched: [&[u8]; 8] = [
        b"c=",
        b"o=",
        b"m=",
        b"a=rtcp:",
        b"a=candidate",
        b"a=remote-candidates",
        b"a=end-of-candidates",
        b"a=nortpproxy:yes",
    ];
    text.split(|octet| *octet == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty() && !touched.iter().any(|start| line.starts_with(start)))
        .collect()
}

/// Edits in an odd order, of sections that may not be there.
fn more_edits(sdp: &Sdp) {
    let mut edit = sdp.edit();
    edit.add_attribute(Section::Media(1), &Text::from_static("sendonly"));
    edit.remove_attributes(&["rtcp", "sendrecv", "mid"]);
    edit.set_rtcp_port(0, 1);
    edit.add_old_addresses();
    edit.set_port(2, 0);
    edit.set_port(0, 1);
    edit.set_port(0, 2);
    edit.set_connection_address_of(Section::Session, IpAddr::V6(Ipv6Addr::LOCALHOST));
    edit.add_attribute(Section::Session, &Text::from_static("x:y"));
    let again = Sdp::parse(edit.finish()).expect("what was printed can be read");
    assert_eq!(again.media().len(), sdp.media().len());
    assert!(again.attributes().any(|attribute| attribute.name() == b"x"));
    for media in again.media() {
        assert!(media.attribute("oldmediaport").is_some());
        assert!(media.attribute("rtcp").is_none());
    }
}
