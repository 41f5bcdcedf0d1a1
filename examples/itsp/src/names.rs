//! Host names to addresses, by the system's resolver.

use async_trait::async_trait;
use sip_core::SipUri;
use sip_proxy::backend::{Resolve, ResolveError, Resolved};
use sip_transport::{Resolver, SystemResolver};

/// Answers the proxy's questions about names.
#[derive(Debug, Default)]
pub(crate) struct Names(SystemResolver);

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, uri: &SipUri) -> Resolved {
        self.0.resolve(uri).await.map_err(|error| match error {
            sip_transport::ResolveError::NotFound { .. } => ResolveError::NotFound,
            _ => ResolveError::Unavailable,
        })
    }
}
