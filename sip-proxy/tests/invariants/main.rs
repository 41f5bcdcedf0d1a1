//! What holds whatever callers, phones, networks and routers do: one call, any order of events.

#[path = "../rfc3261/support.rs"]
#[allow(dead_code, reason = "shared with the tests of RFC 3261")]
mod support;

use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use sip_core::{Contact, Message, Method, Request, Response, StatusCode};
use sip_proxy::{Decision, Failed, ForkPlan, Incoming, Passing, Relay, Router};

use support::*;

/// What a router does with the call.
#[derive(Debug, Clone, Copy)]
struct Policy {
    serial: bool,
    follows: bool,
    on_failure: OnFailure,
    asked_on_response: bool,
    /// How often it has to be woken before it answers.
    slow: usize,
}

#[derive(Debug, Clone, Copy)]
enum OnFailure {
    NotAsked,
    LetsPass,
    Redirects,
    GoesOn,
}

async fn after_waking(times: usize) {
    let mut polls = 0;
    std::future::poll_fn(|_| {
        polls += 1;
        match polls > times {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

const PHONES: [&str; 3] = [
    "sip:bob@203.0.113.1",
    "sip:bob@two.example.net",
    "sip:bob@nowhere.invalid",
];

#[async_trait::async_trait]
impl Router for Policy {
    async fn route(&self, incoming: &Incoming) -> Decision {
        after_waking(self.slow).await;
        if *incoming.request.method() == Method::Ack {
            return Decision::Drop;
        }
        let plan = match self.serial {
            true => ForkPlan::serial(PHONES.map(target)),
            false => ForkPlan::parallel(PHONES.map(target)),
        };
        let mut relay = Relay::new(open(), plan);
        if self.follows {
            relay = relay.follow_redirects();
        }
        if !matches!(self.on_failure, OnFailure::NotAsked) {
            relay = relay.ask_on_failure();
        }
        if self.asked_on_response {
            relay = relay.ask_on_response();
        }
        relay.into()
    }

    async fn failed(&self, failed: &Failed) -> Option<Decision> {
        after_waking(self.slow).await;
        match self.on_failure {
            OnFailure::NotAsked | OnFailure::LetsPass => None,
            OnFailure::Redirects => {
                let mut response = failed.incoming.reply(StatusCode::MOVED_TEMPORARILY);
                let target = "sip:elsewhere@example.net".parse().expect("a URI");
                response.headers_mut().push(&Contact::new(&target));
                Some(response.into())
            }
            OnFailure::GoesOn => {
                let plan = ForkPlan::to(target("sip:voicemail@203.0.113.3"));
                Some(
                    Relay::new(failed.admission.clone(), plan)
                        .ask_on_failure()
                        .into(),
                )
            }
        }
    }

    async fn passing(&self, passing: Passing) -> Response {
        after_waking(self.slow).await;
        passing.response
    }
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    /// The phone that was sent the n-th INVITE answers it.
    Answer(usize, u16),
    /// The caller sends its INVITE again, or cancels.
    Again,
    Cancel,
    /// What was sent last could not be.
    NotSent,
    Wake,
    Passes(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let status = prop::sample::select(&[100, 180, 183, 200, 302, 401, 407, 486, 487, 503, 600][..]);
    prop_oneof![
        6 => (0_usize..8, status).prop_map(|(branch, status)| Happening::Answer(branch, status)),
        1 => Just(Happening::Again),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::NotSent),
        3 => Just(Happening::Wake),
        2 => prop::sample::select(&[100, 600, 5_000, 40_000, 190_000][..]).prop_map(Happening::Passes),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let on_failure = prop_oneof![
        Just(OnFailure::NotAsked),
        Just(OnFailure::LetsPass),
        Just(OnFailure::Redirects),
        Just(OnFailure::GoesOn),
    ];
    (
        any::<bool>(),
        any::<bool>(),
        on_failure,
        any::<bool>(),
        0_usize..2,
    )
        .prop_map(
            |(serial, follows, on_failure, asked_on_response, slow)| Policy {
                serial,
                follows,
                on_failure,
                asked_on_response,
                slow,
            },
        )
}

/// One call, and what was said in it.
struct Call {
    world: World,
    invites: Vec<(Request, String)>,
    finals: Vec<u16>,
}

impl Call {
    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Answer(branch, status) => {
                let Some((invite, phone)) = self.invites.get(branch).cloned() else {
                    return;
                };
                let contacts = "Contact: <sip:bob@203.0.113.9>;q=0.5, <sip:bob@203.0.113.8>\n\
                                Contact: <mailto:bob@example.com>";
                let headers = if status == 302 { contacts } else { "" };
                self.world.answer_with(&invite, &phone, status, headers);
            }
            // Later it would be a new call.
            Happening::Again if !self.finals.is_empty() => {}
            Happening::Again => self.world.receive(ALICE, &request("INVITE", "")),
            Happening::Cancel => self.world.receive(ALICE, &request("CANCEL", "")),
            Happening::NotSent => {
                self.world.fail_last_request_if_any();
            }
            Happening::Wake => self.world.wake_backends(),
            Happening::Passes(millis) => self.world.advance(Duration::from_millis(millis)),
        }
        self.listen();
    }

    fn listen(&mut self) {
        for sent in self.world.take() {
            match sent.message {
                Message::Request(request) => {
                    let is_new = *request.method() == Method::Invite
                        && !self
                            .invites
                            .iter()
                            .any(|(known, _)| via(known) == via(&request));
                    if is_new {
                        self.invites.push((request, sent.to.remote().to_string()));
                    }
                }
                Message::Response(response) => self.hear(&response),
            }
        }
    }

    /// Alice acknowledges failures; what is repeated till then says nothing new.
    fn hear(&mut self, response: &Response) {
        let cseq: sip_core::CSeq = response.headers().require().expect("CSeq");
        let status = response.status();
        if cseq.method() != Method::Invite || !status.is_final() {
            return;
        }
        if status.is_success() || self.finals.last() != Some(&status.as_u16()) {
            self.finals.push(status.as_u16());
        }
        if !status.is_success() {
            let tag = response.to_tag().map(|tag| tag.to_string());
            let to = format!("To: <sip:bob@example.com>;tag={}", tag.unwrap_or_default());
            let ack = request("ACK", "").replace("To: <sip:bob@example.com>", &to);
            self.world.receive(ALICE, &ack);
        }
    }
}

fn via(request: &Request) -> String {
    lines(request, "Via").swap_remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// The caller hears one failure or any number of successes, never both; no request is forked without end; and in the
    /// end nothing is left.
    #[test]
    fn a_call_ends_once_and_leaves_nothing(
        policy in policy(),
        happenings in prop::collection::vec(happening(), 0..40),
    ) {
        let mut call = Call {
            world: World::new(policy),
            invites: Vec::new(),
            finals: Vec::new(),
        };
        call.world.receive(ALICE, &request("INVITE", ""));
        call.listen();
        for happening in happenings {
            call.happens(happening);
        }
        for _ in 0..60 {
            call.happens(Happening::Wake);
            call.happens(Happening::Passes(200_000));
        }
        let failures = call.finals.iter().filter(|status| **status >= 300).count();
        prop_assert!(failures <= 1, "{:?}", call.finals);
        prop_assert!(failures == 0 || call.finals.len() == 1, "{:?}", call.finals);
        prop_assert!(!call.finals.is_empty(), "the caller waits for ever");
        prop_assert!(call.invites.len() <= 2 * 12, "{} branches", call.invites.len());
        prop_assert!(call.world.proxy.is_idle(), "{:#?}", call.world.proxy);
        prop_assert!(call.world.layer.is_idle());
    }
}
