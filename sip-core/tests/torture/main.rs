//! The torture messages of RFC 4475 and RFC 5118, a test named after each; `manifest.toml` says what is right for a
//! parser, an endpoint and a proxy.

// A check is part of the test that calls it.
#![allow(clippy::panic)]

use std::path::PathBuf;

use bytes::Bytes;
use serde::Deserialize;
use sip_core::*;

#[derive(Deserialize)]
struct Manifest {
    message: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    rfc: u16,
    transport: String,
    parse: Verdict,
    element: Element,
    #[serde(default)]
    final_codes: Vec<u16>,
    proxy: Option<String>,
    #[serde(default)]
    facts: Facts,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accept,
    Reject,
    Either,
}

/// What an endpoint or registrar does with it.
#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Element {
    Process,
    Reply,
    ReplyOrProcess,
    Drop,
}

/// Those an endpoint answers with an error for what no header tells: credentials, the kind of answer wanted.
const JUDGED_LATER: [&str; 2] = ["regaut01", "sdp01"];

/// Values a right reading yields; counts are of list members, not of lines.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Facts {
    method: Option<String>,
    status: Option<u16>,
    cseq: Option<u32>,
    cseq_method: Option<String>,
    max_forwards: Option<u8>,
    call_id: Option<String>,
    from_tag: Option<String>,
    to_tag: Option<String>,
    via_count: Option<usize>,
    route_count: Option<usize>,
    record_route_count: Option<usize>,
    contact_count: Option<usize>,
    require_count: Option<usize>,
    proxy_require_count: Option<usize>,
    content_length: Option<u32>,
    content_length_absent: Option<bool>,
    declared_length: Option<u32>,
    actual_body: Option<usize>,
    trailing_octets: Option<usize>,
    ruri_host: Option<String>,
    ruri_port: Option<u16>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}

fn manifest() -> Manifest {
    let text = std::fs::read_to_string(folder().join("manifest.toml")).expect("the manifest");
    toml::from_str(&text).expect("a readable manifest")
}

fn check(name: &str) {
    let manifest = manifest();
    let entry = manifest.message.iter().find(|entry| entry.name == name);
    let entry = entry.expect("an entry in the manifest");
    let file = folder().join(format!("rfc{}/{name}.dat", entry.rfc));
    let bytes = Bytes::from(std::fs::read(file).expect("the message"));
    let Ok(message) = parse_message(bytes.clone(), &Limits::default()) else {
        assert!(entry.parse != Verdict::Accept, "{name} is a message");
        return;
    };
    check_facts(&entry.facts, &message, &bytes);
    check_copies(&message, &bytes);
    match entry.parse {
        Verdict::Accept => {
            assert_eq!(message.flaw(), None);
            check_stream(entry, &bytes);
        }
        Verdict::Reject => assert!(validate(&message).is_err(), "{name} was accepted"),
        Verdict::Either => {}
    }
    check_endpoint(entry, &message);
    check_proxy(entry, &message);
}

/// A phone or a registrar does as `element` says, and answers with one of `final_codes`.
fn check_endpoint(entry: &Entry, message: &Message) {
    let role = match message {
        Message::Request(request) if *request.method() == Method::Register => Role::registrar(),
        _ => Role::user_agent().accepting([
            ContentType::SDP,
            ContentType::TEXT,
            "multipart/mixed".parse().expect("a media type"),
        ]),
    };
    let verdict = role.validate(message);
    match (&verdict, entry.element) {
        (Ok(()), Element::Process | Element::ReplyOrProcess) => {}
        (Ok(()), Element::Reply) => assert!(JUDGED_LATER.contains(&entry.name.as_str())),
        (Ok(()), Element::Drop) => panic!("{} was taken", entry.name),
        (Err(refusal), Element::Drop) => assert_eq!(refusal.flaw.status, None),
        (Err(refusal), _) => {
            let status = refusal.flaw.status.expect("a status for a request");
            assert!(
                entry.final_codes.contains(&status.as_u16()),
                "{status}: {refusal}"
            );
            check_reply(refusal, message);
        }
    }
}

