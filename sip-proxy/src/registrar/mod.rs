//! Bindings of addresses-of-record, and what a REGISTER does to them (RFC 3261 §10.3).
mod binding;
mod change;
mod flow_octets;
mod method_set;
pub use binding::{Binding, BindingRecord, BindingTooLong};
pub use change::{BindingChange, BindingSet, ChangeRefused, Changed};
pub use method_set::MethodSet;
