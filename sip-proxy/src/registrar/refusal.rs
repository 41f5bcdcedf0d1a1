//! Every way a REGISTER can fail, and what the phone is told (RFC 3261 §10.3, §21).

use sip_core::{
    HeaderError, HeaderName, Joined, MinExpires, OptionTag, Response, RetryAfter, StatusCode, Text,
    Unsupported,
};

use super::{BindingTooLong, ChangeRefused};
use crate::backend::{Incoming, LocationError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Unreadable(#[from] HeaderError),
    #[error("* used in contact and expires is not zero")]
    StarWithExpiry,
    #[error("* used in contact and more than 1 contact")]
    StarAmongOthers,
    #[error("Invalid q param in contact")]
    InvalidQ,
    #[error("Contact is no SIP URI that can be called")]
    NotCallable,
    #[error("{0}")]
    TooLong(#[from] BindingTooLong),
    #[error("Too many registered contacts")]
    TooManyContacts,
    #[error("Expires is too brief")]
    TooBrief { min: u32 },
    #[error("Extension is not supported")]
    BadExtension { unsupported: Vec<OptionTag> },
    #[error("First hop lacks outbound support")]
    FirstHopLacksOutbound,
    #[error("More than one contact with a flow")]
    SeveralFlows,
    #[error("Path without support for it")]
    UnexpectedPath,
    #[error("{0}")]
    Location(#[from] LocationError),
}

/// How long a phone waits when the store has too much to do, in seconds.
const RETRY_AFTER: u32 = 10;

impl Refusal {
    pub(crate) fn response(&self, incoming: &Incoming) -> Response {
        let mut response = incoming.reply(self.status());
        let headers = response.headers_mut();
        match self {
            Refusal::TooBrief { min } => headers.set(&MinExpires(*min)),
            Refusal::BadExtension { unsupported } => {
                headers.set(&Joined::of(unsupported.iter().cloned().map(Unsupported)));
            }
            Refusal::UnexpectedPath => {
                headers.set_raw(HeaderName::Unsupported, &Text::from_static("path"));
            }
            Refusal::Location(LocationError::Busy) => headers.set(&RetryAfter::new(RETRY_AFTER)),
            _ => {}
        }
        if let Ok(reason) = Text::new(self.reason()) {
            headers.push_raw(
                HeaderName::Other(Text::from_static("P-Registrar-Error")),
                &reason,
            );
        }
        response
    }

    fn status(&self) -> StatusCode {
        match self {
            Refusal::Unreadable(_)
            | Refusal::StarWithExpiry
            | Refusal::StarAmongOthers
            | Refusal::InvalidQ
            | Refusal::NotCallable
            | Refusal::SeveralFlows
            | Refusal::TooLong(_) => StatusCode::BAD_REQUEST,
            Refusal::BadExtension { .. } | Refusal::UnexpectedPath => StatusCode::BAD_EXTENSION,
            Refusal::FirstHopLacksOutbound => StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT,
            Refusal::TooBrief { .. } => StatusCode::INTERVAL_TOO_BRIEF,
            Refusal::TooManyContacts
            | Refusal::Location(
                LocationError::Refused(ChangeRefused::TooManyContacts { .. }) | LocationError::Busy,
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Location(
                LocationError::Refused(ChangeRefused::OutOfOrder) | LocationError::Unavailable(_),
            ) => StatusCode::SERVER_INTERNAL_ERROR,
        }
    }

    fn reason(&self) -> String {
        match self {
            Refusal::Location(LocationError::Refused(ChangeRefused::TooManyContacts {
                ..
            })) => Refusal::TooManyContacts.to_string(),
            other => other.to_string(),
        }
    }
}
