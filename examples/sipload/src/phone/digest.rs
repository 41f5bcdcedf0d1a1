//! Answering a challenge (RFC 3261 §22; RFC 7616 §3.4, RFC 8760).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use sip_core::{
    Challenge, Credentials, DigestAlgorithm, HeaderName, Method, ProxyAuthenticate, Response,
    StatusCode, Text, WwwAuthenticate,
};

/// Who answers.
pub(crate) struct Secret<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
}

/// The header line that answers the first challenge of a 401 or 407 this client understands (RFC 8760 §2.3); `None`
/// if there is none.
pub(crate) fn answer(
    response: &Response,
    secret: &Secret<'_>,
    method: &Method,
    uri: &[u8],
    cnonce: u64,
) -> Option<(HeaderName, Text)> {
    Session::of(response)?.answer(secret, method, uri, cnonce)
}

/// A challenge that is answered again and again, until the server has another (RFC 7616 §3.6).
#[derive(Debug, Clone)]
pub(crate) struct Session {
    name: HeaderName,
    challenge: Challenge,
    /// Answers so far.
    count: u32,
}

impl Session {
    /// The first challenge of a 401 or 407 this client understands.
    pub(crate) fn of(response: &Response) -> Option<Session> {
        let headers = response.headers();
        let (name, challenge) = match response.status() {
            StatusCode::UNAUTHORIZED => {
                let lines = headers.lines_of::<WwwAuthenticate>().filter_map(Result::ok);
                (HeaderName::Authorization, first(lines.map(|line| line.0)))
            }
            _ => {
                let lines = headers
                    .lines_of::<ProxyAuthenticate>()
                    .filter_map(Result::ok);
                (
                    HeaderName::ProxyAuthorization,
                    first(lines.map(|line| line.0)),
                )
            }
        };
        Some(Session {
            name,
            challenge: challenge?,
            count: 0,
        })
    }

    /// The same without the message it came in, to be kept.
    pub(crate) fn detached(&self) -> Session {
        Session {
            challenge: self.challenge.detached(),
            ..self.clone()
        }
    }

    /// The next answer; with `qop` its `nc` is one higher each time.
    pub(crate) fn answer(
        &mut self,
        secret: &Secret<'_>,
        method: &Method,
        uri: &[u8],
        cnonce: u64,
    ) -> Option<(HeaderName, Text)> {
        self.count += 1;
        let credentials = respond(&self.challenge, secret, method, uri, cnonce, self.count)?;
        Some((self.name.clone(), credentials.as_text().clone()))
    }
}

fn first(mut challenges: impl Iterator<Item = Challenge>) -> Option<Challenge> {
    challenges.find(is_understood)
}

/// Digest of an algorithm known here, and not `auth-int` alone.
fn is_understood(challenge: &Challenge) -> bool {
    challenge.is_digest()
        && challenge.algorithm().is_some()
        && (offers_auth(challenge) || challenge.qop_options().next().is_none())
}

fn offers_auth(challenge: &Challenge) -> bool {
    challenge
        .qop_options()
        .any(|option| option.eq_ignore_ascii_case(b"auth"))
}

fn respond(
    challenge: &Challenge,
    secret: &Secret<'_>,
    method: &Method,
    uri: &[u8],
    cnonce: u64,
    count: u32,
) -> Option<Credentials> {
    let algorithm = challenge.algorithm().filter(|_| is_understood(challenge))?;
    let auth = offers_auth(challenge);
    let (realm, nonce) = (challenge.realm(), challenge.nonce());
    let cnonce = format!("{cnonce:016x}");
    let hash = |parts: &[&[u8]]| hexadecimal(algorithm, parts);
    let mut a1 = hash(&[secret.user.as_bytes(), &realm, secret.password.as_bytes()]);
    if challenge.is_session() {
        a1 = hash(&[a1.as_bytes(), &nonce, cnonce.as_bytes()]);
    }
    let a2 = hash(&[method.as_bytes(), uri]);
    let digest = match auth {
        true => hash(&[
            a1.as_bytes(),
            &nonce,
            format!("{count:08x}").as_bytes(),
            cnonce.as_bytes(),
            b"auth",
            a2.as_bytes(),
        ]),
        false => hash(&[a1.as_bytes(), &nonce, a2.as_bytes()]),
    };
    let mut credentials = Credentials::digest(secret.user, &realm, &nonce, uri, digest);
    if challenge.algorithm_token().is_some() {
        credentials = credentials.algorithm(algorithm);
    }
    if auth {
        credentials = credentials.qop_auth(count, cnonce);
    }
    if let Some(opaque) = challenge.opaque() {
        credentials = credentials.opaque(opaque);
    }
    Some(credentials.build())
}

