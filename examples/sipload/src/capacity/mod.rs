//! What a server needs for so many subscribers, from what runs measured: `sipload plan`.

mod check;
pub(crate) mod fit;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::behaviour::Behaviour;
use crate::failure::Failure;
use crate::measure::growth::Unit;
use crate::measure::wire::Wire;
use crate::report::record::{Cost, Record};
pub(crate) use check::{Check, Figure, Quantity};
use fit::{Fit, Total};

/// What IPv4, UDP and Ethernet with its gaps add to each datagram, in octets.
const AROUND_A_DATAGRAM: f64 = 66.0;

/// Everything `sipload plan` has to say.
#[derive(Debug, Serialize)]
pub(crate) struct Capacity {
    pub(crate) server: String,
    pub(crate) behaviour: Behaviour,
    /// How busy a core may be, from 0 to 1.
    pub(crate) busy: f64,
    pub(crate) constants: Constants,
    /// For the number of subscribers asked for, after half of it and before multiples of it.
    pub(crate) needs: Vec<Needs>,
    pub(crate) checks: Vec<Check>,
    /// What the records do not tell, and what was done instead.
    pub(crate) notes: Vec<String>,
}

/// Sizes besides the one asked for, as multiples of it.
const SIZES: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// What operations cost, and what things take that a server holds.
#[derive(Debug, Serialize)]
pub(crate) struct Constants {
    /// Microseconds for one operation; the fixed part for one second.
    pub(crate) server_cpu: Fit,
    pub(crate) database_cpu: Option<Fit>,
    /// Octets and datagrams for one operation, to the server and from it.
    pub(crate) wire: [Fit; 4],
    /// Bytes for one contact, connection, pending call.
    pub(crate) memory: Fit,
    /// Bytes before the first request.
    pub(crate) memory_at_rest: f64,
    pub(crate) transport: String,
}

/// What so many subscribers need.
#[derive(Debug, Serialize)]
pub(crate) struct Needs {
    pub(crate) subscribers: f64,
    /// Operations a second, by kind.
    pub(crate) rates: BTreeMap<&'static str, f64>,
    pub(crate) pending_calls: f64,
    pub(crate) load: Load,
    /// Cores to provide, none busier than it may be.
    pub(crate) cores: u64,
    pub(crate) database_cores: Option<u64>,
}

/// What a server does in a second and holds meanwhile.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Load {
    /// Cores in use.
    pub(crate) server_cpu: f64,
    pub(crate) database_cpu: Option<f64>,
    pub(crate) memory: f64,
    /// Octets of SIP a second, to the server and from it.
    pub(crate) octets: [f64; 2],
    pub(crate) datagrams: [f64; 2],
}

impl Load {
    /// Bits a second on the cable, to the server and from it; over TCP without what packets add.
    pub(crate) fn bits(&self) -> [f64; 2] {
        [0, 1].map(|way| 8.0 * (self.octets[way] + AROUND_A_DATAGRAM * self.datagrams[way]))
    }
}

impl Capacity {
    pub(crate) fn new(
        subscribers: f64,
        behaviour: Behaviour,
        busy: f64,
        records: &[Record],
        others: &[Record],
    ) -> Result<Capacity, Failure> {
        let constants = Constants::of(records)?;
        let needs = |share: f64| constants.needs(share * subscribers, &behaviour, busy);
        let needs = SIZES.into_iter().map(needs).collect::<Result<_, _>>()?;
        let checks = others
            .iter()
            .map(|other| Check::of(&constants, other))
            .collect::<Result<_, _>>()?;
        Ok(Capacity {
            server: records
                .first()
                .map_or_else(String::new, |record| record.server.clone()),
            notes: constants.notes(&behaviour, records),
            behaviour,
            busy,
            constants,
            needs,
            checks,
        })
    }

    /// What the number of subscribers that was asked for needs.
    pub(crate) fn wanted(&self) -> &Needs {
        &self.needs[1]
    }
}

