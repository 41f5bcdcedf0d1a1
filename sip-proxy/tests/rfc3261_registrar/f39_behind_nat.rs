//! F-39: a phone is called where it registered from.

use sip_core::Transport;
use sip_proxy::BranchTarget;
use sip_proxy::registrar::{Binding, BindingRecord};
use sip_transaction::{ConnectionId, Flow, Target};

use crate::scene::{Register, Scene, bob, flow, value};

fn register_from(scene: &Scene, transport: Transport, remote: &str, contact: &str) -> String {
    let mut register = Register::new(1, &format!("Contact: {contact}"));
    register.flow = flow(transport, remote);
    value(&scene.send(&register), "Contact")
}

fn target(scene: &Scene) -> BranchTarget {
    scene
        .location
        .bindings(&bob())
        .targets(scene.now())
        .next()
        .unwrap()
}

#[test]
fn a_contact_that_differs_from_the_source_is_kept_and_the_source_with_it() {
    let scene = Scene::new();
    let contact = register_from(
        &scene,
        Transport::Udp,
        "198.51.100.7:40000",
        "<sip:bob@10.0.0.4:5060;x=y>",
    );
    assert_eq!(
        contact,
        "<sip:bob@10.0.0.4:5060;x=y>;expires=600;received=\"sip:198.51.100.7:40000\""
    );
}

#[test]
fn calls_go_to_the_source_from_the_socket_that_heard_it() {
    let scene = Scene::new();
    register_from(
        &scene,
        Transport::Udp,
        "198.51.100.7:40000",
        "<sip:bob@10.0.0.4:5060;x=y>",
    );
    let target = target(&scene);
    assert_eq!(
        target.uri.as_text().as_bytes(),
        b"sip:bob@10.0.0.4:5060;x=y"
    );
    let Some(Target::Address {
        transport,
        remote,
        local,
    }) = target.received
    else {
        panic!("{target:?}")
    };
    assert_eq!(transport, Transport::Udp);
    assert_eq!(remote, "198.51.100.7:40000".parse().unwrap());
    assert_eq!(local, Some("203.0.113.1:5060".parse().unwrap()));
}

#[test]
fn calls_ride_the_connection_of_the_registration() {
    let scene = Scene::new();
    let contact = register_from(
        &scene,
        Transport::Tcp,
        "198.51.100.7:40000",
        "<sip:bob@10.0.0.4;transport=tcp>",
    );
    let received = "received=\"sip:198.51.100.7:40000;transport=tcp\"";
    assert_eq!(
        contact,
        format!("<sip:bob@10.0.0.4;transport=tcp>;expires=600;{received}")
    );
    let expected = Target::Flow(flow(Transport::Tcp, "198.51.100.7:40000"));
    assert_eq!(target(&scene).received, Some(expected));
}

#[test]
fn a_connection_may_come_from_any_port_of_the_contact_s_host() {
    let scene = Scene::new();
    let contact = register_from(
        &scene,
        Transport::Tcp,
        "192.0.2.4:40000",
        "<sip:bob@192.0.2.4;transport=tcp>",
    );
    assert!(!contact.contains("received"), "{contact}");
    // Calls look for a connection from where the phone says it listens, and find one that is open, or make one.
    let listens = Target::Address {
        transport: Transport::Tcp,
        remote: "192.0.2.4:5060".parse().unwrap(),
        local: Some("203.0.113.1:5060".parse().unwrap()),
    };
    assert_eq!(target(&scene).received, Some(listens));
}

#[test]
fn a_contact_without_transport_means_the_one_it_registered_over() {
    let scene = Scene::new();
    register_from(
        &scene,
        Transport::Tcp,
        "192.0.2.4:40000",
        "<sip:bob@192.0.2.4:5072>",
    );
    let to = target(&scene).received.unwrap();
    assert_eq!(
        (to.transport(), to.remote()),
        (Transport::Tcp, "192.0.2.4:5072".parse().unwrap())
    );
}

#[test]
fn a_phone_that_names_its_source_is_not_behind_a_nat() {
    for (remote, contact) in [
        ("192.0.2.4:5060", "<sip:bob@192.0.2.4>"),
        ("192.0.2.4:5062", "<sip:bob@192.0.2.4:5062;transport=udp>"),
        ("[2001:db8::4]:5060", "<sip:bob@[2001:db8:0:0::4]>"),
        ("[::ffff:192.0.2.4]:5060", "<sip:bob@192.0.2.4>"),
    ] {
        let scene = Scene::new();
        let listed = register_from(&scene, Transport::Udp, remote, contact);
        assert!(!listed.contains("received"), "{listed}");
    }
}

#[test]
fn no_call_goes_to_a_third_party_that_a_contact_names() {
    // A31: whom a contact names is not whom it reaches.
    for contact in [
        "<sip:bob@255.255.255.255>",
        "<sip:bob@victim.example.com>",
        "<sip:b@192.0.2.4;maddr=10.0.0.1>",
    ] {
        let scene = Scene::new();
        register_from(&scene, Transport::Udp, "192.0.2.4:5060", contact);
        assert_eq!(
            target(&scene).received.map(|to| to.remote()),
            Some("192.0.2.4:5060".parse().unwrap())
        );
    }
}

#[test]
fn a_contact_that_wants_its_calls_elsewhere_is_shown_where_they_go() {
    let contact = "<sip:bob@192.0.2.4;maddr=10.0.0.1>";
    let listed = register_from(&Scene::new(), Transport::Udp, "192.0.2.4:5060", contact);
    assert!(
        listed.ends_with(";received=\"sip:192.0.2.4:5060\""),
        "{listed}"
    );
}

#[test]
fn headers_of_a_contact_are_not_for_a_request_uri() {
    let scene = Scene::new();
    let contact = "<sip:bob@192.0.2.4;x=y?Subject=hello>";
    register_from(&scene, Transport::Udp, "192.0.2.4:5060", contact);
    let uri = target(&scene).uri.to_string();
    assert_eq!(uri, "sip:bob@192.0.2.4;x=y");
}

/// The target of `contact`, registered from 198.51.100.7:40000 over TCP before the server was started anew.
fn target_after_a_restart(contact: &str) -> BranchTarget {
    let scene = Scene::new();
    register_from(&scene, Transport::Tcp, "198.51.100.7:40000", contact);
    let restored = scene.location.bindings(&bob());
    let restored = restored.all().iter().map(|binding| {
        let record = binding.record();
        let connection = ConnectionId::NONE;
        let flow = record.flow.map(|flow| Flow { connection, ..flow });
        Binding::new(&BindingRecord { flow, ..record }).unwrap()
    });
    scene.location.restore(&bob(), restored.collect());
    target(&scene)
}

#[test]
fn a_connection_that_is_gone_is_made_anew_to_the_contact() {
    let target = target_after_a_restart("<sip:bob@198.51.100.7;transport=tcp>");
    let Some(Target::Address {
        transport, remote, ..
    }) = target.received
    else {
        panic!("{target:?}")
    };
    assert_eq!(transport, Transport::Tcp);
    assert_eq!(remote, "198.51.100.7:5060".parse().unwrap());
}

#[test]
fn or_to_the_source_of_a_phone_behind_a_nat() {
    let target = target_after_a_restart("<sip:bob@10.0.0.4;transport=tcp>");
    let Some(Target::Address {
        transport, remote, ..
    }) = target.received
    else {
        panic!("{target:?}")
    };
    assert_eq!(transport, Transport::Tcp);
    assert_eq!(remote, "198.51.100.7:40000".parse().unwrap());
}
