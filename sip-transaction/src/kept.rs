//! Messages a transaction keeps: as bytes, a tenth of what a message in hand takes, and read again when its headers
//! are wanted.

use bytes::Bytes;
use sip_core::{Limits, Message, Request, Response, parse_message};

/// A request of ours or one that was accepted; `None` for anything else.
pub(crate) fn request(bytes: &Bytes) -> Option<Request> {
    Request::try_from(message(bytes)?).ok()
}

/// A response of ours; `None` for anything else.
pub(crate) fn response(bytes: &Bytes) -> Option<Response> {
    Response::try_from(message(bytes)?).ok()
}

/// What was printed here is read again whatever its size.
fn message(bytes: &Bytes) -> Option<Message> {
    let mut limits = Limits::default();
    limits.max_message = usize::MAX;
    limits.max_head = usize::MAX;
    limits.max_headers = usize::MAX;
    limits.max_line = usize::MAX;
    limits.max_folds = usize::MAX;
    limits.max_uri = usize::MAX;
    parse_message(bytes.clone(), &limits).ok()
}
