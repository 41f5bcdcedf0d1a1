//! What of a request a nonce is bound to, so that it is worth nothing elsewhere (F-52).

use std::net::IpAddr;
use std::ops::BitOr;

use sip_core::{CallId, From, Method, To};

use crate::backend::Incoming;
use crate::keys::Sum;

/// Parts of a request, as a set; the bits are those of SER's `auth_checks`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestParts(u8);

impl RequestParts {
    /// Nothing: the nonce may be used for any request.
    pub const NONE: RequestParts = RequestParts(0);
    /// The Request-URI, as written.
    pub const REQUEST_URI: RequestParts = RequestParts(1);
    /// The Call-ID.
    pub const CALL_ID: RequestParts = RequestParts(2);
    /// The From tag.
    pub const FROM_TAG: RequestParts = RequestParts(4);
    /// The IP address it came from, without the port: a NAT may choose another.
    pub const SOURCE_IP: RequestParts = RequestParts(8);

    /// The set of these bits; those that mean nothing count for nothing.
    #[must_use]
    pub const fn from_bits(bits: u8) -> RequestParts {
        RequestParts(bits & 15)
    }

    fn contains(self, part: RequestParts) -> bool {
        self.0 & part.0 != 0
    }

    pub(super) fn is_empty(self) -> bool {
        self == RequestParts::NONE
    }

    /// Adds those parts of `incoming`. What is not there counts as empty.
    pub(super) fn mix(self, incoming: &Incoming, mut sum: Sum) -> Sum {
        let headers = incoming.request.headers();
        sum = sum.mix(&[self.0]);
        if self.contains(RequestParts::REQUEST_URI) {
            sum = sum.mix(incoming.request.uri().as_text());
        }
        if self.contains(RequestParts::CALL_ID) {
            let call_id = headers.require::<CallId>().ok();
            sum = sum.mix(call_id.as_ref().map_or(&[], |call_id| call_id.as_bytes()));
        }
        if self.contains(RequestParts::FROM_TAG) {
            let tag = headers.require::<From>().ok().and_then(|from| from.tag());
            sum = sum.mix(tag.as_ref().map_or(&[], |tag| tag.as_bytes()));
        }
        if self.contains(RequestParts::SOURCE_IP) {
            sum = match incoming.flow.remote.ip().to_canonical() {
                IpAddr::V4(ip) => sum.mix(&ip.octets()),
                IpAddr::V6(ip) => sum.mix(&ip.octets()),
            };
        }
        sum
    }
}

impl BitOr for RequestParts {
    type Output = RequestParts;

    fn bitor(self, other: RequestParts) -> RequestParts {
        RequestParts(self.0 | other.0)
    }
}

/// What nonces are bound to, by the kind of request. A nonce bound to a Call-ID costs phones that keep theirs for the
/// next call another round; one not bound to where it went may be used by whoever overhears it, while it is fresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NonceChecks {
    /// For REGISTER.
    pub register: RequestParts,
    /// For other requests without a To tag.
    pub initial: RequestParts,
    /// For requests with a To tag.
    pub in_dialog: RequestParts,
}

impl NonceChecks {
    /// Nonces are good for any request.
    pub const NONE: NonceChecks = NonceChecks {
        register: RequestParts::NONE,
        initial: RequestParts::NONE,
        in_dialog: RequestParts::NONE,
    };

    /// Nonces are good for whoever was given them: an address can not be used to guess from that another one sends
    /// as.
    pub const SOURCE_IP: NonceChecks = NonceChecks {
        register: RequestParts::SOURCE_IP,
        initial: RequestParts::SOURCE_IP,
        in_dialog: RequestParts::SOURCE_IP,
    };

    /// What SER suggests where security counts most: 11, 9 and 15.
    pub const STRICT: NonceChecks = NonceChecks {
        register: RequestParts::from_bits(11),
        initial: RequestParts::from_bits(9),
        in_dialog: RequestParts::from_bits(15),
    };

    pub(super) fn of(&self, incoming: &Incoming) -> RequestParts {
        let has_to_tag =
            || matches!(incoming.request.headers().require::<To>(), Ok(to) if to.tag().is_some());
        match incoming.request.method() {
            Method::Register => self.register,
            _ if has_to_tag() => self.in_dialog,
            _ => self.initial,
        }
    }
}
