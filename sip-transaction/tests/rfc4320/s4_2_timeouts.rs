//! RFC 4320 §4.2, no 408 to anything but INVITE.

use sip_core::StatusCode;
use sip_transaction::RespondError;
use sip_transaction::sim::{Link, Sim};

use crate::messages::request;

#[test]
fn no_408_can_be_sent() {
    let mut sim = Sim::new(Link::udp());
    sim.bob().answers_others(&[]);
    sim.puppet("alice").send("bob", &request("OPTIONS", "1"));
    sim.run_until(0.0);
    let refused = RespondError::Forbidden(StatusCode::REQUEST_TIMEOUT);
    assert_eq!(sim.bob().respond(408), Err(refused));
    // To an INVITE it can.
    sim.puppet("alice").send("bob", &request("INVITE", "2"));
    sim.run_until(0.0);
    assert_eq!(sim.bob().respond(408), Ok(()));
}

#[test]
fn who_cannot_respond_before_the_transaction_expires_sends_nothing() {
    let mut sim = Sim::new(Link::tcp());
    sim.bob().answers_others(&[]);
    sim.puppet("alice").send("bob", &request("OPTIONS", "1"));
    sim.run();
    sim.assert_ladder(
        "
         0.000  alice → bob    OPTIONS
         3.500  bob → alice    100 OPTIONS  timer Trying
        32.000  bob            terminated   timer F
        ",
    );
    assert_eq!(sim.bob().respond(200), Err(RespondError::Unknown));
    assert!(sim.is_idle());
}
