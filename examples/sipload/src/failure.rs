//! Why a run says nothing about the server: one clear line, and exit code 2.

use std::fmt;

/// One problem, told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(problem: impl Into<String>) -> Failure {
        Failure(problem.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sipload: {}", self.0)
    }
}

impl std::error::Error for Failure {}