impl Constants {
    /// What `records`, all of one server, tell.
    pub(crate) fn of(records: &[Record]) -> Result<Constants, Failure> {
        let same = |what: &str, of: &dyn Fn(&Record) -> &str| {
            let values: BTreeSet<&str> = records.iter().map(of).collect();
            match values.len() {
                0 | 1 => Ok(()),
                _ => {
                    let values: Vec<&str> = values.into_iter().collect();
                    Err(Failure::new(format!(
                        "the records differ in {what}: {}",
                        values.join(", ")
                    )))
                }
            }
        };
        same("their server", &|record| &record.server)?;
        let others = || records.iter().filter(|record| record.work != "connections");
        let transports: BTreeSet<&str> = others().map(|record| record.transport.as_str()).collect();
        if transports.len() > 1 {
            return Err(Failure::new(
                "some records are over UDP, some over TCP: plan for one at a time",
            ));
        }
        let fit = |fixed: &dyn Fn(&Record) -> f64, cost: &dyn Fn(&Record) -> f64| {
            let total = |record| total(record, fixed(record), cost(record));
            Fit::of(&records.iter().map(total).collect::<Vec<_>>()).ok_or_else(inseparable)
        };
        let cpu = |cost: Option<Cost>| {
            cost.map_or(0.0, |cost| {
                cost.after.cpu_since(&cost.before).as_micros() as f64
            })
        };
        let server_cpu = fit(&elapsed, &|record| cpu(record.server_cost))?;
        if server_cpu.each.is_empty() {
            return Err(Failure::new(
                "no record tells what the server spent: run with --server-file or --server-pid",
            ));
        }
        // Nothing is said unless somebody does something.
        let wire =
            |count: &dyn Fn(&Wire) -> u64| fit(&|_| 0.0, &|record| count(&record.wire) as f64);
        let has_database = records.iter().any(|record| record.database_cost.is_some());
        let growths = records.iter().flat_map(|record| &record.growth);
        let held = growths
            .filter(|grown| grown.is_telling())
            .map(|grown| Total {
                fixed: 1.0,
                counts: BTreeMap::from([(grown.unit.to_string(), grown.count as f64)]),
                cost: grown.bytes as f64,
            });
        let at_rest = records
            .iter()
            .map(|record| record.server_pss_at_start as f64);
        Ok(Constants {
            server_cpu,
            database_cpu: match has_database {
                true => Some(fit(&elapsed, &|record| cpu(record.database_cost))?),
                false => None,
            },
            wire: [
                wire(&|wire| wire.sent_octets)?,
                wire(&|wire| wire.received_octets)?,
                wire(&|wire| wire.sent_datagrams)?,
                wire(&|wire| wire.received_datagrams)?,
            ],
            memory: Fit::of(&held.collect::<Vec<_>>()).unwrap_or_default(),
            memory_at_rest: at_rest.fold(0.0, f64::max),
            transport: transports.into_iter().next().unwrap_or("tcp").to_owned(),
        })
    }

    fn needs(&self, subscribers: f64, behaviour: &Behaviour, busy: f64) -> Result<Needs, Failure> {
        let rates = behaviour.rates(subscribers);
        let pending_calls = behaviour.pending_calls(subscribers);
        let held = [
            (self.contact(), subscribers),
            (Unit::PendingCall, pending_calls),
        ];
        let load = self.load(&rates, &held)?;
        let cores = |used: f64| (used / busy).ceil().max(1.0) as u64;
        Ok(Needs {
            subscribers,
            rates: rates.into(),
            pending_calls,
            cores: cores(load.server_cpu),
            database_cores: load.database_cpu.map(cores),
            load,
        })
    }

    /// What `rates` operations a second ask, with `held` things in memory.
    fn load(&self, rates: &[(&str, f64)], held: &[(Unit, f64)]) -> Result<Load, Failure> {
        let cost = |fit: &Fit| fit.cost(1.0, rates.iter().copied()).map_err(unknown);
        let [to_server, from_server, datagrams_to, datagrams_from] = &self.wire;
        let database_cpu = self.database_cpu.as_ref().map(|fit| {
            // What never made the database work costs it nothing.
            let known = rates
                .iter()
                .copied()
                .filter(|(name, _)| fit.each.contains_key(*name));
            fit.cost(1.0, known).unwrap_or_default() / 1e6
        });
        // Over TCP there are none.
        let datagrams = |fit: &Fit| fit.cost(1.0, rates.iter().copied()).unwrap_or_default();
        Ok(Load {
            server_cpu: cost(&self.server_cpu)? / 1e6,
            database_cpu,
            memory: self.memory(held),
            octets: [cost(to_server)?, cost(from_server)?],
            datagrams: [datagrams(datagrams_to), datagrams(datagrams_from)],
        })
    }

