//! Whole calls through a proxy, in virtual time: as ladders, and over networks that lose and repeat messages.

mod lost_calls;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip_proxy::backend::{Accounting, AccountingEvent, Record};
use sip_proxy::sim::SimProxy;
use sip_proxy::{Admission, BranchTarget, Decision, ForkPlan, Incoming, Proxy, Relay, Router};
use sip_transaction::sim::{Link, PeerId, Sim};

/// Knows where bob's phones are, and relays within dialogs.
struct BobsPhones(Vec<&'static str>);

#[async_trait::async_trait]
impl Router for BobsPhones {
    async fn route(&self, incoming: &Incoming) -> Decision {
        if let Some(admission) = Admission::in_dialog(incoming) {
            return Relay::new(admission, ForkPlan::unchanged(incoming))
                .accounted()
                .into();
        }
        let phones = self
            .0
            .iter()
            .map(|uri| BranchTarget::new(uri.parse().expect("a URI")));
        let admission = Admission::without_authentication("a test");
        Relay::new(admission, ForkPlan::parallel(phones))
            .accounted()
            .into()
    }
}

const UDP: &[&str] = &["sip:bob@192.0.2.2"];
const TCP: &[&str] = &["sip:bob@192.0.2.2;transport=tcp"];
const TWO: &[&str] = &["sip:bob@192.0.2.2", "sip:bob@192.0.2.4"];

/// What accounting was told: `event METHOD status target`, with the seconds since the request came.
#[derive(Default)]
struct Ledger(Mutex<Vec<String>>);

impl Accounting for Ledger {
    fn record(&self, record: Record) {
        let event = match record.event {
            AccountingEvent::Start => "start",
            AccountingEvent::Answer => "answer",
            AccountingEvent::End => "end",
            AccountingEvent::Failure => "failure",
            AccountingEvent::Success => "success",
            _ => "?",
        };
        let seconds = (record.unix_time - record.requested).as_secs_f64();
        let status = record.status.map(|status| format!(" {}", status.as_u16()));
        let target = record.target.map(|target| format!(" {target}"));
        let (method, or) = (record.request.method(), Option::unwrap_or_default);
        let line = format!("{seconds:.1} {event} {method}{}{}", or(status), or(target));
        self.0.lock().expect("nobody panics").push(line);
    }
}

fn with_proxy(link: Link, phones: &[&'static str]) -> (Sim, PeerId<Proxy>) {
    with_proxy_and_ledger(link, phones, Arc::default())
}

/// Alice calls through the proxy. Bob's first phone is 192.0.2.2, the second 192.0.2.4.
fn with_proxy_and_ledger(
    link: Link,
    phones: &[&'static str],
    ledger: Arc<Ledger>,
) -> (Sim, PeerId<Proxy>) {
    let mut sim = Sim::new(link);
    let proxy = SimProxy::new(BobsPhones(phones.to_vec())).accounting(ledger);
    let id = proxy.join(&mut sim, "proxy");
    sim.add_phone("desk");
    sim.alice().through("proxy");
    (sim, id)
}

#[test]
fn a_call_passes_the_proxy_from_invite_to_bye() {
    let (mut sim, proxy) = with_proxy(Link::udp(), UDP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(5.0, |sim| sim.alice().bye());
    sim.run_for(6.0);
    sim.assert_ladder(
        "
        0.000  alice → proxy  INVITE
        0.000  proxy → alice  100 INVITE
        0.000  proxy → bob    INVITE
        0.100  bob → proxy    180 INVITE
        0.100  proxy → alice  180 INVITE
        2.000  bob → proxy    200 INVITE
        2.000  proxy → alice  200 INVITE
        2.000  alice → proxy  ACK
        2.000  proxy → bob    ACK
        5.000  alice → proxy  BYE
        5.000  proxy → bob    BYE
        5.000  bob → proxy    200 BYE
        5.000  proxy → alice  200 BYE
        ",
    );
    sim.run();
    assert!(sim.is_idle() && sim.peer(proxy).user().is_idle());
}

#[test]
fn a_call_over_connections() {
    let (mut sim, proxy) = with_proxy(Link::tcp(), TCP);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.alice().invite("sip:bob@example.com;transport=tcp");
    sim.at(5.0, |sim| sim.alice().bye());
    sim.run();
    assert_eq!(
        sim.alice().heard(),
        ["100 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]
    );
    assert_eq!(sim.bob().heard(), ["INVITE", "ACK", "BYE"]);
    assert!(sim.is_idle() && sim.peer(proxy).user().is_idle());
}

#[test]
fn two_phones_ring_and_the_one_that_loses_is_cancelled() {
    let (mut sim, proxy) = with_proxy(Link::udp(), TWO);
    sim.bob().answers(&[(0.1, 180), (2.0, 200)]);
    sim.phone("desk").answers(&[(0.15, 180)]);
    sim.alice().invite("sip:bob@example.com");
    sim.run_for(3.0);
    sim.assert_ladder(
        "
        0.000  alice → proxy  INVITE
        0.000  proxy → alice  100 INVITE
        0.000  proxy → bob    INVITE
        0.000  proxy → desk   INVITE
        0.100  bob → proxy    180 INVITE
        0.100  proxy → alice  180 INVITE
        0.150  desk → proxy   180 INVITE
        0.150  proxy → alice  180 INVITE
        2.000  bob → proxy    200 INVITE
        2.000  proxy → alice  200 INVITE
        2.000  proxy → desk   CANCEL
        2.000  alice → proxy  ACK
        2.000  desk → proxy   200 CANCEL
        2.000  desk → proxy   487 INVITE
        2.000  proxy → bob    ACK
        2.000  proxy → desk   ACK
        ",
    );
    sim.run();
    assert!(sim.is_idle() && sim.peer(proxy).user().is_idle());
}

#[test]
fn a_caller_who_gives_up_while_it_rings_hears_487() {
    let (mut sim, proxy) = with_proxy(Link::udp(), TWO);
    sim.bob().answers(&[(0.1, 180)]);
    sim.phone("desk").answers(&[(0.1, 180)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(10.0, |sim| sim.alice().cancel());
    sim.run();
    assert_eq!(
        sim.alice().heard(),
        ["100 INVITE", "180 INVITE", "180 INVITE", "487 INVITE"]
    );
    assert!(sim.is_idle() && sim.peer(proxy).user().is_idle());
}

/// Whatever is lost, doubled or overtaken: a call is set up or refused, never both, and nothing is left behind.
#[test]
fn on_a_bad_network_every_call_ends_and_nothing_is_left() {
    for seed in 0..500 {
        let link = Link::udp()
            .seed(seed)
            .latency(Duration::from_millis(20))
            .jitter(Duration::from_millis(60))
            .loses(0.15)
            .duplicates(0.1);
        let (mut sim, proxy) = with_proxy(link, TWO);
        sim.bob()
            .answers(&[(0.1, 180), (2.0, if seed % 3 == 0 { 486 } else { 200 })]);
        sim.phone("desk").answers(if seed % 2 == 0 {
            &[(0.1, 180)]
        } else {
            &[(1.0, 404)]
        });
        sim.alice().invite("sip:bob@example.com");
        if seed % 5 == 0 {
            sim.at(1.5, |sim| sim.alice().cancel());
        }
        sim.at(40.0, |sim| sim.alice().bye());
        sim.run();
        let heard = sim.alice().heard().to_vec();
        let count = |what: &dyn Fn(&str) -> bool| heard.iter().filter(|line| what(line)).count();
        let accepted = count(&|line| line == "200 INVITE");
        let refused = count(&|line| line.ends_with(" INVITE") && line.as_bytes()[0] > b'2');
        let gave_up = count(&|line| line == "timeout");
        let shown = || format!("seed {seed}: {heard:?}\n{}", sim.ladder());
        assert!(
            refused <= 1 && (accepted == 0 || refused == 0),
            "{}",
            shown()
        );
        assert!(accepted + refused + gave_up > 0, "{}", shown());
        assert!(sim.is_idle(), "{}", shown());
        assert!(sim.peer(proxy).user().is_idle(), "seed {seed}");
    }
}

/// F-100
#[test]
fn accounting_hears_how_a_call_starts_and_ends_and_whose_phone_it_was() {
    let ledger = Arc::new(Ledger::default());
    let (mut sim, _) = with_proxy_and_ledger(Link::udp(), TWO, ledger.clone());
    sim.bob().answers(&[(0.1, 180)]);
    sim.phone("desk").answers(&[(0.1, 180), (3.0, 200)]);
    sim.alice().invite("sip:bob@example.com");
    sim.at(60.0, |sim| sim.alice().bye());
    sim.run();
    let told = ledger.0.lock().expect("nobody panics");
    assert_eq!(
        *told,
        [
            "0.0 start INVITE",
            "3.0 answer INVITE 200 sip:bob@192.0.2.4",
            "0.0 end BYE 200 sip:desk@192.0.2.4:5060;transport=udp"
        ]
    );
}

/// F-100: failures, 487 and timeouts among them, and never an ACK or a CANCEL.
#[test]
fn accounting_hears_how_a_call_fails() {
    for (answers, cancel, failure) in [
        (
            &[(0.1, 180), (1.0, 486)][..],
            false,
            "1.0 failure INVITE 486 sip:bob@192.0.2.2",
        ),
        (
            &[(0.1, 180)],
            true,
            "2.0 failure INVITE 487 sip:bob@192.0.2.2",
        ),
    ] {
        let ledger = Arc::new(Ledger::default());
        let (mut sim, _) = with_proxy_and_ledger(Link::udp(), UDP, ledger.clone());
        sim.bob().answers(answers);
        sim.alice().invite("sip:bob@example.com");
        if cancel {
            sim.at(2.0, |sim| sim.alice().cancel());
        }
        sim.run();
        assert_eq!(
            *ledger.0.lock().expect("nobody panics"),
            ["0.0 start INVITE", failure]
        );
    }
    let ledger = Arc::new(Ledger::default());
    let (mut sim, _) = with_proxy_and_ledger(Link::udp(), UDP, ledger.clone());
    sim.bob().answers_others(&[]);
    sim.alice()
        .request(sip_core::Method::Message, "sip:bob@example.com");
    sim.run();
    assert_eq!(
        *ledger.0.lock().expect("nobody panics"),
        ["32.0 failure MESSAGE 408"]
    );
}
