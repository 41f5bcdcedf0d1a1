//! RFC 5626 §6: when a flow counts as one, and what the phone is told.

use sip_core::Response;
use sip_proxy::registrar::RegistrarConfig;

use crate::scene::{Scene, values};

const FLOW: &str = "<sip:bob@192.0.2.4>;reg-id=1;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\"";
const SUPPORTED: &str = "Supported: path, outbound";

/// A proxy between the phone and the registrar, with its Path if it has one.
fn through(path: &str) -> String {
    format!("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9{path}\n{SUPPORTED}\nContact: {FLOW}")
}

fn status(response: &Response) -> u16 {
    response.status().as_u16()
}

#[test]
fn a_phone_that_knows_outbound_is_told_that_its_flow_counts() {
    let scene = Scene::new();
    let response = scene.register(1, &format!("{SUPPORTED}\nContact: {FLOW}"));
    assert_eq!(values(&response, "Require"), ["outbound"]);
    assert!(values(&response, "Flow-Timer").is_empty());
}

#[test]
fn a_phone_that_does_not_is_not() {
    let scene = Scene::new();
    for lines in [
        format!("Contact: {FLOW}"),
        format!("Supported: path\nContact: {FLOW}"),
        format!("{SUPPORTED}\nContact: <sip:bob@192.0.2.4>"),
        format!("{SUPPORTED}\nContact: <sip:bob@192.0.2.5>;reg-id=1"),
        SUPPORTED.to_owned(),
    ] {
        let response = scene.register(1, &lines);
        assert_eq!(status(&response), 200, "{lines}");
        assert!(values(&response, "Require").is_empty(), "{lines}");
    }
}

#[test]
fn the_flow_timer_is_said_to_those_that_know_what_it_means() {
    let scene = Scene::with(RegistrarConfig {
        flow_timer: Some(120),
        ..RegistrarConfig::default()
    });
    let response = scene.register(1, &format!("{SUPPORTED}\nContact: {FLOW}"));
    assert_eq!(values(&response, "Flow-Timer"), ["120"]);
    let response = scene.register(2, &format!("Contact: {FLOW}"));
    assert!(values(&response, "Flow-Timer").is_empty());
}

#[test]
fn a_first_hop_without_ob_in_its_path_lacks_outbound_support() {
    for path in [
        "",
        "\nPath: <sip:p1.example.com;lr>",
        "\nPath: <sip:home.example.com;lr;ob>, <sip:p1.example.com;lr>",
        "\nPath: <sip:p1.example.com;lr>;ob",
    ] {
        let scene = Scene::new();
        let response = scene.register(1, &through(path));
        assert_eq!(status(&response), 439, "{path}");
        assert!(scene.bound().is_empty(), "{path}");
    }
}

#[test]
fn a_first_hop_with_ob_in_its_path_finds_the_flow_again() {
    for path in [
        "\nPath: <sip:flow-token@p1.example.com;lr;ob>",
        "\nPath: <sip:home.example.com;lr>, <sip:flow-token@p1.example.com;ob;lr>",
    ] {
        let scene = Scene::new();
        let response = scene.register(1, &through(path));
        assert_eq!(status(&response), 200, "{path}");
        assert_eq!(values(&response, "Require"), ["outbound"], "{path}");
    }
}

#[test]
fn behind_such_a_hop_the_reg_id_of_a_phone_that_knows_nothing_of_it_is_ignored() {
    let scene = Scene::new();
    let via = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK9\n";
    scene.register(1, &format!("{via}Contact: {FLOW}"));
    let second = FLOW.replace("reg-id=1", "reg-id=2");
    let response = scene.register(2, &format!("{via}Contact: {second}"));
    assert_eq!(status(&response), 200);
    assert_eq!(scene.bound().len(), 1);
    assert!(!values(&response, "Contact")[0].contains("reg-id"));
}

#[test]
fn two_contacts_at_once_and_one_of_them_a_flow_are_refused() {
    let scene = Scene::new();
    let second = FLOW.replace("reg-id=1", "reg-id=2");
    for other in ["<sip:bob@192.0.2.5>", &second] {
        let response = scene.register(1, &format!("Contact: {FLOW}, {other}"));
        assert_eq!(status(&response), 400, "{other}");
        assert!(scene.bound().is_empty(), "{other}");
    }
}

#[test]
fn a_flow_may_be_registered_while_other_contacts_go() {
    let scene = Scene::new();
    scene.register(1, "Contact: <sip:bob@192.0.2.5>");
    let lines = format!("Contact: {FLOW}, <sip:bob@192.0.2.5>;expires=0");
    assert_eq!(status(&scene.register(2, &lines)), 200);
    assert_eq!(scene.bound(), ["sip:bob@192.0.2.4"]);
}
