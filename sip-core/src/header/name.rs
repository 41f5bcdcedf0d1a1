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
    #[inline]
    pub(crate) fn find(name: &[u8]) -> NameId {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase().wrapping_sub(b'a');
            return COMPACT
                .get(usize::from(letter))
                .copied()
                .unwrap_or(NameId::Other);
        }
        let slot = slot(name);
        match KNOWN.get(usize::from(SLOTS[slot])) {
            Some((id, long, _)) if long.as_bytes() == name => *id,
            Some(_) => NameId::find_from(slot, name),
            None => NameId::Other,
        }
    }

    /// The same for a name in odd case, or one that shares its slot with another.
    #[cold]
    fn find_from(mut slot: usize, name: &[u8]) -> NameId {
        while let Some((id, long, _)) = KNOWN.get(usize::from(SLOTS[slot])) {
            if long.as_bytes().eq_ignore_ascii_case(name) {
                return *id;
            }
            slot = (slot + 1) % SLOTS.len();
        }
        NameId::Other
    }
}

/// Compact forms by letter, `a` first.
const COMPACT: [NameId; 26] = {
    let mut letters = [NameId::Other; 26];
    let mut index = 0;
    while index < KNOWN.len() {
        let (id, _, compact) = KNOWN[index];
        if let Some(letter) = compact {
            letters[(letter - b'a') as usize] = id;
        }
        index += 1;
    }
    letters
};

const EMPTY: u8 = u8::MAX;

/// Indices into `KNOWN`, each in the slot of its name or the next free one behind it.
static SLOTS: [u8; 512] = {
    let mut slots = [EMPTY; 512];
    let mut index = 0;
    while index < KNOWN.len() {
        let mut at = slot(KNOWN[index].1.as_bytes());
        while slots[at] != EMPTY {
            at = (at + 1) % slots.len();
        }
        slots[at] = index as u8;
        index += 1;
    }
    slots
};

/// Where to look for a name first: its length and three of its letters, whatever their case.
const fn slot(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    let first = (name[0] | 0x20) as usize;
    let middle = (name[length / 2] | 0x20) as usize;
    let last = (name[length - 1] | 0x20) as usize;
    (length * 175 + first * 221 + middle * 111 + last * 137) % 512
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
        assert_eq!(NameId::find(b""), NameId::Other);
        assert_eq!(NameId::find(b"z"), NameId::Other);
        assert_eq!(NameId::find(b"\xff"), NameId::Other);
        let odd = HeaderName::from_text(&Text::from_static("X-Odd"));
        assert_eq!(odd, HeaderName::Other(Text::from_static("x-oDD")));
        assert_ne!(odd, HeaderName::Via);
    }

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for (id, long, compact) in KNOWN {
            assert_eq!(NameId::find(long.as_bytes()), *id);
            assert_eq!(NameId::find(long.to_uppercase().as_bytes()), *id);
            assert_eq!(NameId::find(long.to_lowercase().as_bytes()), *id);
            if let Some(letter) = compact {
                assert_eq!(NameId::find(&[*letter]), *id);
            }
        }
    }

    #[test]
    fn a_name_is_found_at_the_first_look_or_the_second() {
        for (index, (_, long, _)) in KNOWN.iter().enumerate() {
            let first = slot(long.as_bytes());
            let looks = (first..).position(|at| usize::from(SLOTS[at % 512]) == index);
            assert!(looks.unwrap() < 2, "{long}");
        }
    }
}
