//! A header value of anything, read as every type: what is accepted prints as a value that is accepted again.
#![no_main]

use std::net::{Ipv6Addr, SocketAddr};

use libfuzzer_sys::fuzz_target;
use sip_core::{
    Authorization, CSeq, CallId, Contact, ContentLength, Expires, From, Header, MaxForwards,
    MinExpires, Path, RecordRoute, Route, Tag, Text, To, Via, WwwAuthenticate,
};

fuzz_target!(|octets: &[u8]| {
    let Ok(value) = Text::new(octets) else { return };
    read::<CallId>(&value);
    read::<ContentLength>(&value);
    read::<Expires>(&value);
    read::<MaxForwards>(&value);
    read::<MinExpires>(&value);
    read::<Path>(&value);
    read::<RecordRoute>(&value);
    if let Some(cseq) = read::<CSeq>(&value) {
        assert_eq!(
            CSeq::new(cseq.number(), cseq.method()).method(),
            cseq.method()
        );
    }
    if let Some(via) = read::<Via>(&value) {
        self::via(&via);
    }
    if let Some(contact) = read::<Contact>(&value) {
        assert_eq!(contact.is_star(), contact.uri().is_none());
        let _ = (
            contact.display(),
            contact.q(),
            contact.expires(),
            contact.params().iter().count(),
        );
    }
    if let Some(route) = read::<Route>(&value) {
        assert_eq!(read_again(&Route::new(&route.uri())).uri(), route.uri());
    }
    if let Some(Authorization(credentials)) = read::<Authorization>(&value) {
        let _ = (
            credentials.username(),
            credentials.realm(),
            credentials.nonce(),
            credentials.uri(),
        );
        let _ = (
            credentials.response(),
            credentials.algorithm(),
            credentials.qop(),
            credentials.nonce_count(),
        );
        let _ = (
            credentials.cnonce(),
            credentials.opaque(),
            credentials.userhash(),
            credentials.param("x"),
        );
    }
    if let Some(WwwAuthenticate(challenge)) = read::<WwwAuthenticate>(&value) {
        let _ = (
            challenge.realm(),
            challenge.nonce(),
            challenge.opaque(),
            challenge.stale(),
        );
        let _ = (
            challenge.algorithm(),
            challenge.qop_options().count(),
            challenge.domain(),
        );
    }
    let tag = Tag::new("fuzz").expect("a token");
    if let Some(from) = read::<From>(&value) {
        let _ = (from.display(), from.params().iter().count());
        assert_eq!(read_again(&from.with_tag(&tag)).tag().as_ref(), Some(&tag));
    }
    if let Some(to) = read::<To>(&value) {
        let tagged = read_again(&to.with_tag(&tag));
        assert_eq!(tagged.tag(), Some(tag));
        assert_eq!(tagged.uri(), to.uri());
    }
});

/// Reads `value` as `H`. If it is one, so is what it prints.
fn read<H: Header>(value: &Text) -> Option<H> {
    let header = H::parse(value).ok()?;
    assert_eq!(read_again(&header).as_text(), header.as_text());
    Some(header)
}

fn read_again<H: Header>(header: &H) -> H {
    let text = header.as_text();
    match H::parse(&text) {
        Ok(again) => again,
        Err(error) => panic!("{text:?} was printed and is refused: {error}"),
    }
}

/// Every part can be asked for, and what the transport writes into it (RFC 3581 §4) reads back.
fn via(via: &Via) {
    let _ = (
        via.transport(),
        via.transport_token(),
        via.sent_by(),
        via.branch(),
        via.received(),
        via.rport(),
    );
    let source = SocketAddr::from((Ipv6Addr::LOCALHOST, 5061));
    let stamped = read_again(&via.with_received_rport(source));
    assert_eq!(stamped.received(), Some(source.ip()));
    assert_eq!(stamped.rport(), Some(Some(source.port())));
    assert_eq!(stamped.branch(), via.branch());
    assert_eq!(stamped.sent_by(), via.sent_by());
}
