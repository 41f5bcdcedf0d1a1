//! RFC 3608 §6.3: the way a phone's own requests are to take.

use sip_core::{Header, ServiceRoute, Text};
use sip_proxy::registrar::RegistrarConfig;

use crate::scene::{Scene, values};

const ROUTES: [&str; 2] = ["<sip:edge.example.com;lr>", "<sip:home.example.com;lr>"];

fn with_routes() -> Scene {
    let route = |text| ServiceRoute::parse(&Text::from_static(text)).unwrap();
    Scene::with(RegistrarConfig {
        service_route: ROUTES.map(route).into(),
        ..RegistrarConfig::default()
    })
}

#[test]
fn it_stands_in_the_answer_in_the_order_it_is_to_be_visited() {
    let response = with_routes().register(1, "Contact: <sip:bob@192.0.2.4>");
    assert_eq!(values(&response, "Service-Route"), ROUTES);
}

#[test]
fn who_only_asks_what_is_bound_gets_the_same() {
    let scene = with_routes();
    assert_eq!(values(&scene.register(1, ""), "Service-Route"), ROUTES);
}

#[test]
fn an_answer_that_refuses_has_none() {
    let response = with_routes().register(1, "Contact: *");
    assert_eq!(response.status().as_u16(), 400);
    assert!(values(&response, "Service-Route").is_empty());
}
