//! What holds for every typed header and URI: reading, printing and reading again gives the same, nothing that is
//! read makes an accessor or an edit panic, and no value smuggles a line (RFC 3261 §7.3, §19.1, §20).

#![allow(clippy::unwrap_used)] // a table of checks: a panic is how one fails

use std::fmt::Debug;
use std::hint::black_box;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use sip_core::*;

/// One header: samples of its value, and a reading that touches whatever hangs on it.
struct Row {
    name: &'static str,
    samples: &'static [&'static str],
    check: fn(&Text) -> bool,
}

/// Whether `value` is read; if so, its properties hold.
fn check<H: Header + PartialEq + Debug>(value: &Text, touch: fn(&H)) -> bool {
    let Ok(header) = H::parse(value) else {
        return false;
    };
    let printed = header.as_text();
    assert!(
        !printed.iter().any(|octet| matches!(octet, b'\r' | b'\n')),
        "{printed:?}"
    );
    assert_eq!(
        H::parse(&printed).as_ref(),
        Ok(&header),
        "{value:?} printed as {printed:?}"
    );
    touch(&header);
    true
}

macro_rules! rows {
    ($($header:ident [$($sample:literal),* $(,)?] $touch:expr;)*) => {
        const ROWS: &[Row] = &[$(Row {
            name: stringify!($header),
            samples: &[$($sample),*],
            check: |value| check::<$header>(value, $touch),
        }),*];
    };
}

