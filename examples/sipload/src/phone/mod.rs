//! What a phone knows: its password, the dialogs it is in, and how it describes a session.

pub(crate) mod dialog;
pub(crate) mod digest;
pub(crate) mod sdp;
