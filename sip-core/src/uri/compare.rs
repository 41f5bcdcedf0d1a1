//! When two SIP URIs mean the same (RFC 3261 §19.1.4).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::SipUri;
use super::escape::octets;

/// Parameters that never match when only one URI has them, even with their default value. For `transport` that
/// is the section's rule for components with a default, and its example; for `maddr` it is said apart.
const NEVER_IGNORED: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

/// A parameter or header: name and value. Sorting makes the comparison cost n·log n, whoever wrote the URI.
type Component<'a> = (&'a [u8], Option<&'a [u8]>);
type Components<'a> = SmallVec<[Component<'a>; 8]>;

pub(super) fn equivalent(a: &SipUri, b: &SipUri) -> bool {
    a.as_text() == b.as_text()
        || a.is_secure() == b.is_secure()
            && same_option(a.user(), b.user(), Case::Sensitive)
            && same_option(a.password(), b.password(), Case::Sensitive)
            && a.host() == b.host()
            && a.port() == b.port()
            && params_match(&params(a), &params(b))
            && headers_match(&headers(a), &headers(b))
}

fn params(uri: &SipUri) -> Components<'_> {
    sorted(uri.params().iter().collect())
}

fn headers(uri: &SipUri) -> Components<'_> {
    let headers = uri.header_part().unwrap_or_default();
    sorted(
        headers
            .split(|octet| *octet == b'&')
            .map(name_and_value)
            .collect(),
    )
}

fn name_and_value(header: &[u8]) -> Component<'_> {
    match memchr::memchr(b'=', header) {
        Some(at) => (&header[..at], Some(&header[at + 1..])),
        None => (header, None),
    }
}

fn sorted(mut components: Components<'_>) -> Components<'_> {
    components.sort_by(by_name);
    components
}

/// Parameters of both must match; of one alone they are ignored, unless they are among [`NEVER_IGNORED`].
fn params_match(mut a: &[Component<'_>], mut b: &[Component<'_>]) -> bool {
    while let (Some((first_a, rest_a)), Some((first_b, rest_b))) =
        (a.split_first(), b.split_first())
    {
        let matches = match by_name(first_a, first_b) {
            Ordering::Less => {
                a = rest_a;
                is_ignored(first_a)
            }
            Ordering::Greater => {
                b = rest_b;
                is_ignored(first_b)
            }
            Ordering::Equal => {
                (a, b) = (rest_a, rest_b);
                same_option(first_a.1, first_b.1, Case::Insensitive)
            }
        };
        if !matches {
            return false;
        }
    }
    a.iter().chain(b).all(is_ignored)
}

fn is_ignored(component: &Component<'_>) -> bool {
    !NEVER_IGNORED
        .iter()
        .any(|name| compare(component.0, name.as_bytes(), Case::Insensitive).is_eq())
}

/// Every header of one must be in the other, and match. Their values are compared with case, as the
/// descriptive ones are; a header this makes different costs one more binding and no wrong one.
fn headers_match(a: &[Component<'_>], b: &[Component<'_>]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| by_name(a, b).is_eq() && same_option(a.1, b.1, Case::Sensitive))
}

fn same_option(a: Option<&[u8]>, b: Option<&[u8]>, case: Case) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b, case).is_eq(),
        (None, None) => true,
        _ => false,
    }
}

fn by_name(a: &Component<'_>, b: &Component<'_>) -> Ordering {
    compare(a.0, b.0, Case::Insensitive)
}

#[derive(Clone, Copy)]
enum Case {
    Sensitive,
    Insensitive,
}

/// Compares octet by octet. An escape equals the octet it stands for, unless that is in the `reserved` set:
/// `%61` is `a`, but `%3B` is not `;`.
fn compare(a: &[u8], b: &[u8], case: Case) -> Ordering {
    canonical(a, case).cmp(canonical(b, case))
}

fn canonical(text: &[u8], case: Case) -> impl Iterator<Item = (u8, bool)> {
    octets(text).map(move |octet| {
        let value = match case {
            Case::Sensitive => octet.value,
            Case::Insensitive => octet.value.to_ascii_lowercase(),
        };
        (value, octet.escaped && is_reserved(octet.value))
    })
}

