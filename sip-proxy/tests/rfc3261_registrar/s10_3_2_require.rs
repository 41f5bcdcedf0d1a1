//! RFC 3261 §10.3 step 2: required extensions.

use crate::scene::{Scene, values};

#[test]
fn what_is_required_and_not_supported_is_named_in_a_420() {
    let scene = Scene::new();
    let response = scene.register(
        1,
        "Require: path, gruu\nRequire: outbound, answermode\nContact: <sip:bob@192.0.2.4>",
    );
    assert_eq!(response.status().as_u16(), 420);
    assert_eq!(values(&response, "Unsupported"), ["gruu, answermode"]);
    assert!(scene.bound().is_empty());
}

#[test]
fn path_and_outbound_may_be_required() {
    let scene = Scene::new();
    let response = scene.register(1, "Require: path, outbound\nContact: <sip:bob@192.0.2.4>");
    assert_eq!(response.status().as_u16(), 200);
}
