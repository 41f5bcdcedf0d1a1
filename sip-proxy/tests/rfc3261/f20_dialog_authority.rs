//! F-11, F-20 to F-24, T4, T5, A24: what passes unasked along a dialog, and what only looks like it.

use std::sync::{Arc, Mutex};

use sip_core::{Request, Response, StatusCode};
use sip_proxy::backend::{Accounting, Record};
use sip_proxy::dialog::{CookieRefused, DialogSide};
use sip_proxy::{Admission, Decision, DialogValues, ForkPlan, InDialog, Incoming, Relay, Secret};

use super::support::*;

const BOBS_CONTACT: &str = "sip:bob@203.0.113.1";
const VICTIM: &str = "sip:victim@203.0.113.66";

/// Lets pass what belongs to a dialog and what is for bob, and asks whoever wants anything else.
fn guarded(incoming: &Incoming) -> Decision {
    if let Some(admission) = Admission::in_dialog(incoming) {
        return Relay::new(admission, ForkPlan::unchanged(incoming)).into();
    }
    match incoming.request.uri().to_string().as_str() {
        "sip:bob@example.com" => relay(ForkPlan::to(target(BOBS_CONTACT))).into(),
        _ => incoming
            .reply(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
            .into(),
    }
}

fn relay(plan: ForkPlan) -> Relay {
    Relay::new(open(), plan)
}

/// Alice's call to Bob as far as his 200: what each of them makes its route set of.
struct Call {
    invite: Request,
    answer: Response,
}

impl Call {
    fn begin(world: &mut World) -> Call {
        world.receive(ALICE, &request("INVITE", ""));
        let (invite, _) = world.take_requests().remove(0);
        let answer = world.answer(&invite, BOB, 200);
        world.take();
        Call { invite, answer }
    }

    fn route(&self) -> String {
        format!(
            "Route: {}\n",
            lines(&self.invite, "Record-Route").join(", ")
        )
    }

    fn bobs_tag(&self) -> String {
        self.answer.to_tag().expect("Bob's tag").to_string()
    }

    /// A request of Alice's along the call.
    fn downstream(&self, method: &str, uri: &str) -> String {
        in_dialog(method, uri, &self.route()).replace("tag=b1", &format!("tag={}", self.bobs_tag()))
    }

    /// A request of Bob's along the call.
    fn upstream(&self, method: &str) -> String {
        self.downstream(method, "sip:alice@198.51.100.1")
            .replace("From: \"Alice\" <sip:alice@example.org>;tag=a1", "Tob")
            .replace("To: <sip:bob@example.com>", "From: <sip:bob@example.com>")
            .replace("Tob", "To: <sip:alice@example.org>;tag=a1")
    }
}

#[track_caller]
fn is_asked_who_it_is(world: &mut World, request: &str) {
    world.receive("198.51.100.66:5060", request);
    let summary = world.take_summary();
    match request.starts_with("ACK") {
        true => assert!(summary.is_empty(), "{summary:?}"),
        false => assert!(summary[0].starts_with("407 "), "{summary:?}\n{request}"),
    }
}

#[test]
fn both_sides_of_a_call_pass_unasked_by_its_record_route() {
    let mut world = World::new(By(guarded));
    let call = Call::begin(&mut world);
    world.receive(ALICE, &call.downstream("INVITE", BOBS_CONTACT));
    assert_eq!(
        world.take_summary(),
        [
            "100 INVITE → 198.51.100.1:5060",
            "INVITE → 203.0.113.1:5060"
        ]
    );
    world.receive(BOB, &call.upstream("BYE"));
    assert_eq!(world.take_summary(), ["BYE → 198.51.100.1:5060"]);
}

/// T4, A24
#[test]
fn a_to_tag_and_our_route_prove_nothing() {
    let mut world = World::new(By(guarded));
    for route in [
        "sip:192.0.2.1;lr",
        "sip:192.0.2.1:5060;transport=tcp;r2=on;lr",
        "sip:proxy.example.com;lr=on",
        "sip:192.0.2.1;avp;lr",
        "sip:192.0.2.1;avp=;lr",
        "sip:192.0.2.1;avp=AAAAAAAAAAAAAAAAAAAAAAAA;lr",
        "sip:192.0.2.1;avp=GVgPAAAAAAAAAAAAAAAAAAAAAAAAAAAA;lr",
    ] {
        for method in ["INVITE", "BYE", "MESSAGE", "ACK", "UPDATE"] {
            let request = in_dialog(method, VICTIM, &format!("Route: <{route}>\n"));
            is_asked_who_it_is(&mut world, &request);
        }
    }
}

/// A24: who has been in one call sends nothing along another.
#[test]
fn a_cookie_counts_for_no_other_dialog() {
    let mut world = World::new(By(guarded));
    let call = Call::begin(&mut world);
    let own = call.downstream("INVITE", VICTIM);
    for (from, to) in [
        ("Call-ID: 3848276298220188511@", "Call-ID: other@"),
        (
            "Call-ID: 3848276298220188511@",
            "Call-ID: 3848276298220188511@x",
        ),
        ("tag=a1", "tag=a2"),
        ("tag=a1", "tag=A1"),
        (";tag=a1", ""),
    ] {
        assert!(own.contains(from));
        is_asked_who_it_is(&mut world, &own.replace(from, to));
    }
}

/// T5
#[test]
fn a_cookie_without_a_to_tag_makes_a_new_request() {
    let mut world = World::new(By(guarded));
    let call = Call::begin(&mut world);
    let tag = format!(";tag={}", call.bobs_tag());
    let request = call.downstream("INVITE", VICTIM).replace(&tag, "");
    is_asked_who_it_is(&mut world, &request);
}

/// F-21: ignored, and told to whoever keeps a log.
#[test]
fn a_cookie_altered_or_cut_short_is_told_and_the_request_is_new() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&told);
    let mut world = World::new(By(move |incoming: &Incoming| {
        if let InDialog::Refused(why) = incoming.dialog {
            log.lock().expect("not poisoned").push(why);
        }
        guarded(incoming)
    }));
    let call = Call::begin(&mut world);
    let good = call.downstream("BYE", VICTIM);
    let (before, rest) = good.split_once(";avp=").expect("a cookie");
    let (cookie, after) = rest.split_once(';').expect(";lr");
    let with = |cookie: &str| format!("{before};avp={cookie};{after}");
    for at in 0..cookie.len() {
        let mut altered = cookie.as_bytes().to_vec();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).expect("ASCII");
        is_asked_who_it_is(&mut world, &with(&altered));
        is_asked_who_it_is(&mut world, &with(&cookie[..at]));
        is_asked_who_it_is(&mut world, &with(&format!("{cookie}{}", &cookie[..=at])));
    }
    let told = told.lock().expect("not poisoned");
    assert_eq!(told.len(), 3 * cookie.len());
    for why in [
        CookieRefused::Malformed,
        CookieRefused::UnknownKey,
        CookieRefused::Forged,
    ] {
        assert!(told.contains(&why), "{why}");
    }
}

