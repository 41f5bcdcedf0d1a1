//! Records for tests, like those of real runs.

use std::collections::BTreeMap;

use super::record::{Cost, Kind, Record, Second};
use crate::measure::counts::Counts;
use crate::measure::growth::{Growth, Unit};
use crate::measure::latency::Percentiles;
use crate::measure::process::Usage;
use crate::measure::wire::Wire;

/// Keep-alives at 66,666 a second, all of them answered.
pub(crate) fn keepalive(seconds: u32) -> Record {
    record("keepalive", &[("keepalive", 66_666, 180)], seconds)
}

/// One million subscribers.
pub(crate) fn population(seconds: u32) -> Record {
    let kinds = [
        ("keepalive", 66_666, 180),
        ("register", 332, 5_200),
        ("call", 200, 2_100),
    ];
    record("population", &kinds, seconds)
}

fn record(work: &str, kinds: &[(&str, u64, u64)], seconds: u32) -> Record {
    let series: Vec<Second> = (1..=seconds).map(|at| second(at, kinds)).collect();
    let whole = |(name, rate, p50): &(&str, u64, u64)| {
        let due = rate * u64::from(seconds);
        ((*name).to_owned(), kind(due, *p50, 1.0))
    };
    let cost = |cores: f64, pss: u64| Cost {
        before: Usage {
            cpu_us: 0,
            pss: pss * 9 / 10,
            descriptors: 30,
        },
        after: Usage {
            cpu_us: (cores * f64::from(seconds) * 1e6) as u64,
            pss,
            descriptors: 30,
        },
    };
    let done = kinds
        .iter()
        .map(|(_, rate, _)| rate * u64::from(seconds))
        .sum::<u64>();
    Record {
        work: work.to_owned(),
        command: format!("sipload {work} --server 127.0.0.1:5060 --duration {seconds}s"),
        server: "itsp at 127.0.0.1:5060".to_owned(),
        began: "2026-01-31T12:00:00Z".to_owned(),
        seconds: f64::from(seconds),
        kinds: kinds.iter().map(whole).collect(),
        server_cost: Some(cost(0.41, 48_000_000)),
        database_cost: None,
        own_cost: cost(0.55, 210_000_000),
        elapsed: f64::from(seconds) + 1.0,
        wire: Wire {
            sent_octets: 380 * done,
            sent_datagrams: done,
            received_octets: 310 * done,
            received_datagrams: done,
        },
        transport: "udp".to_owned(),
        server_pss_at_start: 40_000_000,
        growth: vec![Growth {
            unit: Unit::Contact,
            count: 20_000,
            bytes: 8_000_000,
            each: 400.0,
        }],
        registered: 0,
        connections: 0,
        bottleneck: None,
        series,
    }
}

/// One second; latency and load move about their means, and once in a while something is slow.
fn second(at: u32, kinds: &[(&str, u64, u64)]) -> Second {
    let wave = 1.0 + 0.06 * (f64::from(at) * 0.7).sin() + 0.04 * (f64::from(at) * 2.3).cos();
    let slow = if at % 41 == 17 { 9.0 } else { wave };
    let one = |(name, rate, p50): &(&str, u64, u64)| ((*name).to_owned(), kind(*rate, *p50, slow));
    Second {
        at: f64::from(at),
        kinds: kinds.iter().map(one).collect::<BTreeMap<_, _>>(),
        server_cores: 0.41 * wave,
        database_cores: 0.0,
        own_cores: 0.55 * wave,
        under_way: 0,
        server_pss: 43_000_000 + u64::from(at) * 40_000,
    }
}

fn kind(due: u64, p50: u64, slow: f64) -> Kind {
    let times = |factor: f64| (p50 as f64 * factor * slow) as u64;
    Kind {
        counts: Counts {
            due,
            begun: due,
            succeeded: due,
            ..Counts::default()
        },
        latency: Percentiles {
            p50: times(1.0),
            p90: times(1.8),
            p99: times(4.0),
            p999: times(9.0),
            max: times(14.0),
        },
        lag: Percentiles {
            p50: 20,
            p90: 60,
            p99: 400,
            p999: 900,
            max: 2_000,
        },
        refusals: BTreeMap::new(),
    }
}
