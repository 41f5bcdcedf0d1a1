//! Where rsip 0.4 and sip-core both take a datagram, they find the same in it: method, Request-URI, status code, header
//! lines and their order, Call-ID, CSeq, branch, tags, body.
//!
//! ```text
//! cd fuzz/differential && RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . rsip corpus ../seeds/parse_message
//! ```
//!
//! Their differences, each let pass by one condition below and no further. By the RFC sip-core is right in all of them but
//! the last, which is an error: it takes the whole value then, so that whoever compares or echoes it does so unchanged.
//!
//! | rsip | RFC 3261 |
//! |---|---|
//! | takes `invite` for INVITE | §7.1: methods are told apart by case |
//! | ends a user part at its first dot, and takes `a.b@host` for a host | §25.1: `unreserved` has the dot |
//! | ends a host at its first colon, also within `[2001:db8::1]` | §25.1: `IPv6reference` |
//! | knows no headers of a URI, and takes `host?a=b` for a host | §25.1: `headers` |
//! | knows `sip` and `sips` in small letters only | §19.1.4: a scheme is the same in any case |
//! | ends parameters at a blank, or at an octet that is in no token, and passes over the rest | §7.3.1: white space around `;` and `=`; §25.1: `gen-value` may be a host or quoted |
//! | passes over a comma in a Via, and takes `a,b` for a host | §7.3.1: a comma parts the members of a list |
//! | takes a `<` in a quoted name for the one of the address | §25.1: `quoted-string` |
//! | takes all that follows the header for the body | §18.3: no more than Content-Length says |
//! | ends the value of `branch=a=b` at the second `=` | §25.1: `via-branch` is a token |
#![no_main]

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::message::{HasHeaders, HeadersExt};
use sip_core::{
    CSeq, CallId, From, Header, HeaderName, Headers, Limits, Message, NameAddr, Params, SipUri,
    Text, To, Uri, Via, parse_message,
};

thread_local! {
    /// The other parser is at work: its panics are its own affair.
    static ELSEWHERE: Cell<bool> = const { Cell::new(false) };
}

fuzz_target!(
    init: {
        let fail = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !ELSEWHERE.get() {
                fail(info);
            }
        }));
    },
    |datagram: &[u8]| {
        let bytes = Bytes::copy_from_slice(datagram);
        let Ok(ours) = parse_message(bytes, &Limits::default()) else {
            return;
        };
        let theirs = elsewhere(|| rsip::SipMessage::try_from(datagram).ok()).flatten();
        if let (None, Some(theirs)) = (ours.flaw(), theirs) {
            same_start_line(&ours, &theirs);
            same_lines(&ours, &theirs);
            same_transaction(&ours, &theirs);
            same_tags(&ours, &theirs);
            same_body(&ours, &theirs);
        }
    }
);

fn elsewhere<T>(work: impl FnOnce() -> T) -> Option<T> {
    ELSEWHERE.set(true);
    let done = panic::catch_unwind(AssertUnwindSafe(work));
    ELSEWHERE.set(false);
    done.ok()
}

fn same_start_line(ours: &Message, theirs: &rsip::SipMessage) {
    match (ours, theirs) {
        (Message::Request(ours), rsip::SipMessage::Request(theirs)) => {
            same_method(ours.method().as_bytes(), &theirs.method);
            if let Uri::Sip(uri) = ours.uri() {
                same_uri(uri, &theirs.uri);
            }
        }
        (Message::Response(ours), rsip::SipMessage::Response(theirs)) => {
            assert_eq!(ours.status().as_u16(), theirs.status_code.code());
        }
        _ => panic!("a request to one, a response to the other"),
    }
}

fn same_method(ours: &[u8], theirs: &rsip::Method) {
    let theirs = theirs.to_string();
    assert!(ours.eq_ignore_ascii_case(theirs.as_bytes()), "{theirs}");
}

fn same_uri(ours: &SipUri, theirs: &rsip::Uri) {
    let text = ours.as_text();
    let small = text.starts_with(b"sip:") || text.starts_with(b"sips:");
    let dotted = ours.user().is_some_and(|user| user.contains(&b'.'));
    if !small || dotted || ours.header_part().is_some() {
        return;
    }
    let user = theirs.auth.as_ref().map(|auth| auth.user.as_bytes());
    assert_eq!(ours.user(), user);
    let our_host = ours.host().to_string();
    if our_host.contains(':') {
        return;
    }
    let host = theirs.host_with_port.host.to_string();
    assert!(our_host.eq_ignore_ascii_case(&host), "{our_host}, {host}");
    let port = theirs.host_with_port.port.as_ref();
    assert_eq!(ours.port(), port.map(|port| *port.value()));
}

