//! Digest authentication, read off RFC 7616, RFC 8760 and RFC 3261 §22: a module per section.
#![allow(clippy::unwrap_used, clippy::panic)]

mod exchange;

mod f52_auth_checks;
mod f56_failure_limits;
mod malformed;
mod rfc2617_s3_5_example;
mod rfc3261_s22_challenge;
mod rfc8760_s2_algorithms;
mod s3_3_stale;
mod s3_4_2_session;
mod s3_4_3_auth_int;
mod s3_4_6_uri;
mod s3_4_authorization;
mod s3_4_nonce_count;
mod s3_9_1_example;
mod s5_2_guessing;
