//! Which dialog a request belongs to, and how that is proved: by a signed cookie in our Record-Route (RFC 3261 §12,
//! §16.6 step 4; F-11, F-20 to F-24).
//!
//! A proxy that stays on the path of a dialog remembers nothing of it. What it will need to know it writes into its
//! Record-Route, which comes back as the Route of every later request:
//!
//! ```text
//!   Record-Route: <sip:192.0.2.1:5060;avp=AQBlU_E3BgAAB…;lr>
//! ```
//!
//! The cookie is signed together with the Call-ID and the tag of whoever began the dialog. Those two are all that
//! names a dialog when its first request passes; the other tag is not made yet. So a cookie proves that a request
//! with that Call-ID, and with that tag in From or To, comes from somebody who was there. It does not prove where the
//! request may go: a party of the dialog may write any Request-URI, and who is reached by it does not know the
//! dialog and says 481 (§12.2.2). A gateway that does not look is to be guarded by
//! [`Router::may_send`](crate::Router::may_send).

mod cookie;
mod values;

use sip_core::SipUri;

pub use cookie::{CookieRefused, DialogCookies};
pub use values::{ApplicationData, ApplicationTooLong, DialogValues};

/// Whether a request belongs to a dialog that this proxy is on the path of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InDialog {
    /// It starts something new, or we have never been on its path. Neither a To tag nor our Route changes that.
    No,
    /// It came by our Route, with a cookie that proves nothing. It counts as new; worth a line in a log (F-21).
    Refused(CookieRefused),
    /// A cookie of ours proves it.
    Yes(Dialog),
}

impl InDialog {
    /// The dialog, if there is proof of one.
    #[must_use]
    pub fn proved(&self) -> Option<&Dialog> {
        match self {
            InDialog::Yes(dialog) => Some(dialog),
            InDialog::No | InDialog::Refused(_) => None,
        }
    }
}

/// A dialog that is proved. There is no other way to get one than from [`DialogCookies::judge`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog {
    sender: DialogSide,
    values: DialogValues,
    route: SipUri,
}

/// Who sends a request within a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialogSide {
    /// Whoever began the dialog: its tag stands in From.
    Caller,
    /// The other side: the caller's tag stands in To.
    Callee,
}

impl Dialog {
    /// Who sends this request.
    #[must_use]
    pub fn sender(&self) -> DialogSide {
        self.sender
    }

    /// What was remembered of the dialog (F-22).
    #[must_use]
    pub fn values(&self) -> &DialogValues {
        &self.values
    }

    /// The cookie itself, to go on with (F-23).
    pub(crate) fn cookie(&self) -> &[u8] {
        cookie::of(&self.route).unwrap_or_default()
    }
}
