//! RFC 7616 §3.9.1: the example with SHA-256 and MD5.

use sip_core::DigestAlgorithm::{self, Md5, Sha256, Sha512_256};
use sip_proxy::auth::{Exchange, Ha1, QopAuth};

fn response(algorithm: DigestAlgorithm) -> String {
    let realm = b"http-auth@example.org";
    let ha1 = Ha1::compute(algorithm, b"Mufasa", realm, b"Circle of Life");
    let response = ha1.response(&Exchange {
        method: b"GET",
        uri: b"/dir/index.html",
        nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        auth: Some(QopAuth {
            nc: b"00000001",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            ..QopAuth::default()
        }),
    });
    response.to_string()
}

#[test]
fn the_response_in_md5() {
    assert_eq!(response(Md5), "8ca523f5e9506fed4657c9700eebdbec");
}

#[test]
fn the_response_in_sha_256() {
    let expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1";
    assert_eq!(response(Sha256), expected);
}

#[test]
fn the_response_in_sha_512_256() {
    // The same values; the RFC's own example of this algorithm is known to be wrong, so this one was made
    // with another implementation.
    let expected = "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0";
    assert_eq!(response(Sha512_256), expected);
}
