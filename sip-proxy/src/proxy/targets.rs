//! The target set of one request, as it shrinks (RFC 3261 §16.5).

use std::collections::VecDeque;

use sip_core::Uri;

use super::fork::{BranchTarget, ForkPlan};

/// Groups of targets not tried yet. A URI is in it once only, unless it leads to different places.
#[derive(Debug, Default)]
pub(crate) struct TargetSet {
    groups: VecDeque<Vec<BranchTarget>>,
}

impl TargetSet {
    /// The targets of `plan`, without those that came before, and without those beyond `limit`.
    pub(crate) fn new(plan: ForkPlan, limit: usize) -> TargetSet {
        let mut seen: Vec<BranchTarget> = Vec::new();
        let mut groups = VecDeque::with_capacity(plan.groups.len());
        for mut group in plan.groups {
            group.retain(|target| {
                let new = seen.len() < limit && !seen.iter().any(|other| same(other, target));
                if new {
                    seen.push(target.clone());
                }
                new
            });
            if !group.is_empty() {
                groups.push_back(group);
            }
        }
        TargetSet { groups }
    }

    /// The targets whose turn it is.
    pub(crate) fn next_group(&mut self) -> Option<Vec<BranchTarget>> {
        self.groups.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Nothing more is tried.
    pub(crate) fn clear(&mut self) {
        self.groups.clear();
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
