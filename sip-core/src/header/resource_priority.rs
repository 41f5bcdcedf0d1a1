//! Calls that go before others: Resource-Priority, Accept-Resource-Priority (RFC 4412).

use super::tokens::tokens;

tokens! {
    /// How important the request is, as `namespace.priority` (RFC 4412 §3.1). The line may hold one of each namespace.
    ///
    /// ```
    /// use sip_core::{Header, ResourcePriority, Text};
    ///
    /// let priority = ResourcePriority::parse(&Text::from_static("dsn.flash"))?;
    /// assert_eq!((priority.namespace(), priority.priority()), (&b"dsn"[..], &b"flash"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    ResourcePriority, list;

    /// An importance a server knows how to treat, as `namespace.priority` (RFC 4412 §3.2).
    AcceptResourcePriority, list;
}

macro_rules! resource_values {
    ($($name:ident)*) => {
        $(
            impl $name {
                /// What stands before the first `.`: the scale.
                #[must_use]
                pub fn namespace(&self) -> &[u8] {
                    split(self.as_bytes()).0
                }

                /// What stands behind it: the step on that scale; empty where there is no `.`.
                #[must_use]
                pub fn priority(&self) -> &[u8] {
                    split(self.as_bytes()).1
                }
            }
        )*
    };
}

resource_values! { ResourcePriority AcceptResourcePriority }

fn split(value: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'.', value) {
        Some(point) => (&value[..point], &value[point + 1..]),
        None => (value, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn case_means_nothing() {
        let read = |value| ResourcePriority::parse(&Text::from_static(value)).unwrap();
        assert_eq!(read("DSN.Flash"), read("dsn.flash"));
        assert_eq!(read("wps").priority(), b"");
        assert!(AcceptResourcePriority::new("dsn flash").is_err());
        let accepted = AcceptResourcePriority::new("dsn.flash-override").unwrap();
        assert_eq!(accepted.priority(), b"flash-override");
    }
}
