//! What the proof of a dialog costs in instructions: the cookie made for an INVITE, and judged when it comes back with
//! a BYE of either side (F-11, F-20).
//!
//! ```text
//! cargo build --release -p sip-proxy --example cookie_cost
//! for step in issue judge_downstream judge_upstream; do
//!   valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect="cookie_cost::$step" \
//!     target/release/examples/cookie_cost 1000 2>&1 | grep Collected
//! done
//! ```
//!
//! The figure divided by 1000 is the cost of one: 13,400 to make it, 15,200 to judge it downstream, with Rust 1.95 on
//! x86-64. Three quarters of that is SHA-256, since Valgrind has none of the instructions most processors have for it.

use std::hint::black_box;
use std::time::Duration;

use sip_core::{Limits, Message, Request, SipUri, Text, parse_message};
use sip_proxy::dialog::{CookieRefused, Dialog};
use sip_proxy::{DialogCookies, DialogValues, KeyRing, SigningKey};

const NOW: Duration = Duration::from_secs(1_700_000_000);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 1000,
    };
    let cookies = DialogCookies::new(&KeyRing::new(SigningKey::new(0, [7; 32])));
    let invite = request("INVITE", ";tag=9fxced76sl", "")?;
    let downstream = request("BYE", ";tag=9fxced76sl", ";tag=314159")?;
    let upstream = request("BYE", ";tag=314159", ";tag=9fxced76sl")?;
    let cookie = issue(&cookies, &invite).ok_or("the INVITE has no tag")?;
    let route: SipUri = format!("sip:192.0.2.1:5060;avp={cookie};lr").parse()?;
    for _ in 0..rounds {
        black_box(issue(black_box(&cookies), black_box(&invite)));
        black_box(judge_downstream(&cookies, &route, black_box(&downstream)));
        black_box(judge_upstream(&cookies, &route, black_box(&upstream)));
    }
    Ok(())
}

type Judged = Option<Result<Dialog, CookieRefused>>;

#[inline(never)]
fn issue(cookies: &DialogCookies, invite: &Request) -> Option<Text> {
    cookies.issue(invite, &DialogValues::default(), NOW)
}

#[inline(never)]
fn judge_downstream(cookies: &DialogCookies, route: &SipUri, bye: &Request) -> Judged {
    cookies.judge(route, bye, NOW)
}

#[inline(never)]
fn judge_upstream(cookies: &DialogCookies, route: &SipUri, bye: &Request) -> Judged {
    black_box(1); // or the linker makes one function of both
    cookies.judge(route, bye, NOW)
}

fn request(method: &str, from: &str, to: &str) -> Result<Request, Box<dyn std::error::Error>> {
    let text = format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK74bf9\r\n\
         From: Alice <sip:alice@atlanta.example.com>{from}\r\nTo: Bob <sip:bob@biloxi.example.com>{to}\r\n\
         Call-ID: 3848276298220188511@atlanta.example.com\r\nCSeq: 1 {method}\r\n\r\n"
    );
    match parse_message(text.into_bytes().into(), &Limits::default())? {
        Message::Request(request) => Ok(request),
        Message::Response(_) => Err("no request".into()),
    }
}
