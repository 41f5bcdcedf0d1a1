//! Which seeds are run, and what is said about one that fails.

use std::env;
use std::ops::Range;
use std::thread;

use crate::world::World;

pub(crate) struct Seeds {
    range: Range<u64>,
    pcap: Option<String>,
}

impl Seeds {
    /// Those `SEEDS` asks for, one (`42`) or a range (`0..1000000`); else `usual`.
    pub(crate) fn from_environment(usual: Range<u64>) -> Seeds {
        let number = |text: &str| text.trim().parse().expect("SEEDS=42 or SEEDS=0..1000");
        let range = env::var("SEEDS").map_or(usual, |asked| match asked.split_once("..") {
            Some((first, end)) => number(first)..number(end),
            None => number(&asked)..number(&asked) + 1,
        });
        Seeds {
            range,
            pcap: env::var("PCAP").ok(),
        }
    }

    /// Runs the world of each, on every core there is, and checks it. A single one is shown before.
    pub(crate) fn each(&self, check: impl Fn(&mut World) + Sync) {
        if self.range.end - self.range.start == 1 {
            let _told = Told(self.range.start);
            let mut world = World::run(self.range.start);
            self.show(&world);
            return check(&mut world);
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for core in 0..cores {
                let seeds = self.range.clone().skip(core).step_by(cores);
                let check = &check;
                scope.spawn(move || {
                    for seed in seeds {
                        let _told = Told(seed);
                        check(&mut World::run(seed));
                    }
                });
            }
        });
    }

    fn show(&self, world: &World) {
        println!("{}", world.sim.ladder());
        if let Some(file) = &self.pcap {
            std::fs::write(file, world.sim.pcap()).expect("the capture can be written");
        }
    }
}

/// Says how to see a failure again.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "again: SEEDS={} cargo test -p sip-proxy --test simulation every_schedule -- --nocapture",
                self.0
            );
        }
    }
}
