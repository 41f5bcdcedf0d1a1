//! Nonces that need no memory: signed, and judged by any server that has the key (RFC 7616 §3.3, §5.4).
//!
//! ```text
//!   octet  0        1 … 4             5 … 12   13 … 24
//!          key id   issued, seconds   random   HMAC-SHA-256 over the octets before, first 96 bits
//! ```
//! printed as 50 lower-case hexadecimal digits. The random part makes two nonces of one second differ, so that
//! a window of nonce counts can be kept per nonce.

use std::time::Duration;

use sip_core::Text;

use super::hex;
use crate::keys::{KeyRing, SIGNATURE, Signer};

const SIGNED: usize = 13;
const OCTETS: usize = SIGNED + SIGNATURE;

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

    /// A nonce issued at `unix_time`, told apart from others of that second by `entropy`.
    #[must_use]
    pub fn issue(&self, unix_time: Duration, entropy: u64) -> Text {
        let mut octets = [0; OCTETS];
        octets[0] = self.signer.id();
        octets[1..5].copy_from_slice(&wrapped_seconds(unix_time).to_be_bytes());
        octets[5..SIGNED].copy_from_slice(&entropy.to_be_bytes());
        if let Some(sum) = self.signer.begin(octets[0]) {
            let signature = sum.mix(&octets[..SIGNED]).sign();
            octets[SIGNED..].copy_from_slice(&signature);
        }

        let mut text = [0; 2 * OCTETS];
        hex::encode_into(&octets, &mut text);
        Text::new(text).expect("hexadecimal digits are allowed in a header")
    }

    /// Judges `nonce`, the unquoted text that came back, at `unix_time`.
    #[must_use]
    pub fn judge(&self, nonce: &[u8], unix_time: Duration) -> NonceVerdict {
        let Some(issued) = self.issued(nonce) else {
            return NonceVerdict::Forged;
        };
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

    /// When `nonce` was issued, if one of our keys signed it.
    fn issued(&self, nonce: &[u8]) -> Option<u32> {
        if nonce.iter().any(u8::is_ascii_uppercase) {
            return None; // one nonce has one spelling, else a count kept per nonce could be dodged
        }
        let octets: [u8; OCTETS] = hex::decode(nonce)?;
        let (signed, signature) = octets.split_at(SIGNED);
        let sum = self.signer.begin(signed[0])?.mix(signed);
        sum.signed(signature.try_into().ok()?)
            .then(|| u32::from_be_bytes([signed[1], signed[2], signed[3], signed[4]]))
    }
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
