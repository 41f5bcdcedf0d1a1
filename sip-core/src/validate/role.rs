//! What an element judges beyond what all do: as proxy (RFC 3261 §16.3), as registrar (§10.3), as user agent (§8.1.3,
//! §8.2).

use std::ops::Deref;

use super::refusal::append;
use super::{Refusal, optional, refused, unreadable, uri_start, validate};
use crate::header::{
    Contact, ContentType, Expires, Headers, ListHeader, MaxForwards, OptionTag, Path, Place,
    ProxyRequire, RecordRoute, Require, Route, To, Via,
};
use crate::parse::Flaw;
use crate::{Message, Method, Request, Response, StatusCode, Uri};

/// The rules of one kind of element: what it reads of a message must be there and be right, and all else is let be.
///
/// [`Role::validate`] is all of it. Where [`validate`] has been asked already, as sip-transport does for whoever sits
/// on top of it, [`Role::check`] is the rest, so that nothing is judged twice.
///
/// | refused by | with | for |
/// |---|---|---|
/// | all | the status of the [`Flaw`] | whatever [`validate`] names |
/// | all | 416 | a Request-URI whose scheme is not followed: sip, sips and tel are, unless [`Role::following`] says otherwise (§8.2.2.1, §16.3 step 2) |
/// | proxy | 483 | a request that may take no hop more (§16.3 step 3) |
/// | proxy | 420 and Unsupported | a Proxy-Require not understood (step 5) |
/// | proxy | 400 | a Route that can't be read (step 1) |
/// | registrar, user agent | 405 and Allow, 501 | a method not served (§8.2.1, §21.5.2) |
/// | registrar, user agent | 420 and Unsupported | a Require not understood (§8.2.2.3) |
/// | registrar | 400 | an address of record that is neither sip nor sips (§10.3 step 5, RFC 4475 §3.3.4) |
/// | registrar | 400 | a Contact, its q-value or a Path that can't be read; `*` beside others, or not to expire at once (step 6) |
/// | user agent | 400 | a dialog that can't be had: Contact is no single SIP URI (§8.1.1.8), Record-Route can't be read (§12.1.1) |
/// | user agent | 415 and Accept or Accept-Encoding | a body not understood (§8.2.3) |
/// | user agent | silence | a response that went astray: it has several Vias (§8.1.3.3) |
///
/// What needs to know of other requests is not judged here: loops (§16.3 step 4), merged requests (§8.2.2.2).
///
/// ```
/// use sip_core::{Limits, Method, OptionTag, Role, parse_message};
///
/// let phone = Role::user_agent().serving([Method::Invite, Method::Ack, Method::Bye, Method::Cancel]);
/// let phone = phone.supporting([OptionTag::new("100rel")?]);
/// let text = "OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
///     From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n";
/// let refusal = phone.validate(&parse_message(text.into(), &Limits::default())?).unwrap_err();
/// assert_eq!(refusal.flaw.status.map(|status| status.as_u16()), Some(405));
/// assert_eq!(refusal.header.unwrap().1, "INVITE, ACK, BYE, CANCEL");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Role {
    kind: Kind,
    /// Served methods; none named means that all are.
    methods: Vec<Method>,
    extensions: Vec<OptionTag>,
    /// Followed schemes; none named means sip, sips and tel.
    schemes: Vec<&'static str>,
    /// Understood bodies; none named means that all are.
    accepted: Vec<ContentType>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Proxy,
    Registrar,
    UserAgent,
}

impl Role {
    /// Forwards requests of any method; understands no extension (§16.3).
    #[must_use]
    pub fn proxy() -> Role {
        Role::of(Kind::Proxy)
    }

    /// Serves REGISTER; understands no extension (§10.3).
    #[must_use]
    pub fn registrar() -> Role {
        Role::of(Kind::Registrar).serving([Method::Register])
    }

    /// A UAS for requests of any method, a UAC for responses; understands no extension (§8.1.3, §8.2).
    #[must_use]
    pub fn user_agent() -> Role {
        Role::of(Kind::UserAgent)
    }

