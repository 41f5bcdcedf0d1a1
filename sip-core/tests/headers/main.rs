//! What holds for every typed header and URI: reading, printing and reading again gives the same, nothing that is
//! read makes an accessor or an edit panic, and no value smuggles a line (RFC 3261 §7.3, §19.1, §20).

#![allow(clippy::unwrap_used)] // a table of checks: a panic is how one fails

mod coverage;
mod rows;
mod touch;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rows::{ROWS, Row};
use sip_core::*;
use touch::touch_uri;

const URIS: &[&str] = &[
    "sip:ada.k:pw@example.com:5060;transport=tcp;lr?Subject=tea&a=b",
    "sips:%61@[2001:db8:::192.0.2.1]:5061;maddr=239.1.2.3;ttl=1;gr=urn:uuid:f81d4fae",
    "sip:+1555;phone-context=x@192.0.2.4;user=phone",
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
    "sip:12345",
    "tel:+1-201-555-0123;ext=7;isub=a",
    "tel:*21#;phone-context=example.com",
    "soap.beep://192.0.2.103:3002",
];

/// What separates and quotes, so that mutations hit the grammar and not only words.
const ALPHABET: &[&str] = &[
    ";",
    ",",
    ":",
    "@",
    "?",
    "&",
    "=",
    "\"",
    "\\",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "/",
    "%",
    "%41",
    "%3b",
    "%00",
    " ",
    "\t",
    ".",
    "-",
    "+",
    "*",
    "#",
    "0",
    "9",
    "255",
    "4294967296",
    "a",
    "lr",
    "tag=",
    "branch=",
    "é",
    "\u{7f}",
    "\u{1}",
    "sip:",
    "//",
];

fn mutated(samples: Vec<&'static str>) -> impl Strategy<Value = Text> {
    let edit = (any::<Index>(), 0..3_usize, select(ALPHABET));
    (select(samples), vec(edit, 0..5)).prop_map(|(sample, edits)| {
        let mut text: Vec<char> = sample.chars().collect();
        for (at, removed, inserted) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        Text::new(text.into_iter().collect::<String>()).expect("no CR, LF or NUL in the alphabet")
    })
}

#[test]
fn every_sample_is_read() {
    for row in &ROWS {
        for sample in row.reads {
            assert!(
                (row.check)(&Text::from_static(sample)),
                "{}: {sample}",
                row.name
            );
            let padded = Text::new(format!(" \t{sample}\t ")).unwrap();
            assert!((row.check)(&padded), "{}: {sample}", row.name);
        }
    }
    for uri in URIS {
        touch_uri(&uri.parse().unwrap_or_else(|error| panic!("{uri}: {error}")));
    }
}

#[test]
fn what_must_be_refused_is_refused() {
    for row in &ROWS {
        assert!(!row.refuses.is_empty(), "{}", row.name);
        for bad in row.refuses {
            assert!(!(row.check)(&Text::from_static(bad)), "{}: {bad}", row.name);
        }
    }
}

#[test]
fn a_list_is_read_alike_on_one_line_and_on_several() {
    for row in &ROWS {
        let several: String = row.reads.iter().map(|value| line(row, value)).collect();
        let expected = (row.values)(&headers(&several));
        assert_eq!(expected.len(), row.reads.len(), "{}", row.name);
        if row.name.is_list() {
            let one = line(row, &row.reads.join(" ,\r\n\t"));
            assert_eq!((row.values)(&headers(&one)), expected, "{}", row.name);
        }
    }
}

#[test]
fn a_compact_form_is_the_same_header() {
    for row in &ROWS {
        let Some(compact) = row.name.compact() else {
            continue;
        };
        for letter in [compact, compact.to_ascii_uppercase()] {
            let headers = headers(&format!("{letter} :\r\n {}\r\n", row.reads[0]));
            assert!(headers.contains(&row.name), "{letter}");
            assert_eq!((row.values)(&headers).len(), 1, "{letter}");
        }
    }
}

fn line(row: &Row, value: &str) -> String {
    format!("{}: {value}\r\n", row.name)
}

fn headers(lines: &str) -> Headers {
    let message = format!("BYE sip:b.example SIP/2.0\r\n{lines}\r\n");
    let message = parse_message(message.into(), &Limits::default()).unwrap();
    message.headers().clone()
}

#[test]
fn an_absurdly_long_value_does_no_harm() {
    for row in &ROWS {
        for octet in [
            "(", "\"", "\\", ";", ";a", ",", "<", "%", " ", "9", ":", "a=b,", "::", "a;",
        ] {
            for sample in row.reads {
                let value = format!("{sample}{}", octet.repeat(30_000));
                (row.check)(&Text::new(value).unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_read_prints_and_reads_the_same(
        (row, value) in (0..ROWS.len()).prop_flat_map(|row| (Just(row), mutated(ROWS[row].reads.to_vec())))
    ) {
        (ROWS[row].check)(&value);
    }

    #[test]
    fn a_value_of_another_header_does_no_harm(row in 0..ROWS.len(), other in 0..ROWS.len(), which in any::<Index>()) {
        let value = which.get(ROWS[other].reads);
        (ROWS[row].check)(&Text::from_static(value));
    }

    #[test]
    fn any_octets_do_no_harm(row in 0..ROWS.len(), octets in vec(any::<u8>(), 0..40)) {
        if let Ok(value) = Text::new(octets) {
            (ROWS[row].check)(&value);
        }
    }

    #[test]
    fn a_uri_reads_prints_and_edits(text in mutated(URIS.to_vec())) {
        if let Ok(uri) = Uri::parse(&text) {
            touch_uri(&uri);
        }
    }

    #[test]
    fn equivalence_is_symmetric(a in mutated(URIS.to_vec()), b in mutated(URIS.to_vec())) {
        if let (Ok(a), Ok(b)) = (Uri::parse(&a), Uri::parse(&b)) {
            prop_assert_eq!(a.equivalent(&b), b.equivalent(&a));
        }
    }
}
