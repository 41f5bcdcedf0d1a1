//! Recursion: the Contacts of a 3xx as further targets (RFC 3261 §16.5, §16.7 step 4).

use std::cmp::Reverse;

use sip_core::{Contact, HeaderName, Response, SipUri, Uri};

use super::branch::Branch;
use super::context::{ResponseContext, Stage};
use super::fork::BranchTarget;
use super::turn::Turn;

impl ResponseContext {
    /// Goes where a 3xx of `branch` says: to the best Contacts at once, in the place of that branch, and to the others
    /// when these are done. Takes them off the response; says whether anything is left of it.
    pub(super) fn follow(
        &mut self,
        turn: &mut Turn<'_>,
        branch: usize,
        response: &mut Response,
    ) -> bool {
        let Some(Branch::Out { share, .. }) = self.branches.get(branch) else {
            return true;
        };
        let share = *share;
        if self.stage != Stage::Forwarding || !self.follows_redirects {
            return true;
        }
        let secure = self
            .original
            .as_ref()
            .is_some_and(|original| is_sips(original.uri()));
        let contacts = response.headers().all::<Contact>();
        let (followed, left): (Vec<_>, Vec<_>) = contacts
            .flatten()
            .partition(|contact| may_follow(contact, secure));
        if followed.is_empty() {
            return true;
        }
        response.headers_mut().remove(&HeaderName::Contact);
        for contact in &left {
            response.headers_mut().push(contact);
        }
        self.end(turn, branch);
        let mut targets: Vec<_> = followed.iter().filter_map(target).collect();
        targets.sort_by_key(|target| Reverse(target.q));
        let mut targets = self
            .targets
            .new_ones(targets, turn.rules.config.max_branches);
        let best = targets.first().map(|first| first.q);
        let together = targets.iter().take_while(|target| Some(target.q) == best);
        let later = targets.split_off(together.count().min(share.into()));
        for group in later.chunk_by(|a, b| a.q == b.q).rev() {
            self.targets.put_first(group.to_vec());
        }
        if !targets.is_empty() {
            self.fork(turn, targets, share);
        }
        !left.is_empty()
    }
}

/// "A proxy SHOULD NOT recurse to a non-SIPS URI if the Request-URI of the original request was a SIPS URI" (§16.7).
fn may_follow(contact: &Contact, secure: bool) -> bool {
    let uri = contact.uri();
    let sip = uri.as_ref().and_then(Uri::as_sip);
    sip.is_some_and(|uri| uri.is_secure() || !secure)
}

fn target(contact: &Contact) -> Option<BranchTarget> {
    let q = contact
        .q()
        .and_then(Result::ok)
        .map_or(1000, |q| q.thousandths());
    Some(BranchTarget::new(contact.uri()?.detached()).q(q))
}

fn is_sips(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(SipUri::is_secure)
}
