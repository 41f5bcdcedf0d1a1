//! Challenges and credentials of anything: read, asked for every part, printed and read again; and what is composed of
//! the parts of one reads back as them (RFC 3261 §22; RFC 7616).
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_core::{
    AuthenticationInfo, Authorization, Challenge, Credentials, DigestAlgorithm, Header,
    ProxyAuthenticate, ProxyAuthorization, Text, WwwAuthenticate,
};

fuzz_target!(|octets: &[u8]| {
    let Ok(value) = Text::new(octets) else { return };
    if let Some(WwwAuthenticate(challenge)) = read::<WwwAuthenticate>(&value) {
        assert_eq!(
            read::<ProxyAuthenticate>(&value),
            Some(ProxyAuthenticate(challenge.clone()))
        );
        self::challenge(&challenge);
    }
    if let Some(Authorization(credentials)) = read::<Authorization>(&value) {
        let same = Some(ProxyAuthorization(credentials.clone()));
        assert_eq!(read::<ProxyAuthorization>(&value), same);
        self::credentials(&credentials);
    }
    if let Some(info) = read::<AuthenticationInfo>(&value) {
        let _ = (
            info.nextnonce(),
            info.rspauth(),
            info.qop(),
            info.cnonce(),
            info.nc(),
        );
    }
    composed(octets);
});

/// Reads `value` as `H`. If it is one, what it prints is the same one.
fn read<H: Header + PartialEq + std::fmt::Debug>(value: &Text) -> Option<H> {
    let header = H::parse(value).ok()?;
    assert_eq!(H::parse(&header.as_text()).as_ref(), Ok(&header));
    Some(header)
}

fn challenge(challenge: &Challenge) {
    assert_eq!(challenge.detached(), *challenge);
    for name in [
        "realm",
        "nonce",
        "domain",
        "opaque",
        "stale",
        "algorithm",
        "qop",
        "x",
    ] {
        let _ = challenge.param(name);
    }
    let _ = (
        challenge.opaque(),
        challenge.stale(),
        challenge.domain(),
        challenge.is_session(),
    );
    assert!(challenge.qop_options().all(|option| !option.is_empty()));
    if !challenge.is_digest() {
        return;
    }
    let mut made = Challenge::digest(challenge.realm(), challenge.nonce());
    if let Some(algorithm) = challenge.algorithm() {
        made = made.algorithm(algorithm);
    }
    if let Some(opaque) = challenge.opaque() {
        made = made.opaque(opaque);
    }
    let made = made.build();
    // Control characters a peer escaped come back as spaces, everything else as it was.
    assert_eq!(made.realm(), printable(&challenge.realm()));
    assert_eq!(made.nonce(), printable(&challenge.nonce()));
    assert_eq!(
        made.opaque(),
        challenge.opaque().map(|opaque| printable(&opaque))
    );
}

fn credentials(credentials: &Credentials) {
    assert_eq!(credentials.detached(), *credentials);
    let whole = (
        credentials.username(),
        credentials.realm(),
        credentials.nonce(),
        credentials.uri(),
        credentials.response(),
    );
    let _ = (
        credentials.algorithm_token(),
        credentials.is_session(),
        credentials.userhash(),
    );
    let _ = (
        credentials.qop(),
        credentials.param("username*"),
        credentials.nonce_count(),
    );
    let (Some(user), Some(realm), Some(nonce), Some(uri), Some(response)) = whole else {
        return;
    };
    let mut made = Credentials::digest(&user, &realm, &nonce, &uri, &response);
    if let (Some(count), Some(cnonce)) = (credentials.nonce_count(), credentials.cnonce()) {
        made = made.qop_auth(count, cnonce);
    }
    let made = made.build();
    assert_eq!(made.username(), Some(printable(&user)));
    assert_eq!(made.realm(), Some(printable(&realm)));
    assert_eq!(made.nonce(), Some(printable(&nonce)));
    assert_eq!(made.uri(), Some(printable(&uri)));
    assert_eq!(made.response(), Some(printable(&response)));
}

/// Whatever a program puts into a challenge, it is one, and on one line.
fn composed(octets: &[u8]) {
    let made = Challenge::digest(octets, octets)
        .algorithm(DigestAlgorithm::Sha256)
        .opaque(octets)
        .qop_auth()
        .build();
    assert!(
        !made
            .as_text()
            .iter()
            .any(|octet| matches!(octet, b'\r' | b'\n'))
    );
    assert_eq!(made.realm(), printable(octets));
}

/// What becomes of text between quotes.
fn printable(text: &[u8]) -> Text {
    let text: Vec<u8> = text
        .iter()
        .map(|octet| {
            if octet.is_ascii_control() {
                b' '
            } else {
                *octet
            }
        })
        .collect();
    Text::new(text).expect("no control characters")
}
