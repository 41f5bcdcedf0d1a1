//! Where virtual time begins.

use std::time::Instant;

/// Some moment. The one clock this crate ever looks at, only because an [`Instant`] cannot be had otherwise;
/// from there on time is counted.
#[allow(clippy::disallowed_methods)]
#[must_use]
pub fn epoch() -> Instant {
    Instant::now()
}
