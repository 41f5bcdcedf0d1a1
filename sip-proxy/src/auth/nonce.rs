//! Nonces that need no memory: signed, and judged by any server that has the key (RFC 7616 §3.3, §5.4).
//!
//! ```text
//!   octet  0        1 … 4             5 … 12   13 … 24
//!          key id   issued, seconds   random   HMAC-SHA-256 over the octets before, first 96 bits
//! ```
//! printed as 50 lower-case hexadecimal digits. The random part makes two nonces of one second differ, so that
//! a window of nonce counts can be kept per nonce. One that is bound to parts of its request has twelve octets more:
//! a signature over those parts, apart from the first, since what is ours but for another request is to be told from
//! what is forged (F-52).

use std::time::Duration;

use sip_core::Text;

use super::checks::RequestParts;
use super::hex;
use crate::backend::Incoming;
use crate::keys::{KeyRing, SIGNATURE, Signer, Sum};

const SIGNED: usize = 13;
const OCTETS: usize = SIGNED + SIGNATURE;
const BOUND: usize = OCTETS + SIGNATURE;

/// What tells a nonce from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// When it was issued, in seconds modulo 2^32.
    pub(super) issued: u32,
    pub(super) random: u64,
}

/// Issues nonces and judges them when they come back.
#[derive(Clone, Debug)]
pub struct Nonces {
    signer: Signer,
    lifetime: Duration,
    drift: Duration,
}

/// What a nonce that came back is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceVerdict {
    /// Ours, and young enough.
    Fresh,
    /// Ours, but issued too long ago, or further in the future than clocks drift apart.
    Stale,
    /// Ours, but issued to another request than this one.
    Elsewhere,
    /// Not issued by a holder of our keys, or altered since.
    Forged,
}

impl Nonces {
    /// As long as a request may be resent (64·T1, RFC 3261 §17.1.2.2): the last copy of one sent at once still
    /// finds its nonce fresh.
    pub const LIFETIME: Duration = Duration::from_secs(32);
    /// How far clocks of servers that share a key may lie apart.
    pub const DRIFT: Duration = Duration::from_secs(3);

    /// Nonces signed by `keys`, fresh for [`LIFETIME`](Nonces::LIFETIME), clocks within [`DRIFT`](Nonces::DRIFT).
    #[must_use]
    pub fn new(keys: &KeyRing) -> Nonces {
        Nonces {
            signer: Signer::new(keys, "nonce"),
            lifetime: Nonces::LIFETIME,
            drift: Nonces::DRIFT,
        }
    }