rows! {
    Via [
        "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK776asdhds",
        "SIP / 2.0 / TCP [2001:db8::9:1] ;received=[2001:db8::9:255];maddr=h ; ttl=16;branch = a",
        "SIP/2.0/UNKNOWN t4.example.com;x=\"a;b\\\"\";branch=z9hG4bKasd0f3en",
    ] |via| {
        black_box((via.transport(), via.sent_by(), via.branch(), via.received(), via.rport(), via.maddr(), via.ttl()));
        let stamped = via.with_received_rport("192.0.2.7:1024".parse().unwrap());
        assert_eq!(stamped.rport(), Some(Some(1024)));
        assert_eq!(stamped.received(), "192.0.2.7".parse().ok());
        assert_eq!((stamped.branch(), stamped.sent_by()), (via.branch(), via.sent_by()));
        assert_eq!(Via::parse(&stamped.as_text()), Ok(stamped));
        assert_eq!(via.detached(), *via);
    };
    From [
        "\"J Rosenberg \\\\\\\"\"   <sip:jdrosen@example.com> ; tag = 98asjd8",
        "sip:caller@example.org;tag=33242",
        "token1~` token2'+_ <sip:mundane@example.com>;fromParam''~+*_!.-%=\"x\";tag=_token~1'+`*%!-.",
    ] |from| {
        black_box((from.uri(), from.display()));
        let tagged = from.with_tag(&Tag::new("new").unwrap());
        assert_eq!(tagged.tag().unwrap(), "new");
        assert_eq!((tagged.uri(), tagged.display()), (from.uri(), from.display()));
        assert_eq!(From::parse(&tagged.as_text()), Ok(tagged));
        assert_eq!(from.detached(), *from);
        touch_uri(from.as_uri());
    };
    To ["isbn:2983792873", "<tel:+1-201-555-0123;ext=7>;tag=a", "Bob <sips:bob@biloxi.com>"] |to| {
        touch_params(to.params());
        touch_uri(to.as_uri());
    };
    Contact [
        "*",
        "\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam = newvalue ;secondparam ; q = 0.33",
        "<sip:a@b;ob>;expires=3600;+sip.instance=\"<urn:uuid:f81d4fae>\";reg-id=1",
        "sip:+19725552222@gw1.example.net;unknownparam",
    ] |contact| {
        black_box((contact.uri(), contact.display(), contact.q(), contact.expires()));
        let set = contact.with_param("expires", Some("30")).unwrap();
        assert_eq!(set.expires().is_none(), contact.is_star());
        assert_eq!(Contact::parse(&set.as_text()), Ok(set));
        touch_params(contact.params());
    };
    Route ["<sip:services.example.com;lr;unknownwith=value;unknown-no-value>", "<sip:p1;lr>;x"] |_| {};
    RecordRoute ["<sip:p1.example.com;lr>"] |record| assert_eq!(Route::from(record).uri(), record.uri());
    Path ["<sips:edge@192.0.2.1:5061;transport=tls;lr;ob>"] |path| assert_eq!(Route::from(path).uri(), path.uri());
    ServiceRoute ["<sip:home.example.com;lr>"] |_| {};
    CallId ["intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", "a@b"] |_| {};
    InReplyTo ["a@b"] |_| {};
    CSeq ["0009 INVITE", "139122385 !interesting-Method0123456789_*+`.%indeed'~"] |cseq| {
        assert!(cseq.number() <= CSeq::MAX);
        assert_eq!(CSeq::new(cseq.number(), cseq.method()), *cseq);
    };
    RAck ["776656 1 INVITE"] |_| {};
    MaxForwards ["0068", "255"] |_| {};
    ContentLength ["150", "4294967295"] |_| {};
    Expires ["3600", "1000000000000000"] |_| {};
    MinExpires ["60"] |_| {};
    RSeq ["988789"] |_| {};
    FlowTimer ["126"] |_| {};
    MaxBreadth ["60"] |_| {};
    WwwAuthenticate [
        "Digest realm=\"atlanta.com\", domain=\"sip:ss1.carrier.com\", qop=\"auth,auth-int\", nonce=\"f84f\", opaque=\"\", stale=FALSE, algorithm=MD5",
        "Basic realm=\"x\"",
    ] |challenge| {
        black_box((challenge.realm(), challenge.nonce(), challenge.opaque(), challenge.stale(), challenge.domain()));
        black_box((challenge.algorithm(), challenge.is_session(), challenge.qop_options().count(), challenge.param("x")));
        assert!(!challenge.is_digest() || challenge.param("realm").is_some());
    };
    ProxyAuthenticate ["Digest realm=a,nonce=b"] |_| {};
    Authorization [
        "Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"dcd9\", uri=\"sip:bob@biloxi.com\", qop=auth, nc=00000001, cnonce=\"0a4f\", response=\"6629\", opaque=\"5ccc\"",
        "NoOneKnowsThisScheme opaque-data=here",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    ] |credentials| {
        black_box((credentials.scheme(), credentials.algorithm(), credentials.cnonce(), credentials.qop(), credentials.nc()));
        black_box((credentials.nonce_count(), credentials.opaque(), credentials.userhash(), credentials.param("x")));
        let whole = credentials.realm().and(credentials.nonce()).and(credentials.uri()).and(credentials.response());
        assert!(!credentials.is_digest() || whole.is_some());
    };
    ProxyAuthorization ["digest username=a,realm=b,nonce=c,uri=sip:d;e,response=f"] |_| {};
    AuthenticationInfo ["nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth, rspauth=\"6629\""] |_| {};
    ContentType ["application/sdp", "multipart/mixed ; boundary=\"a;b\""] |kind| touch_params(kind.params());
    ContentDisposition ["session;handling=optional"] |header| touch_params(header.params());
    ContentEncoding ["gzip"] |_| {};
    ContentLanguage ["en-gb"] |_| {};
    Accept ["*/*;q=0.3", "application/pkcs7-mime"] |accept| { black_box(accept.q()); };
    AcceptEncoding ["gzip;q=1.0"] |_| {};
    AcceptLanguage ["*", "da;q=0.8"] |_| {};
    MimeVersion ["1.0"] |_| {};
    Supported ["100rel"] |_| {};
    Require ["nothingSupportsThis"] |_| {};
    ProxyRequire ["noProxiesSupportThis"] |_| {};
    Unsupported ["foo"] |_| {};
    Allow ["INVITE", "RE%47IST%45R"] |_| {};
    Event ["dialog;id=7;call-id=\"a\""] |event| { black_box(event.id()); };
    AllowEvents ["presence.winfo"] |_| {};
    SubscriptionState ["terminated;reason=timeout;retry-after=60"] |state| {
        black_box((state.reason(), state.expires(), state.retry_after()));
    };
    SipEtag ["dx200xyz"] |_| {};
    SipIfMatch ["dx200xyz"] |_| {};
    UserAgent ["Softphone Beta1.5 (a (b))"] |_| {};
    Server ["HomeServer v2"] |_| {};
    Subject ["Need more boxes", ""] |_| {};
    Organization ["Boxes by Bob"] |_| {};
    Priority ["emergency"] |_| {};
    RetryAfter ["18000 (in a \\) meeting);duration=3600", "120"] |retry| { black_box((retry.comment(), retry.duration())); };
    Date ["Sat, 13 Nov 2010 23:29:00 GMT"] |_| {};
    Timestamp ["54.21 0.5"] |_| {};
    Warning ["307 isi.edu \"Session parameter 'foo' not understood\""] |warning| { black_box((warning.agent(), warning.text())); };
    AlertInfo ["<http://www.example.com/sounds/moo.wav>"] |_| {};
    CallInfo ["<http://wwww.example.com/alice/photo.jpg> ;purpose=icon"] |_| {};
    ErrorInfo ["<sip:not-in-service-recording@atlanta.com>"] |_| {};
    ReplyTo ["Bob <sip:bob@biloxi.com>"] |_| {};
    PAssertedIdentity ["\"Cullen Jennings\" <sip:fluffy@cisco.com>", "tel:+14085264000"] |_| {};
    PPreferredIdentity ["<sip:fluffy@cisco.com>"] |_| {};
    RemotePartyId ["\"A\" <sip:a@b>;party=calling;screen=yes"] |_| {};
    Diversion ["<sip:bob@example.com>;reason=no-answer;counter=1"] |_| {};
    HistoryInfo ["<sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1.1"] |_| {};
    Privacy ["header; user; id"] |privacy| { black_box(privacy.asks_for("id")); };
    ReferTo ["<sip:bob@example.com?Replaces=12345%40h%3Bto-tag%3D1>"] |_| {};
    ReferredBy ["<sip:referror@referror.example>;cid=\"2UWQFN309shb3@referror.example\""] |_| {};
    Replaces ["98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only"] |replaces| {
        black_box((replaces.to_tag(), replaces.from_tag(), replaces.is_early_only()));
    };
    Reason ["SIP ;cause=200 ;text=\"Call completed elsewhere\""] |reason| { black_box((reason.cause(), reason.text())); };
    SessionExpires ["4000;refresher=uac"] |expires| { black_box((expires.seconds(), expires.refresher())); };
    MinSe ["60;lr"] |min| { black_box(min.seconds()); };
}

