//! RFC 5626 §6: a phone is known by its instance, wherever it is (F-38).

use crate::scene::{Scene, bob, value};

const PHONE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\"";
const OTHER: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000000001>\"";

#[test]
fn a_phone_that_moved_replaces_its_binding() {
    let scene = Scene::new();
    scene.register(1, &format!("Contact: <sip:bob@192.0.2.4>;{PHONE}"));
    let response = scene.register(2, &format!("Contact: <sip:bob@192.0.2.77:5062>;{PHONE}"));
    assert_eq!(scene.bound(), ["sip:bob@192.0.2.77:5062"]);
    assert!(value(&response, "Contact").contains(PHONE));
}

#[test]
fn instances_are_urns_and_their_case_does_not_count() {
    let scene = Scene::new();
    scene.register(1, &format!("Contact: <sip:bob@192.0.2.4>;{PHONE}"));
    scene.register(
        2,
        &format!("Contact: <sip:bob@192.0.2.5>;{}", PHONE.to_lowercase()),
    );
    assert_eq!(scene.bound(), ["sip:bob@192.0.2.5"]);
}

#[test]
fn two_phones_with_one_private_address_are_two_bindings() {
    let scene = Scene::new();
    scene.register(1, &format!("Contact: <sip:bob@192.168.0.2>;{PHONE}"));
    scene.register(2, &format!("Contact: <sip:bob@192.168.0.2>;{OTHER}"));
    assert_eq!(scene.bound().len(), 2);
}

#[test]
fn each_reg_id_is_a_flow_of_its_own() {
    let scene = Scene::new();
    scene.register(1, &format!("Contact: <sip:bob@192.0.2.4>;reg-id=1;{PHONE}"));
    let response = scene.register(2, &format!("Contact: <sip:bob@192.0.2.4>;reg-id=2;{PHONE}"));
    assert_eq!(scene.bound().len(), 2);
    assert!(value(&response, "Contact").contains(&format!("{PHONE};reg-id=2")));
    scene.register(
        3,
        &format!("Contact: <sip:bob@192.0.2.4>;reg-id=2;{PHONE};expires=0"),
    );
    assert_eq!(scene.bound().len(), 1);
}

#[test]
fn a_reg_id_without_an_instance_means_nothing() {
    let scene = Scene::new();
    scene.register(1, "Contact: <sip:bob@192.0.2.4>;reg-id=1");
    scene.register(2, "Contact: <sip:bob@192.0.2.4>;reg-id=2");
    assert_eq!(scene.bound().len(), 1);
}

#[test]
fn a_phone_that_learnt_its_instance_replaces_its_old_binding() {
    let scene = Scene::new();
    scene.register(1, "Contact: <sip:bob@192.0.2.4>");
    scene.register(2, &format!("Contact: <sip:bob@192.0.2.4>;{PHONE}"));
    assert_eq!(scene.bound().len(), 1);
}

/// RFC 5626 §5.3
#[test]
fn a_phone_with_several_flows_is_called_by_the_latest() {
    let mut scene = Scene::new();
    let called = |scene: &Scene| -> Vec<String> {
        let targets = scene
            .location
            .bindings(&bob())
            .targets(scene.now())
            .collect::<Vec<_>>();
        targets
            .iter()
            .map(|target| target.uri.to_string())
            .collect()
    };
    scene.register(1, &format!("Contact: <sip:bob@192.0.2.4>;reg-id=1;{PHONE}"));
    scene.register(2, &format!("Contact: <sip:bob@192.0.2.5>;reg-id=2;{PHONE}"));
    scene.register(3, &format!("Contact: <sip:bob@192.0.2.6>;{OTHER}"));
    assert_eq!(called(&scene), ["sip:bob@192.0.2.5", "sip:bob@192.0.2.6"]);
    scene.wait(10);
    scene.register(4, &format!("Contact: <sip:bob@192.0.2.4>;reg-id=1;{PHONE}"));
    assert_eq!(called(&scene), ["sip:bob@192.0.2.4", "sip:bob@192.0.2.6"]);
}
