//! File descriptors: each connection needs one, and a process is given few unless it asks for more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as the system allows this process. The first limit is there for old programs that cannot count further
/// than 1,024 of them (`select`); what the administrator set is the hard one.
pub(crate) fn take_all() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(
            %error,
            allowed = limit.current,
            "cannot take more file descriptors"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_no_more_can_be_had() {
        take_all();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