/// A proxy does one of the things that `proxy` names, as `400-or-forward`.
fn check_proxy(entry: &Entry, message: &Message) {
    let Some(proxy) = &entry.proxy else { return };
    let mut allowed = proxy.split("-or-");
    match Role::proxy().validate(message) {
        Ok(()) => assert!(allowed.any(|word| word.starts_with("forward")), "{proxy}"),
        Err(refusal) => {
            let status = refusal.flaw.status.expect("a status for a request");
            let status = status.to_string();
            assert!(allowed.any(|word| word == status), "{refusal}: {status}");
            check_reply(&refusal, message);
        }
    }
}

/// The answer can be read, whatever it answers; 420 names what was not understood.
fn check_reply(refusal: &Refusal, message: &Message) {
    let Message::Request(request) = message else {
        panic!("a response is answered");
    };
    let reply = refusal.reply(request).expect("an answer");
    let printed = parse_message(reply.to_bytes(), &Limits::default()).expect("a response");
    assert_eq!(printed.flaw(), None);
    if refusal.flaw.status == Some(StatusCode::BAD_EXTENSION) {
        assert!(count::<Unsupported>(&printed) > 0);
    }
}

/// Printed, detached and read again it is the same.
fn check_copies(message: &Message, bytes: &Bytes) {
    let printed = message.to_bytes();
    // One whose head does not end is given an end.
    assert!(bytes.starts_with(&printed) || message.flaw().is_some());
    assert_eq!(message.detached().to_bytes(), printed);
    let again = parse_message(printed, &Limits::default()).expect("the same message");
    assert_eq!(again.headers(), message.headers());
}

/// What came over a connection is framed there.
fn check_stream(entry: &Entry, bytes: &Bytes) {
    if entry.transport == "udp" {
        return;
    }
    let mut framer = StreamFramer::new(Limits::default());
    for octet in bytes.iter() {
        assert!(framer.next().expect("no error before the end").is_none());
        framer.push(&[*octet]);
    }
    let Ok(Some(Frame::Message(message))) = framer.next() else {
        panic!("no message at the end of the stream");
    };
    assert_eq!(message.to_bytes(), bytes);
    assert!(framer.is_idle());
}

fn check_facts(facts: &Facts, message: &Message, bytes: &Bytes) {
    check_start_line(facts, message);
    let headers = message.headers();
    let cseq = || headers.require::<CSeq>().expect("CSeq");
    expect_fact(&facts.cseq, || cseq().number());
    expect_fact(&facts.cseq_method, || cseq().method().to_string());
    expect_fact(&facts.max_forwards, || {
        headers.require::<MaxForwards>().expect("Max-Forwards").0
    });
    expect_fact(&facts.call_id, || {
        headers
            .require::<CallId>()
            .expect("Call-ID")
            .as_text()
            .to_string()
    });
    expect_fact(&facts.from_tag, || {
        let from: From = headers.require().expect("From");
        from.tag().expect("a From tag").as_text().to_string()
    });
    expect_fact(&facts.to_tag, || {
        let to: To = headers.require().expect("To");
        to.tag().expect("a To tag").as_text().to_string()
    });
    expect_fact(&facts.via_count, || count::<Via>(message));
    expect_fact(&facts.route_count, || count::<Route>(message));
    expect_fact(&facts.record_route_count, || count::<RecordRoute>(message));
    expect_fact(&facts.contact_count, || count::<Contact>(message));
    expect_fact(&facts.require_count, || count::<Require>(message));
    expect_fact(&facts.proxy_require_count, || {
        count::<ProxyRequire>(message)
    });
    expect_fact(&facts.content_length, || {
        let length: ContentLength = headers.require().expect("Content-Length");
        assert_eq!(message.body().len(), length.0 as usize);
        length.0
    });
    expect_fact(&facts.content_length_absent, || {
        !headers.contains(&HeaderName::ContentLength)
    });
    expect_fact(&facts.declared_length, || {
        let length: ContentLength = headers.require().expect("Content-Length");
        length.0
    });
    expect_fact(&facts.actual_body, || message.body().len());
    expect_fact(&facts.trailing_octets, || {
        bytes.len() - message.to_bytes().len()
    });
}