    fn of(kind: Kind) -> Role {
        Role {
            kind,
            methods: Vec::new(),
            extensions: Vec::new(),
            schemes: Vec::new(),
            accepted: Vec::new(),
        }
    }

    /// The same role for those methods alone; a proxy forwards any other all the same.
    #[must_use]
    pub fn serving(mut self, methods: impl IntoIterator<Item = Method>) -> Role {
        self.methods = methods.into_iter().collect();
        self
    }

    /// The same role that understands those extensions too.
    #[must_use]
    pub fn supporting(mut self, extensions: impl IntoIterator<Item = OptionTag>) -> Role {
        self.extensions.extend(extensions);
        self
    }

    /// The same role that follows Request-URIs of those schemes alone, written without their colon.
    ///
    /// ```
    /// use sip_core::{Message, Role, Limits, parse_message};
    ///
    /// let text = "INVITE urn:service:sos SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
    ///     From: <sip:a@a.example>;tag=1\r\nTo: <urn:service:sos>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n";
    /// let emergency = parse_message(text.into(), &Limits::default())?;
    /// let refusal = Role::proxy().validate(&emergency).unwrap_err();
    /// assert_eq!(refusal.flaw.status.unwrap().as_u16(), 416);
    /// Role::proxy().following(["sip", "sips", "tel", "urn"]).validate(&emergency)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn following(mut self, schemes: impl IntoIterator<Item = &'static str>) -> Role {
        self.schemes = schemes.into_iter().collect();
        self
    }

    /// The same user agent that understands bodies of those media types alone, and not encoded.
    #[must_use]
    pub fn accepting(mut self, types: impl IntoIterator<Item = ContentType>) -> Role {
        self.accepted = types.into_iter().collect();
        self
    }

    /// Whether `message` may be processed: [`validate`] finds no defect, and [`Role::check`] none for this role.
    ///
    /// # Errors
    /// The first defect, with the response it deserves.
    pub fn validate(&self, message: &Message) -> Result<(), Refusal> {
        validate(message)?;
        match message {
            Message::Request(request) => self.check(request),
            Message::Response(response) => self.check_response(response),
        }
    }

    /// What this role demands of a request that [`validate`] let pass. It reads a few headers and allocates nothing
    /// as long as there is nothing to refuse.
    ///
    /// # Errors
    /// The first defect, with the response it deserves.
    pub fn check(&self, request: &Request) -> Result<(), Refusal> {
        let checked = match self.kind {
            Kind::Proxy => self.check_as_proxy(request),
            Kind::Registrar => self.check_as_registrar(request),
            Kind::UserAgent => self.check_as_user_agent(request),
        };
        match request.method() {
            Method::Ack => checked.map_err(Refusal::unanswered),
            _ => checked,
        }
    }

    fn check_as_proxy(&self, request: &Request) -> Result<(), Refusal> {
        self.follows(request)?;
        let headers = request.headers();
        if let Some(MaxForwards(0)) = optional(headers, "one Max-Forwards")? {
            let status = StatusCode::TOO_MANY_HOPS;
            return Err(refused::<MaxForwards>(headers, "a hop left", status).into());
        }
        self.understands::<ProxyRequire>(request)?;
        readable::<Route>(headers)
    }

    fn check_as_registrar(&self, request: &Request) -> Result<(), Refusal> {
        self.serves(request.method())?;
        self.follows(request)?;
        self.understands::<Require>(request)?;
        let headers = request.headers();
        if headers
            .require::<To>()
            .is_ok_and(|to| is_foreign(to.as_uri()))
        {
            let (expected, status) = ("sip or sips in To", StatusCode::BAD_REQUEST);
            return Err(refused::<To>(headers, expected, status).into());
        }
        check_bindings(headers)?;
        readable::<Path>(headers)
    }

    fn check_as_user_agent(&self, request: &Request) -> Result<(), Refusal> {
        self.serves(request.method())?;
        self.follows(request)?;
        self.understands::<Require>(request)?;
        super::content::check(request, &self.accepted)?;
        if makes_dialog(request.method()) {
            check_remote_target(request.headers())?;
            readable::<RecordRoute>(request.headers())?;
        }
        Ok(())
    }

    /// §8.1.3.3
    fn check_response(&self, response: &Response) -> Result<(), Refusal> {
        if self.kind != Kind::UserAgent {
            return Ok(());
        }
        let headers = response.headers();
        match headers.located::<Via>().nth(1) {
            Some((place, _)) => Err(bad(headers, place, "one Via").unanswered()),
            None => Ok(()),
        }
    }

    /// §8.2.1
    fn serves(&self, method: &Method) -> Result<(), Refusal> {
        let served = self.methods.is_empty() || self.methods.contains(method);
        match method {
            _ if served => Ok(()),
            Method::Other(_) => {
                let (expected, status) = ("a known method", StatusCode::NOT_IMPLEMENTED);
                Err(Flaw::new(0, expected, status).into())
            }
            _ => Err(Refusal::method_not_allowed(&self.methods)),
        }
    }

    /// §8.2.2.1, §16.3 step 2
    fn follows(&self, request: &Request) -> Result<(), Refusal> {
        let is_followed = match (&self.schemes[..], request.uri()) {
            ([], Uri::Sip(_) | Uri::Tel(_)) => true,
            (schemes, uri) => schemes
                .iter()
                .any(|scheme| uri.scheme().eq_ignore_ascii_case(scheme.as_bytes())),
        };
        if is_followed {
            return Ok(());
        }
        let (expected, status) = ("a scheme followed", StatusCode::UNSUPPORTED_URI_SCHEME);
        Err(Flaw::new(uri_start(request), expected, status).into())
    }

    /// §8.2.2.3, §16.3 step 5. In an ACK or a CANCEL the tags mean nothing.
    fn understands<H>(&self, request: &Request) -> Result<(), Refusal>
    where
        H: ListHeader + Deref<Target = OptionTag>,
    {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Ok(());
        }
        let headers = request.headers();
        let mut first = None;
        let mut unsupported = Vec::new();
        for (place, tag) in headers.located::<H>() {
            let tag = tag.map_err(|error| unreadable(headers, place, &error))?;
            if !self.extensions.contains(&tag) {
                first.get_or_insert(place);
                append(&mut unsupported, &tag.as_text());
            }
        }
        match first {
            Some(place) => Err(Refusal::bad_extension(headers.offset(place), unsupported)),
            None => Ok(()),
        }
    }
}

