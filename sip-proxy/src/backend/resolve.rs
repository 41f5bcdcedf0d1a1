//! Names to addresses (RFC 3263).

use async_trait::async_trait;
use sip_core::SipUri;
use sip_transaction::Target;

/// Finds servers by name. URIs that name an address never come here.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of `uri`, in the order they are to be tried (RFC 3263 §4). Where chance is to decide, `seed`
    /// does: it is the same for a retransmission that is forwarded without state (§4.4).
    async fn resolve(&self, uri: &SipUri, seed: u64) -> Resolved;
}

/// Addresses, best first; never none.
pub type Resolved = Result<Vec<Target>, ResolveError>;

/// Why there are no addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The name does not exist, or has no address for SIP.
    #[error("the name has no address")]
    NotFound,
    /// No name server could say.
    #[error("no name server answered")]
    Unavailable,
    /// As many look-ups are under way as may be: the request is answered 503.
    #[error("too many names are being looked up")]
    Overloaded,
}

/// Knows no names: for a proxy whose peers all are addresses.
#[derive(Debug, Clone, Copy, Default)]
pub struct AddressesOnly;

#[async_trait]
impl Resolve for AddressesOnly {
    async fn resolve(&self, _: &SipUri, _: u64) -> Resolved {
        Err(ResolveError::NotFound)
    }
}
