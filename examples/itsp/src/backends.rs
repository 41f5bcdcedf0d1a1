//! What the server knows: its database and all that is kept of it in memory.

use std::fs::File;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sip_proxy::KeyRing;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::config::Config;
use crate::domains::Domains;
use crate::failure::Failure;
use crate::first_start::{Demo, make_demo};
use crate::location::{DurableLocation, Flusher};
use crate::store::{Store, StoreError};
use crate::subscribers::Subscribers;

/// The backends of the server, all on one runtime of their own.
pub(crate) struct Backends {
    pub(crate) domains: Arc<Domains>,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) location: Arc<DurableLocation>,
    /// What nonces and dialog cookies are signed with.
    pub(crate) keys: KeyRing,
    /// What was made, if this is the very first start.
    pub(crate) demo: Option<Demo>,
    /// How many users there are.
    pub(crate) users: i64,
    store: Store,
    flusher: Option<Flusher>,
    /// No other server gets at the folder before this one is through with it.
    _claim: File,
}

impl Backends {
    /// Opens the database, on the runtime this is called in, and reads what is to be in memory before the first
    /// request. On the very first start it makes a demo domain of the address `demo`, if one is given.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub(crate) async fn start(config: &Config, demo: Option<IpAddr>) -> Result<Backends, Failure> {
        let (store, is_new) = Store::open_or_create(&config.data).await?;
        let claim = Store::claim(&config.data)?;
        let demo = demo.filter(|_| is_new);
        Backends::read(config, store, claim, demo).await.map_err(|error| {
            Failure::setup(
                format!(
                    "cannot use the database {}: {}",
                    Store::file(&config.data).display(),
                    error.story()
                ),
                "check the disk and the file with itsp check, or name another folder with --data",
            )
        })
    }

    async fn read(
        config: &Config,
        store: Store,
        claim: File,
        demo: Option<IpAddr>,
    ) -> Result<Backends, StoreError> {
        let demo = match demo {
            Some(ip) => Some(make_demo(&store, ip).await?),
            None => None,
        };
        let domains = Arc::new(Domains::read(&store).await?);
        tokio::spawn(keep_up(
            Arc::clone(&domains),
            store.clone(),
            *config.domains.reload,
        ));
        let subscribers = Subscribers::new(
            &config.subscribers,
            store.clone(),
            Arc::clone(&domains),
            Handle::current(),
        );
        let (location, flusher) = DurableLocation::start(&config.location, store.clone()).await?;
        Ok(Backends {
            domains,
            subscribers: Arc::new(subscribers),
            location: Arc::new(location),
            demo,
            users: store.count_subscribers().await?,
            keys: store.key_ring(now(), rand::random()).await?,
            store,
            flusher,
            _claim: claim,
        })
    }

    /// Writes out what waits, and closes the database.
    pub(crate) async fn end(self) {
        if let Some(flusher) = self.flusher {
            flusher.flush().await;
        }
        self.store.close().await;
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Reads the domains again and again, so that what other programs change is seen.
async fn keep_up(domains: Arc<Domains>, store: Store, every: Duration) {
    let mut failing = false;
    loop {
        sleep(every).await;
        let read = domains.reload(&store).await;
        match &read {
            Ok(true) => tracing::info!(names = domains.count(), "domains read anew"),
            Err(error) if !failing => {
                tracing::warn!(error = error.story(), "cannot read the domains anew")
            }
            Ok(false) | Err(_) => {}
        }
        failing = read.is_err();
    }
}
