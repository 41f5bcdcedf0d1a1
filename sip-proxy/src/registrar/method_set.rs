//! The methods a contact accepts, as a set of bits (RFC 3261 §20.5).

use sip_core::Method;

/// A set of methods. The bits are those of the `methods` column of Kamailio's `location` table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MethodSet(u16);

impl MethodSet {
    /// Every method, also one unknown here: what a contact accepts that says nothing of it.
    pub const ALL: MethodSet = MethodSet(u16::MAX);
    /// No method.
    pub const NONE: MethodSet = MethodSet(0);

    /// The set written as `bits`; bits without a method are kept.
    #[must_use]
    pub const fn from_bits(bits: u16) -> MethodSet {
        MethodSet(bits)
    }

    /// The set as bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// This set, and `method` in it.
    #[must_use]
    pub fn with(self, method: &Method) -> MethodSet {
        MethodSet(self.0 | bit(method))
    }

    /// Whether `method` is in it. A method without a bit is, if the set is [`ALL`](MethodSet::ALL).
    #[must_use]
    pub fn contains(self, method: &Method) -> bool {
        match bit(method) {
            0 => self == MethodSet::ALL,
            bit => self.0 & bit != 0,
        }
    }
}

fn bit(method: &Method) -> u16 {
    match method {
        Method::Invite => 1,
        Method::Cancel => 2,
        Method::Ack => 4,
        Method::Bye => 8,
        Method::Info => 16,
        Method::Register => 32,
        Method::Subscribe => 64,
        Method::Notify => 128,
        Method::Message => 256,
        Method::Options => 512,
        Method::Prack => 1024,
        Method::Update => 2048,
        Method::Refer => 4096,
        Method::Publish => 8192,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = MethodSet::NONE.with(&Method::Invite).with(&Method::Message);
        assert_eq!(set.bits(), 257);
        assert!(set.contains(&Method::Message));
        assert!(!set.contains(&Method::Bye));
        assert!(MethodSet::ALL.contains(&Method::Bye));
    }
}
