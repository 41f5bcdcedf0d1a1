//! RFC 3261, sentence by sentence: what the proxy core must do.

mod blocklist;
mod f20_dialog_authority;
mod hard_forks;
mod router_on_failure;
mod router_on_response;
mod s16_10_cancel;
mod s16_11_stateless;
mod s16_12_route_processing;
mod s16_2_stateful;
mod s16_3_validation;
mod s16_4_preprocess;
mod s16_5_targets;
mod s16_6_forwarding;
mod s16_7_redirects;
mod s16_7_responses;
mod s16_8_timer_c;
mod s16_9_transport_errors;
mod s18_1_1_size;
mod s8_2_stateless_answers;
mod support;