/// Requests that open a dialog (§12.1.1; RFC 6665 §4.4.1, RFC 3515 §2.4.4).
fn makes_dialog(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Subscribe | Method::Refer)
}

/// §8.1.1.8. A peer of RFC 2543, known by its Via, need not name a Contact.
fn check_remote_target(headers: &Headers) -> Result<(), Refusal> {
    let mut contacts = headers.located::<Contact>();
    let Some((place, contact)) = contacts.next() else {
        let via = headers.require::<Via>().ok();
        return match via.and_then(|via| via.branch()) {
            Some(branch) if branch.is_rfc3261() => {
                let (expected, status) = ("a Contact", StatusCode::BAD_REQUEST);
                Err(refused::<Contact>(headers, expected, status).into())
            }
            _ => Ok(()),
        };
    };
    let contact = contact.map_err(|error| unreadable(headers, place, &error))?;
    if contact.uri().as_ref().is_none_or(is_foreign) {
        return Err(bad(headers, place, "sip or sips in Contact"));
    }
    match contacts.next() {
        Some((place, _)) => Err(bad(headers, place, "one Contact")),
        None => Ok(()),
    }
}

/// §10.3 step 6, and what step 7 reads. An `expires` that can't be read is taken for 3600 (§20.10).
fn check_bindings(headers: &Headers) -> Result<(), Refusal> {
    let (mut count, mut star) = (0, None);
    for (place, contact) in headers.located::<Contact>() {
        let contact = contact.map_err(|error| unreadable(headers, place, &error))?;
        if let Some(Err(error)) = contact.q() {
            return Err(unreadable(headers, place, &error).into());
        }
        count += 1;
        if contact.is_star() {
            star = Some(place);
        }
    }
    let Some(place) = star else { return Ok(()) };
    if count > 1 {
        return Err(bad(headers, place, "`*` as the only Contact"));
    }
    match headers.optional::<Expires>() {
        Ok(Some(Expires(0))) => Ok(()),
        _ => Err(bad(headers, place, "`Expires: 0` beside `*`")),
    }
}

