//! SIP messages, headers, URIs and their parser (RFC 3261).
#![forbid(unsafe_code)]

mod builder;
pub mod header;
mod message;
mod method;
mod params;
mod parse;
mod parts;
mod request;
mod response;
mod span;
mod status;
mod text;
mod transport;
mod uri;
mod validate;

pub use builder::RequestBuilder;
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
pub use validate::validate;
