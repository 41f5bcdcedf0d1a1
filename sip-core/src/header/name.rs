//! Header names, their compact forms, and the one list of those this crate knows (RFC 3261 §7.3.1, §7.3.3).

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::Text;

macro_rules! known_headers {
    ($($variant:ident = $long:literal $(/ $compact:literal)?,)*) => {
        /// The name of a header. Compact forms and any mix of case mean the same name.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum HeaderName {
            $(#[doc = concat!("`", $long, "`", $(" or `", $compact, "`")?)] $variant,)*
            /// A name this crate has no word for; compared ignoring case.
            Other(Text),
        }

        /// A known name in one octet, as the line table keeps it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum NameId { $($variant,)* Other }

        const KNOWN: &[(NameId, &str, Option<u8>)] = &[
            $((NameId::$variant, $long, known_headers!(@compact $($compact)?)),)*
        ];

        impl NameId {
            /// The public name; `spelled` is used for names that are not known.
            pub(crate) fn name(self, spelled: impl FnOnce() -> Text) -> HeaderName {
                match self {
                    $(NameId::$variant => HeaderName::$variant,)*
                    NameId::Other => HeaderName::Other(spelled()),
                }
            }
        }

        impl HeaderName {
            pub(crate) fn id(&self) -> NameId {
                match self {
                    $(HeaderName::$variant => NameId::$variant,)*
                    HeaderName::Other(_) => NameId::Other,
                }
            }

            /// The name as it is printed: the long form.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(HeaderName::$variant => $long.as_bytes(),)*
                    HeaderName::Other(name) => name,
                }
            }
        }
    };
    (@compact $compact:literal) => { Some($compact.as_bytes()[0]) };
    (@compact) => { None };
}

known_headers! {
    Accept = "Accept",
    AcceptContact = "Accept-Contact" / "a",
    AcceptEncoding = "Accept-Encoding",
    AcceptLanguage = "Accept-Language",
    AlertInfo = "Alert-Info",
    Allow = "Allow",
    AllowEvents = "Allow-Events" / "u",
    AuthenticationInfo = "Authentication-Info",
    Authorization = "Authorization",
    CallId = "Call-ID" / "i",
    CallInfo = "Call-Info",
    Contact = "Contact" / "m",
    ContentDisposition = "Content-Disposition",
    ContentEncoding = "Content-Encoding" / "e",
    ContentLanguage = "Content-Language",
    ContentLength = "Content-Length" / "l",
    ContentType = "Content-Type" / "c",
    CSeq = "CSeq",
    Date = "Date",
    Diversion = "Diversion",
    ErrorInfo = "Error-Info",
    Event = "Event" / "o",
    Expires = "Expires",
    FlowTimer = "Flow-Timer",
    From = "From" / "f",
    HistoryInfo = "History-Info",
    Identity = "Identity" / "y",
    InReplyTo = "In-Reply-To",
    MaxBreadth = "Max-Breadth",
    MaxForwards = "Max-Forwards",
    MimeVersion = "MIME-Version",
    MinExpires = "Min-Expires",
    MinSe = "Min-SE",
    Organization = "Organization",
    PAssertedIdentity = "P-Asserted-Identity",
    PPreferredIdentity = "P-Preferred-Identity",
    Path = "Path",
    Priority = "Priority",
    Privacy = "Privacy",
    ProxyAuthenticate = "Proxy-Authenticate",
    ProxyAuthorization = "Proxy-Authorization",
    ProxyRequire = "Proxy-Require",
    RAck = "RAck",
    Reason = "Reason",
    RecordRoute = "Record-Route",
    ReferredBy = "Referred-By" / "b",
    ReferTo = "Refer-To" / "r",
    RejectContact = "Reject-Contact" / "j",
    RemotePartyId = "Remote-Party-ID",
    Replaces = "Replaces",
    ReplyTo = "Reply-To",
    RequestDisposition = "Request-Disposition" / "d",
    Require = "Require",
    RetryAfter = "Retry-After",
    Route = "Route",
    RSeq = "RSeq",
    Server = "Server",
    ServiceRoute = "Service-Route",
    SessionExpires = "Session-Expires" / "x",
    SipEtag = "SIP-ETag",
    SipIfMatch = "SIP-If-Match",
    Subject = "Subject" / "s",
    SubscriptionState = "Subscription-State",
    Supported = "Supported" / "k",
    Timestamp = "Timestamp",
    To = "To" / "t",
    Unsupported = "Unsupported",
    UserAgent = "User-Agent",
    Via = "Via" / "v",
    Warning = "Warning",
    WwwAuthenticate = "WWW-Authenticate",
}

impl NameId {
    /// Finds a name as received, long or compact, in any case.
    pub(crate) fn find(name: &[u8]) -> NameId {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase();
            return KNOWN
                .iter()
                .find(|(_, _, compact)| *compact == Some(letter))
                .map_or(NameId::Other, |(id, ..)| *id);
        }
        KNOWN
            .iter()
            .find(|(_, long, _)| {
                long.len() == name.len() && long.as_bytes().eq_ignore_ascii_case(name)
            })
            .map_or(NameId::Other, |(id, ..)| *id)
    }
}

impl HeaderName {
    /// Reads a name, long or compact, in any case.
    #[must_use]
    pub fn from_text(name: &Text) -> HeaderName {
        NameId::find(name).name(|| name.clone())
    }
}

impl PartialEq for HeaderName {
    fn eq(&self, other: &HeaderName) -> bool {
        match (self, other) {
            (HeaderName::Other(a), HeaderName::Other(b)) => a.eq_ignore_ascii_case(b),
            _ => self.id() == other.id(),
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<S: Hasher>(&self, state: &mut S) {
        for octet in self.as_bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_forms_and_case_do_not_matter() {
        for spelled in ["Via", "VIA", "v", "V"] {
            assert_eq!(
                HeaderName::from_text(&Text::from_static(spelled)),
                HeaderName::Via
            );
        }
        let odd = HeaderName::from_text(&Text::from_static("X-Odd"));
        assert_eq!(odd, HeaderName::Other(Text::from_static("x-oDD")));
        assert_ne!(odd, HeaderName::Via);
    }
}
