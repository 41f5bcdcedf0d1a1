//! Where users are registered: read from memory, changed as durably as the configuration promises.
//!
//! ```text
//!              lookup ──▶ MemoryLocation ◀── applied ──┐
//!   REGISTER ─ update ─────────▶ bounded queue ──▶ Writer ──▶ journal ──▶ location
//! ```

mod journal;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sip_core::AddressOfRecord;
use sip_proxy::backend::{LocationError, LocationService, MemoryLocation};
use sip_proxy::registrar::{BindingChange, BindingSet};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::config::{self, Durability};
use crate::store::{Store, StoreError};

use writer::{Order, Writer};

/// Parts of the table with a lock each: a million addresses make a thousand in each.
const SHARDS: usize = 1024;

/// The location service of this server.
#[derive(Debug, Clone)]
pub(crate) struct DurableLocation {
    memory: Arc<MemoryLocation>,
    /// To the writer, when there is anything to write.
    orders: Option<mpsc::Sender<Order>>,
    timeout: Duration,
}

/// The running writer; whoever holds it can end it.
#[derive(Debug)]
pub(crate) struct Flusher {
    stop: oneshot::Sender<()>,
    writer: JoinHandle<()>,
}

impl DurableLocation {
    /// Reads what is registered, and starts to write what will be, on the runtime this is called in.
    ///
    /// # Errors
    /// When the registrations cannot be read.
    pub(crate) async fn start(
        config: &config::Location,
        store: Store,
    ) -> Result<(DurableLocation, Option<Flusher>), StoreError> {
        let memory = Arc::new(MemoryLocation::with_shards(SHARDS));
        let mut location = DurableLocation {
            memory: Arc::clone(&memory),
            orders: None,
            timeout: *config.timeout,
        };
        if config.durability == Durability::Memory {
            return Ok((location, None));
        }
        load(&store, &memory).await?;
        let (orders, receiver) = mpsc::channel(config.queue);
        location.orders = Some(orders);
        let (stop, stopped) = oneshot::channel();
        let writer = Writer::new(config, store, memory, receiver);
        let writer = tokio::spawn(writer.run(stopped));
        Ok((location, Some(Flusher { stop, writer })))
    }

    /// How many contacts are registered.
    pub(crate) fn count(&self) -> usize {
        self.memory.counts().bindings
    }
}

/// First the journal is folded, so that all there is stands in one table.
async fn load(store: &Store, memory: &MemoryLocation) -> Result<(), StoreError> {
    while store.fold_journal().await? {}
    let unreadable = store
        .load_location(|aor, binding| {
            let before = memory.bindings(&aor);
            memory.restore(
                &aor,
                before.all().iter().cloned().chain([binding]).collect(),
            );
        })
        .await?;
    if unreadable > 0 {
        tracing::warn!(
            unreadable,
            "passed by rows of the table location that hold no contact"
        );
    }
    Ok(())
}

impl Flusher {
    /// Writes out everything that waits, and ends the writer.
    pub(crate) async fn flush(self) {
        let _ = self.stop.send(());
        if let Err(error) = self.writer.await {
            tracing::error!(%error, "the registrations' writer broke off");
        }
    }
}

#[async_trait]
impl LocationService for DurableLocation {
    async fn lookup(&self, aor: &AddressOfRecord) -> Result<BindingSet, LocationError> {
        Ok(self.memory.bindings(aor))
    }

    async fn update(
        &self,
        aor: &AddressOfRecord,
        change: BindingChange,
    ) -> Result<BindingSet, LocationError> {
        let Some(orders) = &self.orders else {
            return Ok(self.memory.apply(aor, &change)?.after);
        };
        let (answer, answered) = oneshot::channel();
        let aor = aor.clone();
        orders
            .try_send(Order {
                aor,
                change,
                answer,
            })
            .map_err(|error| match error {
                TrySendError::Full(_) => LocationError::Busy,
                TrySendError::Closed(_) => unavailable("the server is shutting down"),
            })?;
        match timeout(self.timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(unavailable("the writer is gone")),
            Err(_) => Err(unavailable("the database takes too long")),
        }
    }
}

