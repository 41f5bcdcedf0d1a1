//! RFC 5393: a request that has looped is refused, and forking can not be used to multiply it.

#[path = "../rfc3261/support.rs"]
#[allow(dead_code, reason = "shared with the tests of RFC 3261")]
mod support;

mod s4_2_loop_detection;
mod s5_max_breadth;
