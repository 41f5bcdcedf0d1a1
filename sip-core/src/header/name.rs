//! Header names and their compact forms, and what the one list of known headers makes (RFC 3261 §7.3.1, §7.3.3).

use std::fmt;
use std::hash::{Hash, Hasher};

use super::{FACTS, HeaderName, KNOWN, NameId};
use crate::Text;

macro_rules! headers {
    ($($family:ident { $($type:ident = $long:literal $(/ $compact:literal)?, $defined:literal;)* })*) => {
        $(
            mod $family;
            pub use $family::*;
        )*

        /// The name of a header. Compact forms and any mix of case mean the same name.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum HeaderName {
            $($(
                #[doc = concat!("`", $long, "`", $(" or `", $compact, "`",)? ": ", $defined)]
                $type,
            )*)*
            /// A name this crate has no word for; compared ignoring case.
            Other(Text),
        }

        /// A known name in one octet, as the line table keeps it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum NameId { $($($type,)*)* Other }

        /// Each known name, in the order of [`NameId`].
        const KNOWN: &[name::Known] = &[
            $($(name::Known::new(NameId::$type, $long, name::headers!(@compact $($compact)?)),)*)*
        ];

        /// What else is known of each, in the same order: whether it is a list, and where it is defined.
        const FACTS: &[(bool, &str)] = &[$($((<$type as Header>::LIST, $defined),)*)*];

        impl NameId {
            /// The public name; `spelled` is used for names that are not known.
            pub(crate) fn name(self, spelled: impl FnOnce() -> Text) -> HeaderName {
                match self {
                    $($(NameId::$type => HeaderName::$type,)*)*
                    NameId::Other => HeaderName::Other(spelled()),
                }
            }
        }

        impl HeaderName {
            pub(crate) fn id(&self) -> NameId {
                match self {
                    $($(HeaderName::$type => NameId::$type,)*)*
                    HeaderName::Other(_) => NameId::Other,
                }
            }

            /// The name as it is printed: the long form.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $($(HeaderName::$type => $long.as_bytes(),)*)*
                    HeaderName::Other(name) => name,
                }
            }
        }
    };
    (@compact $compact:literal) => { Some($compact.as_bytes()[0]) };
    (@compact) => { None };
}
pub(crate) use headers;

impl HeaderName {
    /// Reads a name, long or compact, in any case.
    #[must_use]
    pub fn from_text(name: &Text) -> HeaderName {
        NameId::find(name).name(|| name.clone())
    }

    /// All names that have a type in this crate, by family.
    pub fn all() -> impl Iterator<Item = HeaderName> {
        KNOWN.iter().map(|known| known.id.name(Text::default))
    }

    /// The one letter that means the same (§7.3.3).
    #[must_use]
    pub fn compact(&self) -> Option<char> {
        let known = KNOWN.get(self.id() as usize)?;
        known.compact.map(char::from)
    }

    /// Whether its type is a [`ListHeader`](super::ListHeader), so that a comma parts values (§7.3.1); `false` for a
    /// name that is not known.
    #[must_use]
    pub fn is_list(&self) -> bool {
        FACTS
            .get(self.id() as usize)
            .is_some_and(|(is_list, _)| *is_list)
    }

    /// The document and section that define it, as `RFC 3261 §20.42`; `None` for a name that is not known.
    #[must_use]
    pub fn defined_in(&self) -> Option<&'static str> {
        let (_, defined) = FACTS.get(self.id() as usize)?;
        Some(defined)
    }
}

pub(super) struct Known {
    id: NameId,
    long: &'static str,
    compact: Option<u8>,
    ends: [u64; 2],
}

impl Known {
    pub(super) const fn new(id: NameId, long: &'static str, compact: Option<u8>) -> Known {
        let ends = ends(long.as_bytes());
        Known {
            id,
            long,
            compact,
            ends,
        }
    }
}

/// The first and the last octets of a name, eight or four each, or what there is. They overlap, and with its length
/// tell a name of up to 16 octets from any other.
#[inline(always)]
const fn ends(name: &[u8]) -> [u64; 2] {
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        return [
            u32::from_le_bytes(*first) as u64,
            u32::from_le_bytes(*last) as u64,
        ];
    }
    match name {
        [] => [0, 0],
        [first, .., last] => [*first as u64, (name[1] as u64) << 8 | *last as u64],
        [only] => [*only as u64, 0],
    }
}

