//! RFC 3261 §17.1.1, INVITE client transaction, as RFC 6026 §8.4 amends it.

use std::time::Duration;

use sip_core::HeaderName;
use sip_transaction::sim::{Link, Sim};
use sip_transaction::{Config, Timers};

use crate::messages::requests;

#[test]
fn unanswered_invite_is_resent_on_timer_a_until_timer_b() {
    let mut sim = Sim::new(Link::udp().lose_everything());
    sim.alice().invite("sip:bob@example.com");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.500  alice → bob    INVITE     timer A
         1.500  alice → bob    INVITE     timer A
         3.500  alice → bob    INVITE     timer A
         7.500  alice → bob    INVITE     timer A
        15.500  alice → bob    INVITE     timer A
        31.500  alice → bob    INVITE     timer A
        32.000  alice          timeout    timer B
        ",
    );
    assert_eq!(sim.alice().heard(), ["timeout"]);
    assert!(sim.is_idle());
}

#[test]
fn over_a_reliable_transport_timer_a_is_not_started_and_timer_b_is() {
    let mut sim = Sim::new(Link::tcp().lose_everything());
    sim.alice().invite("sip:bob@example.com");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
        32.000  alice          timeout    timer B
        ",
    );
}

#[test]
fn whatever_the_value_of_t1_the_backoff_is_exponential() {
    let timers = Timers {
        t1: Duration::from_millis(100),
        ..Timers::default()
    };
    let mut sim = Sim::empty(Link::udp().lose_everything());
    sim.add_phone_with(
        "alice",
        Config {
            timers,
            ..Config::default()
        },
    );
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  alice → bob    INVITE     timer A
         0.300  alice → bob    INVITE     timer A
         0.700  alice → bob    INVITE     timer A
         1.500  alice → bob    INVITE     timer A
         3.100  alice → bob    INVITE     timer A
         6.300  alice → bob    INVITE     timer A
         6.400  alice          timeout    timer B
        ",
    );
}

#[test]
fn a_provisional_response_stops_retransmissions_for_good() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.at(0.7, |sim| sim.puppet("bob").reply(180));
    sim.run_until(300.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.500  alice → bob    INVITE     timer A
         0.700  bob → alice    180 INVITE
        ",
    );
}

#[test]
fn every_provisional_response_is_passed_to_the_user() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    for status in [100, 180, 183, 180] {
        sim.puppet("bob").reply(status);
    }
    sim.run_until(1.0);
    let heard = ["100 INVITE", "180 INVITE", "183 INVITE", "180 INVITE"];
    assert_eq!(sim.alice().heard(), heard);
}

#[test]
fn a_failure_is_passed_up_once_and_each_repetition_of_it_gets_the_ack_until_timer_d() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    for at in [0.1, 0.6, 1.6, 32.0, 33.0] {
        sim.at(at, |sim| sim.puppet("bob").reply(486));
    }
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  bob → alice    486 INVITE
         0.100  alice → bob    ACK
         0.600  bob → alice    486 INVITE
         0.600  alice → bob    ACK
         1.600  bob → alice    486 INVITE
         1.600  alice → bob    ACK
        32.000  bob → alice    486 INVITE
        32.000  alice → bob    ACK
        32.100  alice          terminated  timer D
        33.000  bob → alice    486 INVITE
        ",
    );
    assert_eq!(sim.alice().heard(), ["486 INVITE", "stray 486 INVITE"]);
}

#[test]
fn a_failure_after_a_provisional_response_is_acknowledged_too() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(180);
    sim.at(2.0, |sim| sim.puppet("bob").reply(603));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    180 INVITE
         2.000  bob → alice    603 INVITE
         2.000  alice → bob    ACK
        34.000  alice          terminated  timer D
        ",
    );
}

#[test]
fn in_completed_a_provisional_response_is_not_passed_up() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(486);
    sim.at(1.0, |sim| sim.puppet("bob").reply(180));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    486 INVITE
         0.000  alice → bob    ACK
         1.000  bob → alice    180 INVITE
        32.000  alice          terminated  timer D
        ",
    );
    assert_eq!(sim.alice().heard(), ["486 INVITE"]);
}

#[test]
fn over_a_reliable_transport_an_ack_is_sent_and_timer_d_is_zero() {
    let mut sim = Sim::new(Link::tcp());
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.at(0.1, |sim| sim.puppet("bob").reply(404));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  bob → alice    404 INVITE
         0.100  alice → bob    ACK
         0.100  alice          terminated  timer D
        ",
    );
}

#[test]
fn timer_d_is_at_least_32_seconds_however_small_t1_is() {
    let timers = Timers {
        t1: Duration::from_millis(10),
        ..Timers::default()
    };
    let mut sim = Sim::empty(Link::udp());
    sim.add_phone_with(
        "alice",
        Config {
            timers,
            ..Config::default()
        },
    );
    sim.puppet("bob");
    sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(500);
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    500 INVITE
         0.000  alice → bob    ACK
        32.000  alice          terminated  timer D
        ",
    );
}

#[test]
fn a_2xx_is_passed_up_and_not_acknowledged_by_the_transaction() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    let id = sim.alice().invite("sip:bob@example.com");
    sim.run_until(0.0);
    sim.puppet("bob").reply(200);
    sim.run();
    let from_the_layer = requests(&sim.puppet("bob").received(), "ACK");
    let invite = &requests(&sim.puppet("bob").received(), "INVITE")[0];
    let via = |request: &sip_core::Request| request.headers().raw(&HeaderName::Via).next();
    // The phone's ACK, with a branch of its own (§13.2.2.4).
    assert_eq!(from_the_layer.len(), 1, "of {id:?}");
    assert_ne!(via(&from_the_layer[0]), via(invite));
    assert_eq!(sim.alice().heard(), ["200 INVITE"]);
}

