//! RFC 4320, the non-INVITE transaction: a module per section, a function per sentence.

#[path = "../messages/mod.rs"]
mod messages;
mod s4_1_provisional_responses;
mod s4_2_timeouts;
