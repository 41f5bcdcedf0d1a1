//! Reading the configuration file: whatever is wrong is told by file, line and remedy.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{Clients, Config, Span};
use crate::failure::Failure;

/// Where every key is documented.
const EXAMPLE: &str = "see itsp.example.toml for what may stand there";

impl Config {
    /// The configuration in `file`.
    pub(crate) fn read(file: &Path) -> Result<Config, Failure> {
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::setup(
                format!("cannot read the configuration {}: {error}", file.display()),
                "name a readable file with --config, or leave --config out to run on defaults",
            )
        })?;
        parse(&text).map_err(|fault| {
            Failure::setup(
                format!("{}:{}: {}", file.display(), fault.line, fault.problem),
                fault.remedy,
            )
        })
    }
}

/// What is wrong in the text, and in which line of it, counted from 1.
#[derive(Debug)]
struct Fault {
    line: usize,
    problem: String,
    remedy: String,
}

fn parse(text: &str) -> Result<Config, Fault> {
    let config: Config = toml::from_str(text).map_err(|error| Fault {
        line: line_at(text, error.span()),
        problem: error.message().replace('\n', " "),
        remedy: remedy(error.message()),
    })?;
    match contradiction(&config) {
        None => Ok(config),
        Some((key, problem, remedy)) => Err(Fault {
            line: line_of(text, key),
            problem: format!("{key}: {problem}"),
            remedy: remedy.to_owned(),
        }),
    }
}

fn remedy(message: &str) -> String {
    match unknown_key(message) {
        Some((wrong, known)) => {
            match known.iter().copied().min_by_key(|key| distance(wrong, key)) {
                Some(close) if distance(wrong, close) <= 2 => {
                    format!("write `{close}`, or delete the line")
                }
                _ => format!("delete the line; {EXAMPLE}"),
            }
        }
        None => EXAMPLE.to_owned(),
    }
}

/// The key that nobody knows and those that would do, out of serde's sentence about it.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message
        .strip_prefix("unknown ")?
        .split('`')
        .skip(1)
        .step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

/// Letters to add, remove or change to make one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let change = diagonal + usize::from(from != *to);
            diagonal = *cell;
            *cell = change.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Values that are well-formed each, and make no sense: the key, what is wrong, what to do.
fn contradiction(config: &Config) -> Option<(&'static str, &'static str, &'static str)> {
    let Config {
        network,
        tls,
        ws,
        registrar,
        auth,
        subscribers,
        location,
        domains,
        dns,
        blocklist,
        ..
    } = config;
    if network.listen.is_empty() {
        return Some((
            "network.listen",
            "nothing to listen on",
            "name at least one address",
        ));
    }
    if !network.udp && !network.tcp {
        return Some((
            "network.udp",
            "UDP and TCP are both off",
            "switch one of them on",
        ));
    }
    for (key, bound) in [
        ("network.connections", network.connections),
        (
            "network.connections_per_source",
            network.connections_per_source as usize,
        ),
    ] {
        if network.tcp && bound == 0 {
            return Some((
                key,
                "nobody could connect",
                "allow at least one, or switch TCP off",
            ));
        }
    }
    let secure = [
        ("tls.listen", &tls.listen),
        ("ws.secure_listen", &ws.secure_listen),
    ];
    for (key, listen) in secure {
        if !listen.is_empty() && tls.certificates.is_empty() {
            return Some((
                key,
                "there is no certificate to show",
                "name one in tls.certificates",
            ));
        }
    }
    if tls.clients != Clients::Anybody && tls.client_authorities.as_os_str().is_empty() {
        return Some((
            "tls.clients",
            "no certificate could be verified",
            "name the file of its authorities in tls.client_authorities",
        ));
    }
    if registrar.min_expires > registrar.max_expires {
        return Some((
            "registrar.min_expires",
            "larger than max_expires",
            "make it smaller, or max_expires larger",
        ));
    }
    if registrar.max_contacts == 0 {
        return Some((
            "registrar.max_contacts",
            "nobody could register",
            "allow at least one",
        ));
    }
    if auth.algorithms.is_empty() {
        return Some((
            "auth.algorithms",
            "nobody could log in",
            "offer \"MD5\" at least",
        ));
    }
    let never_zero: [(&str, Span); 7] = [
        ("dns.timeout", dns.timeout),
        ("auth.nonce_lifetime", auth.nonce_lifetime),
        ("subscribers.timeout", subscribers.timeout),
        ("location.timeout", location.timeout),
        ("domains.reload", domains.reload),
        ("location.fold_interval", location.fold_interval),
        ("location.sweep_interval", location.sweep_interval),
    ];
    if let Some((key, _)) = never_zero.into_iter().find(|(_, span)| span.is_zero()) {
        return Some((key, "may not be zero", "give it at least \"1s\""));
    }
    if dns.min_ttl > dns.max_ttl {
        return Some((
            "dns.min_ttl",
            "larger than max_ttl",
            "make it smaller, or max_ttl larger",
        ));
    }
    for (key, bound) in [
        ("dns.lookups", dns.lookups),
        ("dns.cache", dns.cache),
        ("blocklist.addresses", blocklist.addresses),
    ] {
        if bound == 0 {
            return Some((key, "may not be zero", "allow at least one"));
        }
    }
    if location.queue == 0 {
        return Some((
            "location.queue",
            "nobody could register",
            "allow at least one",
        ));
    }
    None
}