    /// Bytes with `held` things; what no record tells counts for nothing, which [`notes`](Self::notes) says.
    fn memory(&self, held: &[(Unit, f64)]) -> f64 {
        let each = |(unit, count): &(Unit, f64)| {
            count
                * self
                    .memory
                    .each
                    .get(&unit.to_string())
                    .copied()
                    .unwrap_or_default()
        };
        let grown: f64 = held.iter().map(each).sum();
        let fixed = self.memory.fixed.filter(|_| grown > 0.0);
        self.memory_at_rest + fixed.unwrap_or_default() + grown
    }

    /// What a registered phone is called over this transport.
    pub(crate) fn contact(&self) -> Unit {
        match self.transport.as_str() {
            "udp" => Unit::Contact,
            _ => Unit::ConnectedContact,
        }
    }

    fn notes(&self, behaviour: &Behaviour, records: &[Record]) -> Vec<String> {
        let mut notes = Vec::new();
        let pending = behaviour.pending_calls(1.0) > 0.0;
        let wanted = [(true, self.contact()), (pending, Unit::PendingCall)];
        for (_, unit) in wanted.iter().filter(|(wanted, _)| *wanted) {
            if !self.memory.each.contains_key(&unit.to_string()) {
                let work = if *unit == Unit::PendingCall {
                    "call"
                } else {
                    "register"
                };
                notes.push(format!(
                    "No record with a hundred of them tells what a {unit} takes in memory: it counts for nothing here; add a \
                     run of `{work}`."
                ));
            }
        }
        if self.server_cpu.fixed.is_none() {
            notes.push(
                "Each kind was measured at one size: what the server spends when idle is part of its operations. A \
                 second record at another rate tells them apart."
                    .to_owned(),
            );
        }
        if self.memory.fixed.is_none() {
            notes.push(
                "Memory was measured at one size: what grows only once is part of each contact. A second record with \
                 another number of phones tells them apart."
                    .to_owned(),
            );
        }
        if self.transport != "udp" {
            notes.push("Over TCP the network is told without what packets add, and memory without the kernel's.".to_owned());
        }
        let limited = records
            .iter()
            .filter(|record| record.bottleneck.is_some())
            .count();
        if limited > 0 {
            notes.push(format!(
                "The generator was the limit in {limited} of {} runs.",
                records.len()
            ));
        }
        notes
    }
}

/// A run as one total: `cost`, and what was done for it.
fn total(record: &Record, fixed: f64, cost: f64) -> Total {
    let kinds = record
        .kinds
        .iter()
        .filter(|(_, kind)| kind.counts.succeeded > 0);
    Total {
        fixed,
        counts: kinds
            .map(|(name, kind)| (name.clone(), kind.counts.succeeded as f64))
            .collect(),
        cost,
    }
}

/// Seconds in which a run spent what it spent.
fn elapsed(record: &Record) -> f64 {
    record.elapsed.max(record.seconds).max(f64::MIN_POSITIVE)
}

fn inseparable() -> Failure {
    Failure::new(
        "the records do not tell one kind of operation from another: add a run of each alone (keepalive, register, call)",
    )
}

