//! What a dialog cookie remembers, and its octets (F-21, F-22).

use std::ops::Deref;

/// What a proxy remembers of a dialog, without keeping it.
///
/// It is signed, but everybody on the path can read it, and it travels with every message of the dialog.
///
/// ```
/// use sip_proxy::DialogValues;
///
/// let values = DialogValues { accounted: true, application: b"trunk 7"[..].try_into()?, ..DialogValues::default() };
/// # Ok::<(), sip_proxy::dialog::ApplicationTooLong>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialogValues {
    /// `account`: requests along the dialog are accounted for.
    pub accounted: bool,
    /// `rproxy`: the media of the dialog pass a relay.
    pub media_relayed: bool,
    /// `stimer`: the interval of the session timer this proxy asked for, in seconds (RFC 4028).
    pub session_timer: Option<u32>,
    /// Whatever else the router wants to know later.
    pub application: ApplicationData,
}

/// Octets that mean something to the router alone: up to [`LIMIT`](ApplicationData::LIMIT).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplicationData(Box<[u8]>);

/// An application wants more remembered than a Record-Route can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{octets} octets for a dialog's cookie, which takes {}",
    ApplicationData::LIMIT
)]
pub struct ApplicationTooLong {
    /// How many there were.
    pub octets: usize,
}

impl ApplicationData {
    /// The most octets there may be.
    pub const LIMIT: usize = 256;
}

impl TryFrom<&[u8]> for ApplicationData {
    type Error = ApplicationTooLong;

    fn try_from(octets: &[u8]) -> Result<ApplicationData, ApplicationTooLong> {
        match octets.len() {
            octets if octets > ApplicationData::LIMIT => Err(ApplicationTooLong { octets }),
            _ => Ok(ApplicationData(octets.into())),
        }
    }
}

impl Deref for ApplicationData {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

const ACCOUNTED: u8 = 1;
const MEDIA_RELAYED: u8 = 2;
const SESSION_TIMER: u8 = 4;

/// Octets of the longest values: flags, timer, application.
pub(super) const LONGEST: usize = 1 + 4 + ApplicationData::LIMIT;

impl DialogValues {
    pub(super) fn write(&self, out: &mut impl Extend<u8>) {
        let mut flags = 0;
        for (flag, is_set) in [
            (ACCOUNTED, self.accounted),
            (MEDIA_RELAYED, self.media_relayed),
            (SESSION_TIMER, self.session_timer.is_some()),
        ] {
            flags |= if is_set { flag } else { 0 };
        }
        out.extend([flags]);
        if let Some(seconds) = self.session_timer {
            out.extend(seconds.to_be_bytes());
        }
        out.extend(self.application.iter().copied());
    }

    /// Reads what [`write`](DialogValues::write) wrote. Flags of later versions are passed by.
    pub(super) fn read(octets: &[u8]) -> Option<DialogValues> {
        let (flags, rest) = octets.split_first()?;
        let (session_timer, application) = match flags & SESSION_TIMER {
            0 => (None, rest),
            _ => {
                let (seconds, rest) = rest.split_first_chunk()?;
                (Some(u32::from_be_bytes(*seconds)), rest)
            }
        };
        Some(DialogValues {
            accounted: flags & ACCOUNTED != 0,
            media_relayed: flags & MEDIA_RELAYED != 0,
            session_timer,
            application: application.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(
            accounted: bool,
            media_relayed: bool,
            session_timer: Option<u32>,
            application in proptest::collection::vec(0u8.., 0..=ApplicationData::LIMIT),
        ) {
            let application = application[..].try_into().unwrap();
            let values = DialogValues { accounted, media_relayed, session_timer, application };
            let mut octets = Vec::new();
            values.write(&mut octets);
            assert!(octets.len() <= LONGEST);
            assert_eq!(DialogValues::read(&octets), Some(values));
        }
    }

    #[test]
    fn an_application_may_not_fill_a_datagram() {
        let refused = ApplicationData::try_from(&[0; 257][..]).unwrap_err();
        assert_eq!(refused.octets, 257);
    }

    #[test]
    fn values_cut_short_are_none() {
        assert_eq!(DialogValues::read(&[]), None);
        assert_eq!(DialogValues::read(&[SESSION_TIMER, 0, 0]), None);
    }
}
