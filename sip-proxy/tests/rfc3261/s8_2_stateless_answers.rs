//! RFC 3261 §8.2.6 and §8.2.7: answers for which no transaction is made.

use sip_core::{Method, Request, Response, StatusCode};
use sip_proxy::{Decision, Incoming, Router};
use sip_transaction::Flow;

use super::support::*;

fn refuse(incoming: &Incoming) -> Decision {
    incoming
        .reply(StatusCode::PROXY_AUTHENTICATION_REQUIRED)
        .into()
}

#[test]
fn an_answer_that_is_known_at_once_leaves_nothing_behind() {
    let mut world = World::new(By(refuse));
    for method in ["INVITE", "REGISTER", "OPTIONS"] {
        world.receive(ALICE, &request(method, ""));
        assert_eq!(
            world.take_response().status(),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED
        );
        world.assert_idle();
    }
}

#[test]
fn a_retransmission_gets_the_same_answer_with_the_same_to_tag() {
    let mut world = World::new(By(refuse));
    world.receive(ALICE, &request("INVITE", ""));
    let first = world.take_response();
    world.receive(ALICE, &request("INVITE", ""));
    assert_eq!(
        text(&world.take_response().into()),
        text(&first.clone().into())
    );
    world.receive(
        ALICE,
        &request("INVITE", "").replace("branch=z9hG4bK", "branch=z9hG4bK9"),
    );
    assert_ne!(world.take_response().to_tag(), first.to_tag());
}

/// F-06
#[test]
fn the_ack_of_such_an_answer_is_absorbed() {
    let mut world = World::new(By(|incoming: &Incoming| match incoming.request.method() {
        Method::Ack => unreachable!("the router must not see it"),
        _ => refuse(incoming),
    }));
    world.receive(ALICE, &request("INVITE", ""));
    let tag = world
        .take_response()
        .to_tag()
        .expect("a To tag")
        .to_string();
    let ack = request("ACK", "").replace(
        "To: <sip:bob@example.com>",
        &format!("To: <sip:bob@example.com>;tag={tag}"),
    );
    world.receive(ALICE, &ack);
    assert!(world.take().is_empty());
    world.assert_idle();
}

/// F-06
#[test]
fn an_ack_is_never_answered() {
    let mut world = World::new(By(refuse));
    world.receive(ALICE, &in_dialog("ACK", "sip:bob@203.0.113.1", ""));
    assert!(world.take().is_empty());
    world.assert_idle();
}

/// T1: no look-up before the answer to a keep-alive.
#[test]
fn a_screened_request_never_reaches_the_router() {
    struct Screen;
    #[async_trait::async_trait]
    impl Router for Screen {
        fn screen(&self, request: &Request, _: &Flow) -> Option<Response> {
            let keep_alive = request.method().to_string() == "NOTIFY";
            keep_alive.then(|| request.reply(StatusCode::OK))
        }
        async fn route(&self, _: &Incoming) -> Decision {
            unreachable!("the router must not be asked")
        }
    }
    let mut world = World::new(Screen);
    world.receive(
        ALICE,
        &request_to("NOTIFY", "sip:192.0.2.1", "Event: keep-alive\n"),
    );
    let response = world.take_response();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.to_tag().is_some());
    world.assert_idle();
}

#[test]
fn a_drop_is_silent() {
    let mut world = World::new(By(|_: &Incoming| Decision::Drop));
    world.receive(ALICE, &request("OPTIONS", ""));
    assert!(world.take().is_empty());
    world.assert_idle();
}
