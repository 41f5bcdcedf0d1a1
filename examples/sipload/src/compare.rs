//! The same work against two servers, alternately: a machine that drifts drifts for both.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::report::record::{Kind, Record};

/// Fewer rounds than this show no difference, whatever their figures.
const ENOUGH: usize = 3;

/// What was measured of two servers, round by round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Comparison {
    pub(crate) names: [String; 2],
    pub(crate) rounds: Vec<[Record; 2]>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    First,
    Second,
}

/// Runs `trial` against the first and the second in turn, `rounds` times each. A trial that returns `None` was told to
/// stop: whole rounds before it count.
pub(crate) async fn alternate(
    names: [String; 2],
    rounds: u32,
    mut trial: impl AsyncFnMut(Side, u32) -> Result<Option<Record>, Failure>,
) -> Result<Comparison, Failure> {
    let mut comparison = Comparison {
        names,
        rounds: Vec::new(),
    };
    for round in 0..rounds {
        let Some(first) = trial(Side::First, round).await? else {
            break;
        };
        let Some(second) = trial(Side::Second, round).await? else {
            break;
        };
        comparison.rounds.push([first, second]);
    }
    match comparison.rounds.is_empty() {
        true => Err(Failure::new(
            "stopped before both servers had their first round",
        )),
        false => Ok(comparison),
    }
}

/// One thing that was measured of both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) values: [Spread; 2],
    /// The first's over the second's, each round by itself; none if the second had zero.
    pub(crate) ratio: Option<Spread>,
    /// For the first.
    pub(crate) judgement: Judgement,
}

/// What a [`Measure`] is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Share,
    Micros,
    Bytes,
}

/// Whether the first is better than the second. It is only if it was in every round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Better,
    Worse,
    Unclear,
}

/// The middle of some values, and how far they lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` of no values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let middle = values.len() / 2;
        let median = match values.len() % 2 {
            0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Some(Spread { median, min, max })
    }
}

impl Comparison {
    pub(crate) fn work(&self) -> &str {
        self.rounds.first().map_or("", |[first, _]| &first.work)
    }

    /// Runs in which the generator itself was the limit.
    pub(crate) fn doubtful(&self) -> usize {
        self.rounds
            .iter()
            .flatten()
            .filter(|record| record.bottleneck.is_some())
            .count()
    }

    /// All that was measured of both in every round.
    pub(crate) fn measures(&self) -> Vec<Measure> {
        let mut measures = Vec::new();
        let first = self.rounds.first().map(|[first, _]| first);
        for kind in first.into_iter().flat_map(|record| record.kinds.keys()) {
            measures.extend(self.measures_of(kind));
        }
        let per_operation = "CPU per operation";
        let has_database = self
            .rounds
            .iter()
            .flatten()
            .any(|record| record.database_cost.is_some());
        if has_database {
            measures.extend(self.measure(
                format!("{per_operation}, server and database"),
                Unit::Micros,
                |record| {
                    let database = record.database_cpu_per_operation().unwrap_or_default();
                    Some(record.server_cpu_per_operation()? + database)
                },
            ));
        }
        measures.extend(self.measure(
            format!("{per_operation}, server"),
            Unit::Micros,
            Record::server_cpu_per_operation,
        ));
        measures.extend(
            self.measure("memory of the server".to_owned(), Unit::Bytes, |record| {
                Some(record.server_cost?.after.pss as f64)
            }),
        );
        measures
    }

    /// Rate, success and latency of one kind.
    fn measures_of(&self, kind: &str) -> impl Iterator<Item = Measure> {
        let latency = |name: &str, value: fn(&Kind) -> u64| {
            self.measure(format!("{kind} latency {name}"), Unit::Micros, |record| {
                let value = value(record.kinds.get(kind)?);
                (value > 0).then_some(value as f64)
            })
        };
        let rate = self.measure(format!("{kind} rate"), Unit::PerSecond, |record| {
            Some(record.rate(kind))
        });
        let success = self.measure(format!("{kind} success"), Unit::Share, |record| {
            Some(record.kinds.get(kind)?.counts.success())
        });
        // All of both: nothing to tell.
        let success =
            success.filter(|measure| measure.values.iter().any(|spread| spread.min < 1.0));
        let [p50, p99] = [
            latency("p50", |kind| kind.latency.p50),
            latency("p99", |kind| kind.latency.p99),
        ];
        [rate, success, p50, p99].into_iter().flatten()
    }

    fn measure(
        &self,
        name: String,
        unit: Unit,
        value: impl Fn(&Record) -> Option<f64>,
    ) -> Option<Measure> {
        let pairs = self
            .rounds
            .iter()
            .map(|[first, second]| Some([value(first)?, value(second)?]));
        let pairs: Vec<[f64; 2]> = pairs.collect::<Option<_>>()?;
        let ratios = pairs
            .iter()
            .map(|[first, second]| (*second > 0.0).then(|| first / second));
        let ratio = ratios.collect::<Option<Vec<f64>>>().and_then(Spread::of);
        let side = |at: usize| Spread::of(pairs.iter().map(|pair| pair[at]));
        let judgement = match ratio {
            Some(ratio) if pairs.len() >= ENOUGH => unit.judge(ratio),
            _ => Judgement::Unclear,
        };
        Some(Measure {
            name,
            unit,
            values: [side(0)?, side(1)?],
            ratio,
            judgement,
        })
    }
}

