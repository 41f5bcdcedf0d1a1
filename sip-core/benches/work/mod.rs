//! The works whose cost is watched, each a step of carrying a message: counted in instructions by
//! `examples/forward_cost.rs`, timed by `benches/messages.rs`.

use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::*;

/// 976 octets.
pub(crate) static INVITE: &[u8] = include_bytes!("../../tests/messages/invite.sip");

/// 350 octets.
pub(crate) static KEEP_ALIVE: &[u8] = include_bytes!("../../tests/messages/keep_alive.sip");

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What each work starts from, made once.
pub(crate) struct Bench {
    pub(crate) invite: Bytes,
    pub(crate) keep_alive: Bytes,
    pub(crate) record_route: RecordRoute,
    pub(crate) branch: String,
    pub(crate) tag: Tag,
    pub(crate) source: SocketAddr,
}

impl Bench {
    pub(crate) fn new() -> Outcome<Bench> {
        Ok(Bench {
            invite: Bytes::copy_from_slice(INVITE),
            keep_alive: Bytes::copy_from_slice(KEEP_ALIVE),
            record_route: RecordRoute::new(&"sip:192.0.2.1;lr".parse()?),
            branch: format!("z9hG4bK{:028x}", 42),
            tag: Tag::new("8f3a5c1e9b7d2046")?,
            source: "192.0.2.101:40000".parse()?,
        })
    }
}

/// Finds the lines, and reads the Request-URI.
#[inline(never)]
pub(crate) fn read(datagram: Bytes) -> Outcome<Message> {
    Ok(parse_message(datagram, &Limits::default())?)
}

pub(crate) type Six = (Via, From, To, CallId, CSeq, Contact);

/// Reads it, and six of its headers.
#[inline(never)]
pub(crate) fn read_six_headers(datagram: Bytes) -> Outcome<Six> {
    let message = parse_message(datagram, &Limits::default())?;
    let headers = message.headers();
    Ok((
        headers.require()?,
        headers.require()?,
        headers.require()?,
        headers.require()?,
        headers.require()?,
        headers.require()?,
    ))
}

/// Reads it, and prints it as it is.
#[inline(never)]
pub(crate) fn print(datagram: Bytes) -> Outcome<Bytes> {
    let message = parse_message(datagram, &Limits::default())?;
    Ok(message.to_bytes())
}

/// Max-Forwards less one, a Record-Route and a Via on top, the rest untouched (RFC 3261 §16.6).
#[inline(never)]
pub(crate) fn forward(datagram: Bytes, record_route: &RecordRoute, branch: &str) -> Outcome<Bytes> {
    let mut message = parse_message(datagram, &Limits::default())?;
    let headers = message.headers_mut();
    let hops: MaxForwards = headers.require()?;
    headers.set(&MaxForwards(hops.0.saturating_sub(1)));
    headers.push_front(record_route);
    let via: [&[u8]; 2] = [b"SIP/2.0/UDP 192.0.2.1:5060;branch=", branch.as_bytes()];
    headers.push_front_parts(HeaderName::Via, &via)?;
    Ok(message.to_bytes())
}

/// The copy that a branch of a fork begins with (RFC 3261 §16.6 step 1).
#[inline(never)]
pub(crate) fn copy(message: &Message) -> Message {
    message.clone()
}

/// The 180 to a request that was read, printed (RFC 3261 §8.2.6).
#[inline(never)]
pub(crate) fn reply(request: &Request, tag: &Tag, out: &mut Vec<u8>) {
    let mut response = request.reply(StatusCode::RINGING);
    response.set_to_tag(tag);
    response.write_to(out);
}

/// A whole keep-alive: read, its source noted in the Via (RFC 3261 §18.2.1, RFC 3581), answered with 200.
#[inline(never)]
pub(crate) fn keep_alive(
    datagram: Bytes,
    source: SocketAddr,
    tag: &Tag,
    out: &mut Vec<u8>,
) -> Outcome<()> {
    let mut request = Request::try_from(parse_message(datagram, &Limits::default())?)
        .map_err(|_| "a keep-alive is a request")?;
    request.stamp_via(source)?;
    let mut response = request.reply(StatusCode::OK);
    response.set_to_tag(tag);
    response.write_to(out);
    Ok(())
}
