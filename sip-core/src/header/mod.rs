//! Typed headers: one file per family, read from a message only when asked for (RFC 3261 §20).
//!
//! ```
//! use bytes::Bytes;
//! use sip_core::{CSeq, Limits, Supported, Text, HeaderName, Via, parse_message};
//!
//! let message = parse_message(
//!     Bytes::from_static(
//!         b"OPTIONS sip:bob@b.example SIP/2.0\r\n\
//!           v: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
//!           CSeq: 7 OPTIONS\r\n\
//!           k: path, gruu\r\n\
//!           Supported: outbound\r\n\
//!           X-Mood: \xfcberm\xfctig\r\n\r\n",
//!     ),
//!     &Limits::default(),
//! )?;
//! let headers = message.headers();
//!
//! // What must stand once, what may be missing, and the members of a list, however many lines it takes.
//! let cseq: CSeq = headers.require()?;
//! assert_eq!(cseq.number(), 7);
//! assert!(headers.optional::<sip_core::Reason>()?.is_none());
//! assert_eq!(headers.all::<Supported>().count(), 3);
//!
//! // A header without a type is its name and the octets it came with.
//! let mood = HeaderName::from_text(&Text::from_static("x-mood"));
//! assert_eq!(headers.raw(&mood).next().unwrap().as_bytes(), b"\xfcberm\xfctig");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A type is one [`Text`], the value as it came, and offsets into it. So reading allocates nothing, printing copies, and
//! parameters nobody has heard of stay. Types print as they were read, white space at the ends aside; numbers print
//! without leading zeros.
//!
//! A program may have types of its own: [`Header`] needs a name, and [`HeaderName::Other`] takes any.
#![doc = include_str!("../../HEADERS.md")]

mod edit;
mod error;
mod joined;
mod line;
mod list;
mod map;
mod name;
mod name_addr;
mod outbound;
mod own;
mod token;
mod tokens;
mod top_via;
mod with_params;

pub use error::{HeaderError, HeaderErrorKind};
pub use joined::Joined;
pub(crate) use line::Line;
pub use map::Headers;
pub(crate) use map::unfolded;
pub(crate) use map::{Lines, Place};
pub use name_addr::NameAddr;
pub use token::NotToken;
pub use top_via::TopVia;

use crate::Text;

