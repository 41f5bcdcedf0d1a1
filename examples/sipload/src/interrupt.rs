//! Ctrl-C: the first ends the run with the report of what it had, the second without waiting for anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// How often the user has asked for the end.
pub(crate) struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// Listens from now on.
    pub(crate) fn new() -> Result<Interrupt, Failure> {
        let count = Arc::new(AtomicU8::new(0));
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let mut signals = signal(kind)
                .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
            let count = count.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        Ok(Interrupt(count))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn came_again(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}