#[test]
fn any_server_with_the_same_secret_knows_the_dialog_and_no_other_does() {
    let mut first = World::new(By(guarded));
    let call = Call::begin(&mut first);
    let mut second = World::new(By(guarded));
    second.receive(ALICE, &call.downstream("BYE", BOBS_CONTACT));
    assert_eq!(second.take_summary(), ["BYE → 203.0.113.1:5060"]);

    let mut stranger = World::configured(By(guarded), |config| {
        let secret = Secret::new(*b"another server's");
        *config = sip_proxy::ProxyConfig::new(config.addresses.clone(), config.epoch, secret);
    });
    is_asked_who_it_is(&mut stranger, &call.downstream("BYE", BOBS_CONTACT));
}

#[test]
fn after_its_lifetime_a_cookie_proves_nothing() {
    let mut world = World::new(By(guarded));
    let call = Call::begin(&mut world);
    let week = sip_proxy::DialogCookies::LIFETIME;
    world.advance(week);
    world.receive(ALICE, &call.downstream("MESSAGE", BOBS_CONTACT));
    assert_eq!(world.take_summary(), ["MESSAGE → 203.0.113.1:5060"]);
    world.advance(std::time::Duration::from_secs(65));
    world.take();
    is_asked_who_it_is(&mut world, &call.downstream("BYE", BOBS_CONTACT));
}

/// F-23
#[test]
fn requests_along_a_dialog_get_a_fresh_record_route_with_the_same_cookie() {
    let mut world = World::new(By(guarded));
    let call = Call::begin(&mut world);
    let recorded = lines(&call.invite, "Record-Route");
    for request in [
        call.downstream("INVITE", BOBS_CONTACT),
        call.upstream("UPDATE"),
    ] {
        world.receive(ALICE, &request);
        let (again, _) = world.take_requests().remove(0);
        assert_eq!(lines(&again, "Record-Route"), recorded);
        assert!(lines(&again, "Route").is_empty());
    }
}

#[test]
fn the_cookie_takes_no_more_room_than_it_needs() {
    let mut world = World::new(By(guarded));
    let call = Call::begin(&mut world);
    let recorded = &lines(&call.invite, "Record-Route")[0];
    assert_eq!(recorded.len(), "<sip:192.0.2.1:5060;avp=;lr>".len() + 24);
}

