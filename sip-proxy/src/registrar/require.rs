//! The extensions a REGISTER may insist on (RFC 3261 §10.3 step 2, §8.2.2.3).

use sip_core::{HeaderName, Headers, Request, Text};

use super::RegistrarConfig;
use super::refusal::Refusal;

/// What a registrar of this kind understands.
const UNDERSTOOD: [&str; 1] = ["path"];

/// Refuses what is required and not understood, and a Path nobody asked for (RFC 3327 §5.3).
pub(crate) fn check(request: &Request, config: &RegistrarConfig) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut unsupported = Vec::new();
    for required in option_tags(headers, &HeaderName::Require) {
        if !UNDERSTOOD
            .iter()
            .any(|known| required.eq_ignore_ascii_case(known.as_bytes()))
        {
            if !unsupported.is_empty() {
                unsupported.extend_from_slice(b", ");
            }
            unsupported.extend_from_slice(&required);
        }
    }
    if unsupported.is_empty() && headers.contains(&HeaderName::Path) && !config.path_without_support
    {
        let supports_path = option_tags(headers, &HeaderName::Supported)
            .any(|tag| tag.eq_ignore_ascii_case(b"path"));
        if !supports_path {
            unsupported.extend_from_slice(b"path");
        }
    }
    match Text::new(&unsupported) {
        Ok(tags) if !tags.is_empty() => Err(Refusal::BadExtension { unsupported: tags }),
        _ => Ok(()),
    }
}

fn option_tags(headers: &Headers, name: &HeaderName) -> impl Iterator<Item = Vec<u8>> {
    let lines: Vec<Text> = headers.raw(name).collect();
    lines.into_iter().flat_map(|line| {
        let tags: Vec<Vec<u8>> = line
            .split(|octet| *octet == b',')
            .map(|tag| tag.trim_ascii().to_vec())
            .collect();
        tags
    })
}
