//! RFC 3261 §17.1.1, INVITE client transaction, as RFC 6026 §8.4 amends it.

use sip_transaction::sim::{Link, Sim};

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
}
