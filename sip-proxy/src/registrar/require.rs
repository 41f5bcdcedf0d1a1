//! The extensions a REGISTER may insist on (RFC 3261 §10.3 step 2, §8.2.2.3).

use sip_core::{HeaderName, OptionTag, Request, Require, Supported};

use super::RegistrarConfig;
use super::outbound::is_outbound;
use super::refusal::Refusal;

/// Refuses what is required and not understood, and a Path the phone does not know of (RFC 3327 §5.3).
pub(crate) fn check(request: &Request, config: &RegistrarConfig) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut unsupported = Vec::new();
    for Require(tag) in headers.all::<Require>().collect::<Result<Vec<_>, _>>()? {
        if !is_path(&tag) && !is_outbound(&tag) {
            unsupported.push(tag);
        }
    }
    if !unsupported.is_empty() {
        return Err(Refusal::BadExtension { unsupported });
    }
    if headers.contains(&HeaderName::Path) && !config.path_without_support {
        let mut supported = headers.all::<Supported>().flatten();
        if !supported.any(|Supported(tag)| is_path(&tag)) {
            return Err(Refusal::UnexpectedPath);
        }
    }
    Ok(())
}

fn is_path(tag: &OptionTag) -> bool {
    *tag == "path"
}
