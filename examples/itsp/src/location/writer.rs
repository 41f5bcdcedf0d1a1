//! Group commit: everything that comes within a few milliseconds goes to the disk together.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hashbrown::HashMap;
use sip_core::AddressOfRecord;
use sip_proxy::backend::{LocationError, MemoryLocation};
use sip_proxy::registrar::{BindingChange, BindingSet};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until};

use super::journal::rows;
use super::unavailable;
use crate::config::{self, Durability, Span};
use crate::store::{JournalRow, Store, StoreError};

/// Orders of one commit.
const BATCH: usize = 4096;

/// Pause before what was promised, and could not be written, is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// How often that is tried on the way out.
const LAST_TRIES: usize = 5;

/// A REGISTER to apply, and who waits for what comes of it.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) aor: AddressOfRecord,
    pub(super) change: BindingChange,
    pub(super) answer: Answer,
}

type Answer = oneshot::Sender<Result<BindingSet, LocationError>>;

/// The one that writes, and alone changes the bindings in memory: so memory and disk see the same order.
#[derive(Debug)]
pub(super) struct Writer {
    store: Store,
    memory: Arc<MemoryLocation>,
    orders: mpsc::Receiver<Order>,
    config: config::Location,
    /// Promised already, and not yet on the disk; write-behind alone has such.
    unwritten: Vec<JournalRow>,
    retry_at: Instant,
    /// Whether the database failed the last time: the log tells of changes, not of every failure.
    failing: bool,
}

/// Work to do when there is nothing to commit: a small step at a time, so that no commit waits long.
#[derive(Debug, Default)]
struct Chores {
    fold: bool,
    /// The row of `location` to go on from.
    sweep: Option<i64>,
}

impl Writer {
    pub(super) fn new(
        config: &config::Location,
        store: Store,
        memory: Arc<MemoryLocation>,
        orders: mpsc::Receiver<Order>,
    ) -> Writer {
        Writer {
            store,
            memory,
            orders,
            config: config.clone(),
            unwritten: Vec::new(),
            retry_at: Instant::now(),
            failing: false,
        }
    }

    /// Writes until `stop`, and then what still waits.
    pub(super) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut fold = every(self.config.fold_interval);
        let mut sweep = every(self.config.sweep_interval);
        let mut chores = Chores::default();
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                received = self.orders.recv_many(&mut batch, BATCH) => match received {
                    0 => break,
                    _ => self.handle(&mut batch).await,
                },
                _ = &mut stop, if !self.orders.is_closed() => self.orders.close(),
                () = sleep_until(self.retry_at), if !self.unwritten.is_empty() => self.write_what_was_promised().await,
                _ = fold.tick() => chores.fold = true,
                _ = sweep.tick() => {
                    self.memory.sweep(unix_time());
                    chores.sweep = Some(0);
                }
                () = std::future::ready(()), if chores.remain() => {}
            }
            self.step(&mut chores).await;
        }
        self.finish().await;
    }

    async fn handle(&mut self, batch: &mut Vec<Order>) {
        match self.config.durability {
            Durability::GroupCommit => {
                self.gather(batch).await;
                self.commit(batch).await;
            }
            Durability::WriteBehind => {
                self.promise(batch);
                if self.retry_at <= Instant::now() {
                    self.write_what_was_promised().await;
                }
            }
            Durability::Memory => batch.clear(),
        }
    }

    /// Lets the batch grow for a moment.
    async fn gather(&mut self, batch: &mut Vec<Order>) {
        if !self.config.commit_interval.is_zero() && !self.orders.is_closed() {
            sleep(*self.config.commit_interval).await;
        }
        while batch.len() < BATCH
            && let Ok(order) = self.orders.try_recv()
        {
            batch.push(order);
        }
    }

    /// Writes the batch, then shows it to others, then answers.
    async fn commit(&mut self, batch: &mut Vec<Order>) {
        let mut journal = Vec::new();
        let mut changed: HashMap<AddressOfRecord, BindingSet> = HashMap::new();
        let mut answers: Vec<(Answer, BindingSet)> = Vec::new();
        for Order {
            aor,
            change,
            answer,
        } in batch.drain(..)
        {
            let before = changed
                .get(&aor)
                .cloned()
                .unwrap_or_else(|| self.memory.bindings(&aor));
            match change.apply(&before) {
                Ok(after) => {
                    journal.extend(rows(&aor, &before, &after));
                    answers.push((answer, after.clone()));
                    changed.insert(aor, after);
                }
                // Whoever asked may have given up; that is no concern of ours, here and below.
                Err(refused) => drop(answer.send(Err(refused.into()))),
            }
        }
        let written = journal.is_empty() || self.write(&journal).await;
        if written {
            for (aor, bindings) in changed {
                self.memory.restore(&aor, bindings);
            }
        }
        for (answer, bindings) in answers {
            let _ = answer.send(match written {
                true => Ok(bindings),
                false => Err(unavailable("the database does not take registrations")),
            });
        }
    }

    /// Applies the batch and answers; what it changed is to be written.
    fn promise(&mut self, batch: &mut Vec<Order>) {
        for Order {
            aor,
            change,
            answer,
        } in batch.drain(..)
        {
            let result = if self.unwritten.len() >= self.config.queue {
                Err(LocationError::Busy)
            } else {
                self.memory
                    .apply(&aor, &change)
                    .map_err(LocationError::from)
            };
            let _ = answer.send(result.map(|applied| {
                self.unwritten
                    .extend(rows(&aor, &applied.before, &applied.after));
                applied.after
            }));
        }
    }

    async fn write_what_was_promised(&mut self) {
        let rows = std::mem::take(&mut self.unwritten);
        if !rows.is_empty() && !self.write(&rows).await {
            self.unwritten = rows;
            self.retry_at = Instant::now() + RETRY;
        }
    }

    async fn write(&mut self, journal: &[JournalRow]) -> bool {
        let result = self.store.append_to_journal(journal).await;
        self.note(&result);
        result.is_ok()
    }

    /// One step of what is to be done besides.
    async fn step(&mut self, chores: &mut Chores) {
        if chores.fold {
            let folded = self.store.fold_journal().await;
            self.note(&folded);
            chores.fold = folded.unwrap_or(false);
        }
        if let Some(from) = chores.sweep {
            let swept = self.store.sweep_location(from).await;
            self.note(&swept);
            chores.sweep = swept.unwrap_or(None);
        }
    }

    async fn finish(&mut self) {
        for _ in 0..LAST_TRIES {
            self.write_what_was_promised().await;
            if self.unwritten.is_empty() {
                break;
            }
            sleep(RETRY).await;
        }
        if !self.unwritten.is_empty() {
            tracing::error!(
                lost = self.unwritten.len(),
                "registrations could not be written"
            );
        }
        while self.store.fold_journal().await.unwrap_or(false) {}
    }

    /// Tells once when the database begins to fail, and once when it is well again.
    fn note<T>(&mut self, result: &Result<T, StoreError>) {
        match result {
            Ok(_) if self.failing => tracing::info!("the database works again"),
            Err(error) if !self.failing => {
                tracing::error!(error = error.story(), "the database fails")
            }
            _ => {}
        }
        self.failing = result.is_err();
    }
}

impl Chores {
    fn remain(&self) -> bool {
        self.fold || self.sweep.is_some()
    }
}

fn every(span: Span) -> Interval {
    let mut interval = interval_at(Instant::now() + *span, *span);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
