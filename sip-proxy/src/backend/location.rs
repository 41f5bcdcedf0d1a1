//! Where registrations live (RFC 3261 §10: the location service).

use std::error::Error;

use async_trait::async_trait;
use sip_core::AddressOfRecord;

use crate::registrar::{BindingChange, BindingSet, ChangeRefused};

/// The location service. Several workers use it at once.
#[async_trait]
pub trait LocationService: Send + Sync + 'static {
    /// The bindings of `aor`; empty when it never registered.
    ///
    /// # Errors
    /// When the store can't say. That is an outage, never "not registered".
    async fn lookup(&self, aor: &AddressOfRecord) -> Result<BindingSet, LocationError>;

    /// Applies one REGISTER, all of it or none (§10.3 step 7), and returns the bindings after it.
    ///
    /// Between reading the bindings for [`BindingChange::apply`] and writing what it returns, no other change of
    /// the same `aor` may come. When it returns, the change is as durable as the store promises.
    ///
    /// # Errors
    /// When the change is refused, or the store is out of order; then nothing changed.
    async fn update(
        &self,
        aor: &AddressOfRecord,
        change: BindingChange,
    ) -> Result<BindingSet, LocationError>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocationError {
    /// The REGISTER may not be applied; the phone erred.
    #[error(transparent)]
    Refused(#[from] ChangeRefused),
    /// The store is down, slow or broken: 500 (F-40).
    #[error("the location service is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// Too many changes wait already: 503.
    #[error("the location service has too much to do")]
    Busy,
}
