//! What a server spends: CPU time and memory of processes with all their threads and children (proc(5)).

use std::collections::HashSet;
use std::time::Duration;

use procfs::process::{Process, all_processes};
use serde::{Deserialize, Serialize};

/// A set of processes to measure together: those named, and all they started.
#[derive(Debug, Clone)]
pub(crate) struct ProcessTree {
    roots: Vec<i32>,
    ticks_per_second: u64,
}

/// What a set of processes has used so far, or holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// User and system time of all threads, in microseconds.
    pub(crate) cpu_us: u64,
    /// Proportional set size, in bytes.
    pub(crate) pss: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
}

impl Usage {
    /// CPU time used since `earlier`.
    pub(crate) fn cpu_since(&self, earlier: &Usage) -> Duration {
        Duration::from_micros(self.cpu_us.saturating_sub(earlier.cpu_us))
    }
}

impl ProcessTree {
    pub(crate) fn new(roots: impl IntoIterator<Item = i32>) -> ProcessTree {
        ProcessTree {
            roots: roots.into_iter().collect(),
            ticks_per_second: procfs::ticks_per_second(),
        }
    }

    pub(crate) fn own() -> ProcessTree {
        ProcessTree {
            roots: vec![std::process::id().cast_signed()],
            ticks_per_second: procfs::ticks_per_second(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// Whether all of the named processes still run.
    pub(crate) fn is_alive(&self) -> bool {
        self.roots.iter().all(|pid| {
            Process::new(*pid)
                .and_then(|process| process.stat())
                .is_ok_and(|stat| stat.state != 'Z')
        })
    }

    /// CPU time alone: cheap enough for every second.
    pub(crate) fn cpu(&self) -> Duration {
        let ticks: u64 = self
            .members()
            .iter()
            .filter_map(|process| process.stat().ok())
            .map(|stat| stat.utime + stat.stime)
            .sum();
        Duration::from_micros(ticks * 1_000_000 / self.ticks_per_second)
    }

    /// Everything. Reading the proportional set size of a large process takes milliseconds of its time.
    pub(crate) fn usage(&self) -> Usage {
        let members = self.members();
        Usage {
            cpu_us: u64::try_from(self.cpu().as_micros()).unwrap_or(u64::MAX),
            pss: members.iter().map(pss).sum(),
            descriptors: members
                .iter()
                .filter_map(|process| process.fd_count().ok())
                .map(|count| count as u64)
                .sum(),
        }
    }

    fn members(&self) -> Vec<Process> {
        let mut wanted: HashSet<i32> = self.roots.iter().copied().collect();
        let mut members = Vec::new();
        let Ok(all) = all_processes() else {
            return members;
        };
        // Children have larger numbers than their parents until numbers wrap, so go over them until nothing is new.
        let mut rest: Vec<(i32, Process)> = all
            .filter_map(Result::ok)
            .filter_map(|process| Some((process.stat().ok()?.ppid, process)))
            .collect();
        loop {
            let before = members.len();
            let mut others = Vec::with_capacity(rest.len());
            for (parent, process) in rest {
                if wanted.contains(&process.pid()) || wanted.contains(&parent) {
                    wanted.insert(process.pid());
                    members.push(process);
                } else {
                    others.push((parent, process));
                }
            }
            rest = others;
            if members.len() == before {
                return members;
            }
        }
    }
}

fn pss(process: &Process) -> u64 {
    let Ok(rollup) = process.smaps_rollup() else {
        return 0;
    };
    rollup
        .memory_map_rollup
        .iter()
        .filter_map(|map| map.extension.map.get("Pss"))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn own_process_uses_cpu_memory_and_descriptors() {
        let tree = ProcessTree::own();
        assert!(tree.is_alive());
        let before = tree.usage();
        let held = vec![1_u8; 64 << 20];
        let mut sum = 0_u64;
        // Bounded by work, not by time: a tick is ten milliseconds.
        for round in 0..40_u64 {
            sum += held
                .iter()
                .map(|octet| u64::from(*octet) * round)
                .sum::<u64>();
        }
        black_box((sum, &held));
        let after = tree.usage();
        assert!(after.cpu_since(&before) > Duration::ZERO);
        assert!(after.pss > before.pss + (48 << 20), "{before:?} {after:?}");
        assert!(after.descriptors >= 3);
    }

    #[test]
    fn a_process_that_never_was_uses_nothing() {
        let tree = ProcessTree::new([i32::MAX]);
        assert!(!tree.is_alive());
        assert_eq!(tree.usage(), Usage::default());
    }
}