// Each family's file, and its headers: the type, the name on the wire with its compact form, where it is defined.
// HEADERS.md and the properties in tests/headers.rs are checked against this list.
name::headers! {
    answer_mode {
        AnswerMode = "Answer-Mode", "RFC 5373 §4";
        PrivAnswerMode = "Priv-Answer-Mode", "RFC 5373 §4";
    }
    auth {
        AuthenticationInfo = "Authentication-Info", "RFC 3261 §20.6";
        Authorization = "Authorization", "RFC 3261 §20.7";
        ProxyAuthenticate = "Proxy-Authenticate", "RFC 3261 §20.27";
        ProxyAuthenticationInfo = "Proxy-Authentication-Info", "RFC 7615 §4";
        ProxyAuthorization = "Proxy-Authorization", "RFC 3261 §20.28";
        WwwAuthenticate = "WWW-Authenticate", "RFC 3261 §20.44";
    }
    call_id {
        CallId = "Call-ID" / "i", "RFC 3261 §20.8";
        InReplyTo = "In-Reply-To", "RFC 3261 §20.21";
    }
    caller_preferences {
        AcceptContact = "Accept-Contact" / "a", "RFC 3841 §9.2";
        RejectContact = "Reject-Contact" / "j", "RFC 3841 §9.2";
        RequestDisposition = "Request-Disposition" / "d", "RFC 3841 §9.1";
    }
    capabilities { FeatureCaps = "Feature-Caps", "RFC 6809 §6.2"; }
    contact { Contact = "Contact" / "m", "RFC 3261 §20.10"; }
    content {
        Accept = "Accept", "RFC 3261 §20.1";
        AcceptEncoding = "Accept-Encoding", "RFC 3261 §20.2";
        AcceptLanguage = "Accept-Language", "RFC 3261 §20.3";
        ContentDisposition = "Content-Disposition", "RFC 3261 §20.11";
        ContentEncoding = "Content-Encoding" / "e", "RFC 3261 §20.12";
        ContentLanguage = "Content-Language", "RFC 3261 §20.13";
        ContentType = "Content-Type" / "c", "RFC 3261 §20.15";
        MimeVersion = "MIME-Version", "RFC 3261 §20.24";
    }
    cseq { CSeq = "CSeq", "RFC 3261 §20.16"; }
    date {
        Date = "Date", "RFC 3261 §20.17";
        Timestamp = "Timestamp", "RFC 3261 §20.38";
    }
    dialogs {
        Join = "Join", "RFC 3911 §7.1";
        Replaces = "Replaces", "RFC 3891 §6.1";
        TargetDialog = "Target-Dialog", "RFC 4538 §7";
    }
    diversion {
        Diversion = "Diversion", "RFC 5806 §4";
        HistoryInfo = "History-Info", "RFC 7044 §5";
    }
    early_media { PEarlyMedia = "P-Early-Media", "RFC 5009 §8"; }
    event {
        AllowEvents = "Allow-Events" / "u", "RFC 6665 §8.2.2";
        Event = "Event" / "o", "RFC 6665 §8.2.1";
        SipEtag = "SIP-ETag", "RFC 3903 §11.3.1";
        SipIfMatch = "SIP-If-Match", "RFC 3903 §11.3.2";
        SubscriptionState = "Subscription-State", "RFC 6665 §8.2.3";
    }
    from_to {
        From = "From" / "f", "RFC 3261 §20.20";
        To = "To" / "t", "RFC 3261 §20.39";
    }
    geolocation {
        Geolocation = "Geolocation", "RFC 6442 §4.1";
        GeolocationError = "Geolocation-Error", "RFC 6442 §4.4";
        GeolocationRouting = "Geolocation-Routing", "RFC 6442 §4.2";
    }
    identity {
        PAssertedIdentity = "P-Asserted-Identity", "RFC 3325 §9.1";
        PPreferredIdentity = "P-Preferred-Identity", "RFC 3325 §9.2";
        Privacy = "Privacy", "RFC 3323 §4.2";
        RemotePartyId = "Remote-Party-ID", "draft-ietf-sip-privacy-04 §5";
    }
    info {
        AlertInfo = "Alert-Info", "RFC 3261 §20.4";
        CallInfo = "Call-Info", "RFC 3261 §20.9";
        ErrorInfo = "Error-Info", "RFC 3261 §20.18";
        ReplyTo = "Reply-To", "RFC 3261 §20.31";
    }
    info_package {
        InfoPackage = "Info-Package", "RFC 6086 §7.2";
        RecvInfo = "Recv-Info", "RFC 6086 §7.3";
    }
    network {
        PAccessNetworkInfo = "P-Access-Network-Info", "RFC 7315 §4.4";
        PAssociatedUri = "P-Associated-URI", "RFC 7315 §4.1";
        PCalledPartyId = "P-Called-Party-ID", "RFC 7315 §4.2";
        PChargingFunctionAddresses = "P-Charging-Function-Addresses", "RFC 7315 §4.5";
        PChargingVector = "P-Charging-Vector", "RFC 7315 §4.6";
        PVisitedNetworkId = "P-Visited-Network-ID", "RFC 7315 §4.3";
    }
    number {
        ContentLength = "Content-Length" / "l", "RFC 3261 §20.14";
        Expires = "Expires", "RFC 3261 §20.19";
        FlowTimer = "Flow-Timer", "RFC 5626 §11.1";
        MaxBreadth = "Max-Breadth", "RFC 5393 §5.3.1";
        MaxForwards = "Max-Forwards", "RFC 3261 §20.22";
        MinExpires = "Min-Expires", "RFC 3261 §20.23";
        RSeq = "RSeq", "RFC 3262 §7.1";
    }
    options {
        Allow = "Allow", "RFC 3261 §20.5";
        ProxyRequire = "Proxy-Require", "RFC 3261 §20.29";
        Require = "Require", "RFC 3261 §20.32";
        Supported = "Supported" / "k", "RFC 3261 §20.37";
        Unsupported = "Unsupported", "RFC 3261 §20.40";
    }
    rack { RAck = "RAck", "RFC 3262 §7.2"; }
    reason { Reason = "Reason", "RFC 3326 §2"; }
    refer {
        ReferSub = "Refer-Sub", "RFC 4488 §4";
        ReferTo = "Refer-To" / "r", "RFC 3515 §2.1";
        ReferredBy = "Referred-By" / "b", "RFC 3892 §3";
    }
    resource_priority {
        AcceptResourcePriority = "Accept-Resource-Priority", "RFC 4412 §3.2";
        ResourcePriority = "Resource-Priority", "RFC 4412 §3.1";
    }
    retry_after { RetryAfter = "Retry-After", "RFC 3261 §20.33"; }
    route {
        Path = "Path", "RFC 3327 §4";
        RecordRoute = "Record-Route", "RFC 3261 §20.30";
        Route = "Route", "RFC 3261 §20.34";
        ServiceRoute = "Service-Route", "RFC 3608 §5";
    }
    security {
        SecurityClient = "Security-Client", "RFC 3329 §2.2";
        SecurityServer = "Security-Server", "RFC 3329 §2.2";
        SecurityVerify = "Security-Verify", "RFC 3329 §2.2";
    }
    served_user { PServedUser = "P-Served-User", "RFC 5502 §6"; }
    service {
        PAssertedService = "P-Asserted-Service", "RFC 6050 §4.1";
        PPreferredService = "P-Preferred-Service", "RFC 6050 §4.2";
    }
    session_id { SessionId = "Session-ID", "RFC 7989 §5"; }
    session_timer {
        MinSe = "Min-SE", "RFC 4028 §5";
        SessionExpires = "Session-Expires" / "x", "RFC 4028 §4";
    }
    stir {
        Identity = "Identity" / "y", "RFC 8224 §4";
        IdentityInfo = "Identity-Info" / "n", "RFC 4474 §9";
    }
    user_to_user { UserToUser = "User-to-User", "RFC 7433 §4.1"; }
    via { Via = "Via" / "v", "RFC 3261 §20.42"; }
    warning { Warning = "Warning", "RFC 3261 §20.43"; }
    words {
        Organization = "Organization", "RFC 3261 §20.25";
        Priority = "Priority", "RFC 3261 §20.26";
        Server = "Server", "RFC 3261 §20.35";
        Subject = "Subject" / "s", "RFC 3261 §20.36";
        UserAgent = "User-Agent", "RFC 3261 §20.41";
    }
}

/// A header with a type: how to read its value and how to print it.
pub trait Header: Sized {
    /// The name its lines carry.
    const NAME: HeaderName;

    /// Whether the value is a comma-separated list (§7.3.1). `true` for every [`ListHeader`], and for no other.
    const LIST: bool = false;

    /// Whether no value that [`Header::read`] takes holds a comma outside quotes and brackets.
    #[doc(hidden)]
    const ENDS_AT_COMMA: bool = false;

    /// Reads one value: the whole line's, or for a [`ListHeader`] one member's. Folding is undone already.
    ///
    /// # Errors
    /// When the value does not follow the header's grammar.
    fn parse(value: &Text) -> Result<Self, HeaderError>;

    /// [`Header::parse`] of a value that is not needed besides, so that a header can keep it without a copy.
    ///
    /// # Errors
    /// As there.
    fn read(value: Text) -> Result<Self, HeaderError> {
        Self::parse(&value)
    }

    /// The value as it is printed; never holds CR or LF.
    fn as_text(&self) -> Text;
}

/// A header whose value is a comma-separated list, so that one line of several members and several lines of
/// one mean the same (§7.3.1). It sets [`Header::LIST`].
pub trait ListHeader: Header {}
