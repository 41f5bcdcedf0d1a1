//! Telling a running server to stop.

use std::future;
use std::sync::Arc;

use tokio::sync::watch;

/// Makes the two ends: one to tell, one to give to [`Server::run`](crate::Server::run).
#[must_use]
pub fn shutdown() -> (Shutdown, ShutdownSignal) {
    let (tell, told) = watch::channel(false);
    (Shutdown(Arc::new(tell)), ShutdownSignal(Some(told)))
}

/// Stops a server. Dropping it does not.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

/// Tells a server when to stop.
#[derive(Clone, Debug)]
pub struct ShutdownSignal(Option<watch::Receiver<bool>>);

impl Shutdown {
    /// No new calls from now on; what is under way is finished.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

impl ShutdownSignal {
    /// For a server that ends with its process.
    #[must_use]
    pub fn never() -> ShutdownSignal {
        ShutdownSignal(None)
    }

    /// Waits until the server is told to stop.
    pub async fn begun(mut self) {
        if let Some(told) = &mut self.0
            && told.wait_for(|stop| *stop).await.is_ok()
        {
            return;
        }
        future::pending().await
    }
}
