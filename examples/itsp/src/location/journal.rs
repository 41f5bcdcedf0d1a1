//! What a change of bindings writes down: one row for each contact that came, changed or went.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use sip_core::AddressOfRecord;
use sip_proxy::registrar::{Binding, BindingSet};

use crate::store::JournalRow;

/// The rows that turn `before` into `after`.
pub(crate) fn rows(
    aor: &AddressOfRecord,
    before: &BindingSet,
    after: &BindingSet,
) -> Vec<JournalRow> {
    let row = |ruid, gone, binding: &Binding| JournalRow {
        ruid,
        gone,
        aor: aor.clone(),
        binding: binding.clone(),
    };
    let kept: Vec<(String, &Binding)> = after
        .all()
        .iter()
        .map(|binding| (ruid(aor, binding), binding))
        .collect();
    let gone = before.all().iter().filter_map(|binding| {
        let ruid = ruid(aor, binding);
        let is_gone = kept.iter().all(|(kept, _)| *kept != ruid);
        is_gone.then(|| row(ruid, true, binding))
    });
    let mut rows: Vec<JournalRow> = gone.collect();
    for (ruid, binding) in kept {
        if !before.all().contains(binding) {
            rows.push(row(ruid, false, binding));
        }
    }
    rows
}

/// The contact's identity in the database: the same for each refresh, so nothing needs to be remembered for it.
/// As for the registrar, it is the instance and flow where the phone names one, else the contact's text.
fn ruid(aor: &AddressOfRecord, binding: &Binding) -> String {
    let mut hash = Sha256::new();
    hash.update(aor.as_str());
    match binding.instance() {
        Some(instance) => {
            hash.update([0, 1]);
            hash.update(instance);
            hash.update(binding.reg_id().unwrap_or(0).to_be_bytes());
        }
        None => {
            hash.update([0, 2]);
            hash.update(binding.contact());
        }
    }
    let mut ruid = String::from("itsp-");
    for byte in &hash.finalize()[..16] {
        // Writing to a String does not fail.
        let _ = write!(ruid, "{byte:02x}");
    }
    ruid
}

#[cfg(test)]
mod tests {
    use sip_proxy::registrar::{BindingRecord, MethodSet};

    use super::*;

    fn binding(contact: &str, cseq: u32, instance: Option<&str>) -> Binding {
        let record = BindingRecord {
            contact: contact.as_bytes(),
            call_id: b"c",
            cseq,
            expires_at: 1000,
            q: None,
            instance: instance.map(str::as_bytes),
            reg_id: None,
            user_agent: b"",
            path: b"",
            methods: MethodSet::ALL,
            flow: None,
            behind_nat: false,
        };
        Binding::new(&record).expect("a binding")
    }

    fn written(before: &[&Binding], after: &[&Binding]) -> Vec<(bool, String)> {
        let aor = AddressOfRecord::new("alice", "a.example").expect("an address");
        let set = |bindings: &[&Binding]| bindings.iter().copied().cloned().collect::<BindingSet>();
        rows(&aor, &set(before), &set(after))
            .into_iter()
            .map(|row| (row.gone, row.binding.contact().escape_ascii().to_string()))
            .collect()
    }

    #[test]
    fn only_what_changed_is_written() {
        let (a, b) = (binding("sip:a@h", 1, None), binding("sip:b@h", 1, None));
        let a2 = binding("sip:a@h", 2, None);
        assert_eq!(written(&[], &[&a]), [(false, "sip:a@h".to_owned())]);
        assert_eq!(
            written(&[&a, &b], &[&a2, &b]),
            [(false, "sip:a@h".to_owned())]
        );
        assert_eq!(written(&[&a, &b], &[&b]), [(true, "sip:a@h".to_owned())]);
        assert_eq!(written(&[&b], &[&b]), []);
    }

    #[test]
    fn a_contact_spelled_anew_leaves_no_old_row_behind() {
        let (a, b) = (binding("sip:a@h", 1, None), binding("sip:a@H", 2, None));
        assert_eq!(
            written(&[&a], &[&b]),
            [(true, "sip:a@h".to_owned()), (false, "sip:a@H".to_owned())]
        );
    }

    #[test]
    fn an_instance_that_moved_keeps_its_row() {
        let (a, b) = (
            binding("sip:a@h", 1, Some("<i>")),
            binding("sip:a@other", 2, Some("<i>")),
        );
        assert_eq!(written(&[&a], &[&b]), [(false, "sip:a@other".to_owned())]);
    }

    #[test]
    fn different_contacts_have_different_identities() {
        let alice = AddressOfRecord::new("alice", "a.example").expect("an address");
        let bob = AddressOfRecord::new("bob", "a.example").expect("an address");
        let contact = binding("sip:a@h", 1, None);
        assert_ne!(ruid(&alice, &contact), ruid(&bob, &contact));
        assert_ne!(
            ruid(&alice, &contact),
            ruid(&alice, &binding("sip:a@h", 1, Some("<i>")))
        );
        assert_eq!(
            ruid(&alice, &contact),
            ruid(&alice, &binding("sip:a@h", 9, None))
        );
        assert!(ruid(&alice, &contact).len() <= 64);
    }
}
