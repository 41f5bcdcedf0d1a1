//! RFC 3327 §5.3, §5.4: the Path a registration came along.

use sip_core::Transport;
use sip_proxy::registrar::RegistrarConfig;

use crate::scene::{Register, Scene, bob, flow, value, values};

const PATH: &str =
    "Path: <sip:p3.example.com;lr>, <sip:p1.example.com;lr>;x=\"a,b\"\nPath: <sip:p0@192.0.2.1;lr>";

#[test]
fn the_path_is_stored_and_copied_into_the_answer() {
    let scene = Scene::new();
    let response = scene.register(
        1,
        &format!("Supported: path\n{PATH}\nContact: <sip:bob@192.0.2.4>"),
    );
    assert_eq!(response.status().as_u16(), 200);
    let lines: Vec<_> = PATH
        .lines()
        .map(|line| line.trim_start_matches("Path: "))
        .collect();
    assert_eq!(values(&response, "Path"), lines);
}

#[test]
fn calls_go_along_the_path_and_not_to_the_source() {
    let scene = Scene::new();
    let mut register = Register::new(
        1,
        &format!("Supported: outbound, path\n{PATH}\nContact: <sip:bob@10.0.0.4>"),
    );
    register.flow = flow(Transport::Tcp, "198.51.100.7:5060");
    let contact = value(&scene.send(&register), "Contact");
    assert_eq!(
        contact, "<sip:bob@10.0.0.4>;expires=600",
        "the proxy on the path is not the phone"
    );
    let target = scene
        .location
        .bindings(&bob())
        .targets(scene.now())
        .next()
        .unwrap();
    assert_eq!(target.received, None);
    let route: Vec<_> = target
        .route
        .iter()
        .map(|route| route.uri().to_string())
        .collect();
    assert_eq!(
        route,
        [
            "sip:p3.example.com;lr",
            "sip:p1.example.com;lr",
            "sip:p0@192.0.2.1;lr"
        ]
    );
}

#[test]
fn a_path_that_the_phone_does_not_know_of_is_refused() {
    let scene = Scene::new();
    let response = scene.register(1, &format!("{PATH}\nContact: <sip:bob@192.0.2.4>"));
    assert_eq!(response.status().as_u16(), 420);
    assert_eq!(value(&response, "Unsupported"), "path");
}

#[test]
fn unless_the_registrar_is_told_to_take_it() {
    let scene = Scene::with(RegistrarConfig {
        path_without_support: true,
        ..RegistrarConfig::default()
    });
    let response = scene.register(1, &format!("{PATH}\nContact: <sip:bob@192.0.2.4>"));
    assert_eq!(response.status().as_u16(), 200);
    let bindings = scene.location.bindings(&bob());
    assert_eq!(bindings.targets(scene.now()).next().unwrap().route.len(), 3);
}