/// The line in which the value of `key`, such as `network.listen`, stands; 1 when it is not in the text.
fn line_of(text: &str, key: &str) -> usize {
    let span = DeTable::parse(text).ok().and_then(|table| {
        let (section, name) = key.split_once('.')?;
        let DeValue::Table(section) = table.get_ref().get(section)?.get_ref() else {
            return None;
        };
        Some(section.get(name)?.span())
    });
    line_at(text, span)
}

fn line_at(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start);
    1 + text
        .bytes()
        .take(start)
        .filter(|byte| *byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String, String) {
        let fault = parse(text).expect_err("is wrong");
        (fault.line, fault.problem, fault.remedy)
    }

    #[test]
    fn the_shipped_example_says_what_the_defaults_are() {
        let example = include_str!("../../itsp.example.toml");
        assert_eq!(parse(example).expect("reads"), Config::default());
    }

    #[test]
    fn the_shipped_example_shows_every_key() {
        // A key taken out of the example would silently fall back on its default: list what Debug prints.
        let printed = format!("{:?}", Config::default());
        let keys = printed
            .split(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == ':'))
            .filter_map(|word| word.strip_suffix(':'));
        let example = include_str!("../../itsp.example.toml");
        for key in keys.filter(|key| !key.is_empty()) {
            let stands =
                |line: &str| line.starts_with(&format!("{key} =")) || line == format!("[{key}]");
            assert!(example.lines().any(stands), "{key}");
        }
    }

    #[test]
    fn tls_needs_a_certificate_and_authorities_to_verify_with() {
        let (line, problem, remedy) = fault("[tls]\nlisten = [\"0.0.0.0:5061\"]");
        assert_eq!((line, remedy.as_str()), (2, "name one in tls.certificates"));
        assert_eq!(problem, "tls.listen: there is no certificate to show");
        let (line, problem, _) = fault("[ws]\n\nsecure_listen = [\"0.0.0.0:443\"]");
        assert_eq!(line, 3);
        assert_eq!(problem, "ws.secure_listen: there is no certificate to show");
        let (line, problem, _) = fault("[tls]\nclients = \"require\"");
        assert_eq!(line, 2);
        assert_eq!(problem, "tls.clients: no certificate could be verified");
    }

    #[test]
    fn nothing_configured_is_the_default() {
        assert_eq!(parse("").expect("reads"), Config::default());
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_right_spelling() {
        let (line, problem, remedy) = fault("[network]\nlisten = [\"127.0.0.1\"]\nworkrs = 2\n");
        assert_eq!(line, 3);
        assert!(problem.starts_with("unknown field `workrs`"), "{problem}");
        assert_eq!(remedy, "write `workers`, or delete the line");
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        let (line, problem, _) = fault("\n[registrar]\nmax_contacts = \"ten\"\n");
        assert_eq!(line, 3);
        assert_eq!(problem, "invalid type: string \"ten\", expected u16");
    }

    #[test]
    fn a_bad_address_is_named_with_its_line() {
        let (line, problem, _) =
            fault("[network]\nlisten = [\n  \"127.0.0.1\",\n  \"nowhere\",\n]\n");
        assert_eq!(line, 2);
        assert!(
            problem.contains("\"nowhere\" is not an address"),
            "{problem}"
        );
    }

    #[test]
    fn a_contradiction_is_named_with_its_line() {
        let (line, problem, _) =
            fault("[registrar]\nmax_expires = \"600s\"\nmin_expires = \"1h\"\n");
        assert_eq!(
            (line, problem.as_str()),
            (3, "registrar.min_expires: larger than max_expires")
        );
    }

    #[test]
    fn connections_are_bounded_but_not_to_none() {
        let (line, problem, _) = fault("[network]\nconnections_per_source = 0\n");
        assert_eq!(
            (line, problem.as_str()),
            (2, "network.connections_per_source: nobody could connect")
        );
        let bounded = parse("[network]\ntcp = false\nconnections = 0\n").expect("reads");
        assert_eq!(bounded.network.connections, 0);
    }

    #[test]
    fn broken_toml_is_named_with_its_line() {
        let (line, _, _) = fault("[network]\nudp = true\ntcp = = true\n");
        assert_eq!(line, 3);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("workrs", "workers"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
