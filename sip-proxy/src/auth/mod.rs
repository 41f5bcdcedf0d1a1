//! Who sent a request: digest authentication (RFC 3261 §22, RFC 7616, RFC 8760).

mod hex;
mod identity;
mod nonce;

pub use identity::Identity;
pub use nonce::{NonceKey, NonceVerdict, Nonces};