fn readable<H: ListHeader>(headers: &Headers) -> Result<(), Refusal> {
    for (place, member) in headers.located::<H>() {
        member.map_err(|error| unreadable(headers, place, &error))?;
    }
    Ok(())
}

fn bad(headers: &Headers, place: Place, expected: &'static str) -> Refusal {
    let offset = headers.offset(place);
    Flaw::new(offset, expected, StatusCode::BAD_REQUEST).into()
}

fn is_foreign(uri: &Uri) -> bool {
    uri.as_sip().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeaderName, Limits, parse_message};

    const COMMON: &str = "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=1\r\n\
        To: <sip:b@b.example>\r\nCall-ID: 1\r\n";

    fn message(method: &str, lines: &[&str]) -> Message {
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let start = format!("{method} sip:b@b.example SIP/2.0\r\n{COMMON}");
        let text = format!("{start}CSeq: 1 {method}\r\n{lines}\r\n");
        parse_message(text.into(), &Limits::default()).unwrap()
    }

    fn judge(role: &Role, method: &str, lines: &[&str]) -> Result<(), Refusal> {
        role.validate(&message(method, lines))
    }

    /// What is expected where the flaw is, and the status owed.
    #[track_caller]
    fn refused_at(role: &Role, method: &str, lines: &[&str], status: u16, at: &str) {
        let message = message(method, lines);
        let refusal = role.validate(&message).unwrap_err();
        assert_eq!(refusal.flaw.status.map(StatusCode::as_u16), Some(status));
        let printed = message.to_bytes();
        let rest = String::from_utf8_lossy(&printed[refusal.flaw.offset..]);
        assert!(rest.starts_with(at), "{refusal}: {rest}");
    }

    fn tags(tags: &[&str]) -> Vec<OptionTag> {
        tags.iter()
            .map(|tag| OptionTag::new(tag).unwrap())
            .collect()
    }

    #[test]
    fn a_proxy_forwards_what_it_does_not_read() {
        let odd = [
            "Contact: ,,<",
            "Require: foo",
            "Record-Route: ?",
            "Date: x",
            "Expires: never",
        ];
        for method in ["INVITE", "REGISTER", "HELLO"] {
            assert_eq!(judge(&Role::proxy(), method, &odd), Ok(()));
        }
    }

    #[test]
    fn a_proxy_takes_no_hop_where_none_is_left() {
        refused_at(&Role::proxy(), "INVITE", &["Max-Forwards: 0"], 483, "0");
        assert_eq!(
            judge(&Role::user_agent(), "OPTIONS", &["Max-Forwards: 0"]),
            Ok(())
        );
        assert_eq!(
            judge(&Role::proxy(), "OPTIONS", &["Max-Forwards: 1"]),
            Ok(())
        );
    }

    fn to_uri(role: &Role, uri: &str) -> Option<u16> {
        let text = format!("BYE {uri} SIP/2.0\r\n{COMMON}CSeq: 1 BYE\r\n\r\n");
        let message = parse_message(text.into(), &Limits::default()).unwrap();
        let refusal = role.validate(&message).err()?;
        assert_eq!(refusal.flaw.offset, "BYE ".len());
        refusal.flaw.status.map(StatusCode::as_u16)
    }

    #[test]
    fn a_scheme_is_followed_or_refused_by_every_role() {
        let uris = ["sip:b", "SIPS:b", "tel:+1", "urn:service:sos", "http://b"];
        for role in [Role::proxy(), Role::user_agent()] {
            let statuses = uris.map(|uri| to_uri(&role, uri));
            assert_eq!(statuses, [None, None, None, Some(416), Some(416)]);
            let emergency = role.following(["sip", "URN"]);
            let statuses = uris.map(|uri| to_uri(&emergency, uri));
            assert_eq!(statuses, [None, Some(416), Some(416), None, Some(416)]);
        }
        let registrar = Role::registrar().serving([Method::Bye]);
        assert_eq!(to_uri(&registrar, "urn:service:sos"), Some(416));
    }

    #[test]
    fn a_proxy_reads_every_route() {
        let lines = [
            "Route: <sip:p1;lr>, <sip:p2;lr>",
            "Route:",
            "Route: <sip:p3;lr>, sip:p4",
        ];
        refused_at(&Role::proxy(), "BYE", &lines, 400, "\r\n\r\n");
        assert_eq!(judge(&Role::user_agent(), "BYE", &lines), Ok(()));
    }

    #[test]
    fn what_is_required_and_not_understood_is_named() {
        let lines = [
            "Require: Path, foo",
            "Require: bar",
            "Proxy-Require: baz,path",
        ];
        for (role, method, unsupported, at) in [
            (Role::proxy(), "REGISTER", "baz", "baz,"),
            (Role::registrar(), "REGISTER", "foo, bar", "foo\r\n"),
            (Role::user_agent(), "INVITE", "foo, bar", "foo\r\n"),
        ] {
            let role = role.supporting(tags(&["path"]));
            refused_at(&role, method, &lines, 420, at);
            let refusal = judge(&role, method, &lines).unwrap_err();
            let Message::Request(request) = message(method, &lines) else {
                unreachable!()
            };
            let response = refusal.reply(&request).unwrap();
            let named: Vec<_> = response.headers().raw(&HeaderName::Unsupported).collect();
            assert_eq!(named, [unsupported]);
        }
        for method in ["ACK", "CANCEL"] {
            assert_eq!(judge(&Role::proxy(), method, &lines), Ok(()));
            assert_eq!(judge(&Role::user_agent(), method, &lines), Ok(()));
        }
        refused_at(&Role::user_agent(), "OPTIONS", &["Require: a b"], 400, " b");
    }

    #[test]
    fn a_method_not_served_is_405_and_an_unknown_one_501() {
        let refusal = judge(&Role::registrar(), "OPTIONS", &[]).unwrap_err();
        assert_eq!(refusal.flaw.status, Some(StatusCode::METHOD_NOT_ALLOWED));
        let allow = (HeaderName::Allow, crate::Text::from_static("REGISTER"));
        assert_eq!(refusal.header, Some(allow));
        refused_at(&Role::registrar(), "HELLO", &[], 501, "HELLO");
        assert_eq!(judge(&Role::user_agent(), "HELLO", &[]), Ok(()));
    }

    #[test]
    fn an_ack_is_met_with_silence() {
        let refusal = judge(&Role::registrar(), "ACK", &[]).unwrap_err();
        assert_eq!((refusal.flaw.status, &refusal.header), (None, &None));
        let Message::Request(ack) = message("ACK", &[]) else {
            unreachable!()
        };
        assert!(refusal.reply(&ack).is_none());
        let refusal = judge(&Role::proxy(), "ACK", &["Max-Forwards: 0"]).unwrap_err();
        assert_eq!(refusal.flaw.status, None);
    }

    #[test]
    fn an_invite_names_one_contact_that_is_sip() {
        let uas = Role::user_agent();
        for method in ["INVITE", "SUBSCRIBE", "REFER"] {
            assert_eq!(judge(&uas, method, &["m: <sips:a@192.0.2.1>;x"]), Ok(()));
            for (lines, at) in [
                (&[][..], method),
                (&["Contact: *"], "*"),
                (&["m:", "m: <tel:+1>"], "<tel:"),
                (&["Contact: <sip:a>,\r\n <sip:b>"], "<sip:b>"),
                (&["Contact: <sip:a>", "m: <sip:b>"], "<sip:b>"),
                (&["Contact: <sip:a>;;"], ";\r\n"),
            ] {
                refused_at(&uas, method, lines, 400, at);
            }
        }
        assert_eq!(judge(&uas, "MESSAGE", &["Contact: <sip:a>, *"]), Ok(()));
    }

    #[test]
    fn a_peer_of_rfc_2543_may_name_no_contact() {
        let old = "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nFrom: sip:a\r\nTo: sip:b\r\nCall-ID: 1\r\n\
            CSeq: 1 INVITE\r\n\r\n";
        let old = parse_message(old.into(), &Limits::default()).unwrap();
        assert_eq!(Role::user_agent().validate(&old), Ok(()));
        assert_eq!(Role::proxy().validate(&old), Ok(()));
    }

    #[test]
    fn a_dialog_needs_a_record_route_that_can_be_read() {
        let lines = ["Contact: <sip:a>", "Record-Route: <sip:p;lr>, sip:q"];
        refused_at(&Role::user_agent(), "INVITE", &lines, 400, "\r\n\r\n");
        assert_eq!(judge(&Role::user_agent(), "BYE", &lines), Ok(()));
    }

    #[test]
    fn a_star_stands_alone_and_removes_at_once() {
        let registrar = Role::registrar();
        assert_eq!(
            judge(&registrar, "REGISTER", &["m: *", "Expires: 0"]),
            Ok(())
        );
        for lines in [
            &["Contact: *"][..],
            &["Contact: *", "Expires: 1"],
            &["Contact: *", "Expires: never"],
            &["Contact: *", "Expires: 0", "Expires: 0"],
            &["Contact: *,<sip:a@a>", "Expires: 0"],
            &["Contact: *", "Expires: 0", "Contact: <sip:a@a>"],
        ] {
            refused_at(&registrar, "REGISTER", lines, 400, "*");
        }
        refused_at(
            &registrar,
            "REGISTER",
            &["m: *, *", "Expires: 0"],
            400,
            "*\r\n",
        );
    }

    #[test]
    fn a_registrar_reads_contacts_and_path_and_forgives_an_expiry() {
        let registrar = Role::registrar();
        for (lines, at) in [
            (&["m: <sip:a@a>;expires=soon, <sip:b@b>;q=2"], "2\r\n"),
            (&["m: <sip:a@a>, sip:a@a?Route=%3C"], "?Route"),
            (&["Path: <sip:p;lr>, <sip:q>x, p"], "x, p"),
        ] {
            refused_at(&registrar, "REGISTER", lines, 400, at);
        }
        let fine = [
            "m: <sip:a@a>;expires=soon;q=0.5, <mailto:a@a>",
            "Expires: soon",
        ];
        assert_eq!(judge(&registrar, "REGISTER", &fine), Ok(()));
        assert_eq!(judge(&registrar, "REGISTER", &[]), Ok(()));
    }

    #[test]
    fn an_address_of_record_is_sip_or_sips() {
        // RFC 4475 §3.3.4 (unksm2)
        let lines = COMMON.replace("sip:b@b.example", "isbn:2983792873");
        let text = format!("REGISTER sip:b SIP/2.0\r\n{lines}CSeq: 1 REGISTER\r\n\r\n");
        let message = parse_message(text.into(), &Limits::default()).unwrap();
        let refusal = Role::registrar().validate(&message).unwrap_err();
        assert_eq!(refusal.flaw.expected, "sip or sips in To");
        assert_eq!(Role::proxy().validate(&message), Ok(()));
        assert_eq!(Role::user_agent().validate(&message), Ok(()));
    }

    #[test]
    fn a_response_with_two_vias_is_not_for_a_user_agent() {
        let text = format!("SIP/2.0 200 OK\r\n{COMMON}CSeq: 1 BYE\r\nv: SIP/2.0/UDP c\r\n\r\n");
        let message = parse_message(text.into(), &Limits::default()).unwrap();
        let refusal = Role::user_agent().validate(&message).unwrap_err();
        assert_eq!(
            (refusal.flaw.expected, refusal.flaw.status),
            ("one Via", None)
        );
        assert_eq!(Role::proxy().validate(&message), Ok(()));
    }
}
