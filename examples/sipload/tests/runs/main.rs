//! The generator as its users run it: the real binary against servers whose behaviour is known.
#![allow(clippy::unwrap_used, clippy::panic)]

mod fake;
mod process;
mod sipload;

mod counts;
mod failures;
mod with_itself;
mod with_itsp;
mod with_sipp;