fn touch_params(params: Params<'_>) {
    for (name, value) in params.iter() {
        assert!(!name.is_empty());
        let name = std::str::from_utf8(name).unwrap_or("x");
        black_box((params.get(name), params.unquoted(name), value));
    }
}

/// Whatever URI was read, its edits read back, and it is equivalent to itself.
fn touch_uri(uri: &Uri) {
    assert_eq!(Uri::parse(uri.as_text()).as_ref(), Ok(uri));
    assert!(uri.equivalent(uri), "{uri}");
    assert_eq!(uri.detached(), *uri);
    black_box((
        uri.scheme(),
        uri.to_string(),
        uri.as_tel().map(TelUri::digits),
    ));
    if let Some(sip) = uri.as_sip() {
        touch_sip(sip);
    }
}

fn touch_sip(uri: &SipUri) {
    touch_params(uri.params());
    black_box((
        uri.password(),
        uri.header_part(),
        uri.transport(),
        uri.maddr(),
        uri.is_loose_router(),
    ));
    let edits = [
        uri.with_user(Some("a b@c")),
        uri.with_user(None),
        uri.with_host_port("[2001:db8::1]:5070".parse().unwrap()),
        uri.with_param("lr", None).unwrap(),
        uri.with_param("transport", Some("tcp")).unwrap(),
        uri.without_param("lr"),
        uri.without_headers(),
    ];
    for edit in edits {
        assert_eq!(edit.to_string().parse().as_ref(), Ok(&edit), "{uri}");
    }
    assert!(uri.with_param("lr", None).unwrap().is_loose_router());
    assert!(!uri.without_param("lr").is_loose_router());
    assert_eq!(
        uri.with_host_port(uri.host_port()).host_port(),
        uri.host_port()
    );
    let Some(aor) = AddressOfRecord::from_sip(uri) else {
        return;
    };
    assert_eq!(
        AddressOfRecord::new(aor.user(), aor.domain()).as_ref(),
        Ok(&aor)
    );
    assert_eq!(
        AddressOfRecord::from_sip(&aor.to_uri()).as_ref(),
        Some(&aor)
    );
}

