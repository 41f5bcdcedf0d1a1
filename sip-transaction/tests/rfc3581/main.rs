//! RFC 3581, symmetric response routing: a module per section, a function per sentence. What is written into the Via of
//! a request that arrives is the transport layer's.

#[path = "../messages/mod.rs"]
mod messages;
mod s3_client;
mod s4_server;
