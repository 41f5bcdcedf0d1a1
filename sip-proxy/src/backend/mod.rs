//! Every trait an embedder implements, and versions of them that live in memory.

mod accounting;
mod credentials;
mod location;
mod memory;
mod relay;
mod resolve;
mod router;

pub use accounting::{Accounting, AccountingEvent, Record};
pub use credentials::{Credential, CredentialError, CredentialStore, SharedSecret};
pub use location::{LocationError, LocationService};
pub use memory::{Applied, LocationCounts, MemoryCredentials, MemoryLocation};
pub use relay::{Leg, MediaRelay, RelayError, RelayHealth, RelayOptions, Relayed, Rewritten};
pub use resolve::{AddressesOnly, Resolve, ResolveError, Resolved};
pub use router::{Admission, Decision, Failed, InDialog, Incoming, Passing, Relay, Router};
pub(crate) use router::{Edit, Edits};
