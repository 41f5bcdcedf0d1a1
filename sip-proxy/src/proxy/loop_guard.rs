//! Loop detection (RFC 3261 §16.3 step 4 as of RFC 5393 §4.2): a request that comes back unchanged has looped, one
//! that comes back for another target spirals.

use sip_core::{Branch, CSeq, CallId, HeaderName, Request, Uri, Via, unescape};

use super::keyed::Keyed;
use super::own::Own;
use super::validate::Refusal;

/// The part of a branch by which its request is known again: over all that decides where it goes (RFC 5393 §4.2.1).
///
/// Of a Request-URI that is what an address-of-record is looked up by (§10.3), and the instance of a GRUU; other
/// parameters would let any number of contacts that lead back here pass for different targets. The method is left
/// out, so that a CANCEL has the mark of its INVITE.
pub(crate) fn mark(request: &Request, keyed: &Keyed) -> u32 {
    let headers = request.headers();
    let mut sum = keyed.sum("loop");
    match request.uri() {
        Uri::Sip(uri) => {
            sum.mix(&unescape(uri.user().unwrap_or_default()));
            sum.mix_host(&uri.host());
            sum.mix(uri.params().value("gr").unwrap_or_default());
        }
        uri => sum.mix(uri.as_text()),
    }
    for route in headers.raw(&HeaderName::Route) {
        sum.mix(&route);
    }
    if let Ok(call_id) = headers.require::<CallId>() {
        sum.mix(call_id.as_bytes());
    }
    if let Ok(cseq) = headers.require::<CSeq>() {
        sum.mix(&cseq.number().to_be_bytes());
    }
    sum.finish() as u32
}

/// 482 if one of our own Vias bears the mark that `request` would be given again.
pub(crate) fn check(request: &Request, own: &Own, keyed: &Keyed) -> Result<(), Refusal> {
    let mut lines = request.headers().raw(&HeaderName::Via);
    if !lines.any(|line| may_be_marked(line.as_bytes())) {
        return Ok(());
    }
    let mut ours = None;
    for via in request.headers().all::<Via>().filter_map(Result::ok) {
        if !own.sent(&via) {
            continue;
        }
        let ours = *ours.get_or_insert_with(|| mark(request, keyed));
        if via.branch().as_ref().and_then(marked) == Some(ours) {
            return Err(Refusal::Looped);
        }
    }
    Ok(())
}

/// Whether a branch with a mark may stand in `line`: a dot, and eight hexadecimal digits that end there. Most Vias are
/// told apart by that, without being read.
fn may_be_marked(line: &[u8]) -> bool {
    line.split(|octet| *octet == b'.').skip(1).any(|part| {
        let digits = part.iter().take_while(|octet| octet.is_ascii_hexdigit());
        digits.count() == MARK_DIGITS
    })
}

/// How long a mark is in a branch.
const MARK_DIGITS: usize = 8;

/// The mark a branch ends in.
fn marked(branch: &Branch) -> Option<u32> {
    let digits = branch.as_bytes().rsplit(|octet| *octet == b'.').next()?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
