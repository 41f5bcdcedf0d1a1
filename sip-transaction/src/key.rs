//! Finding the transaction a message belongs to (RFC 3261 §17.1.3, §17.2.3), and the branches that make it easy.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use sip_core::{Branch, CSeq, HeaderError, HeaderName, Method, Request, Tag, To, TopVia};
use siphasher::sip128::{Hasher128, SipHasher13};

/// What is written into the branch of a request we send:
///
/// ```text
/// z9hG4bK 0003 0000002a 9f3c5e8a1b7d2046
///         │    │        └ chance: nobody can guess it, nobody had it before
///         │    └ slot: where the client transaction lives
///         └ worker: which worker of the process has it
/// ```
///
/// So the transaction of a response is found without a table to search. A mark of the user may follow:
/// `.` and eight digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BranchParts {
    pub(crate) worker: u16,
    pub(crate) slot: u32,
    pub(crate) random: u64,
}

impl BranchParts {
    /// The slot of what is sent outside a transaction.
    pub(crate) const NO_SLOT: u32 = u32::MAX;

    const DIGITS: usize = 4 + 8 + 16;

    const LENGTH: usize = Branch::MAGIC_COOKIE.len() + BranchParts::DIGITS;

    pub(crate) fn print(self) -> Branch {
        Branch::new(self.text()).expect("letters and digits")
    }

    /// The same, with a mark behind it (RFC 5393 §4.2.1).
    pub(crate) fn print_marked(self, mark: u32) -> Branch {
        let mut text = [b'.'; BranchParts::LENGTH + 9];
        text[..BranchParts::LENGTH].copy_from_slice(&self.text());
        print_hexadecimal(mark.into(), &mut text[BranchParts::LENGTH + 1..]);
        Branch::new(text).expect("letters, digits and a dot")
    }

    fn text(self) -> [u8; BranchParts::LENGTH] {
        let mut text = [0; BranchParts::LENGTH];
        let (cookie, digits) = text.split_at_mut(Branch::MAGIC_COOKIE.len());
        cookie.copy_from_slice(Branch::MAGIC_COOKIE.as_bytes());
        print_hexadecimal(self.worker.into(), &mut digits[..4]);
        print_hexadecimal(self.slot.into(), &mut digits[4..12]);
        print_hexadecimal(self.random, &mut digits[12..]);
        text
    }

    /// Reads a branch; `None` if it cannot be ours.
    pub(crate) fn read(branch: &Branch) -> Option<BranchParts> {
        let digits = branch
            .as_bytes()
            .strip_prefix(Branch::MAGIC_COOKIE.as_bytes())?;
        match digits.get(BranchParts::DIGITS..)? {
            [] => {}
            [b'.', mark @ ..] if mark.len() == 8 => {}
            _ => return None,
        }
        let number = |from: usize, to: usize| hexadecimal(&digits[from..to]);
        Some(BranchParts {
            worker: number(0, 4)? as u16,
            slot: number(4, 12)? as u32,
            random: number(12, 28)?,
        })
    }
}

/// Writes `number` into all of `digits`, zeroes before it.
fn print_hexadecimal(number: u64, digits: &mut [u8]) {
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(left & 15) as usize];
        left >>= 4;
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u64::from(value))
    })
}

/// The worker whose [`TransactionLayer`](crate::TransactionLayer) made `branch`; `None` if none did.
///
/// The branch comes from the network: the worker it names need not exist.
#[must_use]
pub fn worker_of(branch: &Branch) -> Option<u16> {
    BranchParts::read(branch).map(|parts| parts.worker)
}

/// What a request has in common with the request that created its server transaction (§17.2.3), as 128 bits of
/// a keyed hash. Without the key nobody can look for two requests with the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TransactionKey(u128);

impl TransactionKey {
    /// The bit that is set for requests without a branch of RFC 3261.
    const RFC2543: u128 = 1;

    /// Whether the branch is one RFC 2543 left to chance, so that To tags must be compared as well.
    pub(crate) fn is_rfc2543(self) -> bool {
        self.0 & TransactionKey::RFC2543 != 0
    }
}

impl Hash for TransactionKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((self.0 >> 64) as u64);
    }
}

/// Tables take the key's own bits, which are a hash already.
pub(crate) type KeyTable<T> = hashbrown::HashMap<TransactionKey, T, BuildHasherDefault<OwnBits>>;

pub(crate) type KeySet = hashbrown::HashSet<TransactionKey, BuildHasherDefault<OwnBits>>;

#[derive(Default)]
pub(crate) struct OwnBits(u64);

impl Hasher for OwnBits {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }
    fn write_u64(&mut self, bits: u64) {
        self.0 = bits;
    }
}

/// The secret of the keys and of the To tags that must come out the same each time.
pub(crate) struct Secret {
    keys: SipHasher13,
    tags: SipHasher13,
}

impl Secret {
    pub(crate) fn new(mut random: impl FnMut() -> u64) -> Secret {
        let mut hasher = || SipHasher13::new_with_keys(random(), random());
        Secret {
            keys: hasher(),
            tags: hasher(),
        }
    }

    /// The key of the transaction that `request` belongs to or would create; an ACK belongs to an INVITE.
    pub(crate) fn key(&self, request: &Request) -> Result<TransactionKey, HeaderError> {
        match request.method() {
            Method::Ack => self.key_as(request, &Method::Invite),
            method => self.key_as(request, method),
        }
    }

