//! Every typed header: values it reads, most of them from the RFC that defines it, values it refuses, and a reading that
//! touches whatever hangs on it. The fuzz target typed_headers shares this table.

use std::fmt::Debug;
use std::hint::black_box;
use std::marker::PhantomData;

use sip_core::*;

use crate::touch::{touch_params, touch_uri};

/// One header.
pub(crate) struct Row {
    pub(crate) name: HeaderName,
    pub(crate) reads: &'static [&'static str],
    pub(crate) refuses: &'static [&'static str],
    pub(crate) check: fn(&Text) -> bool,
    /// The members of a list, or the lines of what is none, printed.
    pub(crate) values: fn(&Headers) -> Vec<Text>,
}

/// Whether `value` is read; if so, it prints as a value that reads the same, and nothing that hangs on it panics.
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

/// [`Headers::all`] where it can be called; where it cannot, [`LinesOf`].
struct Values<H>(PhantomData<H>);

impl<H: ListHeader> Values<H> {
    fn of(headers: &Headers) -> Vec<Text> {
        headers
            .all::<H>()
            .map(|header| header.unwrap().as_text())
            .collect()
    }
}

trait LinesOf {
    fn of(headers: &Headers) -> Vec<Text>;
}

impl<H: Header> LinesOf for Values<H> {
    fn of(headers: &Headers) -> Vec<Text> {
        headers
            .lines_of::<H>()
            .map(|header| header.unwrap().as_text())
            .collect()
    }
}

macro_rules! rows {
    ($($header:ident reads [$($sample:literal),* $(,)?] refuses [$($bad:literal),* $(,)?] $($touch:expr)?;)*) => {
        pub(crate) static ROWS: [Row; [$(stringify!($header)),*].len()] = [$(Row {
            name: <$header as Header>::NAME,
            reads: &[$($sample),*],
            refuses: &[$($bad),*],
            check: |value| check::<$header>(value, rows!(@touch $($touch)?)),
            values: |headers| Values::<$header>::of(headers),
        }),*];
    };
    (@touch) => { |_| {} };
    (@touch $touch:expr) => { $touch };
}

