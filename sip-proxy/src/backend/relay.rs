//! Media relays: they take the place of each party's address in the session description (RFC 3264), so that media can
//! cross a NAT.

use std::net::SocketAddr;

use async_trait::async_trait;
use bytes::Bytes;
use sip_core::{CallId, Tag, Text};

/// A relay, or a pool of them. All of a call's commands reach the node that took its first offer.
///
/// Every method gives up by itself after about a second, failing over between nodes included, and can be dropped at any
/// time: a dead relay delays only the calls that need it.
#[async_trait]
pub trait MediaRelay: Send + Sync + 'static {
    /// Takes an offer and gives back what to forward in its place.
    async fn offer(&self, leg: &Leg, body: Bytes, options: &RelayOptions) -> Relayed;

    /// Takes the answer to the offer of the same leg.
    async fn answer(&self, leg: &Leg, body: Bytes, options: &RelayOptions) -> Relayed;

    /// Frees the ports of a leg, or of the whole call if it names no branch. Never fails: what can't be told now is told
    /// later, or times out.
    async fn delete(&self, leg: &Leg);

    /// Whether new calls can be taken.
    async fn health(&self) -> RelayHealth;
}

/// Whose session it is.
#[derive(Debug, Clone)]
pub struct Leg {
    /// The call.
    pub call_id: CallId,
    /// The tag of the party that made the offer, whichever header it stands in.
    pub offerer: Tag,
    /// The tag of the party that answers, once it is known.
    pub answerer: Option<Tag>,
    /// The branch of a forked call.
    pub branch: Option<Text>,
    /// Where the message with the session description came from.
    pub source: SocketAddr,
}

/// What to do beyond the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RelayOptions {
    /// Send media to the source of the message and not to the address in the description: its sender is behind a NAT.
    pub use_source: bool,
    /// Relay even if the description says that somebody upstream does.
    pub force: bool,
    /// What else the kind of relay in use understands, one word each.
    pub flags: Vec<Text>,
}

/// A session description as it is to be forwarded.
pub type Relayed = Result<Rewritten, RelayError>;

/// What became of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewritten {
    /// The whole body to forward.
    Body(Bytes),
    /// There is nothing in it to relay; it is forwarded as it came.
    NoChange,
}

/// Whether a relay can take new calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayHealth {
    /// At least one node can.
    Up,
    /// None can: they are dead, or have no port left.
    Down,
}

/// Why a body was not rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// No node answered, or none has a port left: 503.
    #[error("no media relay can take the call")]
    Unavailable,
    /// The session description can't be read: 488.
    #[error("the session description can not be relayed")]
    Unreadable,
    /// The relay does not know the call any more: 481.
    #[error("the media relay does not know the call")]
    UnknownCall,
}