    /// How long a nonce stays fresh, in whole seconds. Within it the same nonce may be used again.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Nonces {
        self.lifetime = lifetime;
        self
    }

    /// How far in the future a nonce may have been issued, in whole seconds.
    #[must_use]
    pub fn with_drift(mut self, drift: Duration) -> Nonces {
        self.drift = drift;
        self
    }

    /// A nonce issued at `unix_time`, told apart from others of that second by `entropy`, and good for any request.
    #[must_use]
    pub fn issue(&self, unix_time: Duration, entropy: u64) -> Text {
        print(&self.sign(unix_time, entropy))
    }

    /// A nonce for `incoming`, bound to `parts` of it.
    pub(super) fn issue_to(&self, incoming: &Incoming, parts: RequestParts) -> Text {
        let octets = self.sign(incoming.unix_time, incoming.entropy);
        let Some(sum) = self.bind(&octets, incoming, parts) else {
            return print(&octets);
        };
        let mut bound = [0; BOUND];
        bound[..OCTETS].copy_from_slice(&octets);
        bound[OCTETS..].copy_from_slice(&sum.sign());
        print(&bound)
    }

    fn sign(&self, unix_time: Duration, entropy: u64) -> [u8; OCTETS] {
        let mut octets = [0; OCTETS];
        octets[0] = self.signer.id();
        octets[1..5].copy_from_slice(&wrapped_seconds(unix_time).to_be_bytes());
        octets[5..SIGNED].copy_from_slice(&entropy.to_be_bytes());
        if let Some(sum) = self.signer.begin(octets[0]) {
            let signature = sum.mix(&octets[..SIGNED]).sign();
            octets[SIGNED..].copy_from_slice(&signature);
        }
        octets
    }

    /// The sum that binds a nonce of these octets to `parts`; `None` if that is none.
    fn bind(&self, octets: &[u8; OCTETS], incoming: &Incoming, parts: RequestParts) -> Option<Sum> {
        let sum = self.signer.begin(octets[0]).filter(|_| !parts.is_empty())?;
        Some(parts.mix(incoming, sum.mix(octets)))
    }

    /// Judges `nonce`, the unquoted text that came back, at `unix_time`. What request it was issued to does not
    /// count.
    #[must_use]
    pub fn judge(&self, nonce: &[u8], unix_time: Duration) -> NonceVerdict {
        match self.read(nonce) {
            Some((octets, _)) => self.age(Stamp::of(&octets).issued, unix_time),
            None => NonceVerdict::Forged,
        }
    }

    /// Judges `nonce`, which came back in `incoming` and must be bound to `parts` of it.
    pub(super) fn judge_from(
        &self,
        nonce: &[u8],
        incoming: &Incoming,
        parts: RequestParts,
    ) -> (NonceVerdict, Option<Stamp>) {
        let Some((octets, bond)) = self.read(nonce) else {
            return (NonceVerdict::Forged, None);
        };
        let is_bound = |sum: Sum| bond.is_some_and(|bond| sum.signed(&bond));
        let stamp = Stamp::of(&octets);
        let verdict = match self.bind(&octets, incoming, parts).is_none_or(is_bound) {
            true => self.age(stamp.issued, incoming.unix_time),
            false => NonceVerdict::Elsewhere,
        };
        (verdict, Some(stamp))
    }

    fn age(&self, issued: u32, unix_time: Duration) -> NonceVerdict {
        // Seconds wrap every 136 years; the difference does not mind.
        let age = i64::from(
            wrapped_seconds(unix_time)
                .wrapping_sub(issued)
                .cast_signed(),
        );
        let oldest = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let newest = i64::try_from(self.drift.as_secs()).unwrap_or(i64::MAX);
        if -newest <= age && age <= oldest {
            NonceVerdict::Fresh
        } else {
            NonceVerdict::Stale
        }
    }

    /// The octets of `nonce`, if one of our keys signed them, and what binds them to a request.
    fn read(&self, nonce: &[u8]) -> Option<([u8; OCTETS], Option<[u8; SIGNATURE]>)> {
        if nonce.iter().any(u8::is_ascii_uppercase) {
            return None; // one nonce has one spelling, else a count kept per nonce could be dodged
        }
        let (own, bond) = match nonce.len() {
            length if length == 2 * BOUND => {
                let (own, bond) = nonce.split_at(2 * OCTETS);
                (own, Some(hex::decode(bond)?))
            }
            _ => (nonce, None),
        };
        let octets: [u8; OCTETS] = hex::decode(own)?;
        let (signed, signature) = octets.split_last_chunk()?;
        let sum = self.signer.begin(octets[0])?.mix(signed);
        sum.signed(signature).then_some((octets, bond))
    }
}

impl Stamp {
    fn of(octets: &[u8; OCTETS]) -> Stamp {
        let [
            _,
            a,
            b,
            c,
            d,
            random @ ..,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
        ] = *octets;
        Stamp {
            issued: u32::from_be_bytes([a, b, c, d]),
            random: u64::from_be_bytes(random),
        }
    }
}

fn print(octets: &[u8]) -> Text {
    let mut text = [0; 2 * BOUND];
    let text = &mut text[..2 * octets.len()];
    hex::encode_into(octets, text);
    Text::new(text).expect("hexadecimal digits are allowed in a header")
}