/// §17.1.1.3.
mod construction_of_the_ack {
    use sip_core::{CSeq, Header, HeaderName, Message, Method, Request, Response};
    use sip_transaction::sim::{Link, Sim};
    use sip_transaction::{Flow, Origin, Target};

    use crate::messages::{parse_request, requests};

    /// The RFC's own example, two Routes added; and the ACK the layer makes of it.
    fn acknowledged() -> (Request, Request) {
        let invite = parse_request(
            "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
             Via: SIP/2.0/UDP downstream.example.com;branch=z9hG4bKother\r\n\
             Route: <sip:first.example.com;lr>\r\n\
             Route: <sip:second.example.com;lr>, <sip:third.example.com;lr>\r\n\
             To: Bob <sip:bob@biloxi.com>\r\n\
             From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
             Max-Forwards: 70\r\n\
             Call-ID: 987asjd97y7atg\r\n\
             CSeq: 986759 INVITE\r\n\
             Proxy-Require: foo\r\n\
             Content-Type: application/sdp\r\n\
             Content-Length: 4\r\n\r\nv=0\n",
        );
        let mut sim = Sim::new(Link::udp());
        sim.puppet("bob");
        let bob = sim.address_of("bob").expect("he is there");
        sim.alice().act(|now, _, layer| {
            let to = Target::address(sip_core::Transport::Udp, bob);
            layer.send_request(now, invite, to);
        });
        sim.run_until(0.0);
        sim.puppet("bob").reply(486);
        sim.run_until(0.0);
        let received = sim.puppet("bob").received();
        (
            requests(&received, "INVITE")[0].clone(),
            requests(&received, "ACK")[0].clone(),
        )
    }

    fn raw(request: &Request, name: HeaderName) -> Vec<sip_core::Text> {
        request.headers().raw(&name).collect()
    }

    #[test]
    fn call_id_from_and_request_uri_are_those_of_the_invite() {
        let (invite, ack) = acknowledged();
        assert_eq!(ack.uri(), invite.uri());
        for name in [HeaderName::CallId, HeaderName::From] {
            assert_eq!(raw(&ack, name.clone()), raw(&invite, name));
        }
    }

    #[test]
    fn to_is_that_of_the_response() {
        let (_, ack) = acknowledged();
        assert_eq!(
            raw(&ack, HeaderName::To),
            ["Bob <sip:bob@biloxi.com>;tag=puppet"]
        );
    }

    #[test]
    fn its_only_via_is_the_top_via_of_the_invite() {
        let (invite, ack) = acknowledged();
        assert_eq!(
            raw(&ack, HeaderName::Via),
            raw(&invite, HeaderName::Via)[..1]
        );
        assert_eq!(raw(&invite, HeaderName::Via).len(), 2);
    }

    #[test]
    fn cseq_has_the_same_number_and_method_ack() {
        let (_, ack) = acknowledged();
        let cseq: CSeq = ack.headers().require().expect("a CSeq");
        assert_eq!((cseq.number(), cseq.method()), (986_759, Method::Ack));
        assert_eq!(*ack.method(), Method::Ack);
    }

    #[test]
    fn the_route_headers_of_the_invite_appear() {
        let (invite, ack) = acknowledged();
        assert_eq!(
            raw(&ack, HeaderName::Route),
            raw(&invite, HeaderName::Route)
        );
    }

    #[test]
    fn it_has_no_body_and_nothing_that_could_be_refused() {
        let (_, ack) = acknowledged();
        assert!(ack.body().is_empty());
        for name in [
            HeaderName::ContentType,
            HeaderName::ProxyRequire,
            HeaderName::Require,
        ] {
            assert!(!ack.headers().contains(&name), "{name}");
        }
    }

    #[test]
    fn it_goes_where_the_invite_went() {
        let mut sim = Sim::new(Link::tcp());
        let flow = Flow {
            transport: sip_core::Transport::Tcp,
            local: sim.address_of("alice").expect("she is there"),
            remote: sim.address_of("bob").expect("he is there"),
            connection: sip_transaction::ConnectionId::new(0, 7),
        };
        sim.alice().act(|now, _, layer| {
            let invite = parse_request(crate::messages::request("INVITE", "other"));
            let id = layer.send_request(now, invite, Target::Flow(flow));
            let sent = layer.poll_transmit().expect("the INVITE");
            let busy = busy_here(&parse_request(&sent.payload));
            layer.handle_message(now, Message::Response(busy), flow);
            let ack = layer.poll_transmit().expect("the ACK");
            assert!(ack.payload.starts_with(b"ACK "));
            assert_eq!((ack.to, ack.origin), (sent.to, Some(Origin::Client(id))));
        });
    }

    fn busy_here(invite: &Request) -> Response {
        let mut busy = invite.reply(sip_core::StatusCode::BUSY_HERE);
        let to: sip_core::To = busy.headers().require().expect("a To");
        assert!(to.tag().is_none() && !to.as_text().is_empty());
        busy.set_to_tag(&sip_core::Tag::new("bob").expect("a token"));
        busy
    }
}