impl Unit {
    fn judge(self, ratio: Spread) -> Judgement {
        let more_is_better = matches!(self, Unit::PerSecond | Unit::Share);
        // What both were told to do, they do at the same rate but for a hair.
        let (less, more) = (ratio.max < 0.995, ratio.min > 1.005);
        match (less, more) {
            (false, false) => Judgement::Unclear,
            _ if more == more_is_better => Judgement::Better,
            _ => Judgement::Worse,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::report::sample;

    /// A record whose server spent so many microseconds on each operation.
    fn record(cpu_us: u64) -> Record {
        let mut record = sample::keepalive(10);
        let succeeded = record.counts().succeeded;
        let cost = record.server_cost.as_mut().unwrap();
        cost.after.cpu_us = cost.before.cpu_us + cpu_us * succeeded;
        record
    }

    pub(crate) fn comparison(cpu: &[[u64; 2]]) -> Comparison {
        Comparison {
            names: ["itsp".to_owned(), "kamailio".to_owned()],
            rounds: cpu.iter().map(|pair| pair.map(record)).collect(),
        }
    }

    fn find(comparison: &Comparison, name: &str) -> Measure {
        let measures = comparison.measures();
        measures
            .into_iter()
            .find(|measure| measure.name == name)
            .unwrap()
    }

    #[tokio::test]
    async fn servers_take_turns() {
        let turns = RefCell::new(Vec::new());
        let names = ["a".to_owned(), "b".to_owned()];
        let comparison = alternate(names, 3, async |side, round| {
            turns.borrow_mut().push((side, round));
            Ok(Some(record(10)))
        });
        assert_eq!(comparison.await.unwrap().rounds.len(), 3);
        let expected: Vec<_> = (0..3)
            .flat_map(|round| [(Side::First, round), (Side::Second, round)])
            .collect();
        assert_eq!(*turns.borrow(), expected);
    }

    #[tokio::test]
    async fn whole_rounds_before_the_end_count() {
        let names = || ["a".to_owned(), "b".to_owned()];
        let stopped_in = |last: u32| {
            async move |side: Side, round: u32| {
                Ok((round < last || side == Side::First).then(|| record(10)))
            }
        };
        assert_eq!(
            alternate(names(), 9, stopped_in(2))
                .await
                .unwrap()
                .rounds
                .len(),
            2
        );
        let failure = alternate(names(), 9, stopped_in(0)).await.unwrap_err();
        assert!(failure.to_string().contains("first round"), "{failure}");
    }

    #[tokio::test]
    async fn a_trial_that_fails_ends_it() {
        let names = ["a".to_owned(), "b".to_owned()];
        let failure = alternate(names, 2, async |_, _| Err(Failure::new("no server")))
            .await
            .unwrap_err();
        assert_eq!(failure, Failure::new("no server"));
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // The machine halves its speed in the second round: the ratio stays.
        let measure = find(
            &comparison(&[[10, 20], [20, 40], [11, 20]]),
            "CPU per operation, server",
        );
        let ratio = measure.ratio.unwrap();
        assert!((ratio.median - 0.5).abs() < 1e-6, "{ratio:?}");
        assert!(
            (ratio.min - 0.5).abs() < 1e-6 && (ratio.max - 0.55).abs() < 1e-6,
            "{ratio:?}"
        );
        assert!((measure.values[1].max - 40.0).abs() < 1e-6);
        assert_eq!(measure.judgement, Judgement::Better);
    }

    #[test]
    fn a_spread_about_one_shows_no_difference() {
        let judge =
            |cpu: &[[u64; 2]]| find(&comparison(cpu), "CPU per operation, server").judgement;
        assert_eq!(judge(&[[10, 20], [21, 20], [10, 20]]), Judgement::Unclear);
        assert_eq!(judge(&[[30, 20], [21, 20], [40, 20]]), Judgement::Worse);
        assert_eq!(
            judge(&[[10, 20], [10, 20]]),
            Judgement::Unclear,
            "two rounds are too few"
        );
        assert_eq!(judge(&[[10, 0], [10, 0], [10, 0]]), Judgement::Unclear);
    }

    #[test]
    fn more_of_a_rate_is_better() {
        let mut comparison = comparison(&[[10, 20]; 3]);
        for [_, second] in &mut comparison.rounds {
            second.kinds.get_mut("keepalive").unwrap().counts.succeeded /= 2;
        }
        let measure = find(&comparison, "keepalive rate");
        assert_eq!(
            (measure.judgement, measure.unit),
            (Judgement::Better, Unit::PerSecond)
        );
    }

    #[test]
    fn a_database_beside_one_of_them_is_counted_in() {
        let mut comparison = comparison(&[[10, 20]; 3]);
        for [_, second] in &mut comparison.rounds {
            second.database_cost = second.server_cost;
        }
        let both = find(&comparison, "CPU per operation, server and database");
        assert!((both.values[0].median - 10.0).abs() < 1e-6);
        assert!((both.values[1].median - 40.0).abs() < 1e-6);
    }

    #[test]
    fn what_one_round_lacks_is_not_compared() {
        let mut comparison = comparison(&[[10, 20]; 3]);
        comparison.rounds[1][0].server_cost = None;
        assert!(
            comparison
                .measures()
                .iter()
                .all(|measure| measure.name != "memory of the server")
        );
    }

    #[test]
    fn a_median_lies_in_the_middle() {
        let median =
            |values: &[f64]| Spread::of(values.iter().copied()).map(|spread| spread.median);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
