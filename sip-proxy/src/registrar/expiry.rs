//! How long a binding lasts (RFC 3261 §10.3 step 7, §20.19).

/// What a registrar grants of the time a phone asks for. All in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryPolicy {
    /// Granted when the phone asks for none, or for something unreadable.
    pub default: u32,
    /// The least that is granted.
    pub min: u32,
    /// The most that is granted.
    pub max: u32,
    /// What happens to a phone that asks for less than `min`.
    pub brief: Brief,
}

/// What happens to a request for less than the least that is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brief {
    /// It gets the least.
    Raise,
    /// It gets 423 with Min-Expires, unless it asked for an hour or more.
    Refuse,
}

impl Default for ExpiryPolicy {
    /// 3600, within 240 and 600, raised (F-35).
    fn default() -> ExpiryPolicy {
        ExpiryPolicy {
            default: 3600,
            min: 240,
            max: 600,
            brief: Brief::Raise,
        }
    }
}

/// The request asks for less than the registrar grants: 423 (Interval Too Brief).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooBrief;

impl ExpiryPolicy {
    /// Seconds granted to a contact; 0 removes it.
    ///
    /// `param` is its `expires` parameter, `header` the request's Expires, each if it stands there: `Some(None)`
    /// when it is unreadable, which counts as if nothing had been asked for (F-35).
    pub(crate) fn granted(
        &self,
        param: Option<Option<u32>>,
        header: Option<Option<u32>>,
    ) -> Result<u32, TooBrief> {
        let asked = param.or(header).flatten().unwrap_or(self.default);
        match asked {
            0 => Ok(0),
            brief if brief < self.min.min(3600) && self.brief == Brief::Refuse => Err(TooBrief),
            seconds => Ok(seconds.min(self.max).max(self.min)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_before_header_before_default() {
        let policy = ExpiryPolicy {
            min: 1,
            max: 10_000,
            ..ExpiryPolicy::default()
        };
        assert_eq!(policy.granted(Some(Some(300)), Some(Some(500))), Ok(300));
        assert_eq!(policy.granted(None, Some(Some(500))), Ok(500));
        assert_eq!(policy.granted(None, None), Ok(3600));
    }

    #[test]
    fn unreadable_is_as_if_nothing_was_asked_for() {
        let policy = ExpiryPolicy {
            max: 10_000,
            ..ExpiryPolicy::default()
        };
        assert_eq!(policy.granted(Some(None), Some(Some(500))), Ok(3600)); // F-35
        assert_eq!(policy.granted(None, Some(None)), Ok(3600));
    }

    #[test]
    fn what_is_asked_for_is_brought_within_bounds() {
        let policy = ExpiryPolicy::default(); // F-35
        for (asked, granted) in [
            (0, 0),
            (1, 240),
            (239, 240),
            (240, 240),
            (601, 600),
            (u32::MAX, 600),
        ] {
            assert_eq!(policy.granted(Some(Some(asked)), None), Ok(granted));
        }
    }

    #[test]
    fn only_less_than_the_minimum_and_less_than_an_hour_is_too_brief() {
        let strict = ExpiryPolicy {
            min: 7200,
            max: 9000,
            brief: Brief::Refuse,
            ..ExpiryPolicy::default()
        };
        assert_eq!(strict.granted(Some(Some(3599)), None), Err(TooBrief));
        assert_eq!(strict.granted(Some(Some(3600)), None), Ok(7200));
        assert_eq!(strict.granted(Some(Some(0)), None), Ok(0));
    }
}
