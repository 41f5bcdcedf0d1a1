//! RFC 3261 §10.3 step 7: which binding a contact is, and that late requests are ignored.

use crate::scene::{Register, Scene, value};

#[test]
fn a_contact_is_found_by_the_rules_of_uri_comparison() {
    let scene = Scene::new(); // F-38
    scene.register(1, "Contact: <sip:bob@PHONE.example.com;transport=udp;x=1>");
    scene.register(2, "Contact: <sip:bob@phone.example.com;Transport=UDP>");
    assert_eq!(scene.bound(), ["sip:bob@phone.example.com;Transport=UDP"]);
    scene.register(3, "Contact: <sip:Bob@phone.example.com;transport=udp>");
    assert_eq!(scene.bound().len(), 2, "users differ by case");
}

#[test]
fn a_higher_cseq_updates() {
    let scene = Scene::new();
    scene.register(1, "Contact: <sip:bob@192.0.2.4>;expires=300");
    let response = scene.register(2, "Contact: <sip:bob@192.0.2.4>;expires=500");
    assert_eq!(
        value(&response, "Contact"),
        "<sip:bob@192.0.2.4>;expires=500"
    );
}

#[test]
fn a_lower_cseq_of_the_same_call_id_is_aborted() {
    let scene = Scene::new();
    scene.register(2, "Contact: <sip:bob@192.0.2.4>;expires=300");
    let response = scene.register(
        1,
        "Contact: <sip:bob@192.0.2.9>, <sip:bob@192.0.2.4>;expires=0",
    );
    assert_eq!(response.status().as_u16(), 500);
    assert_eq!(scene.bound(), ["sip:bob@192.0.2.4"], "all or nothing");
}

#[test]
fn a_lower_cseq_of_another_call_id_updates() {
    let scene = Scene::new();
    scene.register(100, "Contact: <sip:bob@192.0.2.4>");
    let mut rebooted = Register::new(1, "Contact: <sip:bob@192.0.2.4>;expires=0");
    rebooted.call_id = "2@192.0.2.4";
    assert_eq!(scene.send(&rebooted).status().as_u16(), 200);
    assert!(scene.bound().is_empty());
}

#[test]
fn a_retransmission_is_answered_alike_and_changes_nothing() {
    let scene = Scene::new();
    let first = scene.register(2, "Contact: <sip:bob@192.0.2.4>");
    let again = scene.register(2, "Contact: <sip:bob@192.0.2.4>");
    assert_eq!(first.to_bytes(), again.to_bytes());
}

#[test]
fn a_removal_may_not_carry_the_cseq_of_the_binding() {
    let scene = Scene::new();
    scene.register(2, "Contact: <sip:bob@192.0.2.4>");
    let response = scene.register(2, "Contact: <sip:bob@192.0.2.4>;expires=0");
    assert_eq!(response.status().as_u16(), 500);
    assert_eq!(scene.bound().len(), 1);
}
