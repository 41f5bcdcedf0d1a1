//! Messages as they really come, each odd in one way that readers are known to stumble over (RFC 3261 §7, §19.1, §25.1).

#![allow(clippy::unwrap_used)] // a test: a panic is how it fails

use bytes::Bytes;
use sip_core::*;

/// A whole message: the start line, what no message can do without, and some lines more.
fn message(start: &str, more: &[u8]) -> Bytes {
    let method = start.split(' ').next().unwrap_or_default();
    let mut bytes = format!(
        "{start}\r\n\
         Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:ada@a.example>;tag=1\r\n\
         To: <sip:bob@b.example>\r\n\
         Call-ID: 1@a.example\r\n\
         CSeq: 1 {method}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(more);
    bytes.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    Bytes::from(bytes)
}

#[track_caller]
fn request(start: &str, more: &[u8]) -> Request {
    let bytes = message(start, more);
    let message = parse_message(bytes.clone(), &Limits::default()).unwrap();
    assert_eq!(message.flaw(), None);
    assert_eq!(
        message.to_bytes(),
        bytes,
        "what nobody edits leaves as it came"
    );
    message.try_into().unwrap()
}

#[track_caller]
fn sip(text: &str) -> SipUri {
    let uri: Uri = text.parse().unwrap();
    assert_eq!(uri.to_string(), text);
    uri.as_sip().unwrap().clone()
}

#[test]
fn every_header_may_be_compact() {
    let bytes = Bytes::from_static(
        b"INVITE sip:bob@b.example SIP/2.0\r\n\
          v:SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
          F: <sip:ada@a.example>;tag=1\r\n\
          t :<sip:bob@b.example>\r\n\
          i\t: 1@a.example\r\n\
          CSeq: 1 INVITE\r\n\
          m: <sip:ada@192.0.2.4>\r\n\
          c: text/plain\r\n\
          e: gzip\r\n\
          k: path, 100rel\r\n\
          s: tea\r\n\
          o: presence\r\n\
          u: presence\r\n\
          r: <sip:carol@c.example>\r\n\
          b: <sip:ada@a.example>\r\n\
          x: 1800\r\n\
          a: *;audio\r\n\
          j: *;video\r\n\
          d: no-fork\r\n\
          y: ..abc;info=<https://a.example>\r\n\
          n: <https://a.example>\r\n\
          l: 2\r\n\r\nhi",
    );
    let message = parse_message(bytes, &Limits::default()).unwrap();
    assert_eq!(message.flaw(), None);
    let headers = message.headers();
    for (name, _) in headers.lines() {
        assert!(name.defined_in().is_some(), "{name} is known");
        assert!(
            name.compact().is_some() || name == HeaderName::CSeq,
            "{name}"
        );
    }
    assert_eq!(headers.all::<Supported>().count(), 2);
    assert_eq!(headers.require::<SessionExpires>().unwrap().seconds(), 1800);
    assert_eq!(message.body(), "hi");
}

#[test]
fn the_letters_are_those_of_the_rfcs() {
    let letters: Vec<(char, String)> = HeaderName::all()
        .filter_map(|name| Some((name.compact()?, name.to_string())))
        .collect();
    let mut letters: Vec<_> = letters
        .iter()
        .map(|(letter, name)| (*letter, &**name))
        .collect();
    letters.sort_unstable();
    assert_eq!(
        letters,
        [
            ('a', "Accept-Contact"),
            ('b', "Referred-By"),
            ('c', "Content-Type"),
            ('d', "Request-Disposition"),
            ('e', "Content-Encoding"),
            ('f', "From"),
            ('i', "Call-ID"),
            ('j', "Reject-Contact"),
            ('k', "Supported"),
            ('l', "Content-Length"),
            ('m', "Contact"),
            ('n', "Identity-Info"),
            ('o', "Event"),
            ('r', "Refer-To"),
            ('s', "Subject"),
            ('t', "To"),
            ('u', "Allow-Events"),
            ('v', "Via"),
            ('x', "Session-Expires"),
            ('y', "Identity"),
        ]
    );
}

#[test]
fn an_escaped_quote_does_not_end_a_display_name() {
    let lines = b"Contact: \"A \\\"B\\\", <C>\" <sip:a@b>, \"\\\\\" <sip:c@d>\r\n";
    let request = request("OPTIONS sip:bob@b.example SIP/2.0", lines);
    let contacts: Vec<Contact> = request.headers().all().map(Result::unwrap).collect();
    assert_eq!(contacts[0].display().unwrap(), "A \"B\", <C>");
    assert_eq!(contacts[1].display().unwrap(), "\\");
    assert_eq!(contacts[1].uri().unwrap().to_string(), "sip:c@d");
}

#[test]
fn a_method_that_begins_as_invite_is_another() {
    for method in ["INVITEX", "INVIT", "INVITE-", "invite", "Invite"] {
        let request = request(&format!("{method} sip:bob@b.example SIP/2.0"), b"");
        assert_ne!(request.method(), &Method::Invite);
        assert_eq!(request.method().as_bytes(), method.as_bytes());
        assert_eq!(
            request.headers().require::<CSeq>().unwrap().method(),
            *request.method()
        );
        assert!(
            !request
                .reply(StatusCode::NOT_IMPLEMENTED)
                .to_bytes()
                .is_empty()
        );
    }
}

#[test]
fn a_users_name_may_hold_semicolons_and_question_marks() {
    let number = sip("sip:+1555;phone-context=example.com@192.0.2.4;user=phone");
    assert_eq!(number.user(), Some(&b"+1555;phone-context=example.com"[..]));
    assert_eq!(number.params().value("user"), Some(&b"phone"[..]));
    assert_eq!(number.params().value("phone-context"), None);
    let odd = sip("sip:a?b;c=d/e,f@h.example:5070;lr?Subject=x");
    assert_eq!(odd.user(), Some(&b"a?b;c=d/e,f"[..]));
    assert_eq!(odd.host().to_string(), "h.example");
    assert_eq!(odd.header_part(), Some(&b"Subject=x"[..]));
    let contact = Contact::parse(&Text::from_static("<sip:a;b?c@h>;q=0.5")).unwrap();
    assert_eq!(
        contact.uri().unwrap().as_sip().unwrap().user(),
        Some(&b"a;b?c"[..])
    );
    assert_eq!(contact.q(), Some(Ok(Q::from_thousandths(500).unwrap())));
}

#[test]
fn a_users_name_stands_before_the_at_whatever_it_looks_like() {
    // A reader that takes `ada.k` for a host, or `host` for a port, loses the user.
    for (text, user, password) in [
        ("sip:ada.k@host", "ada.k", None),
        ("sip:ada-k@host", "ada-k", None),
        ("sip:192.0.2.1@host", "192.0.2.1", None),
        ("sip:1234@host", "1234", None),
        ("sip:ada.example:5060@host", "ada.example", Some("5060")),
        ("sip:ada%40home@host", "ada%40home", None),
    ] {
        let uri = sip(text);
        assert_eq!(uri.user(), Some(user.as_bytes()), "{text}");
        assert_eq!(uri.password(), password.map(str::as_bytes), "{text}");
        assert_eq!(uri.host_port().to_string(), "host", "{text}");
    }
}

#[test]
fn a_parameters_value_may_hold_colons() {
    let uri = sip("sip:callee@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6;x");
    let instance = b"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    assert_eq!(uri.gruu_instance().as_deref(), Some(&instance[..]));
    assert!(uri.params().contains("x"));
}

#[test]
fn a_contact_without_brackets_keeps_its_parameters_for_itself() {
    let contact =
        Contact::parse(&Text::from_static("sip:ada@192.0.2.4:5062;expires=60;ob")).unwrap();
    assert_eq!(contact.expires(), Some(Ok(60)));
    let uri = contact.uri().unwrap();
    assert!(uri.as_sip().unwrap().params().is_empty());
    assert_eq!(uri.as_sip().unwrap().port(), Some(5062));
}

#[test]
fn a_latin_1_name_costs_no_header() {
    let lines = b"Contact: \"Andr\xe9\" <sip:andre@a.example>\r\n\
        Subject: caf\xe9\r\n\
        Supported: path\r\n";
    let bytes = message("OPTIONS sip:bob@b.example SIP/2.0", lines);
    let mut message = parse_message(bytes.clone(), &Limits::default()).unwrap();
    let contact: Contact = message.headers().require().unwrap();
    assert_eq!(contact.display().unwrap().as_bytes(), b"Andr\xe9");
    assert_eq!(contact.uri().unwrap().to_string(), "sip:andre@a.example");
    let subject: Subject = message.headers().require().unwrap();
    assert_eq!(subject.as_text().as_bytes(), b"caf\xe9");
    assert_eq!(
        message.headers().require::<Supported>().unwrap(),
        Supported::new("path").unwrap()
    );
    message.headers_mut().set(&MaxForwards(69));
    let printed = message.to_bytes();
    assert_eq!(printed.len(), bytes.len());
    let name = b"\"Andr\xe9\" <sip:andre@a.example>";
    assert!(printed.windows(name.len()).any(|part| part == name));
}

#[test]
fn a_host_of_digits_is_a_host() {
    for (text, host) in [
        ("sip:12345", "12345"),
        ("sip:bob@12345:5060", "12345"),
        ("sip:1.2.3", "1.2.3"),
        ("sip:bob@256.1.1.1", "256.1.1.1"),
        ("sip:bob@1.2.3.4.5", "1.2.3.4.5"),
    ] {
        let uri = sip(text);
        assert_eq!(uri.host().to_string(), host, "{text}");
        assert!(matches!(uri.host(), Host::Name(_)), "{text} is no address");
    }
}

#[test]
fn a_folded_cseq_is_one_line() {
    let bytes = Bytes::from_static(
        b"INVITE sip:bob@b.example SIP/2.0\r\n\
          Via: SIP/2.0/UDP a.example\r\n ;branch=z9hG4bK1\r\n\
          From: <sip:ada@a.example>\r\n\t;tag=1\r\n\
          To: <sip:bob@b.example>\r\n\
          Call-ID:\r\n 1@a.example\r\n\
          CSeq: 0009\r\n  INVITE\r\n\
          Max-Forwards:\r\n 0068\r\n\
          Content-Length:\r\n\t0000\r\n\r\n",
    );
    let message = parse_message(bytes.clone(), &Limits::default()).unwrap();
    assert_eq!(message.flaw(), None);
    let headers = message.headers();
    assert_eq!(headers.require(), Ok(CSeq::new(9, Method::Invite)));
    assert_eq!(headers.require(), Ok(MaxForwards(68)));
    assert_eq!(headers.require(), Ok(ContentLength(0)));
    assert_eq!(headers.require::<From>().unwrap().tag().unwrap(), "1");
    assert_eq!(
        headers.require::<Via>().unwrap().branch().unwrap(),
        "z9hG4bK1"
    );
    assert_eq!(message.to_bytes(), bytes);
}

#[test]
fn numbers_that_would_wrap_are_refused_or_the_largest() {
    // 2^32 + 1, 2^64 + 1, 2^64
    for huge in ["4294967297", "18446744073709551617", "18446744073709551616"] {
        let value = Text::new(huge).unwrap();
        assert!(MaxForwards::parse(&value).is_err(), "{huge}");
        assert!(ContentLength::parse(&value).is_err(), "{huge}");
        assert!(RSeq::parse(&value).is_err(), "{huge}");
        assert!(CSeq::parse(&Text::new(format!("{huge} INVITE")).unwrap()).is_err());
        assert!(format!("sip:a@b:{huge}").parse::<Uri>().is_err());
        assert_eq!(Expires::parse(&value), Ok(Expires(u32::MAX)));
        let expires = Contact::parse(&Text::new(format!("<sip:a@b>;expires={huge}")).unwrap());
        assert_eq!(expires.unwrap().expires(), Some(Ok(u32::MAX)));
        let ttl = format!("SIP/2.0/UDP a;branch=z9hG4bK1;rport={huge}");
        let via = Via::parse(&Text::new(ttl).unwrap());
        assert!(
            via.is_err() || via.unwrap().rport().flatten().is_none(),
            "{huge}"
        );
    }
}

#[test]
fn what_is_not_known_is_first_class() {
    let lines = b"X-Odd: ;;,\"<\xff\r\nP-Nothing-Yet:\r\n";
    let mut odd = request("FROB.nicate foo+bar:anything;x=(y) SIP/2.0", b"");
    assert_eq!(odd.method().as_bytes(), b"FROB.nicate");
    assert_eq!(odd.uri().scheme(), b"foo+bar");
    odd.headers_mut().set(&MaxForwards(1));
    assert!(
        odd.to_bytes()
            .starts_with(b"FROB.nicate foo+bar:anything;x=(y) SIP/2.0\r\n")
    );
    let request = request("OPTIONS sip:bob@b.example;odd=1;%6c%72 SIP/2.0", lines);
    let name = HeaderName::from_text(&Text::from_static("x-odd"));
    assert_eq!(
        request.headers().raw(&name).next().unwrap().as_bytes(),
        b";;,\"<\xff"
    );
    assert_eq!(name.defined_in(), None);
    assert!(!name.is_list() && name.compact().is_none());
}

#[test]
fn a_via_goes_above_the_others() {
    let mut request = request(
        "OPTIONS sip:bob@b.example SIP/2.0",
        b"v: SIP/2.0/UDP first.example\r\n",
    );
    let ours = Text::from_static("SIP/2.0/UDP p.example;branch=z9hG4bK2");
    request
        .headers_mut()
        .push_front(&Via::parse(&ours).unwrap());
    let hosts: Vec<String> = request
        .headers()
        .all::<Via>()
        .map(|via| via.unwrap().sent_by().to_string())
        .collect();
    assert_eq!(hosts, ["p.example", "a.example", "first.example"]);
    assert!(request.to_bytes().starts_with(
        b"OPTIONS sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP p.example;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP a.example"
    ));
}

#[test]
fn a_line_whose_name_is_no_token_is_refused_and_kept() {
    // RFC 3261 §7.3.1: a field-name is a token.
    for line in ["X-Gr\u{f6}\u{df}e: 1", "X Y: 1", "\"X\" :1", ": 1"] {
        let bytes = message(
            "OPTIONS sip:bob@b.example SIP/2.0",
            format!("{line}\r\nX-Next: 2\r\n").as_bytes(),
        );
        let read = parse_message(bytes.clone(), &Limits::default()).unwrap();
        let flaw = read.flaw().unwrap();
        assert_eq!(flaw.status, Some(StatusCode::BAD_REQUEST), "{line}");
        assert!(bytes[flaw.offset..].starts_with(line.as_bytes()), "{line}");
        assert_eq!(read.to_bytes(), bytes);
        assert_eq!(read.detached().to_bytes(), bytes);
        let name = HeaderName::Other(Text::from_static("X-Next"));
        assert_eq!(read.headers().raw(&name).next().unwrap(), "2");
    }
}

#[test]
fn a_broken_message_says_what_is_wrong_and_is_answered() {
    let broken = message("INVITE sip:bob@b.example SIP/2.0", b"no header at all\r\n");
    let message = parse_message(broken, &Limits::default()).unwrap();
    let flaw = message.flaw().unwrap();
    assert_eq!(flaw.status, Some(StatusCode::BAD_REQUEST));
    assert!(flaw.to_string().contains("header name and colon"), "{flaw}");
    let Message::Request(request) = message else {
        panic!("a response")
    };
    let reply = request.reply(StatusCode::BAD_REQUEST);
    assert!(
        reply
            .to_bytes()
            .starts_with(b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP a.example")
    );
    let error = parse_message(Bytes::from_static(b"\x16\x03\x01"), &Limits::default()).unwrap_err();
    assert!(!error.to_string().is_empty());
    let missing = request.headers().require::<Contact>().unwrap_err();
    assert_eq!(missing.to_string(), "Contact: missing");
    let unreadable = Contact::parse(&Text::from_static("<sip:a@b>;;")).unwrap_err();
    assert_eq!(
        unreadable.to_string(),
        "Contact: expected token at octet 10 of the value"
    );
}
