//! RFC 3261 §10.3 step 7: how long each contact stays bound (F-32, F-35).

use sip_proxy::registrar::{Brief, ExpiryPolicy, RegistrarConfig};

use crate::scene::{Scene, value, values};

fn granted(headers: &str) -> String {
    let response = Scene::new().register(1, headers);
    assert_eq!(response.status().as_u16(), 200, "{headers}");
    value(&response, "Contact")
}

#[test]
fn the_parameter_of_the_contact_is_taken() {
    let contact = granted("Contact: <sip:bob@192.0.2.4>;expires=300\nExpires: 500");
    assert_eq!(contact, "<sip:bob@192.0.2.4>;expires=300");
}

#[test]
fn else_the_expires_header_is_taken() {
    assert_eq!(
        granted("Contact: <sip:bob@192.0.2.4>\nExpires: 500"),
        "<sip:bob@192.0.2.4>;expires=500"
    );
}

#[test]
fn else_the_default_is_taken_within_the_bounds() {
    assert_eq!(
        granted("Contact: <sip:bob@192.0.2.4>"),
        "<sip:bob@192.0.2.4>;expires=600"
    );
}

#[test]
fn what_can_not_be_read_is_the_default() {
    for expires in ["soon", "-1", "99999999999", "1.5"] {
        let contact = granted(&format!(
            "Contact: <sip:bob@192.0.2.4>;expires={expires}\nExpires: 300"
        ));
        assert_eq!(contact, "<sip:bob@192.0.2.4>;expires=600", "{expires}");
    }
    assert_eq!(
        granted("Contact: <sip:bob@192.0.2.4>\nExpires: soon"),
        "<sip:bob@192.0.2.4>;expires=600"
    );
}

#[test]
fn too_little_and_too_much_are_brought_within_the_bounds() {
    for (asked, given) in [
        ("1", "240"),
        ("239", "240"),
        ("601", "600"),
        ("4294967295", "600"),
    ] {
        let contact = granted(&format!("Contact: <sip:bob@192.0.2.4>;expires={asked}"));
        assert_eq!(contact, format!("<sip:bob@192.0.2.4>;expires={given}"));
    }
}

#[test]
fn a_strict_registrar_refuses_an_interval_that_is_too_brief() {
    let strict = ExpiryPolicy {
        brief: Brief::Refuse,
        ..ExpiryPolicy::default()
    };
    let scene = Scene::with(RegistrarConfig {
        expiry: strict,
        ..RegistrarConfig::default()
    });
    let response = scene.register(
        1,
        "Contact: <sip:bob@192.0.2.4>;expires=300, <sip:bob@192.0.2.5>;expires=239",
    );
    assert_eq!(response.status().as_u16(), 423);
    assert_eq!(value(&response, "Min-Expires"), "240");
    assert!(scene.bound().is_empty(), "all or nothing");
}

#[test]
fn zero_removes_that_contact() {
    let scene = Scene::new();
    scene.register(1, "Contact: <sip:bob@192.0.2.4>, <sip:bob@192.0.2.5>");
    let response = scene.register(2, "Contact: <sip:bob@192.0.2.4>;expires=0");
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(scene.bound(), ["sip:bob@192.0.2.5"]);
    scene.register(3, "Contact: <sip:bob@192.0.2.5>\nExpires: 0");
    assert!(scene.bound().is_empty());
}

#[test]
fn a_binding_ends_when_its_time_is_over() {
    let mut scene = Scene::new();
    scene.register(1, "Contact: <sip:bob@192.0.2.4>;expires=300");
    scene.wait(299);
    assert_eq!(
        value(&scene.register(2, ""), "Contact"),
        "<sip:bob@192.0.2.4>;expires=1"
    );
    scene.wait(1);
    assert!(scene.bound().is_empty());
    assert!(values(&scene.register(3, ""), "Contact").is_empty());
}

#[test]
fn every_answer_says_what_is_granted() {
    let scene = Scene::new(); // F-32
    for (cseq, headers, status) in [
        (1, "Contact: <sip:bob@192.0.2.4>", 200),
        (2, "Contact: *\nExpires: 1", 400),
        (3, "Require: gruu", 420),
        (0, "Contact: <sip:bob@192.0.2.4>", 500),
    ] {
        let response = scene.register(cseq, headers);
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(value(&response, "Expires"), "600");
        assert_eq!(value(&response, "Min-Expires"), "240");
    }
}
