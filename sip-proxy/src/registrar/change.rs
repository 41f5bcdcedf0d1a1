//! What one REGISTER does to the bindings of an address-of-record, as a pure function (RFC 3261 §10.3 steps 6, 7).

use std::sync::Arc;
use std::time::Duration;

use super::Binding;

/// The bindings of one address-of-record. Cheap to clone.
///
/// Some of them may be over already: which ones count is asked with the time, so no store needs a clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingSet(Arc<[Binding]>);

impl BindingSet {
    /// The bindings that count at `unix_time`, in the order in which they were first made.
    pub fn current(&self, unix_time: Duration) -> impl Iterator<Item = &Binding> {
        self.0
            .iter()
            .filter(move |binding| binding.is_current(unix_time))
    }

    /// All of them, also those that are over.
    #[must_use]
    pub fn all(&self) -> &[Binding] {
        &self.0
    }

    /// Whether both are one and the same allocation, so that nothing can have changed between them.
    #[must_use]
    pub fn is_same(&self, other: &BindingSet) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What turned `before` into this set: what a store has to write.
    pub fn changes_since<'a>(
        &'a self,
        before: &'a BindingSet,
    ) -> impl Iterator<Item = Changed<'a>> {
        let gone = |old: &&Binding| !self.0.iter().any(|kept| kept.binds_same_contact(old));
        let new = |new: &&Binding| !before.0.contains(new);
        let removed = before.0.iter().filter(gone).map(Changed::Removed);
        removed.chain(self.0.iter().filter(new).map(Changed::Bound))
    }
}

impl FromIterator<Binding> for BindingSet {
    fn from_iter<I: IntoIterator<Item = Binding>>(bindings: I) -> BindingSet {
        BindingSet(bindings.into_iter().collect())
    }
}

/// One difference between two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed<'a> {
    /// Made, or refreshed: insert it, or replace the one that [binds the same contact](Binding::binds_same_contact).
    Bound(&'a Binding),
    /// Not there any more.
    Removed(&'a Binding),
}

/// One REGISTER, ready to be applied: all of it or nothing.
#[derive(Clone, Debug)]
pub struct BindingChange {
    call_id: Box<[u8]>,
    cseq: u32,
    at: Duration,
    max_contacts: usize,
    replaces_oldest: bool,
    contacts: Contacts,
}

#[derive(Clone, Debug)]
enum Contacts {
    Star,
    These(Vec<Binding>),
}

/// Why a REGISTER was not applied. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeRefused {
    /// A later request of the same Call-ID was applied before (§10.3 steps 6, 7).
    #[error("a request with a higher CSeq came first")]
    OutOfOrder,
    /// There would be more bindings than the registrar keeps for one address-of-record (F-37).
    #[error("more than {max} contacts")]
    TooManyContacts {
        /// How many it keeps.
        max: usize,
    },
}

impl BindingChange {
    /// `Contact: *`: removes every binding.
    #[must_use]
    pub fn remove_all(call_id: &[u8], cseq: u32, unix_time: Duration) -> BindingChange {
        BindingChange {
            call_id: call_id.into(),
            cseq,
            at: unix_time,
            max_contacts: 0,
            replaces_oldest: false,
            contacts: Contacts::Star,
        }
    }

    /// Adds, refreshes or removes each of `contacts`; one that is over at `unix_time` removes. They carry the
    /// `call_id` and `cseq` of the request. At most `max_contacts` may come of it.
    #[must_use]
    pub fn update(
        call_id: &[u8],
        cseq: u32,
        unix_time: Duration,
        contacts: Vec<Binding>,
        max_contacts: usize,
    ) -> BindingChange {
        BindingChange {
            call_id: call_id.into(),
            cseq,
            at: unix_time,
            max_contacts,
            replaces_oldest: false,
            contacts: Contacts::These(contacts),
        }
    }

    /// Where there would be too many contacts, those that end first make room, so that only a request which wants too
    /// many by itself is refused.
    #[must_use]
    pub fn replacing_oldest(mut self) -> BindingChange {
        self.replaces_oldest = true;
        self
    }

    /// When the REGISTER came, in Unix time.
    #[must_use]
    pub fn at(&self) -> Duration {
        self.at
    }

    /// The bindings after it, given those before. Bindings that are over are left out.
    ///
    /// A request that came before (same Call-ID and CSeq, so a copy of it) changes nothing, and the very set
    /// given is returned.
    ///
    /// # Errors
    /// When the request is late, or wants too many contacts.
    pub fn apply(&self, bindings: &BindingSet) -> Result<BindingSet, ChangeRefused> {
        match &self.contacts {
            Contacts::Star => self.apply_star(bindings),
            Contacts::These(contacts) => self.apply_contacts(contacts, bindings),
        }
    }

