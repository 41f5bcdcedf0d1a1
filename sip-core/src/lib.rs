//! SIP messages, headers, URIs and their parser (RFC 3261). No clock, no socket, no runtime.
//!
//! A message is the bytes it came in and a table of its lines. A header gets a type when it is asked for, and what
//! nobody edits leaves octet for octet as it came:
//!
//! ```
//! use bytes::Bytes;
//! use sip_core::{CSeq, Limits, MaxForwards, Message, Method, StatusCode, parse_message, validate};
//!
//! let datagram = Bytes::from_static(
//!     b"OPTIONS sip:bob@b.example SIP/2.0\r\n\
//!       v: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
//!       Max-Forwards: 70\r\n\
//!       f: \"Alice\" <sip:alice@a.example>;tag=9\r\n\
//!       t: <sip:bob@b.example>\r\n\
//!       i: 1@a.example\r\n\
//!       CSeq: 7 OPTIONS\r\n\
//!       l: 0\r\n\r\n",
//! );
//! let message = parse_message(datagram, &Limits::default())?;
//! validate(&message)?;
//!
//! let Message::Request(mut request) = message else { unreachable!() };
//! assert_eq!(request.method(), &Method::Options);
//! assert_eq!(request.headers().require::<CSeq>()?.number(), 7);
//!
//! // One hop on: a line of its own, and every other octet as received.
//! let MaxForwards(hops) = request.headers().require()?;
//! request.headers_mut().set(&MaxForwards(hops - 1));
//! assert!(request.to_bytes().windows(16).any(|line| line == b"Max-Forwards: 69"));
//!
//! // The answer carries the request's own lines (§8.2.6).
//! let reply = request.reply(StatusCode::OK);
//! assert!(reply.to_bytes().starts_with(b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a.example"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | read a datagram, a stream | [`parse_message`], [`StreamFramer`] |
//! | judge it | [`validate`], [`Role`]: every [`Flaw`] knows the response it deserves |
//! | read and edit headers | [`Headers`], the types in [`header`], which lists them by RFC |
//! | read and make URIs | [`Uri`], [`SipUri`], [`TelUri`], [`AddressOfRecord`] |
//! | read and rewrite session descriptions | [`Message::session_description`], [`sdp`], [`multipart`] |
//! | make requests and responses | [`Request::builder`], [`Request::reply`], [`Response::builder`] |
//!
//! Nothing a peer sends panics, or takes more than linear time and the [`Limits`] given. Values are slices of what
//! was received and keep it alive; `detached()` copies one out of it.
#![forbid(unsafe_code)]

mod builder;
pub mod header;
mod message;
mod method;
pub mod multipart;
mod params;
mod parse;
mod parts;
mod request;
mod response;
pub mod sdp;
mod span;
mod status;
mod text;
mod transport;
mod uri;
mod validate;

pub use builder::{RequestBuilder, ResponseBuilder};
pub use header::*;
pub use message::Message;
pub use method::{Method, MethodError};
pub use params::Params;
pub use parse::{Flaw, Frame, FrameError, Limits, ParseError, StreamFramer, parse_message};
pub use request::Request;
pub use response::Response;
pub use status::{StatusClass, StatusCode};
pub use text::{ForbiddenOctet, Text};
pub use transport::Transport;
pub use uri::{AddressOfRecord, Host, HostName, HostPort, SipUri, TelUri, Uri, UriError, unescape};
pub use validate::{Refusal, Role, validate};
