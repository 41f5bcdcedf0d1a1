//! RFC 5393 §5.3.3, Max-Breadth: how many branches a request has at one time.

use sip_proxy::{ForkPlan, Incoming, Relay};

use crate::support::*;

const PHONES: [&str; 3] = [
    "sip:b@203.0.113.1",
    "sip:b@203.0.113.2",
    "sip:b@203.0.113.3",
];

fn parallel() -> World {
    World::new(To(|| ForkPlan::parallel(PHONES.map(target))))
}

/// The Max-Breadth of each request the proxy sends for `lines`.
fn breadths(world: &mut World, lines_of_request: &str) -> Vec<String> {
    world.receive(ALICE, &request("INVITE", lines_of_request));
    let sent = world.take_requests();
    let breadth = |(request, _): &(sip_core::Request, _)| {
        let breadths = lines(request, "Max-Breadth");
        assert_eq!(breadths.len(), 1, "a single value");
        breadths.concat()
    };
    sent.iter().map(breadth).collect()
}

/// "If a SIP proxy receives a request with no Max-Breadth header field value, it MUST add one, with a value that is
/// RECOMMENDED to be 60." Three branches share it.
#[test]
fn a_request_without_max_breadth_gets_60_and_its_branches_share_it() {
    assert_eq!(breadths(&mut parallel(), ""), ["20", "20", "20"]);
    assert_eq!(
        breadths(&mut World::new(To(|| ForkPlan::to(target(PHONES[0])))), ""),
        ["60"]
    );
}

/// "Outgoing Max-Breadth" never exceeds "Incoming Max-Breadth".
#[test]
fn the_shares_are_together_what_came_in() {
    assert_eq!(
        breadths(&mut parallel(), "Max-Breadth: 8\n"),
        ["3", "3", "2"]
    );
    assert_eq!(
        breadths(&mut parallel(), "Max-Breadth: 3\n"),
        ["1", "1", "1"]
    );
}

/// "If this maximum is exceeded in a received request, the proxy MUST overwrite it."
#[test]
fn a_max_breadth_above_60_is_cut() {
    assert_eq!(
        breadths(&mut parallel(), "Max-Breadth: 4294967295\n"),
        ["20", "20", "20"]
    );
}

/// "If a SIP proxy determines a response context has insufficient Incoming Max-Breadth to carry out a desired parallel
/// fork […] that proxy MUST return a 440."
#[test]
fn too_little_for_a_parallel_fork_is_440() {
    let mut world = parallel();
    world.receive(ALICE, &request("INVITE", "Max-Breadth: 2\n"));
    assert_eq!(
        world.take_summary(),
        [
            "100 INVITE → 198.51.100.1:5060",
            "440 INVITE → 198.51.100.1:5060"
        ]
    );
}

/// "a Max-Breadth of 1 restricts a request to pure serial forking."
#[test]
fn with_1_phones_are_called_one_after_the_other() {
    let mut world = World::new(To(|| ForkPlan::serial(PHONES.map(target))));
    world.receive(ALICE, &request("INVITE", "Max-Breadth: 1\n"));
    for _ in PHONES {
        let (invite, to) = world
            .take_requests()
            .into_iter()
            .find(|(request, _)| request.method().to_string() == "INVITE")
            .expect("an INVITE");
        assert_eq!(lines(&invite, "Max-Breadth"), ["1"]);
        world.answer(&invite, &to.remote().to_string(), 486);
    }
    assert!(
        world
            .take_summary()
            .contains(&"486 INVITE → 198.51.100.1:5060".to_owned())
    );
}

/// §5.3.3.1: "whenever a final response arrives, the Max-Breadth that was used on that branch becomes available".
#[test]
fn a_contact_of_a_redirection_has_the_share_of_who_redirected() {
    let mut world = World::new(By(|_: &Incoming| {
        Relay::new(open(), ForkPlan::parallel(PHONES.map(target)))
            .follow_redirects()
            .into()
    }));
    world.receive(ALICE, &request("INVITE", "Max-Breadth: 4\n"));
    let (first, _) = world.take_requests().remove(0);
    assert_eq!(lines(&first, "Max-Breadth"), ["2"]);
    let contacts = "Contact: <sip:1@203.0.113.4>, <sip:2@203.0.113.4>, <sip:3@203.0.113.4>";
    world.answer_with(&first, BOB, 302, contacts);
    let onwards: Vec<_> = world
        .take_requests()
        .into_iter()
        .filter(|(request, _)| request.method().to_string() == "INVITE")
        .map(|(request, _)| lines(&request, "Max-Breadth").concat())
        .collect();
    assert_eq!(onwards, ["1", "1"], "the third waits for its turn");
}

#[test]
fn another_address_of_a_name_has_the_share_of_the_one_before() {
    let mut world = World::new(Onwards);
    let invite = request_to("INVITE", "sip:bob@two.example.net", "Max-Breadth: 7\n");
    world.receive(ALICE, &invite);
    world.take();
    world.fail_last_request();
    assert_eq!(lines(&world.take_request().0, "Max-Breadth"), ["7"]);
}

#[test]
fn what_is_forwarded_without_state_has_one_too() {
    let mut world = World::new(By(|incoming: &Incoming| {
        Relay::new(open(), ForkPlan::unchanged(incoming))
            .statelessly()
            .into()
    }));
    for (given, forwarded) in [
        ("", "60"),
        ("Max-Breadth: 5\n", "5"),
        ("Max-Breadth: 99\n", "60"),
    ] {
        world.receive(ALICE, &request_to("OPTIONS", "sip:b@203.0.113.1", given));
        assert_eq!(lines(&world.take_request().0, "Max-Breadth"), [forwarded]);
    }
}

/// "a single positive integer"
#[test]
fn max_breadth_0_is_440_and_one_that_is_no_number_400() {
    for (line, status) in [("Max-Breadth: 0\n", 440), ("Max-Breadth: broad\n", 400)] {
        let mut world = World::new(Onwards);
        world.receive(ALICE, &request_to("OPTIONS", "sip:b@203.0.113.1", line));
        assert_eq!(world.take_response().status().as_u16(), status);
    }
}
