//! The target set and its order: at once, or one group after another (RFC 3261 §16.5, §16.6).

use std::cmp::Reverse;

use sip_core::{HeaderName, Route, Uri};
use sip_transaction::Target;

use crate::backend::{InDialog, Incoming};
use crate::nat;

/// One element of the target set (§16.5).
#[derive(Debug, Clone)]
pub struct BranchTarget {
    /// The Request-URI of the forwarded request.
    pub uri: Uri,
    /// Where to send it, when that is known better than its URIs say: the flow or the source address of a
    /// registration. It must belong to the first of `route`, if there is one.
    pub received: Option<Target>,
    /// Routes to put above those of the request: the Path of a registration (RFC 3327 §5.3).
    pub route: Vec<Route>,
    /// Preference in thousandths, 0 to 1000.
    pub q: u16,
}

impl BranchTarget {
    /// A target with preference 1.0, found by its URI.
    #[must_use]
    pub fn new(uri: Uri) -> BranchTarget {
        BranchTarget {
            uri,
            received: None,
            route: Vec::new(),
            q: 1000,
        }
    }

    /// Sends to `target`, whatever the URIs say.
    #[must_use]
    pub fn received(mut self, target: impl Into<Target>) -> BranchTarget {
        self.received = Some(target.into());
        self
    }

    /// Sends along `route`.
    #[must_use]
    pub fn route(mut self, route: Vec<Route>) -> BranchTarget {
        self.route = route;
        self
    }

    /// Sets the preference, in thousandths; more than 1000 is 1000.
    #[must_use]
    pub fn q(mut self, thousandths: u16) -> BranchTarget {
        self.q = thousandths.min(1000);
        self
    }
}

impl From<Uri> for BranchTarget {
    fn from(uri: Uri) -> BranchTarget {
        BranchTarget::new(uri)
    }
}

/// Targets in groups: a group's members are tried at once, the next group when all of them failed (§16.6).
#[derive(Debug, Clone)]
pub struct ForkPlan {
    pub(crate) groups: Vec<Vec<BranchTarget>>,
}

impl ForkPlan {
    /// One target.
    #[must_use]
    pub fn to(target: impl Into<BranchTarget>) -> ForkPlan {
        ForkPlan::in_groups([vec![target.into()]])
    }

    /// Onwards as the request says itself, by its Routes or its Request-URI.
    ///
    /// Along a dialog, and when no Route is left, the alias of a party behind a NAT leads to it
    /// ([`ContactFix::Alias`](crate::nat::ContactFix::Alias)).
    #[must_use]
    pub fn unchanged(incoming: &Incoming) -> ForkPlan {
        let request = &incoming.request;
        let may_be_aliased =
            incoming.dialog == InDialog::Yes && !request.headers().contains(&HeaderName::Route);
        let behind_nat = may_be_aliased
            .then(|| nat::take_alias(request.uri(), incoming.way_out))
            .flatten();
        match behind_nat {
            Some((uri, source)) => ForkPlan::to(BranchTarget::new(uri).received(source)),
            None => ForkPlan::to(request.uri().clone()),
        }
    }

    /// All at once, highest q first.
    #[must_use]
    pub fn parallel(targets: impl IntoIterator<Item = BranchTarget>) -> ForkPlan {
        let mut targets: Vec<_> = targets.into_iter().collect();
        targets.sort_by_key(|target| Reverse(target.q));
        ForkPlan::in_groups([targets])
    }

    /// One after another, highest q first.
    #[must_use]
    pub fn serial(targets: impl IntoIterator<Item = BranchTarget>) -> ForkPlan {
        let mut targets: Vec<_> = targets.into_iter().collect();
        targets.sort_by_key(|target| Reverse(target.q));
        ForkPlan::in_groups(targets.into_iter().map(|target| vec![target]))
    }

    /// Those of the highest q at once, then those of the next.
    #[must_use]
    pub fn serial_by_q(targets: impl IntoIterator<Item = BranchTarget>) -> ForkPlan {
        let mut targets: Vec<_> = targets.into_iter().collect();
        targets.sort_by_key(|target| Reverse(target.q));
        ForkPlan::in_groups(targets.chunk_by(|a, b| a.q == b.q).map(<[_]>::to_vec))
    }

    /// Groups as given.
    #[must_use]
    pub fn in_groups(groups: impl IntoIterator<Item = Vec<BranchTarget>>) -> ForkPlan {
        ForkPlan {
            groups: groups
                .into_iter()
                .filter(|group| !group.is_empty())
                .collect(),
        }
    }

    /// Whether it leads nowhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