fn check_start_line(facts: &Facts, message: &Message) {
    match message {
        Message::Request(request) => {
            expect_fact(&facts.method, || request.method().to_string());
            assert_eq!(facts.status, None);
            let uri = || request.uri().as_sip().expect("a SIP URI");
            expect_fact(&facts.ruri_host, || uri().host().to_string());
            expect_fact(&facts.ruri_port, || uri().port().expect("a port"));
        }
        Message::Response(response) => {
            expect_fact(&facts.status, || response.status().as_u16());
            assert_eq!(facts.method, None);
        }
    }
}

fn count<H: ListHeader>(message: &Message) -> usize {
    let members = message.headers().all::<H>();
    members
        .map(|member| member.map(drop).expect("a readable member"))
        .count()
}

#[track_caller]
fn expect_fact<T: PartialEq + std::fmt::Debug>(fact: &Option<T>, read: impl FnOnce() -> T) {
    if let Some(fact) = fact {
        assert_eq!(read(), *fact);
    }
}

macro_rules! torture {
    ($($test:ident $file:literal)*) => {
        $(#[test] fn $test() { check($file) })*

        #[test]
        fn no_message_is_forgotten() {
            let tested = [$($file),*];
            let listed = manifest().message.into_iter().map(|entry| entry.name);
            assert_eq!(listed.collect::<Vec<_>>(), tested);
        }
    };
}

torture! {
    wsinv "wsinv"
    intmeth "intmeth"
    esc01 "esc01"
    escnull "escnull"
    esc02 "esc02"
    lwsdisp "lwsdisp"
    longreq "longreq"
    dblreq "dblreq"
    semiuri "semiuri"
    transports "transports"
    mpart01 "mpart01"
    unreason "unreason"
    noreason "noreason"
    badinv01 "badinv01"
    clerr "clerr"
    ncl "ncl"
    scalar02 "scalar02"
    scalarlg "scalarlg"
    quotbal "quotbal"
    ltgtruri "ltgtruri"
    lwsruri "lwsruri"
    lwsstart "lwsstart"
    trws "trws"
    escruri "escruri"
    baddate "baddate"
    regbadct "regbadct"
    badaspec "badaspec"
    baddn "baddn"
    badvers "badvers"
    mismatch01 "mismatch01"
    mismatch02 "mismatch02"
    bigcode "bigcode"
    badbranch "badbranch"
    insuf "insuf"
    unkscm "unkscm"
    novelsc "novelsc"
    unksm2 "unksm2"
    bext01 "bext01"
    invut "invut"
    regaut01 "regaut01"
    multi01 "multi01"
    mcl01 "mcl01"
    bcast "bcast"
    zeromf "zeromf"
    cparam01 "cparam01"
    cparam02 "cparam02"
    regescrt "regescrt"
    sdp01 "sdp01"
    inv2543 "inv2543"
    test "test"
    ipv6_good "ipv6-good"
    ipv6_bad "ipv6-bad"
    port_ambiguous "port-ambiguous"
    port_unambiguous "port-unambiguous"
    via_received_param_with_delim "via-received-param-with-delim"
    via_received_param_no_delim "via-received-param-no-delim"
    ipv6_in_sdp "ipv6-in-sdp"
    mult_ip_in_header "mult-ip-in-header"
    mult_ip_in_sdp "mult-ip-in-sdp"
    ipv4_mapped_ipv6 "ipv4-mapped-ipv6"
    ipv6_bug_abnf_3_colons "ipv6-bug-abnf-3-colons"
    ipv6_correct_abnf_2_colons "ipv6-correct-abnf-2-colons"
}
