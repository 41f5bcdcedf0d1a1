//! The table of headers and RFCs in HEADERS.md says what the code has, and every header is tried.

use std::collections::BTreeSet;
use std::fs;

use sip_core::HeaderName;

use crate::rows::ROWS;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/HEADERS.md");
const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/seeds/typed_headers");

/// What begins and ends the part of HEADERS.md that is made here.
const BEGIN: &str =
    "<!-- headers: written by `UPDATE=1 cargo test -p sip-core --test headers` -->\n";
const END: &str = "<!-- end of headers -->\n";

#[test]
fn the_table_of_headers_is_that_of_the_code() {
    let document = fs::read_to_string(PATH).unwrap();
    let (before, rest) = document.split_once(BEGIN).expect("where the table begins");
    let (told, after) = rest.split_once(END).expect("where the table ends");
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(PATH, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(told, table, "UPDATE=1 writes the table of HEADERS.md anew");
    }
}

/// One row a header, by name. Links are those of the documentation, so that each row has a type.
fn table() -> String {
    let mut names: Vec<HeaderName> = HeaderName::all().collect();
    names.sort_by_key(|name| name.to_string().to_ascii_lowercase());
    let mut table =
        String::from("\n| header | compact | type | list | defined in |\n|---|---|---|---|---|\n");
    for name in names {
        let compact = name.compact().map(|letter| format!("`{letter}`"));
        let compact = compact.unwrap_or_default();
        let list = if name.is_list() { "yes" } else { "" };
        let defined = name
            .defined_in()
            .expect("a known name is defined somewhere");
        table += &format!("| `{name}` | {compact} | [`{name:?}`] | {list} | {defined} |\n");
    }
    table + "\n"
}

#[test]
fn every_document_that_defines_a_header_is_in_the_table_of_documents() {
    let document = fs::read_to_string(PATH).unwrap();
    for name in HeaderName::all() {
        let defined = name
            .defined_in()
            .expect("a known name is defined somewhere");
        let (document_name, section) = defined.split_once(" §").expect("a section");
        assert!(!section.is_empty());
        let number = document_name.trim_start_matches("RFC ");
        assert!(document.contains(&format!("| [{number}](")), "{defined}");
    }
}

#[test]
fn every_header_is_tried_once() {
    let tried: Vec<String> = ROWS.iter().map(|row| row.name.to_string()).collect();
    let known: BTreeSet<String> = HeaderName::all().map(|name| name.to_string()).collect();
    assert_eq!(tried.iter().cloned().collect::<BTreeSet<_>>(), known);
    assert_eq!(tried.len(), known.len(), "none twice");
}

/// A fuzzer begins from what the RFCs show; a package without the repository around it has no seeds.
#[test]
fn every_value_read_is_a_seed_of_the_fuzz_target() {
    if !fs::exists(SEEDS).unwrap() {
        return;
    }
    for row in &ROWS {
        for (index, value) in row.reads.iter().enumerate() {
            let path = format!(
                "{SEEDS}/{}-{}",
                row.name.to_string().to_ascii_lowercase(),
                index + 1
            );
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, value).unwrap();
            }
            assert_eq!(
                fs::read_to_string(&path).ok().as_deref(),
                Some(*value),
                "{path}"
            );
        }
    }
}
