//! Sessions that end when nobody refreshes them: Session-Expires, Min-SE (RFC 4028).

use super::with_params::headers_with_params;
use crate::Text;
use crate::parse::lex::{self, Parsed};

headers_with_params! {
    /// How long the session lasts unless it is refreshed (RFC 4028 §4).
    ///
    /// ```
    /// use sip_core::{Header, Refresher, SessionExpires, Text};
    ///
    /// let expires = SessionExpires::parse(&Text::from_static("1800;refresher=uas"))?;
    /// assert_eq!((expires.seconds(), expires.refresher()), (1800, Some(Refresher::Uas)));
    /// assert_eq!(SessionExpires::of(90, None).as_text(), "90");
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    SessionExpires {
        /// The seconds, as written.
        digits: digits
    }

    /// The shortest session a proxy or user agent takes (RFC 4028 §5).
    MinSe {
        /// The seconds, as written.
        digits: digits
    }
}

/// Who is to refresh a session (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refresher {
    /// The client of the latest refresh.
    Uac,
    /// Its server.
    Uas,
}

impl SessionExpires {
    /// That many seconds; `refresher` is left for the other side to choose when it is `None`.
    #[must_use]
    pub fn of(seconds: u32, refresher: Option<Refresher>) -> SessionExpires {
        let refresher = match refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        };
        composed(&format!("{seconds}{refresher}"))
    }

    /// Seconds; what four octets cannot hold is the longest they can.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        seconds(self.digits())
    }

    /// Who is to refresh the session; `None` also for a word that is neither.
    #[must_use]
    pub fn refresher(&self) -> Option<Refresher> {
        let refresher = self.params().value("refresher")?;
        if refresher.eq_ignore_ascii_case(b"uac") {
            Some(Refresher::Uac)
        } else if refresher.eq_ignore_ascii_case(b"uas") {
            Some(Refresher::Uas)
        } else {
            None
        }
    }
}

impl MinSe {
    /// That many seconds.
    #[must_use]
    pub fn of(seconds: u32) -> MinSe {
        composed(&seconds.to_string())
    }

    /// Seconds; what four octets cannot hold is the longest they can.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        seconds(self.digits())
    }
}

fn composed<H: crate::Header>(value: &str) -> H {
    H::parse(&Text::composed(value.into()))
        .unwrap_or_else(|error| unreachable!("{error} in a value composed of a number: {value}"))
}

fn seconds(digits: &[u8]) -> u32 {
    lex::exactly(digits, lex::delta_seconds).unwrap_or(u32::MAX)
}

/// `delta-seconds`, as written.
fn digits(input: &[u8]) -> Parsed<'_> {
    let (left, _) = lex::delta_seconds(input)?;
    Ok((left, &input[..input.len() - left.len()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Header;

    #[test]
    fn a_time_may_be_longer_than_anybody_waits() {
        let value = Text::from_static("99999999999 ; Refresher = UAC");
        let expires = SessionExpires::parse(&value).unwrap();
        assert_eq!(
            (expires.seconds(), expires.refresher()),
            (u32::MAX, Some(Refresher::Uac))
        );
        assert_eq!(MinSe::of(90).seconds(), 90);
        assert_eq!(
            SessionExpires::of(90, Some(Refresher::Uas)).refresher(),
            Some(Refresher::Uas)
        );
        for bad in ["", "soon", "1;", "-1", "1 2"] {
            assert!(SessionExpires::new(bad).is_err(), "{bad}");
        }
    }
}
