//! Ctrl-C: the first ends the run with the report of what it had, the second without waiting for anything.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;

/// How often the user has asked for the end.
pub(crate) struct Interrupt(Arc<AtomicU8>);

impl Interrupt {
    /// For a loop that leaves no time to anything else: listens on a thread of its own.
    pub(crate) fn beside() -> Result<Interrupt, Failure> {
        let (found, listening) = mpsc::channel();
        thread::spawn(move || {
            // Once nobody waits for it any more, nobody needs to hear of it.
            let heard = |interrupt| found.send(interrupt);
            match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(async {
                    let _ = heard(Interrupt::new());
                    std::future::pending().await
                }),
                Err(error) => drop(heard(Err(Failure::new(format!(
                    "cannot listen for Ctrl-C: {error}"
                ))))),
            }
        });
        listening
            .recv()
            .unwrap_or_else(|_| Err(Failure::new("cannot listen for Ctrl-C")))
    }

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
