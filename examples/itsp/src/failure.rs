//! Why the program stops: what is wrong, what to do about it, and the exit code that says which kind it was.

use std::fmt;

/// One problem, told once, with its remedy.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: String,
    remedy: String,
    exit_code: u8,
}

impl Failure {
    /// What the program was told, or finds around it, keeps it from starting: exit code 2.
    pub(crate) fn setup(problem: impl Into<String>, remedy: impl Into<String>) -> Failure {
        Failure {
            problem: problem.into(),
            remedy: remedy.into(),
            exit_code: 2,
        }
    }

    /// One command could not be carried out: exit code 1.
    pub(crate) fn command(problem: impl Into<String>, remedy: impl Into<String>) -> Failure {
        Failure {
            problem: problem.into(),
            remedy: remedy.into(),
            exit_code: 1,
        }
    }

    pub(crate) const fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "itsp: {}\n  remedy: {}", self.problem, self.remedy)
    }
}

impl std::error::Error for Failure {}
