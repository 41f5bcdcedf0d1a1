//! RFC 3261 §9 and §17: a module per section, a function per sentence.

#[path = "../messages/mod.rs"]
mod messages;
mod s17_1_1_client_invite;
mod s17_1_2_client_non_invite;
mod s17_1_3_matching_responses;
mod s17_1_4_client_transport_errors;
mod s17_2_1_server_invite;
mod s17_2_2_server_non_invite;
mod s17_2_3_matching_requests;
mod s17_2_4_server_transport_errors;
mod s18_2_2_sending_responses;
mod s8_1_1_7_via;
mod s8_2_2_2_merged_requests;
mod s9_1_client_cancel;
mod s9_2_server_cancel;