/// The hash of `parts`, colons between them, in hexadecimal.
fn hexadecimal(algorithm: DigestAlgorithm, parts: &[&[u8]]) -> String {
    match algorithm {
        DigestAlgorithm::Md5 => hash::<Md5>(parts),
        DigestAlgorithm::Sha256 => hash::<Sha256>(parts),
        DigestAlgorithm::Sha512_256 => hash::<Sha512_256>(parts),
    }
}

fn hash<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    let mut text = String::with_capacity(64);
    for octet in hash.finalize() {
        text.push(char::from(b"0123456789abcdef"[usize::from(octet >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(octet & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use sip_core::Header;

    use super::*;

    const MUFASA: Secret<'_> = Secret {
        user: "Mufasa",
        password: "Circle of Life",
    };

    fn challenge(text: &'static str) -> Challenge {
        WwwAuthenticate::parse(&Text::from_static(text)).unwrap().0
    }

    #[test]
    fn without_qop_as_rfc_2069_had_it() {
        // The figures of RFC 2617 §3.5 in the formula of RFC 2069, worked out apart from this program.
        let challenge = challenge(
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
        );
        let answer = respond(
            &challenge,
            &MUFASA,
            &Method::Other(Text::from_static("GET")),
            b"/dir/index.html",
            0,
            1,
        )
        .unwrap();
        assert_eq!(
            answer.response().unwrap(),
            "2951cdbad33b2271fcb6b8e7b8feac23"
        );
        assert!(answer.qop().is_none() && answer.algorithm_token().is_none());
    }

    #[test]
    fn with_qop_the_digest_covers_the_clients_nonce() {
        let challenge = challenge(
            "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int,auth\", algorithm=SHA-256, opaque=\"o\"",
        );
        let made = respond(&challenge, &MUFASA, &Method::Register, b"sip:r", 0xabc, 1).unwrap();
        assert_eq!(made.cnonce().unwrap(), "0000000000000abc");
        assert_eq!(made.algorithm(), Some(DigestAlgorithm::Sha256));
        assert_eq!(made.opaque().unwrap(), "o");
        let a1 = hexadecimal(
            DigestAlgorithm::Sha256,
            &[b"Mufasa", b"r", b"Circle of Life"],
        );
        let a2 = hexadecimal(DigestAlgorithm::Sha256, &[b"REGISTER", b"sip:r"]);
        let whole = [
            a1.as_bytes(),
            b"n",
            b"00000001",
            b"0000000000000abc",
            b"auth",
            a2.as_bytes(),
        ];
        assert_eq!(
            made.response().unwrap(),
            hexadecimal(DigestAlgorithm::Sha256, &whole).as_str()
        );
    }

    #[test]
    fn a_nonce_that_is_used_again_is_counted() {
        let mut session = Session {
            name: HeaderName::Authorization,
            challenge: challenge("Digest realm=\"r\", nonce=\"n\", qop=\"auth\""),
            count: 0,
        };
        let [first, second] = [(); 2].map(|()| {
            let (_, line) = session
                .answer(&MUFASA, &Method::Register, b"sip:r", 1)
                .unwrap();
            String::from_utf8(line.to_vec()).unwrap()
        });
        assert!(first.contains("nc=00000001"), "{first}");
        assert!(second.contains("nc=00000002"), "{second}");
        assert_ne!(first, second.replace("nc=00000002", "nc=00000001"));
    }

    #[test]
    fn what_it_does_not_understand_it_does_not_answer() {
        let refuse =
            |text| respond(&challenge(text), &MUFASA, &Method::Register, b"sip:r", 0, 1).is_none();
        assert!(refuse("Digest realm=\"r\", nonce=\"n\", algorithm=ROT13"));
        assert!(refuse("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""));
        assert!(refuse("Basic realm=\"r\""));
    }
}
