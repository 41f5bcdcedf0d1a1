//! RFC 3261 §9.1, cancelling a request we sent.

use std::time::Duration;

use sip_core::{CSeq, HeaderName, Method, Request};
use sip_transaction::CancelError;
use sip_transaction::sim::{Link, Sim};

use crate::messages::{parse_request, requests, tagged};

const BOB: &str = "sip:bob@example.com";

/// A call that rings.
fn ringing(link: Link) -> Sim {
    let mut sim = Sim::new(link);
    sim.puppet("bob");
    sim.alice().invite(BOB);
    sim.run_until(0.0);
    sim.puppet("bob").reply(180);
    sim.run_until(0.0);
    sim
}

#[test]
fn a_cancel_is_sent_at_once_when_a_provisional_response_has_come() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers(&[(0.1, 180), (9.0, 200)]);
    sim.alice().invite(BOB);
    sim.at(1.0, |sim| sim.alice().cancel());
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  bob → alice    180 INVITE
         1.000  alice → bob    CANCEL
         1.000  bob → alice    200 CANCEL
         1.000  bob → alice    487 INVITE
         1.000  alice → bob    ACK
         6.000  bob            terminated  timer I
        33.000  alice          terminated  timer D
        ",
    );
    assert_eq!(sim.alice().heard(), ["180 INVITE", "487 INVITE"]);
    assert_eq!(sim.bob().heard(), ["INVITE", "CANCEL"]);
    assert!(sim.is_idle());
}

#[test]
fn it_waits_for_the_first_provisional_response() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers(&[(0.1, 180)]);
    sim.alice().invite(BOB);
    sim.alice().cancel();
    sim.run_until(1.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.100  bob → alice    180 INVITE
         0.100  alice → bob    CANCEL
         0.100  bob → alice    200 CANCEL
         0.100  bob → alice    487 INVITE
         0.100  alice → bob    ACK
        ",
    );
}

#[test]
fn it_is_not_sent_when_the_final_response_comes_first() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers(&[(0.1, 486)]);
    sim.alice().invite(BOB);
    sim.alice().cancel();
    sim.run_until(1.0);
    assert!(sim.ladder().only(|_, what| what == "CANCEL").is_empty());
}

#[test]
fn it_is_not_sent_when_nothing_ever_comes() {
    let mut sim = Sim::new(Link::udp().lose_everything());
    sim.alice().invite(BOB);
    sim.alice().cancel();
    sim.run();
    assert!(sim.ladder().only(|_, what| what == "CANCEL").is_empty());
    assert_eq!(sim.alice().heard(), ["timeout"]);
}

#[test]
fn cancelling_twice_sends_one_cancel() {
    let mut sim = ringing(Link::udp());
    sim.alice().cancel();
    sim.alice().cancel();
    sim.run_until(0.1);
    assert_eq!(sim.ladder().only(|_, what| what == "CANCEL").len(), 1);
}

#[test]
fn it_is_a_transaction_of_its_own_and_is_resent_on_timer_e() {
    let mut sim = ringing(Link::udp());
    sim.alice().cancel();
    sim.at(1.6, |sim| sim.puppet("bob").reply(200));
    sim.run_until(10.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    180 INVITE
         0.000  alice → bob    CANCEL
         0.500  alice → bob    CANCEL     timer E
         1.500  alice → bob    CANCEL     timer E
         1.600  bob → alice    200 CANCEL
        ",
    );
    assert_eq!(sim.alice().heard(), ["180 INVITE"]);
}

#[test]
fn over_a_reliable_transport_it_is_sent_once() {
    let mut sim = ringing(Link::tcp());
    sim.alice().cancel();
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    180 INVITE
         0.000  alice → bob    CANCEL
        32.000  alice          timeout     timer B
        ",
    );
    assert!(sim.is_idle());
}

#[test]
fn without_a_final_response_the_invite_is_given_up_after_64_t1() {
    let mut sim = ringing(Link::tcp());
    sim.at(10.0, |sim| sim.alice().cancel());
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.000  bob → alice    180 INVITE
        10.000  alice → bob    CANCEL
        42.000  alice          timeout     timer B
        ",
    );
    assert!(sim.is_idle());
}

#[test]
fn when_the_invite_is_over_so_is_its_cancel() {
    let mut sim = ringing(Link::tcp());
    sim.alice().cancel();
    let invite = requests(&sim.puppet("bob").received(), "INVITE")[0].clone();
    let status = sip_core::StatusCode::REQUEST_TERMINATED;
    let terminated = String::from_utf8(invite.reply(status).to_bytes().to_vec());
    sim.puppet("bob")
        .send("alice", &terminated.expect("plain text"));
    sim.run_until(0.0);
    assert_eq!(sim.alice().heard(), ["180 INVITE", "487 INVITE"]);
    assert!(sim.is_idle(), "{:?}", sim.alice().layer());
}

#[test]
fn a_provisional_response_does_not_extend_that() {
    let mut sim = ringing(Link::tcp());
    sim.at(10.0, |sim| sim.alice().cancel());
    sim.at(40.0, |sim| {
        let invite = requests(&sim.puppet("bob").received(), "INVITE")[0].clone();
        let ringing = invite.reply(sip_core::StatusCode::RINGING).to_bytes();
        let ringing = String::from_utf8(ringing.to_vec()).expect("plain text");
        sim.puppet("bob").send("alice", &ringing);
    });
    sim.run();
    assert_eq!(sim.elapsed().as_secs(), 42);
}

