//! Answering a challenge (RFC 3261 §22; RFC 7616 §3.4, RFC 8760).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use sip_core::{
    Challenge, Credentials, DigestAlgorithm, Header, HeaderName, Method, ProxyAuthenticate,
    Response, StatusCode, Text, WwwAuthenticate,
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
    let headers = response.headers();
    let name = match response.status() {
        StatusCode::UNAUTHORIZED => HeaderName::Authorization,
        _ => HeaderName::ProxyAuthorization,
    };
    let credentials = match name {
        HeaderName::Authorization => first(headers.lines_of::<WwwAuthenticate>(), |challenge| {
            respond(&challenge.0, secret, method, uri, cnonce)
        }),
        _ => first(headers.lines_of::<ProxyAuthenticate>(), |challenge| {
            respond(&challenge.0, secret, method, uri, cnonce)
        }),
    };
    Some((name, credentials?.as_text().clone()))
}

fn first<H: Header, E>(
    challenges: impl Iterator<Item = Result<H, E>>,
    respond: impl Fn(&H) -> Option<Credentials>,
) -> Option<Credentials> {
    challenges
        .filter_map(Result::ok)
        .find_map(|challenge| respond(&challenge))
}

fn respond(
    challenge: &Challenge,
    secret: &Secret<'_>,
    method: &Method,
    uri: &[u8],
    cnonce: u64,
) -> Option<Credentials> {
    let algorithm = challenge.algorithm().filter(|_| challenge.is_digest())?;
    let auth = challenge
        .qop_options()
        .any(|option| option.eq_ignore_ascii_case(b"auth"));
    if !auth && challenge.qop_options().next().is_some() {
        return None; // auth-int alone
    }
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
            b"00000001",
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
        credentials = credentials.qop_auth(1, cnonce);
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
        let made = respond(&challenge, &MUFASA, &Method::Register, b"sip:r", 0xabc).unwrap();
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
    fn what_it_does_not_understand_it_does_not_answer() {
        let refuse =
            |text| respond(&challenge(text), &MUFASA, &Method::Register, b"sip:r", 0).is_none();
        assert!(refuse("Digest realm=\"r\", nonce=\"n\", algorithm=ROT13"));
        assert!(refuse("Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""));
        assert!(refuse("Basic realm=\"r\""));
    }
}
