//! RFC 3261 §10.3 step 8: the answer lists what is bound (F-35, F-36).

use sip_core::Method;
use sip_proxy::registrar::MethodSet;

use crate::scene::{Scene, bob, value, values};

#[test]
fn a_request_without_contact_asks_what_is_bound() {
    let scene = Scene::new();
    assert!(values(&scene.register(1, ""), "Contact").is_empty());
    scene.register(2, "Contact: <sip:bob@192.0.2.4>");
    assert_eq!(
        value(&scene.register(3, ""), "Contact"),
        "<sip:bob@192.0.2.4>;expires=600"
    );
}

#[test]
fn every_binding_is_listed_with_its_expiration_and_q_if_it_has_one() {
    let scene = Scene::new();
    let response = scene.register(
        1,
        "Contact: <sip:bob@192.0.2.4>;q=0.7;expires=300
         Contact: \"Bob\" <sip:bob@192.0.2.4:5060;transport=udp>;q=1.0, <sip:b@192.0.2.4>;q=0, <sip:c@192.0.2.4>;q=0.25",
    );
    assert_eq!(
        value(&response, "Contact"),
        "<sip:bob@192.0.2.4>;q=0.7;expires=300, \
         <sip:bob@192.0.2.4:5060;transport=udp>;q=1;expires=600, \
         <sip:b@192.0.2.4>;q=0;expires=600, \
         <sip:c@192.0.2.4>;q=0.25;expires=600"
    );
}

#[test]
fn a_wrong_q_is_refused() {
    for q in ["2", "-1", "0.1234", "x"] {
        let scene = Scene::new();
        let response = scene.register(
            1,
            &format!("Contact: <sip:a@192.0.2.4>, <sip:bob@192.0.2.4>;q={q}"),
        );
        assert_eq!(response.status().as_u16(), 400, "{q}");
        assert_eq!(
            value(&response, "P-Registrar-Error"),
            "Invalid q param in contact"
        ); // F-36
        assert!(scene.bound().is_empty());
    }
}

#[test]
fn the_answer_carries_the_date() {
    let response = Scene::new().register(1, "Contact: <sip:bob@192.0.2.4>");
    assert_eq!(value(&response, "Date"), "Tue, 14 Nov 2023 22:13:20 GMT");
}

#[test]
fn a_contact_nobody_can_call_is_refused() {
    for contact in [
        "<file:///etc/passwd>",
        "<mailto:bob@example.com>",
        "<sip:bob@192.0.2.4:0>",
        "<>",
        "<sip:>",
    ] {
        let scene = Scene::new();
        let response = scene.register(1, &format!("Contact: {contact}"));
        assert_eq!(response.status().as_u16(), 400, "{contact}");
        assert!(scene.bound().is_empty());
    }
}

#[test]
fn what_the_phone_says_of_itself_is_kept() {
    let scene = Scene::new();
    scene.register(
        1,
        "Contact: <sip:bob@192.0.2.4>\nAllow: INVITE, MESSAGE\nAllow: X\nUser-Agent: Phone/1.0 (x)",
    );
    scene.register(2, "Contact: <sip:bob@192.0.2.5>");
    let bindings = scene.location.bindings(&bob());
    let [said, silent] = bindings.all() else {
        panic!("{bindings:?}")
    };
    assert_eq!(said.record().user_agent, b"Phone/1.0 (x)");
    assert_eq!(
        said.methods(),
        MethodSet::NONE.with(&Method::Invite).with(&Method::Message)
    );
    assert_eq!(silent.record().user_agent, b"");
    assert_eq!(silent.methods(), MethodSet::ALL);
}
