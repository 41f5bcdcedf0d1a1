//! RFC 2617 §3.5: the example.

use sip_core::DigestAlgorithm::{Md5, Sha256};
use sip_proxy::auth::{Exchange, Ha1, QopAuth};

const HA1: &[u8] = b"939e7578ed9e3c518a452acee763bce9";
const EXCHANGE: Exchange<'_> = Exchange {
    method: b"GET",
    uri: b"/dir/index.html",
    nonce: b"dcd98b7102dd2f0e8b11d0f600bfb0c093",
    auth: Some(QopAuth {
        nc: b"00000001",
        cnonce: b"0a4f113b",
        session: false,
        body: None,
    }),
};

fn mufasa() -> Ha1 {
    Ha1::compute(Md5, b"Mufasa", b"testrealm@host.com", b"Circle Of Life")
}

#[test]
fn the_response_of_the_example() {
    let response = mufasa().response(&EXCHANGE);
    assert_eq!(response.to_string(), "6629fae49393a05397450978507c4ef1");
}

#[test]
fn h_a1_is_stored_and_used_as_the_password_is() {
    let stored = Ha1::from_hex(Md5, HA1).unwrap();
    assert_eq!(stored, mufasa());
    assert_eq!(stored.response(&EXCHANGE), mufasa().response(&EXCHANGE));
    assert!(Ha1::from_hex(Sha256, HA1).is_none());
    assert!(!format!("{stored:?}").contains("939e"), "it is a secret");
}

#[test]
fn without_qop_the_response_is_that_of_rfc_2069() {
    // RFC 2617 §3.2.2.1; the value was made with another implementation of MD5.
    let response = mufasa().response(&Exchange {
        auth: None,
        ..EXCHANGE
    });
    assert_eq!(response.to_string(), "670fd8c2df070c60b045671b8b24ff02");
}
