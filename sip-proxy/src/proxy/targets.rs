//! The target set of one request, as it shrinks, and grows by redirections (RFC 3261 §16.5).

use std::collections::VecDeque;

use sip_core::Uri;

use super::fork::{BranchTarget, ForkPlan};

/// Groups of targets not tried yet. A URI is in it once only, unless it leads to different places.
#[derive(Debug, Default)]
pub(crate) struct TargetSet {
    groups: VecDeque<Vec<BranchTarget>>,
    /// All there ever were, where more may come.
    seen: Vec<BranchTarget>,
}

impl TargetSet {
    /// The targets of `plan`, without those that came before, and without those beyond `limit`.
    pub(crate) fn new(plan: ForkPlan, limit: usize) -> TargetSet {
        let mut targets = TargetSet::default();
        for group in plan.groups {
            let group = targets.new_ones(group, limit);
            if !group.is_empty() {
                targets.groups.push_back(group);
            }
        }
        targets
    }

    /// Forgets what was tried: nothing will be added any more.
    pub(crate) fn closed(mut self) -> TargetSet {
        self.seen = Vec::new();
        self
    }

    /// Those of `targets` that never were in the set, up to `limit` all in all: what is there already
    /// "MUST NOT be added again" (§16.5).
    pub(crate) fn new_ones(
        &mut self,
        targets: Vec<BranchTarget>,
        limit: usize,
    ) -> Vec<BranchTarget> {
        let mut new = targets;
        new.retain(|target| {
            let is_new =
                self.seen.len() < limit && !self.seen.iter().any(|other| same(other, target));
            if is_new {
                self.seen.push(target.clone());
            }
            is_new
        });
        new
    }

    /// The targets whose turn it is.
    pub(crate) fn next_group(&mut self) -> Option<Vec<BranchTarget>> {
        self.groups.pop_front()
    }

    /// Has `group` tried before all others.
    pub(crate) fn put_first(&mut self, group: Vec<BranchTarget>) {
        if !group.is_empty() {
            self.groups.push_front(group);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Nothing more is tried.
    pub(crate) fn clear(&mut self) {
        *self = TargetSet::default();
    }
}

/// Whether both are one phone. Two behind different NATs may have one private address, and so one URI.
fn same(a: &BranchTarget, b: &BranchTarget) -> bool {
    a.received == b.received && a.route == b.route && same_uri(&a.uri, &b.uri)
}

/// Equality as the URI's type defines it (§16.5).
fn same_uri(a: &Uri, b: &Uri) -> bool {
    match (a, b) {
        (Uri::Sip(a), Uri::Sip(b)) => a.equivalent(b),
        (a, b) => a.as_text() == b.as_text(),
    }
}
