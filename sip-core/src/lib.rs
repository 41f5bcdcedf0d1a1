//! SIP messages, headers, URIs and their parser (RFC 3261).
#![forbid(unsafe_code)]

pub mod header;
mod text;

pub use header::{Header, HeaderError, HeaderErrorKind, HeaderName, ListHeader};
pub use text::{ForbiddenOctet, Text};
