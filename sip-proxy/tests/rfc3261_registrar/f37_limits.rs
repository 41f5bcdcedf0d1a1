//! F-37: no address-of-record has more contacts than the registrar keeps, and no contact is larger than its column.

use sip_proxy::registrar::{RegistrarConfig, WhenFull};

use crate::scene::{Scene, value};

fn contacts(range: std::ops::Range<u32>) -> String {
    let list: Vec<_> = range.map(|n| format!("<sip:bob@192.0.2.{n}>")).collect();
    format!("Contact: {}", list.join(", "))
}

#[test]
fn an_eleventh_binding_is_refused_and_nothing_changes() {
    let scene = Scene::new();
    assert_eq!(scene.register(1, &contacts(0..10)).status().as_u16(), 200);
    let response = scene.register(
        2,
        "Contact: <sip:bob@192.0.2.10>, <sip:bob@192.0.2.3>;expires=300",
    );
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(
        value(&response, "P-Registrar-Error"),
        "Too many registered contacts"
    );
    assert_eq!(scene.bound().len(), 10);
}

#[test]
fn a_first_registration_that_wants_too_many_leaves_nothing_behind() {
    for count in [11, 20, 21, 300] {
        let scene = Scene::new();
        let response = scene.register(1, &contacts(0..count));
        assert_eq!(response.status().as_u16(), 503, "{count}");
        assert_eq!(
            value(&response, "P-Registrar-Error"),
            "Too many registered contacts"
        );
        assert_eq!(scene.location.counts().bindings, 0);
    }
}

#[test]
fn ten_contacts_can_be_refreshed_and_one_exchanged_for_another() {
    let scene = Scene::new();
    scene.register(1, &contacts(0..10));
    assert_eq!(scene.register(2, &contacts(0..10)).status().as_u16(), 200);
    let response = scene.register(
        3,
        "Contact: <sip:bob@192.0.2.10>, <sip:bob@192.0.2.3>;expires=0",
    );
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(scene.bound().len(), 10);
}

#[test]
fn what_is_over_makes_room() {
    let mut scene = Scene::new();
    scene.register(1, &contacts(0..10));
    scene.wait(600);
    assert_eq!(scene.register(2, &contacts(10..20)).status().as_u16(), 200);
    assert_eq!(scene.location.counts().bindings, 10);
}

#[test]
fn a_contact_as_long_as_a_message_is_refused() {
    let scene = Scene::new();
    let response = scene.register(1, &format!("Contact: <sip:{}@192.0.2.4>", "b".repeat(600)));
    assert_eq!(response.status().as_u16(), 400);
}

fn replacing() -> Scene {
    Scene::with(RegistrarConfig {
        when_full: WhenFull::ReplaceOldest,
        ..RegistrarConfig::default()
    })
}

#[test]
fn those_that_end_first_make_room_where_that_is_wanted() {
    let mut scene = replacing();
    scene.register(1, &contacts(0..5));
    scene.wait(10);
    scene.register(2, &contacts(5..10));
    scene.wait(10);
    scene.register(3, &contacts(0..2)); // refreshed, so 2, 3 and 4 end first now
    assert_eq!(scene.register(4, &contacts(10..13)).status().as_u16(), 200);
    let bound = scene.bound();
    assert_eq!(bound.len(), 10);
    for (n, is_bound) in [
        (0, true),
        (1, true),
        (2, false),
        (3, false),
        (4, false),
        (5, true),
        (12, true),
    ] {
        assert_eq!(
            bound.contains(&format!("sip:bob@192.0.2.{n}")),
            is_bound,
            "{n}"
        );
    }
}

#[test]
fn but_not_for_a_request_that_wants_too_many_by_itself() {
    let scene = replacing();
    scene.register(1, &contacts(0..3));
    assert_eq!(scene.register(2, &contacts(20..31)).status().as_u16(), 503);
    assert_eq!(scene.bound().len(), 3);
}

#[test]
fn what_the_request_refreshes_does_not_make_room_for_what_it_adds() {
    let mut scene = replacing();
    scene.register(1, &contacts(0..1));
    scene.wait(10);
    scene.register(2, &contacts(1..10));
    let response = scene.register(3, "Contact: <sip:bob@192.0.2.0>, <sip:bob@192.0.2.99>");
    assert_eq!(response.status().as_u16(), 200);
    let bound = scene.bound();
    assert_eq!(bound.len(), 10);
    for kept in ["sip:bob@192.0.2.0", "sip:bob@192.0.2.99"] {
        assert!(bound.contains(&kept.to_owned()), "{kept}");
    }
}
