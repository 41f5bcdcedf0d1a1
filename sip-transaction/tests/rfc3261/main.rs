//! RFC 3261 §9 and §17, a module per section, a function per sentence.

mod s17_1_1_client_invite;
