//! Why a request is sent: Reason (RFC 3326).

use std::borrow::Cow;

use super::with_params::headers_with_params;
use crate::params::write_quoted;
use crate::parse::lex;
use crate::{Header, StatusCode, Text};

headers_with_params! {
    /// Why a dialog ends or a branch is cancelled.
    ///
    /// ```
    /// use sip_core::{Header, Reason, StatusCode};
    ///
    /// let reason = Reason::sip(StatusCode::OK, "Call completed elsewhere");
    /// assert_eq!(reason.as_text(), "SIP;cause=200;text=\"Call completed elsewhere\"");
    /// assert_eq!((reason.protocol(), reason.cause()), (&b"SIP"[..], Some(200)));
    /// ```
    Reason {
        /// Whose cause it is: `SIP`, `Q.850` or another.
        protocol: lex::token, list
    }
}

impl Reason {
    /// A status code of SIP, in words of the caller's.
    #[must_use]
    pub fn sip(cause: StatusCode, text: &str) -> Reason {
        Reason::composed("SIP", cause.as_u16(), text)
    }

    /// A cause of ITU-T Q.850, as the telephone network has it.
    #[must_use]
    pub fn q850(cause: u8, text: &str) -> Reason {
        Reason::composed("Q.850", u16::from(cause), text)
    }

    fn composed(protocol: &str, cause: u16, text: &str) -> Reason {
        let mut out = format!("{protocol};cause={cause};text=").into_bytes();
        write_quoted(text.as_bytes(), &mut out);
        let text = Text::composed(out);
        Reason::parse(&text)
            .unwrap_or_else(|error| unreachable!("{error} in a Reason composed of checked parts"))
    }

    /// The cause; `None` also when it is no number.
    #[must_use]
    pub fn cause(&self) -> Option<u16> {
        let cause = self.params().value("cause")?;
        lex::exactly(cause, lex::port).ok()
    }

    /// The cause in words.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_of_the_telephone_network() {
        let reason = Reason::new("Q.850 ;cause=16 ;text=\"Terminated \\\"x\\\"\"").unwrap();
        assert_eq!(reason.cause(), Some(16));
        assert_eq!(reason.text().as_deref(), Some(&b"Terminated \"x\""[..]));
        assert_eq!(
            Reason::q850(16, "a\"\r\n").as_text(),
            "Q.850;cause=16;text=\"a\\\"  \""
        );
        assert_eq!(Reason::new("SIP").unwrap().cause(), None);
        assert_eq!(Reason::new("SIP;cause=99999999999").unwrap().cause(), None);
    }
}
