//! Every trait an embedder implements, and versions of them that live in memory.

mod location;
mod memory;

pub use location::{LocationError, LocationService};
pub use memory::{Applied, LocationCounts, MemoryLocation};
