//! A prediction beside a run that had no part in it.

use serde::Serialize;

use super::{Constants, elapsed};
use crate::failure::Failure;
use crate::measure::growth::Unit;
use crate::report::record::{Cost, Record};
use crate::report::reference::cores;

/// What was predicted of one run, and what it measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Check {
    /// What was run, with its number of phones and its rate.
    pub(crate) run: String,
    pub(crate) figures: Vec<Figure>,
}

/// One figure of a [`Check`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) quantity: Quantity,
    pub(crate) predicted: f64,
    pub(crate) measured: f64,
    /// The prediction over the measured, less 1.
    pub(crate) off: f64,
}

/// What a [`Figure`] is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Quantity {
    Cores,
    Bytes,
    OctetsPerSecond,
}

impl Check {
    /// Predicts what `record` measured from its rates and its phones.
    pub(super) fn of(constants: &Constants, record: &Record) -> Result<Check, Failure> {
        let elapsed = elapsed(record);
        let kinds = record
            .kinds
            .iter()
            .filter(|(_, kind)| kind.counts.succeeded > 0);
        let rates: Vec<(&str, f64)> = kinds
            .map(|(name, kind)| (name.as_str(), kind.counts.succeeded as f64 / elapsed))
            .collect();
        let calls = record
            .growth
            .iter()
            .find(|grown| grown.unit == Unit::PendingCall);
        let held = [
            (constants.contact(), record.registered as f64),
            (
                Unit::PendingCall,
                calls.map_or(0.0, |grown| grown.count as f64),
            ),
        ];
        let load = constants.load(&rates, &held)?;
        let measured_cores = |cost: Option<Cost>| cost.map(|cost| cores(&cost, elapsed));
        let memory = record.server_cost.map(|cost| cost.after.pss as f64);
        let octets = [record.wire.sent_octets, record.wire.received_octets]
            .map(|octets| octets as f64 / elapsed);
        use Quantity::{Bytes, Cores, OctetsPerSecond};
        let figures = [
            (
                "server CPU",
                Cores,
                Some(load.server_cpu),
                measured_cores(record.server_cost),
            ),
            (
                "database CPU",
                Cores,
                load.database_cpu,
                measured_cores(record.database_cost),
            ),
            ("server memory", Bytes, Some(load.memory), memory),
            (
                "network, to the server",
                OctetsPerSecond,
                Some(load.octets[0]),
                Some(octets[0]),
            ),
            (
                "network, from the server",
                OctetsPerSecond,
                Some(load.octets[1]),
                Some(octets[1]),
            ),
        ];
        let figures = figures
            .into_iter()
            .filter_map(|(name, quantity, predicted, measured)| {
                let (predicted, measured) =
                    (predicted?, measured.filter(|measured| *measured > 0.0)?);
                Some(Figure {
                    name,
                    quantity,
                    predicted,
                    measured,
                    off: predicted / measured - 1.0,
                })
            });
        let all = record.counts().succeeded as f64 / elapsed;
        Ok(Check {
            run: format!(
                "{} with {} phones, {all:.0} operations/s",
                record.work, record.registered
            ),
            figures: figures.collect(),
        })
    }
}