const URIS: &[&str] = &[
    "sip:ada.k:pw@example.com:5060;transport=tcp;lr?Subject=tea&a=b",
    "sips:%61@[2001:db8:::192.0.2.1]:5061;maddr=239.1.2.3;ttl=1;gr=urn:uuid:f81d4fae",
    "sip:+1555;phone-context=x@192.0.2.4;user=phone",
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
    "sip:12345",
    "tel:+1-201-555-0123;ext=7;isub=a",
    "tel:*21#;phone-context=example.com",
    "soap.beep://192.0.2.103:3002",
];

/// What separates and quotes, so that mutations hit the grammar and not only words.
const ALPHABET: &[&str] = &[
    ";",
    ",",
    ":",
    "@",
    "?",
    "&",
    "=",
    "\"",
    "\\",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "/",
    "%",
    "%41",
    "%3b",
    "%00",
    " ",
    "\t",
    ".",
    "-",
    "+",
    "*",
    "#",
    "0",
    "9",
    "255",
    "4294967296",
    "a",
    "lr",
    "tag=",
    "branch=",
    "é",
    "\u{7f}",
    "\u{1}",
    "sip:",
    "//",
];

fn mutated(samples: Vec<&'static str>) -> impl Strategy<Value = Text> {
    let edit = (any::<Index>(), 0..3_usize, select(ALPHABET));
    (select(samples), vec(edit, 0..5)).prop_map(|(sample, edits)| {
        let mut text: Vec<char> = sample.chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        Text::new(text.into_iter().collect::<String>()).expect("no CR, LF or NUL in the alphabet")
    })
}

#[test]
fn every_sample_is_read() {
    for row in ROWS {
        for sample in row.samples {
            assert!(
                (row.check)(&Text::from_static(sample)),
                "{}: {sample}",
                row.name
            );
            let padded = Text::new(format!(" \t{sample}\t ")).unwrap();
            assert!((row.check)(&padded), "{}: {sample}", row.name);
        }
    }
    for uri in URIS {
        touch_uri(&uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}")));
    }
}

#[test]
fn an_absurdly_long_value_does_no_harm() {
    for row in ROWS {
        for octet in [
            "(", "\"", "\\", ";", ";a", ",", "<", "%", " ", "9", ":", "a=b,", "::", "a;",
        ] {
            for sample in row.samples {
                let value = format!("{sample}{}", octet.repeat(30_000));
                (row.check)(&Text::new(value).unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_read_prints_and_reads_the_same(
        (row, value) in (0..ROWS.len()).prop_flat_map(|row| (Just(row), mutated(ROWS[row].samples.to_vec())))
    ) {
        (ROWS[row].check)(&value);
    }

    #[test]
    fn a_value_of_another_header_does_no_harm(row in 0..ROWS.len(), other in 0..ROWS.len(), which in any::<Index>()) {
        let value = which.get(ROWS[other].samples);
        (ROWS[row].check)(&Text::from_static(value));
    }

    #[test]
    fn any_octets_do_no_harm(row in 0..ROWS.len(), octets in vec(any::<u8>(), 0..40)) {
        if let Ok(value) = Text::new(octets) {
            (ROWS[row].check)(&value);
        }
    }

    #[test]
    fn a_uri_reads_prints_and_edits(text in mutated(URIS.to_vec())) {
        if let Ok(uri) = Uri::parse(&text) {
            touch_uri(&uri);
        }
    }

    #[test]
    fn equivalence_is_symmetric(a in mutated(URIS.to_vec()), b in mutated(URIS.to_vec())) {
        if let (Ok(a), Ok(b)) = (Uri::parse(&a), Uri::parse(&b)) {
            prop_assert_eq!(a.equivalent(&b), b.equivalent(&a));
        }
    }
}