/// Each line has the same name and the same value.
fn same_lines(ours: &Message, theirs: &rsip::SipMessage) {
    let lines = theirs.headers().iter().map(|line| {
        let line = line.to_string();
        let (name, value) = line.split_once(':').expect("a line has a colon");
        let name = Text::new(name).expect("a token");
        let value = value.trim_matches([' ', '\t']).to_owned();
        (HeaderName::from_text(&name), value)
    });
    let theirs: Vec<_> = lines.collect();
    let ours: Vec<_> = ours.headers().lines().collect();
    assert_eq!(ours.len(), theirs.len());
    for ((our_name, our_value), (their_name, their_value)) in ours.iter().zip(&theirs) {
        assert_eq!(our_name, their_name);
        assert_eq!(our_value, their_value.as_str());
    }
}

fn same_transaction(ours: &Message, theirs: &rsip::SipMessage) {
    let headers = ours.headers();
    if let (Ok(ours), Ok(theirs)) = (headers.require::<CallId>(), theirs.call_id_header()) {
        assert_eq!(ours.as_bytes(), theirs.value().trim_ascii().as_bytes());
    }
    if let (Ok(ours), Some(theirs)) = (headers.require::<CSeq>(), typed(theirs.cseq_header())) {
        assert_eq!(ours.number(), theirs.seq);
        same_method(ours.method().as_bytes(), &theirs.method);
    }
    if let (Ok(ours), Some(theirs)) = (headers.require::<Via>(), typed(theirs.via_header()))
        && is_plain(&ours.as_text(), ours.params())
        && !is_one_of_many(headers)
    {
        let ours = ours.branch().map(|branch| branch.to_string());
        let theirs = theirs.branch().map(|branch| branch.value());
        assert_eq!(ours.as_deref(), theirs);
    }
}

fn same_tags(ours: &Message, theirs: &rsip::SipMessage) {
    let headers = ours.headers();
    if let (Ok(ours), Some(theirs)) = (headers.require::<From>(), typed(theirs.from_header())) {
        let tag = ours.tag().map(|tag| tag.to_string());
        same_tag(&ours, &ours.as_text(), tag, theirs.tag());
    }
    if let (Ok(ours), Some(theirs)) = (headers.require::<To>(), typed(theirs.to_header())) {
        let tag = ours.tag().map(|tag| tag.to_string());
        same_tag(&ours, &ours.as_text(), tag, theirs.tag());
    }
}

fn same_tag(
    address: &NameAddr,
    text: &[u8],
    ours: Option<String>,
    theirs: Option<&rsip::param::Tag>,
) {
    let named_so = address.display().is_some_and(|name| name.contains(&b'<'));
    let uri = address.as_uri().as_text();
    let dotted = !text.contains(&b'<') && uri.contains(&b'@');
    if !named_so && !dotted && is_plain(text, address.params()) {
        assert_eq!(ours.as_deref(), theirs.map(|tag| tag.value()));
    }
}

/// Whether the first Via ends in a comma before it has a parameter.
fn is_one_of_many(headers: &Headers) -> bool {
    let line = headers.raw(&HeaderName::Via).next().unwrap_or_default();
    line.split(|octet| *octet == b';')
        .next()
        .is_some_and(|sent_by| sent_by.contains(&b','))
}

/// Whether nothing but tokens, `;` and `=` stands in the parameters, and no blank before them.
fn is_plain(text: &[u8], params: Params<'_>) -> bool {
    if params
        .iter()
        .any(|(_, value)| value.is_some_and(|value| value.contains(&b'=')))
    {
        return false;
    }
    let params = params.as_bytes();
    let before = &text[..text.len() - params.len()];
    let sent_by = before.rsplit(|octet| *octet == b' ').next();
    let in_token = |octet: &u8| octet.is_ascii_alphanumeric() || b"-.!%*_+`'~;=".contains(octet);
    params.iter().all(in_token) && sent_by.is_some_and(|sent_by| !sent_by.is_empty())
}

fn typed<'a, H: ToTypedHeader<'a>>(header: Result<&H, rsip::Error>) -> Option<H::Typed> {
    let header = header.ok()?.clone();
    elsewhere(|| header.into_typed().ok()).flatten()
}

fn same_body(ours: &Message, theirs: &rsip::SipMessage) {
    let (body, rest) = theirs.body().split_at(ours.body().len());
    assert_eq!(&ours.body()[..], body);
    assert!(rest.is_empty() || ours.headers().contains(&HeaderName::ContentLength));
}