#[test]
fn a_2xx_that_crosses_the_cancel_still_counts() {
    let mut sim = Sim::new(Link::udp().latency(Duration::from_millis(50)));
    sim.bob().answers(&[(0.0, 180), (1.0, 200)]);
    sim.alice().invite(BOB);
    sim.at(1.06, |sim| sim.alice().cancel());
    sim.run_until(2.0);
    sim.assert_ladder(
        "
         0.000  alice → bob    INVITE
         0.050  bob → alice    180 INVITE
         1.050  bob → alice    200 INVITE
         1.060  alice → bob    CANCEL
         1.100  alice → bob    ACK
         1.110  bob → alice    200 CANCEL
        ",
    );
    assert_eq!(sim.alice().heard(), ["180 INVITE", "200 INVITE"]);
    assert_eq!(sim.bob().heard(), ["INVITE", "ACK"]);
}

#[test]
fn only_a_pending_invite_can_be_cancelled() {
    let mut sim = Sim::new(Link::udp());
    sim.puppet("bob");
    let options = sim.alice().request(Method::Options, BOB);
    let invite = sim.alice().invite(BOB);
    let cancel = |sim: &mut Sim, id| sim.alice().act(|now, _, layer| layer.cancel(now, id));
    assert_eq!(cancel(&mut sim, options), Err(CancelError::NotInvite));
    sim.run_until(0.0);
    sim.puppet("bob").reply(200);
    sim.run_until(0.0);
    assert_eq!(cancel(&mut sim, invite), Err(CancelError::Answered));
    sim.run();
    assert_eq!(cancel(&mut sim, invite), Err(CancelError::Unknown));
}

/// What is the same in the CANCEL, and what is not.
mod construction {
    use sip_core::{Message, StatusCode, Transport};
    use sip_transaction::sim::epoch;
    use sip_transaction::{Config, ConnectionId, Flow, Target, TransactionLayer};

    use super::*;

    fn cancelled() -> (Request, Request) {
        let invite = tagged(
            "INVITE sip:bob@192.0.2.2 SIP/2.0\r\n\
             Via: SIP/2.0/UDP downstream.example.com;branch=z9hG4bKother\r\n\
             Route: <sip:one.example.com;lr>, <sip:two.example.com;lr>\r\n\
             From: <sip:alice@example.com>;tag=alice\r\n\
             To: <sip:bob@example.com>\r\n\
             Call-ID: call\r\n\
             CSeq: 815 INVITE\r\n\
             Max-Forwards: 70\r\n\
             Require: 100rel\r\n\
             Proxy-Require: foo\r\n\
             Content-Length: 0\r\n\r\n",
            "dialog",
        );
        let mut sim = Sim::new(Link::udp());
        sim.puppet("bob");
        let bob = sim.address_of("bob").expect("he is there");
        let id = sim.alice().act(|now, _, layer| {
            let to = sip_transaction::Target::address(sip_core::Transport::Udp, bob);
            layer.send_request(now, parse_request(invite), to)
        });
        sim.run_until(0.0);
        sim.puppet("bob").reply(180);
        sim.run_until(0.0);
        sim.alice()
            .act(|now, _, layer| layer.cancel(now, id))
            .expect("it is pending");
        sim.run_until(0.0);
        let received = sim.puppet("bob").received();
        (
            requests(&received, "INVITE")[0].clone(),
            requests(&received, "CANCEL")[0].clone(),
        )
    }

    fn raw(request: &Request, name: HeaderName) -> Vec<sip_core::Text> {
        request.headers().raw(&name).collect()
    }

    #[test]
    fn request_uri_call_id_to_and_from_are_identical() {
        let (invite, cancel) = cancelled();
        assert_eq!(cancel.uri(), invite.uri());
        for name in [HeaderName::CallId, HeaderName::To, HeaderName::From] {
            assert_eq!(raw(&cancel, name.clone()), raw(&invite, name));
        }
    }

    #[test]
    fn cseq_has_the_same_number_and_method_cancel() {
        let (_, cancel) = cancelled();
        let cseq: CSeq = cancel.headers().require().expect("a CSeq");
        assert_eq!((cseq.number(), cseq.method()), (815, Method::Cancel));
    }

    #[test]
    fn its_only_via_is_the_top_via_of_the_invite() {
        let (invite, cancel) = cancelled();
        assert_eq!(
            raw(&cancel, HeaderName::Via),
            raw(&invite, HeaderName::Via)[..1]
        );
    }

    #[test]
    fn the_route_headers_of_the_invite_are_in_it() {
        let (invite, cancel) = cancelled();
        assert_eq!(
            raw(&cancel, HeaderName::Route),
            raw(&invite, HeaderName::Route)
        );
    }

    #[test]
    fn it_requires_nothing() {
        let (_, cancel) = cancelled();
        assert!(!cancel.headers().contains(&HeaderName::Require));
        assert!(!cancel.headers().contains(&HeaderName::ProxyRequire));
    }

    #[test]
    fn it_goes_where_the_invite_went() {
        let address = |text: &str| text.parse().expect("an address");
        let flow = Flow {
            transport: Transport::Tcp,
            local: address("192.0.2.1:5060"),
            remote: address("192.0.2.2:40123"),
            connection: ConnectionId::new(0, 7),
        };
        let mut layer = TransactionLayer::new(Config::default(), 1);
        let invite = parse_request(crate::messages::request("INVITE", "other"));
        let id = layer.send_request(epoch(), invite, Target::Flow(flow));
        let sent = layer.poll_transmit().expect("the INVITE");
        let ringing = parse_request(&sent.payload).reply(StatusCode::RINGING);
        layer.handle_message(epoch(), Message::Response(ringing), flow);
        layer.cancel(epoch(), id).expect("it is pending");
        let cancel = layer.poll_transmit().expect("the CANCEL");
        assert!(cancel.payload.starts_with(b"CANCEL "));
        assert_eq!(cancel.to, sent.to);
    }
}
