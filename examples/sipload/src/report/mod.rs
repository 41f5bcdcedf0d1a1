//! What a run leaves behind: one record, told as JSON, as CSV and as a page with plots.

pub(crate) mod capacity;
pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod reference;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod text;
pub(crate) mod units;
pub(crate) mod versus;
