//! Why an element does not process a message, and the response it owes for it (RFC 3261 §8.2, §21).

use std::fmt;

use crate::header::{Allow, HeaderName, Joined};
use crate::parse::Flaw;
use crate::{Header, Method, Request, Response, StatusCode, Text};

/// What is wrong with a message for one [`Role`](crate::Role), and the response it is owed.
///
/// ```
/// use sip_core::{HeaderName, Limits, Message, Role, parse_message};
///
/// let text = "OPTIONS sip:b.example SIP/2.0\r\nProxy-Require: foo\r\nProxy-Require: bar\r\n\r\n";
/// let Message::Request(request) = parse_message(text.into(), &Limits::default())? else { unreachable!() };
/// let refusal = Role::proxy().check(&request).unwrap_err();
/// let response = refusal.reply(&request).expect("a status is owed");
/// assert_eq!(response.status().as_u16(), 420);
/// assert_eq!(response.headers().raw(&HeaderName::Unsupported).next().unwrap(), "foo, bar");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Where, what should stand there, and the status owed; no status means silence.
    pub flaw: Flaw,
    /// The header the response must carry: Unsupported with 420 (§8.2.2.3), Allow with 405 (§8.2.1), Accept or
    /// Accept-Encoding with 415 (§8.2.3).
    pub header: Option<(HeaderName, Text)>,
}

impl Refusal {
    /// 420: of what is required, the `unsupported` tags are not understood.
    pub(super) fn bad_extension(offset: usize, unsupported: Vec<u8>) -> Refusal {
        let unsupported = Text::composed(unsupported);
        let flaw = Flaw::new(offset, "extensions understood", StatusCode::BAD_EXTENSION);
        Refusal::with(flaw, HeaderName::Unsupported, unsupported)
    }

    /// 405: only `methods` are served.
    pub(super) fn method_not_allowed(methods: &[Method]) -> Refusal {
        let allow = Joined::of(methods.iter().cloned().map(Allow)).as_text();
        let flaw = Flaw::new(0, "a method served here", StatusCode::METHOD_NOT_ALLOWED);
        Refusal::with(flaw, HeaderName::Allow, allow)
    }

    /// The response needs a header.
    pub(super) fn with(flaw: Flaw, name: HeaderName, value: Text) -> Refusal {
        let header = Some((name, value));
        Refusal { flaw, header }
    }

    /// The response to `request`; `None` when silence is right. The To tag is the caller's to add (§8.2.6.2).
    #[must_use]
    pub fn reply(&self, request: &Request) -> Option<Response> {
        let mut response = request.reply(self.flaw.status?);
        if let Some((name, value)) = &self.header {
            response.headers_mut().push_raw(name.clone(), value);
        }
        Some(response)
    }

    /// The same, of a message nobody may answer.
    pub(super) fn unanswered(self) -> Refusal {
        Refusal {
            flaw: self.flaw.unanswered(),
            header: None,
        }
    }
}

/// Puts `member` at the end of a comma-separated list.
pub(super) fn append(list: &mut Vec<u8>, member: &[u8]) {
    if !list.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(member);
}

impl From<Flaw> for Refusal {
    fn from(flaw: Flaw) -> Refusal {
        Refusal { flaw, header: None }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.flaw.fmt(f)
    }
}

impl std::error::Error for Refusal {}
