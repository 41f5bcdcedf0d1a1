//! SIP messages, headers, URIs and their parser (RFC 3261).
#![forbid(unsafe_code)]

pub mod header;
mod method;
mod status;
mod text;
mod transport;

pub use header::{Header, HeaderError, HeaderErrorKind, HeaderName, ListHeader};
pub use method::{Method, MethodError};
pub use status::{StatusClass, StatusCode};
pub use text::{ForbiddenOctet, Text};
pub use transport::Transport;
