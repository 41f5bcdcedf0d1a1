//! Contacts, and a database for them, for the tests of this folder.

use std::time::{SystemTime, UNIX_EPOCH};

use sip_core::AddressOfRecord;
use sip_proxy::registrar::{Binding, BindingRecord, MethodSet};

use super::{JournalRow, Store};

pub(super) fn now() -> u32 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    u32::try_from(now.as_secs()).expect("before 2106")
}

pub(super) fn record(contact: &[u8]) -> BindingRecord<'_> {
    BindingRecord {
        contact,
        call_id: b"call-1",
        cseq: 7,
        expires_at: now() + 600,
        q: None,
        instance: None,
        reg_id: None,
        user_agent: b"phone/1.0",
        path: b"",
        methods: MethodSet::ALL,
        flow: None,
        behind_nat: false,
    }
}

pub(super) fn row(ruid: &str, gone: bool, record: &BindingRecord<'_>) -> JournalRow {
    JournalRow {
        ruid: ruid.to_owned(),
        gone,
        aor: AddressOfRecord::new("alice", "a.example").expect("an address"),
        binding: Binding::new(record).expect("a binding"),
    }
}

pub(super) async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("folder");
    let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
    (folder, store)
}

pub(super) async fn loaded(store: &Store) -> Vec<Binding> {
    let mut bindings = Vec::new();
    let unreadable = store
        .load_location(|_, binding| bindings.push(binding))
        .await
        .expect("loads");
    assert_eq!(unreadable, 0);
    bindings
}

pub(super) async fn fold(store: &Store) {
    while store.fold_journal().await.expect("folds") {}
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM itsp_location_journal")
        .fetch_one(&store.reader)
        .await
        .expect("counts");
    assert_eq!(left, 0);
}
