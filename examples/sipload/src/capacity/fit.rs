//! What one of each costs, from totals of several runs: least squares with no cost below zero.

use std::collections::BTreeMap;

use serde::Serialize;

/// What a run had of each thing, and what all of it cost together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Total {
    /// How often the fixed part was paid for: seconds, or 1.
    pub(crate) fixed: f64,
    pub(crate) counts: BTreeMap<String, f64>,
    pub(crate) cost: f64,
}

/// Costs that explain the totals.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Fit {
    /// What is paid whatever is done; `None` where the totals cannot tell it, and then it is part of the others.
    pub(crate) fixed: Option<f64>,
    pub(crate) each: BTreeMap<String, f64>,
}

/// Columns nearer to each other than this, on a scale to 1, are told apart by noise alone.
const APART: f64 = 0.02;

/// More rounds than any sound set of columns takes.
const ROUNDS: usize = 200_000;

impl Fit {
    /// `None` if the totals do not tell the things apart: each run had all of them in the same proportion.
    pub(crate) fn of(totals: &[Total]) -> Option<Fit> {
        let totals: Vec<&Total> = totals.iter().filter(|total| total.cost > 0.0).collect();
        let mut names: Vec<&String> = totals.iter().flat_map(|it| it.counts.keys()).collect();
        names.sort_unstable();
        names.dedup();
        // Each run weighs the same, however long it was: its cost is 1.
        let column = |value: &dyn Fn(&Total) -> f64| -> Vec<f64> {
            totals
                .iter()
                .map(|total| value(total) / total.cost)
                .collect()
        };
        let mut columns: Vec<Vec<f64>> = names
            .iter()
            .map(|name| column(&|total| total.counts.get(*name).copied().unwrap_or_default()))
            .collect();
        if !are_apart(&columns) {
            return None;
        }
        columns.push(column(&|total| total.fixed));
        let has_fixed = are_apart(&columns);
        if !has_fixed {
            columns.pop();
        }
        let mut costs = non_negative(&columns, totals.len());
        let fixed = if has_fixed { costs.pop() } else { None };
        let each = names.into_iter().cloned().zip(costs).collect();
        Some(Fit { fixed, each })
    }

    /// What so many of each cost; the name of one that no run had otherwise.
    pub(crate) fn cost<'a>(
        &self,
        fixed: f64,
        counts: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<f64, &'a str> {
        let mut sum = fixed * self.fixed.unwrap_or_default();
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0.0) {
            sum += count * self.each.get(name).ok_or(name)?;
        }
        Ok(sum)
    }
}

/// Whether no column is nearly made of those before it (Gram and Schmidt).
fn are_apart(columns: &[Vec<f64>]) -> bool {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    for column in columns {
        let length = dot(column, column).sqrt();
        let mut rest: Vec<f64> = column.iter().map(|value| value / length).collect();
        for direction in &basis {
            let along = dot(&rest, direction);
            rest.iter_mut()
                .zip(direction)
                .for_each(|(value, direction)| *value -= along * direction);
        }
        let left = dot(&rest, &rest).sqrt();
        // No number if the column is all zero.
        if left.is_nan() || left <= APART {
            return false;
        }
        basis.push(rest.iter().map(|value| value / left).collect());
    }
    true
}

/// The costs, none below zero, that bring `rows` rows nearest to 1: one cost after the other is set right while the
/// others stay, until none moves any more.
fn non_negative(columns: &[Vec<f64>], rows: usize) -> Vec<f64> {
    let mut costs = vec![0.0; columns.len()];
    let mut missing = vec![1.0; rows];
    for _ in 0..ROUNDS {
        let mut moved = 0.0_f64;
        for (cost, column) in costs.iter_mut().zip(columns) {
            let better = (*cost + dot(column, &missing) / dot(column, column)).max(0.0);
            let step = better - *cost;
            *cost = better;
            moved = moved.max(step.abs() / better.max(f64::MIN_POSITIVE));
            missing
                .iter_mut()
                .zip(column)
                .for_each(|(missing, value)| *missing -= step * value);
        }
        if moved < 1e-12 {
            break;
        }
    }
    costs
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(fixed: f64, counts: &[(&str, f64)], cost: f64) -> Total {
        Total {
            fixed,
            counts: counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
            cost,
        }
    }

    #[track_caller]
    fn assert_near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} is not {b}");
    }

    #[test]
    fn one_run_of_each_kind_tells_each_and_no_fixed_part() {
        let fit = Fit::of(&[
            total(10.0, &[("a", 100.0)], 500.0),
            total(10.0, &[("b", 10.0)], 700.0),
        ]);
        let fit = fit.unwrap();
        assert_near(fit.each["a"], 5.0);
        assert_near(fit.each["b"], 70.0);
        assert_eq!(fit.fixed, None);
    }

    #[test]
    fn two_sizes_tell_the_fixed_part_from_the_rest() {
        let runs = [100.0, 10_000.0].map(|n| total(10.0, &[("a", n)], 10.0 * 30.0 + 5.0 * n));
        let fit = Fit::of(&runs).unwrap();
        assert_near(fit.each["a"], 5.0);
        assert_near(fit.fixed.unwrap(), 30.0);
        assert_near(fit.cost(2.0, [("a", 3.0)]).unwrap(), 75.0);
    }

    #[test]
    fn a_mixture_is_taken_apart_by_runs_of_its_parts() {
        let mixture = total(10.0, &[("a", 100.0), ("b", 10.0)], 1200.0);
        assert_eq!(Fit::of(std::slice::from_ref(&mixture)), None);
        let fit = Fit::of(&[mixture, total(10.0, &[("a", 50.0)], 250.0)]).unwrap();
        assert_near(fit.each["a"], 5.0);
        assert_near(fit.each["b"], 70.0);
    }

    #[test]
    fn no_cost_is_below_zero() {
        // A larger run was dearer for each: the line through both would begin below zero.
        let runs =
            [(100.0, 400.0), (1000.0, 5000.0)].map(|(n, cost)| total(1.0, &[("a", n)], cost));
        let fit = Fit::of(&runs).unwrap();
        assert_eq!(fit.fixed, Some(0.0));
        assert!((4.0..=5.0).contains(&fit.each["a"]), "{fit:?}");
    }

    #[test]
    fn two_runs_of_about_one_size_tell_no_fixed_part() {
        let runs = [1000.0, 1010.0].map(|n| total(10.0, &[("a", n)], 5.0 * n));
        assert_eq!(Fit::of(&runs).unwrap().fixed, None);
    }

    #[test]
    fn what_no_run_had_is_named() {
        let fit = Fit::of(&[total(1.0, &[("a", 1.0)], 1.0)]).unwrap();
        assert_eq!(fit.cost(1.0, [("a", 1.0), ("b", 2.0)]), Err("b"));
        assert_eq!(fit.cost(1.0, [("b", 0.0)]), Ok(0.0));
    }
}
