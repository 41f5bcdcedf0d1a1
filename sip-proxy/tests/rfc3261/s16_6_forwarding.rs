//! RFC 3261 §16.6, request forwarding.

use sip_core::{HeaderName, Route, StatusCode, Text, Transport};
use sip_proxy::{ForkPlan, Incoming, Relay};
use sip_transaction::Target;

use super::support::*;

fn relay(plan: ForkPlan) -> Relay {
    Relay::new(open(), plan)
}

#[test]
fn step_1_what_nobody_touches_leaves_as_it_came() {
    let mut world = World::new(By(|incoming: &Incoming| {
        relay(ForkPlan::unchanged(incoming))
            .record_route(false)
            .into()
    }));
    let odd = "X-Odd:   a ,, \"b\nsubject: one,\n  two\nX-Odd: c\n";
    world.receive(
        ALICE,
        &request_to(
            "MESSAGE",
            "sip:bob@203.0.113.1",
            &format!("Max-Forwards: 10\n{odd}"),
        ),
    );
    let (forwarded, _) = world.take_request();
    let printed = text(&forwarded.into());
    assert!(printed.contains(odd), "{printed}");
    assert!(printed.contains(
        "From: \"Alice\" <sip:alice@example.org>;tag=a1\nTo: <sip:bob@example.com>\nCall-ID:"
    ));
}

