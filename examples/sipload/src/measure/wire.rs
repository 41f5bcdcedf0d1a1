//! What goes over the wire, as the generator sees it: it is all that the server sees, too.

use std::ops::Sub;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sip_transport::Counters;

/// Octets of SIP, without what IP, UDP and TCP add; datagrams, if there are any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wire {
    pub(crate) sent_octets: u64,
    pub(crate) sent_datagrams: u64,
    pub(crate) received_octets: u64,
    pub(crate) received_datagrams: u64,
}

impl Wire {
    /// All that went since the workers started.
    pub(crate) fn so_far(workers: &[Arc<Counters>]) -> Wire {
        let sum = |value: fn(&Counters) -> u64| workers.iter().map(|worker| value(worker)).sum();
        Wire {
            sent_octets: sum(|worker| worker.octets_sent.value()),
            sent_datagrams: sum(|worker| worker.datagrams_sent.value()),
            received_octets: sum(|worker| worker.octets_received.value()),
            received_datagrams: sum(|worker| worker.datagrams_received.value()),
        }
    }
}

impl Sub for Wire {
    type Output = Wire;

    fn sub(self, earlier: Wire) -> Wire {
        Wire {
            sent_octets: self.sent_octets.saturating_sub(earlier.sent_octets),
            sent_datagrams: self.sent_datagrams.saturating_sub(earlier.sent_datagrams),
            received_octets: self.received_octets.saturating_sub(earlier.received_octets),
            received_datagrams: self
                .received_datagrams
                .saturating_sub(earlier.received_datagrams),
        }
    }
}