impl NameId {
    /// Finds a name as received, long or compact, in any case.
    #[inline(always)]
    pub(crate) fn find(name: &[u8]) -> NameId {
        if let [letter] = name {
            let letter = letter.to_ascii_lowercase().wrapping_sub(b'a');
            return COMPACT
                .get(usize::from(letter))
                .copied()
                .unwrap_or(NameId::Other);
        }
        let ends = ends(name);
        let slot = slot(ends);
        match KNOWN.get(usize::from(SLOTS[slot])) {
            Some(known) if known.ends == ends && known.is_long(name) => known.id,
            Some(_) => NameId::find_from(slot, name),
            None => NameId::Other,
        }
    }

    /// The same for a name in odd case, or one that shares its slot with another.
    #[cold]
    fn find_from(mut slot: usize, name: &[u8]) -> NameId {
        while let Some(known) = KNOWN.get(usize::from(SLOTS[slot])) {
            if known.long.as_bytes().eq_ignore_ascii_case(name) {
                return known.id;
            }
            slot = (slot + 1) % SLOTS.len();
        }
        NameId::Other
    }
}

impl Known {
    /// Whether `name`, whose ends are the same, is the same all the way.
    #[inline(always)]
    fn is_long(&self, name: &[u8]) -> bool {
        self.long.len() == name.len() && (name.len() <= 16 || self.long.as_bytes() == name)
    }
}

/// Compact forms by letter, `a` first.
const COMPACT: [NameId; 26] = {
    let mut letters = [NameId::Other; 26];
    let mut index = 0;
    while index < KNOWN.len() {
        if let Some(letter) = KNOWN[index].compact {
            letters[(letter - b'a') as usize] = KNOWN[index].id;
        }
        index += 1;
    }
    letters
};

const EMPTY: u8 = u8::MAX;

/// Indices into `KNOWN`, each in the slot of its name or the next free one behind it.
static SLOTS: [u8; 512] = {
    let mut slots = [EMPTY; 512];
    let mut index = 0;
    while index < KNOWN.len() {
        let mut at = slot(KNOWN[index].ends);
        while slots[at] != EMPTY {
            at = (at + 1) % slots.len();
        }
        slots[at] = index as u8;
        index += 1;
    }
    slots
};

/// Where to look first for a name with these ends, whatever their case.
#[inline(always)]
const fn slot([first, last]: [u64; 2]) -> usize {
    // Small letters, where there are letters.
    const SMALL: u64 = u64::from_ne_bytes([0x20; 8]);
    let both = (first | SMALL) ^ (last | SMALL).rotate_left(ROTATION);
    (both.wrapping_mul(FACTOR) >> (64 - 9)) as usize
}

// Found by trying, until each name had a slot of its own; a few that share one do no harm.
const ROTATION: u32 = 4;
const FACTOR: u64 = 0x28d4_f65d_f2a8_a317;

impl PartialEq for HeaderName {
    fn eq(&self, other: &HeaderName) -> bool {
        match (self, other) {
            (HeaderName::Other(a), HeaderName::Other(b)) => a.eq_ignore_ascii_case(b),
            _ => self.id() == other.id(),
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<S: Hasher>(&self, state: &mut S) {
        for octet in self.as_bytes() {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_forms_and_case_do_not_matter() {
        for spelled in ["Via", "VIA", "v", "V"] {
            assert_eq!(
                HeaderName::from_text(&Text::from_static(spelled)),
                HeaderName::Via
            );
        }
        assert_eq!(NameId::find(b""), NameId::Other);
        assert_eq!(NameId::find(b"z"), NameId::Other);
        assert_eq!(NameId::find(b"\xff"), NameId::Other);
        let odd = HeaderName::from_text(&Text::from_static("X-Odd"));
        assert_eq!(odd, HeaderName::Other(Text::from_static("x-oDD")));
        assert_ne!(odd, HeaderName::Via);
    }

    #[test]
    fn every_known_name_is_found_in_any_case() {
        for known in KNOWN {
            let (id, long) = (known.id, known.long);
            assert_eq!(NameId::find(long.as_bytes()), id);
            assert_eq!(NameId::find(long.to_uppercase().as_bytes()), id);
            assert_eq!(NameId::find(long.to_lowercase().as_bytes()), id);
            if let Some(letter) = known.compact {
                assert_eq!(NameId::find(&[letter]), id);
            }
        }
    }

    #[test]
    fn a_name_is_found_at_the_first_look_or_the_second() {
        for (index, known) in KNOWN.iter().enumerate() {
            let looks = (slot(known.ends)..).position(|at| usize::from(SLOTS[at % 512]) == index);
            assert!(looks.unwrap() < 2, "{}", known.long);
        }
    }
}
