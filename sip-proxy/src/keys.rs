//! Secrets that sign what comes back later: nonces and dialog cookies (HMAC-SHA-256, RFC 2104).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Octets of a signature: HMAC-SHA-256, cut to 96 bits (RFC 2104 §5).
pub(crate) const SIGNATURE: usize = 12;

/// A secret, and the id by which what it signed names it.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    id: u8,
    secret: [u8; 32],
}

impl SigningKey {
    /// A key from 32 secret random octets. Servers that stand in for each other share `id` and `secret`.
    #[must_use]
    pub const fn new(id: u8, secret: [u8; 32]) -> SigningKey {
        SigningKey { id, secret }
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, …)", self.id)
    }
}

/// The key that signs, and others whose signatures still count.
///
/// To change the key, sign with a new one and accept the old one for as long as what it signed may come back: a
/// nonce's lifetime, a dialog's. Where several servers share keys, each must accept the new one before the first
/// signs with it.
///
/// ```
/// use sip_proxy::{KeyRing, SigningKey};
///
/// let (old, new) = (SigningKey::new(1, [1; 32]), SigningKey::new(2, [2; 32]));
/// let keys = KeyRing::new(new).accept(old);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    signing: SigningKey,
    accepted: Vec<SigningKey>,
}

impl KeyRing {
    /// A ring of one key.
    #[must_use]
    pub const fn new(signing: SigningKey) -> KeyRing {
        KeyRing {
            signing,
            accepted: Vec::new(),
        }
    }

    /// Also takes what `key` signed. Of two keys with one id the first counts.
    #[must_use]
    pub fn accept(mut self, key: SigningKey) -> KeyRing {
        self.accepted.push(key);
        self
    }
}

/// A ring put to one use, so that a signature for one never passes for another.
#[derive(Clone)]
pub(crate) struct Signer {
    keys: Vec<(u8, Hmac<Sha256>)>, // the first signs
}

impl Signer {
    pub(crate) fn new(keys: &KeyRing, purpose: &str) -> Signer {
        let keyed = |key: &SigningKey| {
            let own = keyed(&key.secret).chain_update(purpose).finalize();
            (key.id, keyed(&own.into_bytes()))
        };
        Signer {
            keys: std::iter::once(&keys.signing)
                .chain(&keys.accepted)
                .map(keyed)
                .collect(),
        }
    }

    /// The id to write where [`Signer::begin`] will look for it.
    pub(crate) fn id(&self) -> u8 {
        self.keys[0].0
    }

    /// Whether the key called `id` is on the ring.
    pub(crate) fn knows(&self, id: u8) -> bool {
        self.keys.iter().any(|(known, _)| *known == id)
    }

    /// Starts a signature of the key called `id`; `None` if it is not on the ring.
    pub(crate) fn begin(&self, id: u8) -> Option<Sum> {
        let (_, keyed) = self.keys.iter().find(|(known, _)| *known == id)?;
        Some(Sum(keyed.clone()))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.keys.iter().map(|(id, _)| id);
        f.debug_tuple("Signer")
            .field(&ids.collect::<Vec<_>>())
            .finish()
    }
}

/// A signature in the making.
#[derive(Clone)]
pub(crate) struct Sum(Hmac<Sha256>);

impl Sum {
    /// Adds one part, apart from those before and after it.
    #[must_use]
    pub(crate) fn mix(mut self, part: &[u8]) -> Sum {
        self.0.update(&(part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn sign(self) -> [u8; SIGNATURE] {
        let whole: [u8; 32] = self.0.finalize().into_bytes().into();
        let mut signature = [0; SIGNATURE];
        signature.copy_from_slice(&whole[..SIGNATURE]);
        signature
    }

    /// Takes the same time whether the first or the last octet differs.
    pub(crate) fn signed(self, signature: &[u8; SIGNATURE]) -> bool {
        self.0.verify_truncated_left(signature).is_ok()
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    KeyInit::new_from_slice(secret).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(keys: &KeyRing, purpose: &str, parts: &[&[u8]]) -> [u8; SIGNATURE] {
        let signer = Signer::new(keys, purpose);
        let sum = signer.begin(signer.id()).expect("its own");
        parts.iter().fold(sum, |sum, part| sum.mix(part)).sign()
    }

    #[test]
    fn a_signature_is_for_one_key_one_purpose_and_these_parts() {
        let keys = KeyRing::new(SigningKey::new(1, [1; 32]));
        let others = KeyRing::new(SigningKey::new(1, [2; 32]));
        let signed = signature(&keys, "nonce", &[b"ab", b"c"]);
        assert_eq!(signed, signature(&keys, "nonce", &[b"ab", b"c"]));
        assert_ne!(signed, signature(&keys, "nonce", &[b"a", b"bc"]));
        assert_ne!(signed, signature(&keys, "dialog", &[b"ab", b"c"]));
        assert_ne!(signed, signature(&others, "nonce", &[b"ab", b"c"]));
    }

    #[test]
    fn keys_not_on_the_ring_judge_nothing() {
        let keys = KeyRing::new(SigningKey::new(1, [1; 32])).accept(SigningKey::new(7, [7; 32]));
        let signer = Signer::new(&keys, "nonce");
        assert!(signer.begin(7).is_some());
        assert!(signer.begin(2).is_none());
    }

    #[test]
    fn secrets_are_not_printed() {
        let keys = KeyRing::new(SigningKey::new(1, [11; 32]));
        assert!(!format!("{keys:?}{:?}", Signer::new(&keys, "nonce")).contains("11"));
    }
}