    /// The key `request` would have, were its method `method` (§9.2).
    pub(crate) fn key_as(
        &self,
        request: &Request,
        method: &Method,
    ) -> Result<TransactionKey, HeaderError> {
        let via = request.headers().top_via()?;
        let mut hash = self.keys;
        method.as_bytes().hash(&mut hash);
        let branch = via.rfc3261_branch();
        let rfc2543 = branch.is_none();
        match branch {
            Some(branch) => {
                branch.hash(&mut hash);
                sent_by(&via, &mut hash);
            }
            None => {
                // RFC 2543. The To tags are compared in a second step: an INVITE has another than its ACK.
                from_caller(request, &mut hash)?;
                request.uri().as_text().hash(&mut hash);
                request
                    .headers()
                    .raw(&HeaderName::Via)
                    .next()
                    .hash(&mut hash);
            }
        }
        let found = hash.finish128();
        let bits = u128::from(found.h1) << 64 | u128::from(found.h2);
        Ok(TransactionKey(match rfc2543 {
            true => bits | TransactionKey::RFC2543,
            false => bits & !TransactionKey::RFC2543,
        }))
    }

    /// What a request without a To tag shares with the same request come by another way (§8.2.2.2), and with no other;
    /// `None` if it has a To tag or lacks what is compared.
    pub(crate) fn merged_key(&self, request: &Request) -> Option<TransactionKey> {
        if request.headers().require::<To>().ok()?.tag().is_some() {
            return None;
        }
        let mut hash = self.keys;
        request.method().as_bytes().hash(&mut hash);
        from_caller(request, &mut hash).ok()?;
        let found = hash.finish128();
        Some(TransactionKey(
            u128::from(found.h1) << 64 | u128::from(found.h2),
        ))
    }

    /// A To tag that comes out the same for a request, its retransmissions, its ACK and its CANCEL (§8.2.7).
    pub(crate) fn tag(&self, request: &Request) -> [u8; 16] {
        let mut hash = self.tags;
        // What cannot be read is the same each time, too.
        let _ = from_caller(request, &mut hash);
        if let Ok(via) = request.headers().top_via() {
            via.branch().hash(&mut hash);
        }
        tag_digits(hash.finish128().h1)
    }
}

/// What the caller chose for this request: Call-ID, From tag and CSeq number.
fn from_caller(request: &Request, hash: &mut SipHasher13) -> Result<(), HeaderError> {
    let headers = request.headers();
    headers.raw(&HeaderName::CallId).next().hash(hash);
    headers.require::<sip_core::From>()?.tag().hash(hash);
    headers.require::<CSeq>()?.number().hash(hash);
    Ok(())
}

/// Where the sender of the request listens: an address however it is written, a name in any case.
fn sent_by(via: &TopVia<'_>, hash: &mut SipHasher13) {
    via.ip().hash(hash);
    if via.ip().is_none() {
        via.host().len().hash(hash);
        for piece in via.host().chunks(64) {
            let mut small = [0; 64];
            let small = &mut small[..piece.len()];
            small.copy_from_slice(piece);
            small.make_ascii_lowercase();
            hash.write(small);
        }
    }
    via.port().hash(hash);
}

/// 64 bits as a tag (§19.3).
pub(crate) fn print_tag(bits: u64) -> Tag {
    Tag::new(tag_digits(bits)).expect("digits")
}

fn tag_digits(bits: u64) -> [u8; 16] {
    let mut digits = [0; 16];
    print_hexadecimal(bits, &mut digits);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sent_by_is_the_same_in_any_case_and_however_an_address_is_written() {
        let mut numbers = 0..;
        let secret = Secret::new(|| numbers.next().unwrap());
        let key = |sent_by: &str| {
            let text = format!(
                "BYE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {sent_by};branch=z9hG4bK1\r\n\r\n"
            );
            let message = sip_core::parse_message(text.into(), &sip_core::Limits::default());
            let mut request = Request::try_from(message.unwrap()).unwrap();
            let key = secret.key(&request).unwrap();
            request
                .stamp_via("192.0.2.1:5060".parse().unwrap())
                .unwrap();
            assert_eq!(secret.key(&request).unwrap(), key, "{sent_by}");
            key
        };
        let long = "a".repeat(63) + ".example";
        assert_eq!(key(&long), key(&long.to_uppercase()));
        assert_ne!(key(&long), key(&long[1..]));
        assert_eq!(key("[2001:db8::1]:5060"), key("[2001:DB8:0::1]:5060"));
        assert_ne!(key("a.example"), key("a.example:5060"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn a_mark_behind_a_branch_hides_nothing() {
        let parts = BranchParts {
            worker: 3,
            slot: 42,
            random: 7,
        };
        let marked = parts.print_marked(0xab);
        assert!(marked.as_bytes().ends_with(b".000000ab"));
        assert_eq!(BranchParts::read(&marked), Some(parts));
        assert_eq!(worker_of(&marked), Some(3));
        let cut = Branch::new(&marked.as_bytes()[..marked.as_bytes().len() - 1]).unwrap();
        assert_eq!(BranchParts::read(&cut), None);
    }
}
