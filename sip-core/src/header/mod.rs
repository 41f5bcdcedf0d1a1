//! Typed headers: one file per family, read from a message only when asked for (RFC 3261 §20).

mod auth;
mod call_id;
mod contact;
mod content;
mod cseq;
mod date;
mod edit;
mod error;
mod event;
mod from_to;
mod identity;
mod info;
mod joined;
mod line;
mod list;
mod map;
mod name;
mod name_addr;
mod number;
mod options;
mod own;
mod rack;
mod reason;
mod refer;
mod retry_after;
mod route;
mod session_timer;
mod token;
mod via;
mod warning;
mod with_params;
mod words;

pub use auth::{
    AuthenticationInfo, Authorization, Challenge, ChallengeBuilder, Credentials,
    CredentialsBuilder, DigestAlgorithm, ProxyAuthenticate, ProxyAuthorization, WwwAuthenticate,
};
pub use call_id::{CallId, InReplyTo};
pub use contact::{Contact, Q};
pub use content::{
    Accept, AcceptEncoding, AcceptLanguage, ContentDisposition, ContentEncoding, ContentLanguage,
    ContentType, MimeVersion,
};
pub use cseq::CSeq;
pub use date::{Date, Timestamp};
pub use error::{HeaderError, HeaderErrorKind};
pub use event::{AllowEvents, Event, SipEtag, SipIfMatch, SubscriptionState};
pub use from_to::{From, Tag, To};
pub use identity::{
    Diversion, HistoryInfo, PAssertedIdentity, PPreferredIdentity, Privacy, RemotePartyId,
};
pub use info::{AlertInfo, CallInfo, ErrorInfo, ReplyTo};
pub use joined::Joined;
pub(crate) use line::Line;
pub use map::Headers;
pub(crate) use map::Lines;
pub(crate) use map::unfolded;
pub use name::HeaderName;
pub(crate) use name::NameId;
pub use name_addr::NameAddr;
pub use number::{ContentLength, Expires, FlowTimer, MaxBreadth, MaxForwards, MinExpires, RSeq};
pub use options::{Allow, OptionTag, ProxyRequire, Require, Supported, Unsupported};
pub use rack::RAck;
pub use reason::Reason;
pub use refer::{ReferTo, ReferredBy, Replaces};
pub use retry_after::RetryAfter;
pub use route::{Path, RecordRoute, Route, ServiceRoute};
pub use session_timer::{MinSe, Refresher, SessionExpires};
pub use token::NotToken;
pub use via::{Branch, Via};
pub use warning::Warning;
pub use words::{Organization, Priority, Server, Subject, UserAgent};

use crate::Text;

/// A header with a type: how to read its value and how to print it.
pub trait Header: Sized {
    /// The name its lines carry.
    const NAME: HeaderName;

    /// Whether the value is a comma-separated list (§7.3.1). `true` for every [`ListHeader`], and for no other.
    const LIST: bool = false;

    /// Reads one value: the whole line's, or for a [`ListHeader`] one member's. Folding is undone already.
    ///
    /// # Errors
    /// When the value does not follow the header's grammar.
    fn parse(value: &Text) -> Result<Self, HeaderError>;

    /// The value as it is printed; never holds CR or LF.
    fn as_text(&self) -> Text;
}

/// A header whose value is a comma-separated list, so that one line of several members and several lines of
/// one mean the same (§7.3.1). It sets [`Header::LIST`].
pub trait ListHeader: Header {}
