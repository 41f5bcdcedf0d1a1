//! The registrar, read off RFC 3261 §10.3 and its neighbours: a module per section, a function per sentence.
#![allow(clippy::unwrap_used, clippy::panic)]

mod scene;

mod any_contact;
mod f37_limits;
mod f39_behind_nat;
mod f40_outages;
mod rfc3327_path;
mod rfc3608_service_route;
mod rfc5626_instances;
mod rfc5626_outbound;
mod s10_3_2_require;
mod s10_3_6_star;
mod s10_3_7_expiration;
mod s10_3_7_order;
mod s10_3_8_answer;
