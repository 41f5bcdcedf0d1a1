//! Digest arithmetic: H(A1), H(A2) and the response over them (RFC 7616 §3.4, RFC 8760 §2.2).

use std::fmt;

use ctutils::CtEq;
use sha2::Digest;
use sip_core::DigestAlgorithm;

use super::hex;

/// A hash value, and the algorithm that made it.
#[derive(Clone, Copy)]
pub struct DigestValue {
    algorithm: DigestAlgorithm,
    octets: [u8; 32], // MD5 fills the first 16
}

/// H(A1): what a store keeps instead of a password. As secret as one within its realm.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1(DigestValue);

/// What a response is computed over besides H(A1).
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The request's method.
    pub method: &'a [u8],
    /// `uri`, as the client wrote it.
    pub uri: &'a [u8],
    /// `nonce`, as the client returned it.
    pub nonce: &'a [u8],
    /// What `qop` adds; `None` when the client sent none.
    pub auth: Option<QopAuth<'a>>,
}

/// What `qop=auth` and `qop=auth-int` add to a response.
#[derive(Clone, Copy, Debug, Default)]
pub struct QopAuth<'a> {
    /// `nc`: eight hexadecimal digits, as written.
    pub nc: &'a [u8],
    /// `cnonce`, as written.
    pub cnonce: &'a [u8],
    /// The algorithm is a `-sess` one: H(A1) takes in both nonces (RFC 7616 §3.4.2).
    pub session: bool,
    /// `auth-int`: the body is signed too (RFC 7616 §3.4.3).
    pub body: Option<&'a [u8]>,
}

impl Ha1 {
    /// H(username ":" realm ":" password), quotes taken off each.
    #[must_use]
    pub fn compute(
        algorithm: DigestAlgorithm,
        username: &[u8],
        realm: &[u8],
        password: &[u8],
    ) -> Ha1 {
        Ha1(DigestValue::hash(
            algorithm,
            &[username, b":", realm, b":", password],
        ))
    }

    /// The value as databases keep it: hexadecimal digits, 32 for MD5, 64 for the others. `None` for anything else.
    #[must_use]
    pub fn from_hex(algorithm: DigestAlgorithm, digits: &[u8]) -> Option<Ha1> {
        DigestValue::from_hex(algorithm, digits).map(Ha1)
    }

    /// What made it.
    #[must_use]
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.0.algorithm
    }

    /// The response a client that knows this secret gives (RFC 7616 §3.4.1; without `qop` as in RFC 2617 §3.2.2.1).
    ///
    /// A `-sess` H(A1) is made of this one: RFC 7616 §3.4.2 hashes its hexadecimal digits.
    #[must_use]
    pub fn response(&self, exchange: &Exchange<'_>) -> DigestValue {
        let algorithm = self.0.algorithm;
        let hash = |parts: &[&[u8]]| DigestValue::hash(algorithm, parts).hex();
        let Exchange {
            method, uri, nonce, ..
        } = exchange;
        let Some(qop) = exchange.auth else {
            let (a1, a2) = (self.0.hex(), hash(&[method, b":", uri]));
            let parts = [a1.digits(), b":", nonce, b":", a2.digits()];
            return DigestValue::hash(algorithm, &parts);
        };
        let (a2, name) = match qop.body {
            None => (hash(&[method, b":", uri]), &b":auth:"[..]),
            Some(body) => {
                let body = hash(&[body]);
                let a2 = hash(&[method, b":", uri, b":", body.digits()]);
                (a2, &b":auth-int:"[..])
            }
        };
        let a1 = match qop.session {
            false => self.0.hex(),
            true => hash(&[self.0.hex().digits(), b":", nonce, b":", qop.cnonce]),
        };
        DigestValue::hash(
            algorithm,
            &[
                a1.digits(),
                b":",
                nonce,
                b":",
                qop.nc,
                b":",
                qop.cnonce,
                name,
                a2.digits(),
            ],
        )
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({:?}, …)", self.0.algorithm)
    }
}

impl DigestValue {
    /// Reads the digits of `algorithm`; upper case is read too. `None` for any other length or digit.
    #[must_use]
    pub fn from_hex(algorithm: DigestAlgorithm, digits: &[u8]) -> Option<DigestValue> {
        let mut octets = [0; 32];
        if algorithm.digest_length() == 16 {
            octets[..16].copy_from_slice(&hex::decode::<16>(digits)?);
        } else {
            octets = hex::decode(digits)?;
        }
        Some(DigestValue { algorithm, octets })
    }

    /// H over `parts` put together.
    fn hash(algorithm: DigestAlgorithm, parts: &[&[u8]]) -> DigestValue {
        let mut octets = [0; 32];
        match algorithm {
            DigestAlgorithm::Md5 => hash_into::<md5::Md5>(parts, &mut octets[..16]),
            DigestAlgorithm::Sha256 => hash_into::<sha2::Sha256>(parts, &mut octets),
            DigestAlgorithm::Sha512_256 => hash_into::<sha2::Sha512_256>(parts, &mut octets),
        }
        DigestValue { algorithm, octets }
    }

    fn octets(&self) -> &[u8] {
        &self.octets[..self.algorithm.digest_length()]
    }

    fn hex(&self) -> Hex {
        let mut hex = Hex {
            text: [0; 64],
            len: 2 * self.algorithm.digest_length(),
        };
        hex::encode_into(self.octets(), &mut hex.text);
        hex
    }
}

/// Takes the same time whether the first or the last octet differs.
impl PartialEq for DigestValue {
    fn eq(&self, other: &DigestValue) -> bool {
        self.algorithm == other.algorithm && self.octets.ct_eq(&other.octets).to_bool()
    }
}

impl Eq for DigestValue {}

/// Lower-case hexadecimal digits, as `response` carries them.
impl fmt::Display for DigestValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.octets()
            .iter()
            .try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for DigestValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}({self})", self.algorithm)
    }
}

struct Hex {
    text: [u8; 64],
    len: usize,
}

impl Hex {
    fn digits(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

fn hash_into<D: Digest>(parts: &[&[u8]], octets: &mut [u8]) {
    let mut hash = D::new();
    parts.iter().for_each(|part| hash.update(part));
    octets.copy_from_slice(&hash.finalize());
}