/// `reserved` (§25.1)
fn is_reserved(octet: u8) -> bool {
    b";/?:@&=+$,".contains(&octet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b): (SipUri, SipUri) = (a.parse().unwrap(), b.parse().unwrap());
        let same = a.equivalent(&b);
        assert_eq!(same, b.equivalent(&a), "{a} {b}");
        same
    }

    #[test]
    fn the_uris_the_rfc_calls_equivalent() {
        for (a, b) in [
            (
                "sip:%61lice@atlanta.com;transport=TCP",
                "sip:alice@AtLanTa.CoM;Transport=tcp",
            ),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:carol@chicago.com;newparam=5",
                "sip:carol@chicago.com;security=on",
            ),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ] {
            assert!(same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn the_uris_the_rfc_calls_different() {
        for (a, b) in [
            (
                "SIP:ALICE@AtLanTa.CoM;Transport=udp",
                "sip:alice@AtLanTa.CoM;Transport=UDP",
            ),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            (
                "sip:bob@biloxi.com",
                "sip:bob@biloxi.com:6000;transport=tcp",
            ),
            (
                "sip:carol@chicago.com",
                "sip:carol@chicago.com?Subject=next%20meeting",
            ),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            (
                "sip:carol@chicago.com;security=on",
                "sip:carol@chicago.com;security=off",
            ),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn equivalence_is_not_transitive() {
        // §19.1.4
        let carol = "sip:carol@chicago.com";
        let (on, off) = (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        );
        assert!(same(carol, on) && same(carol, off) && !same(on, off));
    }

    #[test]
    fn sip_and_sips_are_never_equivalent() {
        assert!(!same("sip:a@b", "sips:a@b"));
    }

    #[test]
    fn userinfo_is_compared_with_case_and_all_else_without() {
        assert!(!same("sip:A@b", "sip:a@b"));
        assert!(!same("sip:a:X@b", "sip:a:x@b"));
        assert!(!same("sip:a:@b", "sip:a@b"));
        assert!(!same("sip:b", "sip:a@b"));
        assert!(same(
            "sip:a@[2001:DB8::1];X=Y",
            "sip:a@[2001:db8:0:0::1];x=y"
        ));
    }

    #[test]
    fn an_escape_of_a_reserved_character_is_not_that_character() {
        assert!(!same("sip:a%3Bb@h", "sip:a;b@h"));
        assert!(same("sip:a%3Bb@h", "sip:a%3bb@h"));
        assert!(same("sip:%7e@h;%6C%72", "sip:~@h;lr"));
        assert!(!same("sip:%00@h", "sip:%00%00@h"));
    }

    #[test]
    fn user_ttl_method_and_maddr_in_one_uri_only_never_match() {
        for param in ["user=ip", "ttl=1", "method=INVITE", "maddr=h", "m%61ddr=h"] {
            assert!(!same("sip:h", &format!("sip:h;{param}")), "{param}");
            assert!(
                same(&format!("sip:h;x;{param}"), &format!("sip:h;{param}")),
                "{param}"
            );
        }
    }

    #[test]
    fn an_order_of_headers_is_no_difference_but_their_number_is() {
        assert!(!same("sip:h?a=1&a=1", "sip:h?a=1"));
        assert!(!same("sip:h?a=1", "sip:h?a=2"));
        assert!(same("sip:h?b=2&A=1", "sip:h?a=1&B=2"));
    }

    #[test]
    fn comparing_costs_no_square_of_the_length() {
        let mut many = "sip:h".to_string();
        for number in 0..20_000 {
            many.push_str(&format!(";p{number}"));
        }
        assert!(
            same(&many, &format!("{many};transport=udp")) == same("sip:h", "sip:h;transport=udp")
        );
        assert!(same(&many, &format!("{many};z")));
    }

    proptest! {
        #[test]
        fn equivalence_is_reflexive_and_symmetric(
            a in "sips?:(([a-c]|%4[0-2]|%6[1-3]|;){1,3}(:[ab]?)?@)?(h|H|h:5060)(;(x|X|lr|transport|maddr)(=[aA])?){0,3}(\\?[ab]=1(&[ab]=2)?)?",
            b in "sips?:(([a-c]|%4[0-2]|%6[1-3]|;){1,3}(:[ab]?)?@)?(h|H|h:5060)(;(x|X|lr|transport|maddr)(=[aA])?){0,3}(\\?[ab]=1(&[ab]=2)?)?",
        ) {
            prop_assert!(same(&a, &a));
            same(&a, &b);
        }
    }
}