fn unavailable(why: &'static str) -> LocationError {
    LocationError::Unavailable(why.into())
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use sip_proxy::registrar::{Binding, BindingRecord, MethodSet};

    use super::*;

    const GROUP: Durability = Durability::GroupCommit;

    fn now() -> Duration {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
    }

    fn aor(user: &str) -> AddressOfRecord {
        AddressOfRecord::new(user, "a.example").expect("an address")
    }

    fn register(contact: &str, cseq: u32, seconds: u64) -> BindingChange {
        let expires_at = u32::try_from(now().as_secs() + seconds).expect("before 2106");
        let record = BindingRecord {
            contact: contact.as_bytes(),
            call_id: b"call-1",
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
        };
        let binding = Binding::new(&record).expect("a binding");
        BindingChange::update(b"call-1", cseq, now(), vec![binding], 10)
    }

    struct Server {
        folder: tempfile::TempDir,
        store: Store,
        location: DurableLocation,
        flusher: Option<Flusher>,
    }

    async fn start_in(folder: tempfile::TempDir, config: config::Location) -> Server {
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        let (location, flusher) = DurableLocation::start(&config, store.clone())
            .await
            .expect("starts");
        Server {
            folder,
            store,
            location,
            flusher,
        }
    }

    async fn start(durability: Durability) -> Server {
        let config = config::Location {
            durability,
            ..config::Location::default()
        };
        start_in(tempfile::tempdir().expect("folder"), config).await
    }

    impl Server {
        async fn contacts(&self, user: &str) -> usize {
            let bindings = self.location.lookup(&aor(user)).await.expect("answers");
            bindings.current(now()).count()
        }

        /// As after kill -9: nothing is flushed, the database is read by another life.
        async fn dies_and_starts(self) -> Server {
            if let Some(flusher) = self.flusher {
                flusher.writer.abort();
            }
            self.store.close().await;
            start_in(self.folder, config::Location::default()).await
        }

        async fn break_database(&self) {
            self.store
                .execute("ALTER TABLE itsp_location_journal RENAME TO hidden")
                .await;
        }

        async fn mend_database(&self) {
            self.store
                .execute("ALTER TABLE hidden RENAME TO itsp_location_journal")
                .await;
        }
    }

    #[tokio::test]
    async fn what_was_acknowledged_outlives_the_server() {
        let server = start(GROUP).await;
        for user in 0..50 {
            let change = register("sip:x@192.0.2.9", 1, 600);
            server
                .location
                .update(&aor(&user.to_string()), change)
                .await
                .expect("registers");
        }
        let server = server.dies_and_starts().await;
        assert_eq!(server.location.count(), 50);
        assert_eq!(server.contacts("49").await, 1);
    }

    #[tokio::test]
    async fn registrations_that_come_together_are_all_applied_in_order() {
        let server = start(GROUP).await;
        let alice = aor("alice");
        let updates = (1..=20).map(|cseq| {
            let contact = format!("sip:alice@192.0.2.{}", 1 + cseq % 2);
            server
                .location
                .update(&alice, register(&contact, cseq, 600))
        });
        let updates: Vec<_> = updates.map(Box::pin).collect();
        for update in updates {
            update.await.expect("registers");
        }
        let bindings = server.location.lookup(&alice).await.expect("answers");
        let mut cseqs: Vec<u32> = bindings.all().iter().map(Binding::cseq).collect();
        cseqs.sort_unstable();
        assert_eq!(cseqs, [19, 20]);
    }

    #[tokio::test]
    async fn a_contact_that_was_removed_stays_removed() {
        let server = start(GROUP).await;
        let alice = aor("alice");
        server
            .location
            .update(&alice, register("sip:x@192.0.2.9", 1, 600))
            .await
            .expect("registers");
        server
            .location
            .update(&alice, register("sip:x@192.0.2.9", 2, 0))
            .await
            .expect("removes");
        let server = server.dies_and_starts().await;
        assert_eq!(server.contacts("alice").await, 0);
    }

    #[tokio::test]
    async fn a_late_register_is_refused_and_changes_nothing() {
        let server = start(GROUP).await;
        let alice = aor("alice");
        server
            .location
            .update(&alice, register("sip:x@192.0.2.9", 5, 600))
            .await
            .expect("registers");
        let late = server
            .location
            .update(&alice, register("sip:x@192.0.2.9", 4, 0))
            .await;
        assert!(matches!(late, Err(LocationError::Refused(_))), "{late:?}");
        assert_eq!(server.contacts("alice").await, 1);
    }

    #[tokio::test]
    async fn when_the_database_fails_registrations_fail_and_calls_go_on() {
        let server = start(GROUP).await;
        server
            .location
            .update(&aor("alice"), register("sip:x@192.0.2.9", 1, 600))
            .await
            .expect("registers");
        server.break_database().await;
        let refused = server
            .location
            .update(&aor("bob"), register("sip:b@192.0.2.9", 1, 600))
            .await;
        assert!(
            matches!(refused, Err(LocationError::Unavailable(_))),
            "{refused:?}"
        );
        assert_eq!(
            (server.contacts("alice").await, server.contacts("bob").await),
            (1, 0)
        );
        server.mend_database().await;
        server
            .location
            .update(&aor("bob"), register("sip:b@192.0.2.9", 1, 600))
            .await
            .expect("registers");
        assert_eq!(server.contacts("bob").await, 1);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let config = config::Location {
            queue: 1,
            commit_interval: config::Span::from_secs(60),
            timeout: config::Span::from_millis(50),
            ..config::Location::default()
        };
        let server = start_in(tempfile::tempdir().expect("folder"), config).await;
        let update = async |user: &str| {
            server
                .location
                .update(&aor(user), register("sip:x@192.0.2.9", 1, 600))
                .await
        };
        // The writer takes the first and waits for more; the second stays in the queue; nobody waits for ever.
        assert!(matches!(
            update("a").await,
            Err(LocationError::Unavailable(_))
        ));
        assert!(matches!(
            update("b").await,
            Err(LocationError::Unavailable(_))
        ));
        assert!(matches!(update("c").await, Err(LocationError::Busy)));
    }

    #[tokio::test]
    async fn write_behind_keeps_its_promise_once_the_database_is_back() {
        let server = start(Durability::WriteBehind).await;
        server.break_database().await;
        server
            .location
            .update(&aor("alice"), register("sip:x@192.0.2.9", 1, 600))
            .await
            .expect("promises");
        assert_eq!(server.contacts("alice").await, 1);
        server.mend_database().await;
        let Server {
            folder,
            store,
            flusher,
            ..
        } = server;
        flusher.expect("a writer").flush().await;
        store.close().await;
        let server = start_in(folder, config::Location::default()).await;
        assert_eq!(server.contacts("alice").await, 1);
    }

    #[tokio::test]
    async fn an_orderly_end_leaves_everything_in_location() {
        let server = start(GROUP).await;
        server
            .location
            .update(&aor("alice"), register("sip:x@192.0.2.9", 1, 600))
            .await
            .expect("registers");
        server.flusher.expect("a writer").flush().await;
        let mut rows = 0;
        server
            .store
            .load_location(|_, _| rows += 1)
            .await
            .expect("loads");
        assert_eq!(rows, 1);
    }

    #[tokio::test]
    async fn memory_alone_forgets() {
        let server = start(Durability::Memory).await;
        server
            .location
            .update(&aor("alice"), register("sip:x@192.0.2.9", 1, 600))
            .await
            .expect("registers");
        assert_eq!(server.contacts("alice").await, 1);
        let server = server.dies_and_starts().await;
        assert_eq!(server.contacts("alice").await, 0);
    }
}
