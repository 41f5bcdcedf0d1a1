

/// F-30: else a To tag would carry it past the registrar.
#[test]
fn a_register_is_in_no_dialog_whatever_its_tag_and_route() {
    let mut world = World::new(By(dialogs_only));
    let route = "Route: <sip:192.0.2.1;lr>\n";
    world.receive(ALICE, &in_dialog("REGISTER", "sip:203.0.113.66", route));
    assert_eq!(
        world.take_response().status(),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED
    );
}
