//! What a run leaves behind: one record, told as JSON, as CSV and as a page with plots.

pub(crate) mod csv;
pub(crate) mod record;
pub(crate) mod text;
