//! Reading a message allocates nothing; forwarding it, the printed message alone.

use allocation_counter::measure;
use bytes::Bytes;
use sip_core::*;

static INVITE: &[u8] = include_bytes!("messages/invite.sip");

fn parse() -> Message {
    parse_message(Bytes::from_static(INVITE), &Limits::default()).expect("an INVITE")
}

fn require<H: Header>(message: &Message) -> H {
    message
        .headers()
        .require()
        .expect("a header that stands once")
}

#[test]
fn reading_six_headers_allocates_nothing() {
    let counted = measure(|| {
        let message = parse();
        require::<Via>(&message);
        require::<From>(&message);
        require::<To>(&message);
        require::<CallId>(&message);
        require::<CSeq>(&message);
        require::<Contact>(&message);
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn judging_a_message_allocates_nothing() {
    let counted = measure(|| validate(&parse()).expect("a valid INVITE"));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn forwarding_allocates_the_printed_message_alone() {
    let record_route = RecordRoute::new(&"sip:192.0.2.1;lr".parse().expect("a URI"));
    let via: [&[u8]; 2] = [b"SIP/2.0/UDP 192.0.2.1:5060;branch=", b"z9hG4bK1"];
    let counted = measure(|| {
        let mut message = parse();
        let hops: MaxForwards = require(&message);
        let headers = message.headers_mut();
        headers.set(&MaxForwards(hops.0 - 1));
        headers.push_front(&record_route);
        let pushed = headers.push_front_parts(HeaderName::Via, &via);
        pushed.expect("no line end in a Via");
        let added = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\nRecord-Route: <sip:192.0.2.1;lr>\r\n";
        assert_eq!(message.to_bytes().len(), INVITE.len() + added.len());
    });
    assert_eq!(counted.count_total, 1);
}

#[test]
fn answering_a_keep_alive_into_a_warm_buffer_allocates_nothing() {
    static KEEP_ALIVE: &[u8] = include_bytes!("messages/keep_alive.sip");
    let mut out = Vec::with_capacity(2048);
    let source = "192.0.2.101:40000".parse().expect("an address");
    let received = Bytes::from(KEEP_ALIVE.to_vec());
    let shared = received.clone();
    let counted = measure(|| {
        let message = parse_message(shared, &Limits::default()).expect("a NOTIFY");
        let mut request = Request::try_from(message).expect("a request");
        request.stamp_via(source).expect("a Via");
        let via = request.headers().top_via().expect("a Via");
        assert_eq!(via.rfc3261_branch(), Some(&b"z9hG4bK-1a2b3c4d"[..]));
        let mut response = request.reply(StatusCode::OK);
        let set = response.set_to_tag_octets(b"8f3a5c1e9b7d2046");
        set.expect("a token");
        response.write_to(&mut out);
    });
    let printed = String::from_utf8_lossy(&out);
    assert!(printed.contains(";received=192.0.2.101;rport=40000\r\n"));
    assert!(printed.contains("To: <sip:biloxi.example.com>;tag=8f3a5c1e9b7d2046\r\n"));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_reply_into_a_warm_buffer_allocates_nothing() {
    let mut out = Vec::with_capacity(2048);
    let counted = measure(|| {
        let Message::Request(request) = parse() else {
            unreachable!("an INVITE is a request");
        };
        request.reply(StatusCode::TRYING).write_to(&mut out);
    });
    assert!(out.starts_with(b"SIP/2.0 100 Trying\r\nVia: "));
    assert_eq!(counted.count_total, 0);
}