    fn apply_star(&self, bindings: &BindingSet) -> Result<BindingSet, ChangeRefused> {
        for stored in bindings.current(self.at) {
            if self.order(stored) != Order::Newer {
                return Err(ChangeRefused::OutOfOrder);
            }
        }
        Ok(if bindings.0.is_empty() {
            bindings.clone()
        } else {
            BindingSet::default()
        })
    }

    fn apply_contacts(
        &self,
        contacts: &[Binding],
        bindings: &BindingSet,
    ) -> Result<BindingSet, ChangeRefused> {
        let before: Vec<&Binding> = bindings.current(self.at).collect();
        let mut after = before.clone();
        for contact in contacts {
            let stored = before
                .iter()
                .find(|stored| stored.binds_same_contact(contact));
            match stored.map_or(Order::Newer, |stored| self.order(stored)) {
                Order::Newer => {}
                Order::Same if contact.is_current(self.at) => continue,
                Order::Same | Order::Older => return Err(ChangeRefused::OutOfOrder),
            }
            put(&mut after, contact, contact.is_current(self.at));
        }
        if self.replaces_oldest {
            make_room(&mut after, &before, self.max_contacts);
        }
        if after.len() > self.max_contacts && after.len() > before.len() {
            return Err(ChangeRefused::TooManyContacts {
                max: self.max_contacts,
            });
        }
        let unchanged = after.len() == bindings.0.len()
            && after
                .iter()
                .zip(bindings.0.iter())
                .all(|(after, before)| std::ptr::eq(*after, before));
        Ok(if unchanged {
            bindings.clone()
        } else {
            after.into_iter().cloned().collect()
        })
    }

    /// Requests of one Call-ID are ordered by CSeq; others are not, and the last to come counts.
    fn order(&self, stored: &Binding) -> Order {
        if *stored.call_id() != *self.call_id {
            return Order::Newer;
        }
        match self.cseq.cmp(&stored.cseq()) {
            std::cmp::Ordering::Less => Order::Older,
            std::cmp::Ordering::Equal => Order::Same,
            std::cmp::Ordering::Greater => Order::Newer,
        }
    }
}

/// How the request stands to the one a binding came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Newer,
    Same,
    Older,
}

/// Puts `contact` in place of the binding of the same contact, or at the end; or only takes that one out.
fn put<'a>(bindings: &mut Vec<&'a Binding>, contact: &'a Binding, keep: bool) {
    let place = bindings
        .iter()
        .position(|binding| binding.binds_same_contact(contact));
    match (place, keep) {
        (Some(index), true) => bindings[index] = contact,
        (Some(index), false) => drop(bindings.remove(index)),
        (None, true) => bindings.push(contact),
        (None, false) => {}
    }
}