/// Seconds modulo 2^32.
fn wrapped_seconds(unix_time: Duration) -> u32 {
    unix_time.as_secs() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SigningKey;
    use NonceVerdict::{Forged, Fresh, Stale};

    const NOW: Duration = Duration::from_secs(1_700_000_000);
    const OLD: SigningKey = SigningKey::new(1, [0x0b; 32]);
    const NEW: SigningKey = SigningKey::new(2, [0xa5; 32]);

    fn nonces(key: SigningKey) -> Nonces {
        Nonces::new(&KeyRing::new(key))
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_nonce_is_fresh_for_its_lifetime_and_then_stale() {
        let nonces = nonces(OLD).with_lifetime(seconds(10)); // F-52
        let nonce = nonces.issue(NOW, 7);
        assert_eq!(nonces.judge(&nonce, NOW), Fresh);
        assert_eq!(nonces.judge(&nonce, NOW + seconds(10)), Fresh);
        assert_eq!(nonces.judge(&nonce, NOW + seconds(11)), Stale);
        assert_eq!(nonces.judge(&nonce, NOW + seconds(1_000_000_000)), Stale);
    }

    #[test]
    fn a_nonce_of_a_clock_more_than_three_seconds_ahead_is_stale() {
        let nonces = nonces(OLD); // F-52
        let nonce = nonces.issue(NOW, 7);
        assert_eq!(nonces.judge(&nonce, NOW - seconds(3)), Fresh);
        assert_eq!(nonces.judge(&nonce, NOW - seconds(4)), Stale);
    }

    #[test]
    fn seconds_may_wrap() {
        let nonces = nonces(OLD);
        let last = seconds(u64::from(u32::MAX));
        let nonce = nonces.issue(last, 7);
        assert_eq!(nonces.judge(&nonce, last + seconds(2)), Fresh);
        assert_eq!(nonces.judge(&nonce, last + seconds(200)), Stale);
    }

    #[test]
    fn two_nonces_of_one_second_differ() {
        let nonces = nonces(OLD);
        assert_ne!(nonces.issue(NOW, 7), nonces.issue(NOW, 8));
    }

    #[test]
    fn keys_rotate() {
        let (before, after) = (nonces(OLD), nonces(NEW));
        let rotating = Nonces::new(&KeyRing::new(NEW).accept(OLD));
        let nonce = before.issue(NOW, 7);
        assert_eq!(rotating.judge(&nonce, NOW), Fresh);
        assert_eq!(after.judge(&nonce, NOW), Forged);
        assert_eq!(after.judge(&rotating.issue(NOW, 7), NOW), Fresh);
    }

    #[test]
    fn a_key_of_the_same_id_and_another_secret_is_not_ours() {
        let (ours, theirs) = (
            nonces(SigningKey::new(1, [1; 32])),
            nonces(SigningKey::new(1, [2; 32])),
        );
        assert_eq!(ours.judge(&theirs.issue(NOW, 7), NOW), Forged);
    }

    #[test]
    fn text_of_another_shape_is_forged() {
        let nonces = nonces(OLD);
        let nonce = nonces.issue(NOW, 7);
        for text in [
            &b""[..],
            b"0",
            b"00",
            &nonce[1..],
            &nonce[..48],
            &[b'f'; 50],
            &[0xff; 50],
            &[b'0'; 9999],
        ] {
            assert_eq!(nonces.judge(text, NOW), Forged);
        }
        assert_eq!(nonces.judge(&nonce.to_ascii_uppercase(), NOW), Forged);
    }

    proptest::proptest! {
        #[test]
        fn any_flipped_bit_is_forged(entropy: u64, bit in 0..8 * 2 * OCTETS) {
            let nonces = Nonces::new(&KeyRing::new(OLD).accept(NEW));
            let mut nonce = nonces.issue(NOW, entropy).as_bytes().to_vec();
            assert_eq!(nonces.judge(&nonce, NOW), Fresh);
            nonce[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(nonces.judge(&nonce, NOW), Forged);
        }
    }
}
