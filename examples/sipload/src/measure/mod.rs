//! What is measured: latency, counts, and what the machine spends meanwhile.

pub(crate) mod counts;
pub(crate) mod growth;
pub(crate) mod latency;
pub(crate) mod process;
pub(crate) mod tally;
pub(crate) mod wire;
