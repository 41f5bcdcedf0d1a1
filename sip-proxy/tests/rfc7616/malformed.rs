//! Credentials that can't be read: 400 or a challenge, never 2xx or 5xx, never a panic (A16).

use proptest::prelude::*;
use sip_proxy::auth::Verdict;

use crate::exchange::Server;

/// Good credentials of bob's with `from` replaced.
fn with(good: &str, from: &str, to: &str) -> String {
    assert!(good.contains(from), "{from} in {good}");
    good.replace(from, to)
}

/// Good credentials without the parameter `name`.
fn without(good: &str, name: &str) -> String {
    let params = good.trim_start_matches("Digest ").split(", ");
    let kept: Vec<_> = params
        .filter(|param| !param.starts_with(&format!("{name}=")))
        .collect();
    format!("Digest {}", kept.join(", "))
}

fn broken(good: &str) -> Vec<String> {
    let params = good.trim_start_matches("Digest ");
    let username = "username=\"bob\"";
    let realm = "realm=\"example.com\"";
    let uri = "uri=\"sip:example.com\"";
    let mut broken: Vec<String> = [
        "",
        "Digest",
        "Digest ,",
        "Digest =",
        "Digest \"",
        "Digest username",
        "Digest username=",
        "Digest username=\"bob",
        "Digest username=\"bob\\\"",
        "Basic Ym9iOnB3",
        "NTLM TlRMTVNTUAAB",
        params,
    ]
    .map(str::to_owned)
    .to_vec();
    broken.extend(
        [
            "username", "realm", "nonce", "uri", "response", "cnonce", "nc",
        ]
        .map(|name| without(good, name)),
    );
    broken.extend([
        format!("Digest{params}"),
        format!("Digest {}", params.replace(", ", " ")),
        format!("{good}, {params}"),
        with(good, "nc=00000001", "nc=1"),
        with(good, "nc=00000001", "nc=0000000g"),
        with(good, "nc=00000001", "nc=\"\""),
        with(good, "nc=00000001", "nc=000000010000000100000001"),
        with(good, "response=\"", "response=\"zz"),
        with(good, "response=\"", "response=\"00"),
        with(good, "response=\"", "response=\"\u{e9}"),
        with(good, realm, "realm=example.com\""),
        with(good, realm, "realm=\"example.com"),
        with(good, "nonce=\"", "nonce=\"\u{e9}\u{1}"),
        with(good, ", nonce=\"", ", nonce=\"\\\""),
        with(
            good,
            username,
            &format!("username=\"{}\"", "b".repeat(20_000)),
        ),
        with(good, "nonce=\"", &format!("nonce=\"{}", "0".repeat(20_000))),
        with(good, uri, "uri=\"\""),
        with(good, uri, "uri=\"sip:example.com\\\""),
        with(good, uri, "uri=\"sip:\u{0}\""),
        with(good, "algorithm=SHA-256", "algorithm=\"SHA-256"),
        with(good, "algorithm=SHA-256", "algorithm=\"\""),
    ]);
    broken
}

#[test]
fn what_can_not_be_read_is_400_or_challenged() {
    let server = Server::new();
    let broken = broken(&server.answer().line());
    assert!(broken.len() >= 36, "{}", broken.len());
    for line in broken {
        let shown: String = line.chars().take(400).collect();
        let status = match server.judge(&[line]).identity() {
            Ok(_) => 200,
            Err(response) => response.status().as_u16(),
        };
        assert!(matches!(status, 400 | 401), "{status} to {shown}");
    }
}

#[test]
fn a_line_that_can_not_be_read_does_not_hide_a_good_one() {
    let server = Server::new();
    let good = server.answer().line();
    let unreadable = |line: &String| {
        let verdict = server.judge(std::slice::from_ref(line));
        matches!(verdict, Verdict::Malformed(_))
    };
    let lines: Vec<_> = broken(&good).into_iter().filter(unreadable).collect();
    assert!(lines.len() > 20);
    for line in lines {
        let shown: String = line.chars().take(400).collect();
        assert!(server.identity(&[line, good.clone()]).is_some(), "{shown}");
    }
}

#[test]
fn parameters_that_are_not_known_mean_nothing() {
    let server = Server::new();
    let good = server.answer().line();
    for more in [
        ", x=y",
        ", opaque=\"\", auts=\"a,b\"",
        &", x=y".repeat(1_000),
    ] {
        assert!(server.identity(&[format!("{good}{more}")]).is_some());
    }
}

#[test]
fn good_credentials_cut_short_are_not_good() {
    let server = Server::new();
    let good = server.answer().line();
    for end in 0..good.len() {
        assert!(
            server.identity(&[good[..end].to_owned()]).is_none(),
            "{end}"
        );
    }
}

fn status(server: &Server, line: String) -> u16 {
    match server.judge(&[line]).identity() {
        Ok(_) => 200,
        Err(response) => response.status().as_u16(),
    }
}

proptest! {
    #[test]
    fn whatever_stands_in_the_header_is_answered(line in "[^\r\n\0]{0,300}") {
        let status = status(&Server::new(), line);
        prop_assert!(matches!(status, 400 | 401));
    }

    #[test]
    fn whatever_stands_in_the_place_of_good_credentials_is_answered(
        from in 0..300usize,
        length in 0..40usize,
        with in "[ -~]{0,40}",
    ) {
        let server = Server::new();
        let mut line = server.answer().line();
        let from = from.min(line.len());
        line.replace_range(from..(from + length).min(line.len()), &with);
        let status = status(&server, line);
        prop_assert!(matches!(status, 200 | 400 | 401));
    }

    #[test]
    fn an_octet_of_what_is_signed_makes_all_the_difference(at in 0..1000usize, octet in "[!-~]") {
        let server = Server::new();
        let good = server.answer().line();
        let signed = ["username=\"", "nonce=\"", "response=\"", "nc=", "cnonce=\""];
        let name = signed[at % signed.len()];
        let value = good.find(name).unwrap() + name.len();
        let end = value + good[value..].find(['"', ',']).unwrap();
        let at = value + at % (end - value);
        let mut line = good.clone();
        line.replace_range(at..=at, &octet);
        prop_assume!(!line.eq_ignore_ascii_case(&good));
        prop_assert_ne!(status(&server, line), 200);
    }
}
