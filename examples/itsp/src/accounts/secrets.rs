//! Passwords: making them, and what the database keeps of them (RFC 7616 §3.4.2).

use md5::Md5;
use rand::RngExt;
use sha2::{Digest, Sha256};

/// Letters of a random password: none that is mistaken for another when read from a screen.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What a subscriber is asked to prove it knows: H(user:realm:password) and H(user@domain:realm:password),
/// each by MD5 and by SHA-256, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets {
    pub(crate) md5: String,
    pub(crate) md5b: String,
    pub(crate) sha256: String,
    pub(crate) sha256b: String,
}

impl Secrets {
    pub(crate) fn of(username: &str, domain: &str, realm: &str, password: &str) -> Secrets {
        let short = format!("{username}:{realm}:{password}");
        let long = format!("{username}@{domain}:{realm}:{password}");
        Secrets {
            md5: hexadecimal(&Md5::digest(&short)),
            md5b: hexadecimal(&Md5::digest(&long)),
            sha256: hexadecimal(&Sha256::digest(&short)),
            sha256b: hexadecimal(&Sha256::digest(&long)),
        }
    }
}

/// Twelve letters, sixty bits: more than anybody guesses over the network.
pub(crate) fn random_password() -> String {
    let mut random = rand::rng();
    (0..12)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_those_of_the_rfc() {
        // RFC 2617 §3.5: HA1 of Mufasa in testrealm@host.com with "Circle Of Life".
        let secrets = Secrets::of("Mufasa", "host.com", "testrealm@host.com", "Circle Of Life");
        assert_eq!(secrets.md5, "939e7578ed9e3c518a452acee763bce9");
        // RFC 7616 §3.9.1: HA1 by SHA-256.
        let secrets = Secrets::of(
            "Mufasa",
            "example.org",
            "http-auth@example.org",
            "Circle of Life",
        );
        assert_eq!(
            secrets.sha256,
            "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
        );
    }

    #[test]
    fn random_passwords_differ_and_are_legible() {
        let (one, two) = (random_password(), random_password());
        assert_ne!(one, two);
        assert!(one.len() == 12 && one.bytes().all(|letter| LETTERS.contains(&letter)));
    }
}