#[test]
fn step_2_parameters_not_allowed_in_a_request_uri_are_removed() {
    let mut world = World::new(To(|| {
        ForkPlan::to(target("sip:bob@203.0.113.1;method=INVITE;ob?Subject=hi"))
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (forwarded, _) = world.take_requests().remove(0);
    assert_eq!(forwarded.uri().to_string(), "sip:bob@203.0.113.1;ob");
}

/// F-02
#[test]
fn step_3_max_forwards_counts_down_and_is_capped() {
    let mut world = World::new(Onwards);
    for (received, forwarded) in [
        ("", "10"),
        ("70", "16"),
        ("255", "16"),
        ("17", "16"),
        ("16", "15"),
        ("1", "0"),
    ] {
        let line = match received {
            "" => String::new(),
            value => format!("Max-Forwards: {value}\n"),
        };
        world.receive(
            ALICE,
            &request_to("OPTIONS", "sip:bob@203.0.113.1", &line)
                .replace("-1\n", &format!("-1{received}\n")),
        );
        let (request, _) = world.take_request();
        assert_eq!(lines(&request, "Max-Forwards"), [forwarded], "{received}");
    }
}

/// F-11
#[test]
fn step_4_record_route_on_everything_but_register() {
    let mut world = World::new(Onwards);
    for method in ["INVITE", "MESSAGE", "SUBSCRIBE", "HELLO", "REGISTER"] {
        world.receive(ALICE, &request_to(method, "sip:bob@203.0.113.1", ""));
        let (forwarded, _) = world.take_requests().remove(0);
        let expected: &[&str] = match method {
            "REGISTER" => &[],
            _ => &["<sip:192.0.2.1:5060;lr>"],
        };
        assert_eq!(lines(&forwarded, "Record-Route"), expected, "{method}");
    }
}

/// F-11
#[test]
fn step_4_record_route_within_a_dialog_too_and_above_those_there_are() {
    let mut world = World::new(Onwards);
    let routes = "Record-Route: <sip:192.0.2.9;lr>\nRoute: <sip:192.0.2.1;lr>\n";
    world.receive(ALICE, &in_dialog("INVITE", "sip:bob@203.0.113.1", routes));
    let (forwarded, _) = world.take_requests().remove(0);
    assert_eq!(
        lines(&forwarded, "Record-Route"),
        ["<sip:192.0.2.1:5060;lr>", "<sip:192.0.2.9;lr>"]
    );
}

/// F-11
#[test]
fn step_4_two_record_routes_where_transports_differ() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &request_to("INVITE", "sip:bob@203.0.113.1;transport=tcp", ""),
    );
    let (forwarded, to) = world.take_requests().remove(0);
    assert_eq!(to.transport(), Transport::Tcp);
    assert_eq!(
        lines(&forwarded, "Record-Route"),
        [
            "<sip:192.0.2.1:5060;transport=tcp;r2=on;lr>",
            "<sip:192.0.2.1:5060;r2=on;lr>"
        ],
        "the one that faces downstream on top"
    );
}

#[test]
fn step_4_a_sips_request_uri_makes_a_sips_record_route() {
    let mut world = World::configured(Onwards, |config| {
        config.addresses.push(sip_proxy::OwnAddress::new(
            Transport::Tls,
            address("192.0.2.1:5061"),
        ));
    });
    world.receive(ALICE, &request_to("INVITE", "sips:bob@203.0.113.1", ""));
    let (forwarded, to) = world.take_requests().remove(0);
    assert_eq!(
        (to.transport(), to.remote()),
        (Transport::Tls, address("203.0.113.1:5061"))
    );
    assert_eq!(
        lines(&forwarded, "Record-Route")[0],
        "<sips:192.0.2.1:5061;r2=on;lr>"
    );
}

/// F-10
#[test]
fn step_5_headers_are_added_and_removed_as_the_router_says() {
    let mut world = World::new(By(|incoming: &Incoming| {
        relay(ForkPlan::unchanged(incoming))
            .without_header(HeaderName::from_text(&Text::from_static("X-Internal")))
            .with_header(
                HeaderName::from_text(&Text::from_static("P-hint")),
                Text::from_static("outbound"),
            )
            .set_header(HeaderName::Subject, Text::from_static("other"))
            .into()
    }));
    let sent = "X-Internal: 1\nX-internal: 2\nSubject: this\n";
    world.receive(ALICE, &request_to("MESSAGE", "sip:bob@203.0.113.1", sent));
    let (forwarded, _) = world.take_request();
    assert!(lines(&forwarded, "X-Internal").is_empty());
    assert_eq!(lines(&forwarded, "P-hint"), ["outbound"]);
    assert_eq!(lines(&forwarded, "Subject"), ["other"]);
}

/// F-55
#[test]
fn step_5_credentials_of_our_realm_are_removed_and_others_stay() {
    let mut world = World::new(By(|incoming: &Incoming| {
        relay(ForkPlan::unchanged(incoming))
            .without_credentials(Text::from_static("example.com"))
            .into()
    }));
    let digest = |realm: &str| {
        format!(
            "Proxy-Authorization: Digest username=\"alice\", realm=\"{realm}\", nonce=\"n\", uri=\"sip:bob@example.com\", \
             response=\"0123456789abcdef0123456789abcdef\"\n"
        )
    };
    let both = format!("{}{}", digest("example.com"), digest("elsewhere.example"));
    world.receive(ALICE, &request_to("MESSAGE", "sip:bob@203.0.113.1", &both));
    let (forwarded, _) = world.take_request();
    let left = lines(&forwarded, "Proxy-Authorization");
    assert_eq!(left.len(), 1);
    assert!(left[0].contains("elsewhere.example"));
}

#[test]
fn step_6_the_path_of_a_registration_goes_above_the_routes_there_are() {
    let mut world = World::new(To(|| {
        let path = ["sip:192.0.2.21;lr", "sip:192.0.2.22;lr"]
            .map(|uri| Route::new(&uri.parse().expect("a URI")));
        ForkPlan::to(target("sip:bob@203.0.113.1").route(path.to_vec()))
    }));
    world.receive(ALICE, &request("INVITE", "Route: <sip:192.0.2.9;lr>\n"));
    let (forwarded, to) = world.take_requests().remove(0);
    assert_eq!(
        lines(&forwarded, "Route"),
        [
            "<sip:192.0.2.21;lr>",
            "<sip:192.0.2.22;lr>",
            "<sip:192.0.2.9;lr>"
        ]
    );
    assert_eq!(to.remote(), address("192.0.2.21:5060"));
}

/// F-20
#[test]
fn step_6_a_strict_router_finds_itself_in_the_request_uri() {
    let mut world = World::new(Onwards);
    world.receive(
        ALICE,
        &in_dialog(
            "BYE",
            "sip:bob@203.0.113.1",
            "Route: <sip:192.0.2.30>\nRoute: <sip:192.0.2.31;lr>\n",
        ),
    );
    let (bye, to) = world.take_request();
    assert_eq!(bye.uri().to_string(), "sip:192.0.2.30");
    assert_eq!(
        lines(&bye, "Route"),
        ["<sip:192.0.2.31;lr>", "<sip:bob@203.0.113.1>"]
    );
    assert_eq!(
        to.remote(),
        address("192.0.2.30:5060"),
        "the Request-URI counts, not the loose Route below"
    );
}

#[test]
fn step_7_the_flow_of_a_registration_goes_before_everything_else() {
    let mut world = World::new(To(|| {
        ForkPlan::to(target("sip:bob@10.0.0.1:5060").received(tcp(BOB)))
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let (_, to) = world.take_requests().remove(0);
    assert_eq!(to, Target::Flow(tcp(BOB)));
}

#[test]
fn step_7_addresses_need_no_resolver() {
    let mut world = World::new(Onwards);
    for (uri, transport, remote) in [
        ("sip:bob@203.0.113.1", Transport::Udp, "203.0.113.1:5060"),
        (
            "sip:bob@203.0.113.1:5080;transport=tcp",
            Transport::Tcp,
            "203.0.113.1:5080",
        ),
        (
            "sip:bob@203.0.113.1;transport=tls",
            Transport::Tls,
            "203.0.113.1:5061",
        ),
        (
            "sip:bob@[2001:db8::1]",
            Transport::Udp,
            "[2001:db8::1]:5060",
        ),
        (
            "sip:bob@example.net;maddr=203.0.113.2",
            Transport::Udp,
            "203.0.113.2:5060",
        ),
    ] {
        world.receive(ALICE, &request_to("INVITE", uri, ""));
        let (_, to) = world.take_requests().remove(0);
        assert_eq!(
            (to.transport(), to.remote()),
            (transport, address(remote)),
            "{uri}"
        );
        world = World::new(Onwards);
    }
}

#[test]
fn step_7_names_are_resolved() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("INVITE", "sip:bob@bob.example.net", ""));
    let (invite, to) = world.take_requests().remove(0);
    assert_eq!(invite.uri().to_string(), "sip:bob@bob.example.net");
    assert_eq!(to.remote(), address(BOB));
}

/// F-12
#[test]
fn step_7_a_name_without_address_is_478() {
    let mut world = World::new(Onwards);
    world.receive(ALICE, &request_to("MESSAGE", "sip:bob@nowhere.example", ""));
    assert_eq!(world.take_response().status().as_u16(), 478);
}

/// F-68, F-69
/// F-12
#[test]
fn step_7_a_target_that_is_no_sip_uri_is_479_and_a_callers_own_tel_uri_416() {
    let mut world = World::new(To(|| ForkPlan::to(target("tel:+15551234"))));
    world.receive(ALICE, &request("OPTIONS", ""));
    assert_eq!(world.take_response().status().as_u16(), 479);
    world.receive(ALICE, &request_to("MESSAGE", "tel:+15551234", ""));
    assert_eq!(world.take_response().status().as_u16(), 416);
}

#[test]
fn step_7_the_router_has_the_last_word_on_every_address() {
    struct Guarded;
    #[async_trait::async_trait]
    impl sip_proxy::Router for Guarded {
        async fn route(&self, incoming: &Incoming) -> sip_proxy::Decision {
            relay(ForkPlan::unchanged(incoming)).into()
        }
        fn may_send(&self, _: &sip_core::Request, to: &Target) -> bool {
            to.remote() != address(BOB)
        }
    }
    let mut world = World::new(Guarded);
    world.receive(ALICE, &request_to("MESSAGE", "sip:bob@bob.example.net", ""));
    assert_eq!(
        world.take_response().status(),
        StatusCode::SERVER_INTERNAL_ERROR
    );
    world.receive(ALICE, &request_to("INVITE", "sip:bob@two.example.net", ""));
    assert_eq!(
        world.take_requests().remove(0).1.remote(),
        address(BOB_MOBILE)
    );
}

#[test]
fn step_8_each_branch_has_a_via_of_its_own() {
    let mut world = World::new(To(|| {
        ForkPlan::parallel([target("sip:bob@203.0.113.1"), target("sip:bob@203.0.113.2")])
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let requests = world.take_requests();
    let vias: Vec<_> = requests
        .iter()
        .map(|(request, _)| lines(request, "Via"))
        .collect();
    assert_ne!(vias[0][0], vias[1][0]);
    assert_eq!(vias[0][1], vias[1][1]);
    assert!(vias[0][0].contains("branch=z9hG4bK"));
    assert!(
        vias[0][1].contains("received=198.51.100.1") && vias[0][1].contains("rport=5060"),
        "F-03: {}",
        vias[0][1]
    );
}

#[test]
fn step_9_content_length_is_added_for_streams() {
    let mut world = World::new(Onwards);
    let message = request_to(
        "MESSAGE",
        "sip:bob@203.0.113.1;transport=tcp",
        "Content-Type: text/plain\n",
    )
    .replace("Content-Length: 0\n\n", "\nHello");
    world.receive(ALICE, &message);
    let (forwarded, _) = world.take_request();
    assert_eq!(lines(&forwarded, "Content-Length"), ["5"]);
    assert_eq!(&forwarded.body()[..], b"Hello");
}
