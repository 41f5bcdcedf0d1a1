//! RFC 6026, correct handling of 2xx responses to INVITE: a module per section, a function per sentence.

#[path = "../messages/mod.rs"]
mod messages;
mod s7_1_server;
mod s7_2_client;
mod s7_3_strays;