rows! {
    Via reads [
        "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK776asdhds",
        "SIP / 2.0 / TCP [2001:db8::9:1] ;received=[2001:db8::9:255];maddr=h ; ttl=16;branch = a",
        "SIP/2.0/UNKNOWN t4.example.com;x=\"a;b\\\"\";branch=z9hG4bKasd0f3en",
        "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKasudf;keep",
    ] refuses ["", "SIP/2.0 a", "SIP/2.0/UDP", "SIP/2.0/UDP a;;branch=1", "SIP/2.0/UDP a:99999"] |via| {
        black_box((via.transport(), via.sent_by(), via.branch(), via.received(), via.rport(), via.maddr(), via.ttl()));
        let stamped = via.with_received_rport("192.0.2.7:1024".parse().unwrap());
        assert_eq!(stamped.rport(), Some(Some(1024)));
        assert_eq!(stamped.received(), "192.0.2.7".parse().ok());
        assert_eq!((stamped.branch(), stamped.sent_by()), (via.branch(), via.sent_by()));
        assert_eq!(Via::parse(&stamped.as_text()), Ok(stamped));
        assert_eq!(via.detached(), *via);
    };
    From reads [
        "\"J Rosenberg \\\\\\\"\"   <sip:jdrosen@example.com> ; tag = 98asjd8",
        "sip:caller@example.org;tag=33242",
        "token1~` token2'+_ <sip:mundane@example.com>;fromParam''~+*_!.-%=\"x\";tag=_token~1'+`*%!-.",
        "\"A. G. Bell\" <sip:agb@bell-telephone.com> ;tag=a48s",
    ] refuses ["", "Bell, Alexander <sip:a@b>;tag=43", "<sip:a@b>;tag=1;tag=2", "<sip:a@b", "sip:a@b?c=d"] |from| {
        black_box((from.uri(), from.display()));
        let tagged = from.with_tag(&Tag::new("new").unwrap());
        assert_eq!(tagged.tag().unwrap(), "new");
        assert_eq!((tagged.uri(), tagged.display()), (from.uri(), from.display()));
        assert_eq!(From::parse(&tagged.as_text()), Ok(tagged));
        assert_eq!(from.detached(), *from);
        touch_uri(from.as_uri());
    };
    To reads ["isbn:2983792873", "<tel:+1-201-555-0123;ext=7>;tag=a", "Bob <sips:bob@biloxi.com>", "sip:+12125551212@server.phone2net.com;tag=287447"]
    refuses ["", "Bob", "<sip:bob@biloxi.com>;tag=", "\"Bob <sip:bob@biloxi.com>"] |to| {
        touch_params(to.params());
        touch_uri(to.as_uri());
    };
    Contact reads [
        "*",
        "\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam = newvalue ;secondparam ; q = 0.33",
        "<sip:callee@192.0.2.1>;pub-gruu=\"sip:callee@example.com;gr=urn:uuid:f81d4fae\";temp-gruu=\"sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr\";+sip.instance=\"<urn:uuid:f81d4fae>\";expires=3600",
        "sip:+19725552222@gw1.example.net;unknownparam",
        "<sip:line1@192.0.2.2;transport=tcp;ob>; reg-id=1; +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"",
        "<sip:user@host.example.com>;audio;video;application=\"TRUE\";class=\"personal\";mobility=\"mobile,!fixed\";description=\"<\\\"PC\\\">\";+sip.resolution=\"#>=100\"",
        "<sip:alice@192.0.2.4;pn-provider=acme;pn-param=acme-param;pn-prid=ZTY4ZDJlMzODE1NmUgKi0K>;+sip.pnsreg",
    ] refuses ["", "<sip:a@b>;;;;", "sip:user@example.com?Route=%3Csip:sip.example.com%3E", "**", "*;q=1"] |contact| {
        black_box((contact.uri(), contact.display(), contact.q(), contact.expires()));
        black_box((contact.instance(), contact.reg_id(), contact.pub_gruu(), contact.temp_gruu()));
        for feature in contact.features() {
            black_box((feature.tag(), feature.values().count(), feature.accepts("TRUE")));
        }
        let set = contact.with_param("expires", Some("30")).unwrap();
        assert_eq!(set.expires().is_none(), contact.is_star());
        assert_eq!(Contact::parse(&set.as_text()), Ok(set));
        touch_params(contact.params());
        if let Some(uri) = contact.uri() {
            touch_uri(&uri);
        }
    };
    Route reads ["<sip:services.example.com;lr;unknownwith=value;unknown-no-value>", "<sip:p1;lr>;x", "<sip:bigbox3.site3.atlanta.com;lr>"]
    refuses ["", "sip:p1;lr", "<sip:p1", "<>"] |route| {
        assert_eq!(Route::new(route.as_uri()).uri(), route.uri());
    };
    RecordRoute reads ["<sip:p1.example.com;lr>", "<sip:server10.biloxi.com;lr>;x=\"y\""] refuses ["", "sip:p1;lr"]
        |record| assert_eq!(Route::from(record).uri(), record.uri());
    Path reads ["<sips:edge@192.0.2.1:5061;transport=tls;lr;ob>", "<sip:P3.EXAMPLEHOME.COM;lr>"] refuses ["", "sip:p1;lr"]
        |path| assert_eq!(Route::from(path).uri(), path.uri());
    ServiceRoute reads ["<sip:home.example.com;lr>", "<sip:HSP.HOME.EXAMPLE.COM;lr>"] refuses ["", "sip:p1;lr"];
    CallId reads ["intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@foo.bar.com", "a"]
        refuses ["", "a b"];
    InReplyTo reads ["70710@saturn.bell-tel.com", "17320@saturn.bell-tel.com"] refuses ["", "a b"];
    CSeq reads ["0009 INVITE", "139122385 !interesting-Method0123456789_*+`.%indeed'~", "4711 INVITE"]
    refuses ["", "1", "INVITE", "2147483648 INVITE", "36893488147419103232 REGISTER", "1 INVITE x"] |cseq| {
        assert!(cseq.number() <= CSeq::MAX);
        assert_eq!(CSeq::new(cseq.number(), cseq.method()), *cseq);
    };
    RAck reads ["776656 1 INVITE", "0 0 x"] refuses ["", "1 INVITE", "4294967296 1 INVITE"] |rack| {
        assert_eq!(RAck::new(rack.rseq(), rack.cseq()), *rack);
    };
    MaxForwards reads ["0068", "255", "6"] refuses ["", "256", "-1", "300"];
    ContentLength reads ["150", "4294967295", "0000000000000000000000150"] refuses ["", "4294967296", "-999", "1 2"];
    Expires reads ["3600", "1000000000000000"] refuses ["", "soon", "-1"];
    MinExpires reads ["60", "0"] refuses ["", "x"];
    RSeq reads ["988789", "1"] refuses ["", "4294967296"];
    FlowTimer reads ["126", "20"] refuses ["", "a"];
    MaxBreadth reads ["60", "1"] refuses ["", "-1"];
    WwwAuthenticate reads [
        "Digest realm=\"atlanta.com\", domain=\"sip:boxesbybob.com\", qop=\"auth\", nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", opaque=\"\", stale=FALSE, algorithm=MD5",
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        "Basic realm=\"x\"",
    ] refuses ["", "Digest", "Digest realm=\"a\"", "Digest realm=\"a\",, nonce=\"b\""] |challenge| {
        black_box((challenge.realm(), challenge.nonce(), challenge.opaque(), challenge.stale(), challenge.domain()));
        black_box((challenge.algorithm(), challenge.is_session(), challenge.qop_options().count(), challenge.param("x")));
        assert!(!challenge.is_digest() || challenge.param("realm").is_some());
    };
    ProxyAuthenticate reads [
        "Digest realm=a,nonce=b",
        "Digest realm=\"atlanta.com\", domain=\"sip:ss1.carrier.com\", qop=\"auth,auth-int\", nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", opaque=\"\", stale=FALSE, algorithm=MD5",
    ] refuses ["", "Digest nonce=b"];
    Authorization reads [
        "Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"sip:bob@biloxi.com\", qop=auth, nc=00000001, cnonce=\"0a4f113b\", response=\"6629fae49393a05397450978507c4ef1\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"",
        "Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm=\"api@example.org\", uri=\"/doe.json\", algorithm=SHA-512-256, nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", nc=00000001, cnonce=\"NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm\", qop=auth, response=\"ae66e67d6b427bd3f120414a82e4acff\", userhash=false",
        "NoOneKnowsThisScheme opaque-data=here",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    ] refuses ["", "Digest", "Digest username=a", "Digest username=a, realm=r, nonce=n, uri=u, response=x, NONCE=n"] |credentials| {
        black_box((credentials.scheme(), credentials.algorithm(), credentials.cnonce(), credentials.qop(), credentials.nc()));
        black_box((credentials.nonce_count(), credentials.opaque(), credentials.userhash(), credentials.param("x")));
        let whole = credentials.realm().and(credentials.nonce()).and(credentials.uri()).and(credentials.response());
        assert!(!credentials.is_digest() || whole.is_some());
    };
    ProxyAuthorization reads [
        "digest username=a,realm=b,nonce=c,uri=sip:d;e,response=f",
        "Digest username=\"Alice\", realm=\"atlanta.com\", nonce=\"c60f3082ee1212b402a21831ae\", response=\"245f23415f11432b3434341c022\", uri=\"sip:bob@biloxi.com\"",
    ] refuses ["", "Digest username=a realm=b"];
    AuthenticationInfo reads ["nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth, rspauth=\"6629\"", "nextnonce=\"x\""]
        refuses ["", "nextnonce", "nextnonce=\"a\", NEXTNONCE=\"b\""] |info| {
        black_box((info.nextnonce(), info.rspauth(), info.qop(), info.cnonce(), info.nc()));
    };
    ProxyAuthenticationInfo reads ["nextnonce=\"a\", qop=auth, rspauth=\"6629\", cnonce=\"b\", nc=00000001"]
        refuses ["", "nextnonce", "nc=1, NC=2"] |info| {
        black_box((info.nextnonce(), info.rspauth(), info.qop(), info.cnonce(), info.nc()));
    };
    SecurityClient reads ["digest", "tls;q=0.2", "ipsec-3gpp; alg=hmac-sha-1-96; spi-c=23456789; port-c=2468"]
        refuses ["", "tls;", ";q=1", "tls tls"] |header| touch_params(header.params());
    SecurityServer reads ["ipsec-ike;q=0.1", "digest;d-alg=MD5;d-qop=auth;d-ver=\"0000000000000000000000000000a100\""]
        refuses ["", "\"tls\""] |header| touch_params(header.params());
    SecurityVerify reads ["tls;q=0.2"] refuses ["", "tls;;"] |header| touch_params(header.params());
    PServedUser reads ["<sip:user@example.com>; sescase=orig; regstate=reg", "sip:user@example.com"]
        refuses ["", "<sip:user@example.com", "<sip:a@b>;"] |user| touch_params(user.params());
    PAssertedService reads ["urn:urn-7:3gpp-service.exampletelephony.version1", "URN:urn-7:a.b;x"]
        refuses ["", "urn:urn-7:", "urn:service:sos", "urn:urn-7:a b"] |header| touch_params(header.params());
    PPreferredService reads ["urn:urn-7:3gpp-application.exampletelephony.version1"] refuses ["", "sip:a@b"]
        |header| touch_params(header.params());
    ContentType reads ["application/sdp", "multipart/mixed ; boundary=\"a;b\"", "text/html; charset=ISO-8859-4", "message/sipfrag;version=2.0"]
        refuses ["", "application", "a/b c", "a/b;"] |kind| touch_params(kind.params());
    ContentDisposition reads ["session;handling=optional", "render", "icon"] refuses ["", ";handling=optional"] |header| {
        touch_params(header.params());
    };
    ContentEncoding reads ["gzip", "tar"] refuses ["", "a b"];
    ContentLanguage reads ["en-gb", "fr"] refuses ["", "a b"];
    Accept reads ["*/*;q=0.3", "application/pkcs7-mime", "application/sdp;level=1", "text/*"] refuses ["", "text", "text/html level=1"]
        |accept| { black_box(accept.q()); };
    AcceptEncoding reads ["gzip;q=1.0", "identity; q=0.5", "*;q=0"] refuses ["", "a b"];
    AcceptLanguage reads ["*", "da;q=0.8", "en-gb;q=0.8"] refuses ["", "a b"];
    MimeVersion reads ["1.0", "2.1"] refuses ["", "1.0 x"];
    Supported reads ["100rel", "outbound"] refuses ["", "a b"];
    Require reads ["nothingSupportsThis", "gruu"] refuses ["", "a;b"];
    ProxyRequire reads ["noProxiesSupportThis", "sec-agree"] refuses ["", "a;b"];
    Unsupported reads ["foo", "nothingSupportsThis"] refuses ["", "a b"];
    Allow reads ["INVITE", "RE%47IST%45R", "UPDATE"] refuses ["", "IN VITE"];
    Event reads ["dialog;id=7;call-id=\"a\"", "presence", "refer;id=93809824", "message-summary"] refuses ["", ";id=1", "a b"]
        |event| { black_box(event.id()); };
    AllowEvents reads ["presence.winfo", "conference"] refuses ["", "a b"];
    SubscriptionState reads ["terminated;reason=timeout;retry-after=60", "active;expires=60", "pending"] refuses ["", ";expires=1"] |state| {
        black_box((state.reason(), state.expires(), state.retry_after()));
    };
    SipEtag reads ["dx200xyz", "kwj449x"] refuses ["", "a b"];
    SipIfMatch reads ["dx200xyz", "12345"] refuses ["", "a b"];
    UserAgent reads ["Softphone Beta1.5 (a (b))", "", "X/1"] refuses ["a\u{1}b"];
    Server reads ["HomeServer v2", ""] refuses ["a\u{7f}"];
    Subject reads ["Need more boxes", "", "Tech Support"] refuses ["a\u{1}"];
    Organization reads ["Boxes by Bob", ""] refuses ["a\u{1}"];
    Priority reads ["emergency", "non-urgent"] refuses ["a\u{1}"];
    RetryAfter reads ["18000 (in a \\) meeting);duration=3600", "120", "18000;duration=3600"] refuses ["", "soon", "1 (a", "(a)"]
        |retry| { black_box((retry.comment(), retry.duration())); };
    Date reads ["Sat, 13 Nov 2010 23:29:00 GMT", "Thu, 21 Feb 2002 13:02:03 GMT"]
        refuses ["", "Fri, 01 Jan 2010 16:00:00 EST", "Mon, 31 Apr 2000 00:00:00 GMT"];
    Timestamp reads ["54.21 0.5", "54", "54."] refuses ["", ".", "1.2.3"] |timestamp| {
        black_box((timestamp.seconds(), timestamp.delay()));
    };
    Warning reads ["307 isi.edu \"Session parameter 'foo' not understood\"", "301 isi.edu \"Incompatible network address type 'E.164'\""]
        refuses ["", "1812 overture \"In Progress\"", "307 isi.edu x"] |warning| { black_box((warning.agent(), warning.text())); };
    AlertInfo reads ["<http://www.example.com/sounds/moo.wav>", "<urn:alert:source:internal>;x"] refuses ["", "http://www.example.com/"];
    CallInfo reads ["<http://wwww.example.com/alice/photo.jpg> ;purpose=icon", "<http://www.example.com/alice/> ;purpose=info"]
        refuses ["", "http://www.example.com/"] |info| { black_box(info.purpose()); };
    ErrorInfo reads ["<sip:not-in-service-recording@atlanta.com>", "<sip:announcement10@example.com>"] refuses ["", "sip:a@b"];
    ReplyTo reads ["Bob <sip:bob@biloxi.com>", "sip:bob@biloxi.com;x=y"] refuses ["", "Bob"];
    PAssertedIdentity reads ["\"Cullen Jennings\" <sip:fluffy@cisco.com>", "tel:+14085264000"] refuses ["", "\"a\" sip:b"];
    PPreferredIdentity reads ["<sip:fluffy@cisco.com>", "tel:+14085264000"] refuses ["", "fluffy"];
    RemotePartyId reads ["\"A\" <sip:a@b>;party=calling;screen=yes", "<sip:+15551234@gw>;privacy=full;screen=no"] refuses ["", "A"]
        |party| { black_box((party.party(), party.is_screened(), party.privacy())); };
    Diversion reads [
        "<sip:bob@example.com>;reason=no-answer;counter=1",
        "<sip:WeSellPizza@p2.isp.com>;reason=time-of-day",
        "\"B\" <tel:+15551234>;reason=\"x y\";limit=5;privacy=full;screen=yes",
    ] refuses ["", "sip:bob@example.com;reason=no-answer"] |diversion| {
        black_box((diversion.reason(), diversion.counter(), diversion.limit(), diversion.privacy(), diversion.is_screened()));
    };
    HistoryInfo reads [
        "<sip:UserB@example.com?Privacy=history&Reason=SIP%3Bcause%3D486>;index=1.2;mp=1.1",
        "<sip:bob@192.0.2.3>;index=1.1.1;rc=1.1",
        "<sip:bob@biloxi.example.com;p=x>;np=1;index=1.1",
        "<sip:UserA@ims.example.com>;index=1;foo=bar",
    ] refuses ["", "sip:bob@example.com;index=1"] |entry| {
        black_box((entry.index(), entry.recursed_from(), entry.mapped_from(), entry.passed_on_from()));
        black_box((entry.reason(), entry.privacy()));
    };
    Privacy reads ["header; user; id", "none", "id;critical"] refuses ["", ";id", "id,user"]
        |privacy| { black_box(privacy.asks_for("id")); };
    ReferTo reads [
        "<sip:bob@example.com?Replaces=12345%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>",
        "sip:alice@atlanta.example.com",
        "<sip:dave@denver.example.org?Replaces=12345%40192.168.118.3%3Bto-tag%3D12345%3Bfrom-tag%3D5FFE-3994>",
        "<http://www.ietf.org>",
    ] refuses ["", "sip:bob@example.com?Replaces=1"] |refer| {
        black_box(refer.replaces());
        touch_uri(refer.as_uri());
    };
    ReferredBy reads ["<sip:referror@referror.example>;cid=\"20398823.2UWQFN309shb3@referror.example\"", "sip:r@ref.example;ref=sip:a"]
        refuses ["", "referror"] |referred| { black_box(referred.cid()); };
    ReferSub reads ["false", "true;x=y"] refuses ["", ";x"] |sub| { black_box(sub.is_false()); };
    Replaces reads [
        "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff",
        "12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only",
        "87134@171.161.34.23;to-tag=24796;from-tag=0",
    ] refuses ["", "98732@sip.example.com", "a;to-tag=1", "a;to-tag=1;from-tag=2;to-tag=3"] |replaces| {
        assert!(!replaces.to_tag().is_empty() && !replaces.from_tag().is_empty());
        black_box((replaces.call_id(), replaces.is_early_only()));
    };
    Join reads ["98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff", "12adf2f34456gs5;to-tag=12345;from-tag=54321"]
    refuses ["", "a;to-tag=1", "a;from-tag=1;from-tag=2;to-tag=3"] |join| {
        assert!(!join.to_tag().is_empty() && !join.from_tag().is_empty());
        black_box(join.call_id());
    };
    TargetDialog reads ["fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544", "a"] refuses ["", "a b"] |target| {
        black_box((target.call_id(), target.local_tag(), target.remote_tag()));
    };
    Reason reads ["SIP ;cause=200 ;text=\"Call completed elsewhere\"", "Q.850 ;cause=16 ;text=\"Terminated\"", "preemption ;cause=1"]
        refuses ["", ";cause=200", "SIP cause=200"] |reason| { black_box((reason.cause(), reason.text())); };
    SessionExpires reads ["4000;refresher=uac", "1800", "90 ; refresher = uas"] refuses ["", "soon", "-1"]
        |expires| { black_box((expires.seconds(), expires.refresher())); };
    MinSe reads ["60;lr", "3600"] refuses ["", "x"] |min| { black_box(min.seconds()); };
    AcceptContact reads [
        "*;mobility=\"mobile\";methods=\"INVITE\"",
        "*;audio;require",
        "*;methods=\"BYE\";class=\"business\";q=1.0;explicit",
        "*;+sip.newparam=\"<a, b>\"",
    ] refuses ["", "audio", "* audio", "*;"] |wanted| {
        black_box((wanted.star(), wanted.is_required(), wanted.is_explicit()));
        for feature in wanted.features() {
            black_box((feature.tag(), feature.values().count(), feature.accepts("BYE")));
        }
    };
    RejectContact reads ["*;actor=\"msg-taker\";video", "*"] refuses ["", "video"] |rejected| {
        black_box(rejected.features().count());
    };
    RequestDisposition reads ["proxy", "no-fork", "sequential"] refuses ["", "no fork"] |wish| {
        assert!(wish.is(std::str::from_utf8(wish.as_bytes()).unwrap()));
    };
    FeatureCaps reads ["*;+sip.pns=\"acme\";+sip.pnsreg=\"121\"", "*;+g.3gpp.srvcc"] refuses ["", "+sip.pns"] |caps| {
        black_box(caps.features().map(|feature| feature.value().len()).sum::<usize>());
    };
    AnswerMode reads ["Auto", "Manual;require"] refuses ["", ";require", "Auto,Manual"]
        |mode| { black_box((mode.is_auto(), mode.is_required())); };
    PrivAnswerMode reads ["Auto;require", "Manual"] refuses ["", "Auto require"]
        |mode| { black_box((mode.is_auto(), mode.is_required())); };
    PEarlyMedia reads ["supported", "sendrecv", "gated"] refuses ["", "send recv"];
    InfoPackage reads ["foo", "g.3gpp.mid-call;v=1"] refuses ["", "foo,bar"];
    RecvInfo reads ["P", "foo;v=\"1,2\""] refuses ["", "a b"];
    Geolocation reads ["<cid:target123@atlanta.example.com>", "<sips:3sdefrhy2jj7@lis.atlanta.example.com>;x"]
        refuses ["", "cid:target123@atlanta.example.com"] |location| touch_uri(location.as_uri());
    GeolocationRouting reads ["no", "yes"] refuses ["", "yes no"] |routing| { black_box(routing.is_allowed()); };
    GeolocationError reads ["300 ; code=\"Dereference Failure\"", "100"] refuses ["", "1000", "x"] |error| {
        black_box((error.code(), error.params().unquoted("code")));
    };
    PAccessNetworkInfo reads ["3GPP-UTRAN-TDD; utran-cell-id-3gpp=234151D0FCE11", "IEEE-802.11;i-wlan-node-id=\"a\";network-provided", "ADSL;dsl-location=\"x;y\""]
        refuses ["", ";x", "a b"] |info| { black_box((info.access(), info.is_network_provided())); };
    PAssociatedUri reads ["<sip:user-public2@example.com>", "\"U\" <tel:+1-201-555-0123>;x"] refuses ["", "sip:a@b"];
    PCalledPartyId reads ["<sip:user1-business@example.com>", "<tel:+1>;x=y"] refuses ["", "sip:a@b"];
    PChargingVector reads ["icid-value=1234bc9876e; icid-generated-at=192.0.6.8; orig-ioi=home1.net", "icid-value=\"a;b\";transit-ioi=\"net1.2,void\""]
        refuses ["", "orig-ioi=home1.net", "icid-value"] |vector| { black_box(vector.icid()); };
    PChargingFunctionAddresses reads ["ccf=192.0.8.1; ecf=192.0.8.3", "ccf=\"aaa://a.example\"; ccf-2=[2001:db8::1]"]
        refuses ["", ";ccf=a"] |addresses| { black_box((addresses.address("ccf"), addresses.address("ecf"))); };
    PVisitedNetworkId reads ["other.net", "\"Visited network number 1\";x"] refuses ["", "a b"]
        |network| { black_box(network.name()); };
    ResourcePriority reads ["dsn.flash", "wps.3"] refuses ["", "dsn flash"]
        |priority| { black_box((priority.namespace(), priority.priority())); };
    AcceptResourcePriority reads ["dsn.flash-override", "q735.0"] refuses ["", "a b"]
        |priority| { black_box((priority.namespace(), priority.priority())); };
    SessionId reads ["ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000", "f81d4fae7dec11d0a76500a0c91e6bf6"]
        refuses ["", "ab30317f-1a78-4dc4-8ff8-24d0d3715d86", "ab30"] |id| { black_box((id.local(), id.remote())); };
    Identity reads [
        "..rq3pjT1hoRwakEGjHCnWSwUnshd0-zJ6F1VOgFWSjHBr8Qjpjlk-cpFYpFYsojNCpTzO3QfPOlckGaS6hEck7w;info=<https://biloxi.example.org/biloxi.cert>",
        "eyJhbGciOiJFUzI1NiJ9.eyJkZXN0Ijp7fX0.rq3pjT1hoRwakEGj;info=<https://c.example/x;y=1,2?z>;alg=ES256;ppt=\"shaken\"",
        "\"ZYNBbHC00VMZr2kZt6VmCvPonWJMGvQTBDqghoWeLxJfzB2a1pxAr3VgrB0SsSAaVcnyaZ++yRlBYYQTLqWzJ+KVhPKbfU/pryhVn9Yc6U=\"",
    ] refuses ["", ";info=<https://a>", "a;info=<https://a", "a,b"] |identity| {
        black_box((identity.digest(), identity.is_compact(), identity.info(), identity.alg(), identity.ppt()));
        touch_params(identity.params());
    };
    IdentityInfo reads ["<https://atlanta.example.com/atlanta.cer>;alg=rsa-sha1", "<http://a/b?c,d>"] refuses ["", "https://a"]
        |info| { black_box(info.alg()); };
    UserToUser reads ["56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar", "\"a text\"", "342342ef34;encoding=hex"]
        refuses ["", "a b", "\"a"] |uui| { black_box((uui.octets(), uui.purpose(), uui.content())); };
}