/// Takes out those of `before` that end first, until no more than `max` are left, or none of them is.
fn make_room<'a>(after: &mut Vec<&'a Binding>, before: &[&'a Binding], max: usize) {
    while after.len() > max {
        let is_old = |binding: &&Binding| before.iter().any(|old| std::ptr::eq(*old, *binding));
        let old = after
            .iter()
            .enumerate()
            .filter(|(_, binding)| is_old(binding));
        let Some((index, _)) = old.min_by_key(|(_, binding)| binding.record().expires_at) else {
            return;
        };
        after.remove(index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::registrar::{BindingRecord, MethodSet};

    const NOW: Duration = Duration::from_secs(1_000);

    fn binding(contact: u8, call_id: &[u8], cseq: u32, expires_at: u32) -> Binding {
        let contact = format!("sip:bob@192.0.2.{contact}");
        Binding::new(&BindingRecord {
            contact: contact.as_bytes(),
            call_id,
            cseq,
            expires_at,
            q: None,
            instance: None,
            reg_id: None,
            user_agent: b"",
            path: b"",
            methods: MethodSet::ALL,
            flow: None,
            behind_nat: false,
        })
        .unwrap()
    }

    fn register(call_id: u8, cseq: u32, contacts: &[(u8, bool)], max: usize) -> BindingChange {
        let expires_at = |keep| if keep { 1_600 } else { 1_000 };
        let contacts = contacts
            .iter()
            .map(|(contact, keep)| binding(*contact, &[call_id], cseq, expires_at(*keep)));
        BindingChange::update(&[call_id], cseq, NOW, contacts.collect(), max)
    }

    #[test]
    fn what_is_over_is_neither_found_nor_kept() {
        let stale: BindingSet = [binding(1, b"a", 9, 1_000), binding(2, b"a", 1, 1_001)]
            .into_iter()
            .collect();
        assert_eq!(stale.current(NOW).count(), 1);
        let after = register(b'a', 2, &[(1, true)], 2).apply(&stale).unwrap();
        let contacts: Vec<_> = after.all().iter().map(Binding::contact).collect();
        assert_eq!(contacts, [b"sip:bob@192.0.2.2", b"sip:bob@192.0.2.1"]);
    }

    #[test]
    fn who_has_more_than_a_lowered_maximum_may_refresh_them() {
        let three = [(1, true), (2, true), (3, true)];
        let before = register(b'a', 1, &three, 3).apply(&BindingSet::default());
        let before = before.unwrap();
        let after = register(b'a', 2, &three, 2).apply(&before).unwrap();
        assert_eq!(after.all().len(), 3);
        let more = register(b'a', 3, &[(4, true)], 2).apply(&after);
        assert_eq!(more, Err(ChangeRefused::TooManyContacts { max: 2 }));
    }

    #[test]
    fn of_one_contact_named_twice_the_last_word_counts() {
        let empty = BindingSet::default();
        let after = register(b'a', 2, &[(1, true), (1, false), (2, false), (2, true)], 9)
            .apply(&empty)
            .unwrap();
        assert_eq!(after.all(), [binding(2, b"a", 2, 1_600)]);
    }

    #[test]
    fn the_difference_between_two_sets_is_what_a_store_writes() {
        let before = register(b'a', 1, &[(1, true), (2, true), (3, true)], 9)
            .apply(&BindingSet::default())
            .unwrap();
        let after = register(b'a', 2, &[(1, true), (2, false), (4, true)], 9)
            .apply(&before)
            .unwrap();
        let (first, second) = (
            binding(2, b"a", 1, 1_600),
            [binding(1, b"a", 2, 1_600), binding(4, b"a", 2, 1_600)],
        );
        let changes: Vec<_> = after.changes_since(&before).collect();
        assert_eq!(
            changes,
            [
                Changed::Removed(&first),
                Changed::Bound(&second[0]),
                Changed::Bound(&second[1])
            ]
        );
    }

    /// Requests of three phones, some of them late, with contacts they share.
    fn any_change() -> impl Strategy<Value = BindingChange> {
        let contacts = prop::collection::vec((0..8u8, prop::bool::weighted(0.7)), 0..6);
        (0..3u8, 0..6u32, contacts, prop::bool::weighted(0.2)).prop_map(
            |(call_id, cseq, contacts, star)| {
                if star {
                    BindingChange::remove_all(&[call_id], cseq, NOW)
                } else {
                    register(call_id, cseq, &contacts, 4)
                }
            },
        )
    }

    proptest! {
        #[test]
        fn no_sequence_of_requests_makes_more_than_the_maximum(changes in prop::collection::vec(any_change(), 0..30)) {
            let mut bindings = BindingSet::default();
            for change in changes {
                if let Ok(after) = change.apply(&bindings) {
                    bindings = after;
                }
                prop_assert!(bindings.all().len() <= 4);
            }
        }

        #[test]
        fn star_empties_or_is_refused(changes in prop::collection::vec(any_change(), 0..9), cseq in 0..7u32) {
            let mut bindings = BindingSet::default();
            for change in changes {
                bindings = change.apply(&bindings).unwrap_or(bindings);
            }
            let late = bindings.all().iter().any(|binding| *binding.call_id() == [0] && binding.cseq() >= cseq);
            match BindingChange::remove_all(&[0], cseq, NOW).apply(&bindings) {
                Ok(after) => prop_assert!(after.all().is_empty() && !late),
                Err(refused) => prop_assert!(refused == ChangeRefused::OutOfOrder && late),
            }
        }

        #[test]
        fn a_request_that_only_binds_can_come_twice(change in any_change(), again in any_change()) {
            let before = change.apply(&BindingSet::default()).unwrap_or_default();
            if let Ok(after) = again.apply(&before) {
                let binds_only = match &again.contacts {
                    Contacts::Star => true,
                    Contacts::These(contacts) => contacts.iter().all(|contact| contact.is_current(NOW)),
                };
                let twice = again.apply(&after);
                prop_assert!(!binds_only || twice.is_ok_and(|twice| twice.is_same(&after)));
            }
        }

        #[test]
        fn the_difference_applied_to_the_set_before_gives_the_set_after(one in any_change(), two in any_change()) {
            let before = one.apply(&BindingSet::default()).unwrap_or_default();
            let after = two.apply(&before).unwrap_or(before.clone());
            let mut rows: Vec<Binding> = before.all().to_vec();
            for change in after.changes_since(&before) {
                let (Changed::Bound(binding) | Changed::Removed(binding)) = change;
                rows.retain(|row| !row.binds_same_contact(binding));
                rows.extend(matches!(change, Changed::Bound(_)).then(|| binding.clone()));
            }
            prop_assert_eq!(rows.len(), after.all().len());
            prop_assert!(rows.iter().all(|row| after.all().contains(row)));
        }
    }
}
