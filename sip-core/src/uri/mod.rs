//! Uniform resource identifiers (RFC 3261 §19.1).

use std::fmt;

use crate::Text;

/// A URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    /// Kept as it is.
    Other(Text),
}

/// It has no scheme, or holds what a URI cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a URI")]
pub struct UriError;

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// When there is no scheme.
    pub fn parse(text: &Text) -> Result<Uri, UriError> {
        let scheme = text.iter().take_while(|octet| octet.is_ascii_alphabetic());
        match text.get(scheme.count()) {
            Some(b':') => Ok(Uri::Other(text.clone())),
            _ => Err(UriError),
        }
    }

    /// The URI as it is printed.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        let Uri::Other(text) = self;
        text
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_text().fmt(f)
    }
}