fn unknown(kind: &str) -> Failure {
    Failure::new(format!(
        "no record tells what a {kind} costs: add one, as in sipload {kind} --server-file … --json {kind}.json"
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::measure::growth::Growth;
    use crate::report::record::Kind;
    use crate::report::sample;

    /// Microseconds of a keep-alive, a registration, a call; of a second of idling.
    const COSTS: [(&str, f64); 3] = [("keepalive", 10.0), ("register", 200.0), ("call", 500.0)];
    const IDLE: f64 = 2_000.0;

    /// A run of ten seconds with so many of each kind, as a server of exactly those costs had made it.
    fn record(counts: &[(&str, u64)], contacts: u64) -> Record {
        let mut record = sample::keepalive(10);
        record.elapsed = 10.0;
        record.kinds = counts
            .iter()
            .map(|(name, count)| {
                let mut kind = Kind::default();
                kind.counts.succeeded = *count;
                ((*name).to_owned(), kind)
            })
            .collect();
        let each = |(name, count): &(&str, u64)| {
            let cost = COSTS.iter().find(|(kind, _)| kind == name).unwrap().1;
            cost * *count as f64
        };
        let cost = record.server_cost.as_mut().unwrap();
        cost.before.cpu_us = 0;
        cost.after.cpu_us = (10.0 * IDLE + counts.iter().map(each).sum::<f64>()) as u64;
        cost.after.pss = 40_000_000 + 300 * contacts;
        let done: u64 = counts.iter().map(|(_, count)| count).sum();
        record.wire.sent_octets = 400 * done;
        record.wire.sent_datagrams = done;
        record.wire.received_octets = 300 * done;
        record.wire.received_datagrams = done;
        record.registered = contacts;
        record.growth = vec![Growth {
            unit: Unit::Contact,
            count: contacts,
            bytes: 300 * contacts,
            each: 300.0,
        }];
        record
    }

    fn measured() -> Vec<Record> {
        vec![
            record(&[("keepalive", 1_000)], 100),
            record(&[("keepalive", 50_000)], 5_000),
            record(&[("register", 1_000)], 1_000),
            record(&[("call", 500)], 1_000),
        ]
    }

    pub(crate) fn capacity() -> Capacity {
        let other = record(
            &[("keepalive", 6_667), ("register", 33), ("call", 20)],
            10_000,
        );
        let behaviour = Behaviour::REPORT_2010;
        Capacity::new(1e6, behaviour, 0.5, &measured(), &[other]).unwrap()
    }

    #[track_caller]
    fn assert_near(a: f64, b: f64) {
        assert!((a - b).abs() <= 0.01 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn cores_and_memory_follow_from_what_one_costs() {
        let capacity = capacity();
        let wanted = capacity.wanted();
        let busy = (66_667.0 * 10.0 + 333.3 * 200.0 + 200.0 * 500.0 + IDLE) / 1e6;
        assert_near(wanted.load.server_cpu, busy);
        assert_eq!(wanted.cores, 2);
        assert_near(wanted.load.memory, 40e6 + 1e6 * 300.0);
        assert_near(wanted.load.octets[0], 400.0 * 67_200.0);
        assert_near(capacity.needs[3].load.server_cpu, 4.0 * busy);
    }

    #[test]
    fn a_server_of_constant_costs_is_predicted_exactly() {
        let check = &capacity().checks[0];
        assert!(check.figures.len() >= 3, "{check:?}");
        for figure in &check.figures {
            assert!(figure.off.abs() < 0.01, "{figure:?}");
        }
    }

    #[test]
    fn what_was_not_measured_is_asked_for() {
        let new = |records: &[Record]| {
            let told = Capacity::new(1e6, Behaviour::REPORT_2010, 0.5, records, &[]);
            told.unwrap_err().to_string()
        };
        let told = new(&measured()[..3]);
        assert!(told.contains("no record tells what a call costs"), "{told}");
        let mixture = record(
            &[("keepalive", 6_667), ("register", 33), ("call", 20)],
            10_000,
        );
        let told = new(&[mixture]);
        assert!(
            told.contains("do not tell one kind of operation from another"),
            "{told}"
        );
        let mut records = measured();
        records[0].server = "another".to_owned();
        assert!(new(&records).contains("differ in their server"));
        for record in &mut records {
            record.server_cost = None;
        }
        records[0].server = records[1].server.clone();
        assert!(new(&records).contains("what the server spent"));
    }

    #[test]
    fn what_counts_for_nothing_is_said() {
        let notes = capacity().notes;
        assert!(
            notes
                .iter()
                .any(|note| note.contains("what a pending call takes")),
            "{notes:?}"
        );
        assert!(
            !notes.iter().any(|note| note.contains("when idle")),
            "{notes:?}"
        );
    }
}