#[test]
fn what_begins_no_dialog_carries_no_cookie() {
    let mut world = World::new(Onwards);
    for (method, has_one) in [
        ("INVITE", true),
        ("SUBSCRIBE", true),
        ("REFER", true),
        ("MESSAGE", false),
        ("OPTIONS", false),
    ] {
        world.receive(ALICE, &request_to(method, BOBS_CONTACT, ""));
        let (forwarded, _) = world.take_requests().remove(0);
        let line = &lines(&forwarded, "Record-Route")[0];
        assert_eq!(line.contains(";avp="), has_one, "{method}: {line}");
    }
}

/// F-11: a pair is taken off as one, whichever half is on top.
#[test]
fn each_of_a_pair_carries_the_cookie() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to("INVITE", "sip:bob@203.0.113.1;transport=tcp", ""),
    );
    let (forwarded, _) = world.take_requests().remove(0);
    let recorded = lines(&forwarded, "Record-Route");
    assert_eq!(recorded.len(), 2);
    assert!(recorded.iter().all(|line| line.contains(";avp=")));
}

/// §16.4: the strict router put it into the Request-URI.
#[test]
fn a_strict_router_before_us_brings_the_cookie_too() {
    let mut world = World::new(By(guarded));
    let uri = proved("sip:192.0.2.1:5060;lr");
    let bye = in_dialog("BYE", &uri, &format!("Route: <{BOBS_CONTACT}>\n"));
    world.receive(ALICE, &bye);
    assert_eq!(world.take_summary(), ["BYE → 203.0.113.1:5060"]);
    let message = in_dialog(
        "MESSAGE",
        "sip:192.0.2.1:5060;lr",
        &format!("Route: <{VICTIM}>\n"),
    );
    is_asked_who_it_is(&mut world, &message);
}

/// F-22: what the router wanted remembered, in both directions, until it wants something else.
#[test]
fn the_router_finds_in_a_later_request_what_it_remembered_in_the_first() {
    type Seen = Vec<(DialogSide, DialogValues)>;
    let seen = Arc::new(Mutex::new(Seen::new()));
    let log = Arc::clone(&seen);
    let mut world = World::new(By(move |incoming: &Incoming| {
        let Some(dialog) = incoming.dialog.proved() else {
            return relay(ForkPlan::to(target(BOBS_CONTACT)))
                .remember(DialogValues {
                    session_timer: Some(1800),
                    application: b"trunk 7"[..].try_into().expect("short"),
                    ..DialogValues::default()
                })
                .into();
        };
        let values = dialog.values().clone();
        log.lock()
            .expect("not poisoned")
            .push((dialog.sender(), values.clone()));
        relay(ForkPlan::unchanged(incoming))
            .remember(DialogValues {
                media_relayed: true,
                ..values
            })
            .into()
    }));
    let call = Call::begin(&mut world);
    world.receive(BOB, &call.upstream("INVITE"));
    let (again, _) = world.take_requests().remove(0);
    let renewed = lines(&again, "Record-Route").remove(0);
    let later = call
        .downstream("BYE", BOBS_CONTACT)
        .replace(&call.route(), &format!("Route: {renewed}\n"));
    world.receive(ALICE, &later);
    let seen = seen.lock().expect("not poisoned");
    let [(first_side, first), (second_side, second)] = &seen[..] else {
        unreachable!("{seen:?}")
    };
    assert_eq!(
        (first_side, second_side),
        (&DialogSide::Callee, &DialogSide::Caller)
    );
    assert_eq!(&*first.application, b"trunk 7");
    assert_eq!(
        (first.session_timer, first.media_relayed),
        (Some(1800), false)
    );
    assert_eq!(
        (second.session_timer, second.media_relayed),
        (Some(1800), true)
    );
}

#[derive(Default)]
struct Ledger(Mutex<Vec<String>>);

impl Accounting for Ledger {
    fn record(&self, record: Record) {
        let line = format!("{:?} {}", record.event, record.request.method());
        self.0.lock().expect("not poisoned").push(line);
    }
}

/// F-22
#[test]
fn what_comes_along_an_accounted_dialog_is_accounted_for() {
    let ledger = Arc::new(Ledger::default());
    let mut world = World::new(By(|incoming: &Incoming| {
        match Admission::in_dialog(incoming) {
            Some(admission) => Relay::new(admission, ForkPlan::unchanged(incoming)).into(),
            None => relay(ForkPlan::to(target(BOBS_CONTACT))).accounted().into(),
        }
    }));
    world.proxy = world.proxy.with_accounting(Arc::clone(&ledger) as _);
    let call = Call::begin(&mut world);
    world.receive(BOB, &call.upstream("BYE"));
    let (bye, _) = world.take_request();
    world.answer(&bye, ALICE, 200);
    let ledger = ledger.0.lock().expect("not poisoned");
    assert_eq!(*ledger, ["Start INVITE", "Answer INVITE", "End BYE"]);
}
