//! Memory of the server for each thing it holds: what it has more than before, shared among them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a server has more of, and what that took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) unit: Unit,
    pub(crate) count: u64,
    /// Proportional set size it has more, all together.
    pub(crate) bytes: u64,
    /// For one of them.
    pub(crate) each: f64,
}

/// What a server holds memory for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    /// A registered phone, over UDP.
    Contact,
    /// A registered phone and the connection it holds.
    ConnectedContact,
    /// A connection alone.
    Connection,
    /// A call that is under way: it rings, or they talk.
    PendingCall,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unit::Contact => "contact",
            Unit::ConnectedContact => "contact with its connection",
            Unit::Connection => "connection",
            Unit::PendingCall => "pending call",
        })
    }
}

/// What was there when the server was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Look {
    pub(crate) pss: u64,
    pub(crate) contacts: u64,
    pub(crate) connections: u64,
    pub(crate) calls: u64,
}

impl Growth {
    /// Whether there are enough of them that what grows once hardly matters.
    pub(crate) fn is_telling(&self) -> bool {
        self.count >= 100
    }

    /// What came between two looks, if it is one thing alone.
    pub(crate) fn between(before: &Look, after: &Look) -> Option<Growth> {
        let more = |count: fn(&Look) -> u64| count(after).saturating_sub(count(before));
        let (contacts, connections) = (more(|look| look.contacts), more(|look| look.connections));
        let (unit, count) = match (contacts, connections, more(|look| look.calls)) {
            (0, 0, calls) => (Unit::PendingCall, calls),
            (0, connections, 0) => (Unit::Connection, connections),
            (contacts, 0, 0) => (Unit::Contact, contacts),
            (contacts, _, 0) => (Unit::ConnectedContact, contacts),
            _ => return None,
        };
        let bytes = after.pss.saturating_sub(before.pss);
        (count > 0).then(|| Growth {
            unit,
            count,
            bytes,
            each: bytes as f64 / count as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Look = Look {
        pss: 1000,
        contacts: 0,
        connections: 0,
        calls: 0,
    };

    #[test]
    fn what_came_alone_is_what_memory_went_for() {
        let told = |after: Look| {
            let grown = Growth::between(&EMPTY, &Look { pss: 5000, ..after })?;
            Some((grown.unit, grown.count, grown.each))
        };
        let contacts = Look {
            contacts: 4,
            ..EMPTY
        };
        assert_eq!(told(contacts), Some((Unit::Contact, 4, 1000.0)));
        let connected = Look {
            connections: 4,
            ..contacts
        };
        assert_eq!(told(connected), Some((Unit::ConnectedContact, 4, 1000.0)));
        let connections = Look {
            connections: 2,
            ..EMPTY
        };
        assert_eq!(told(connections), Some((Unit::Connection, 2, 2000.0)));
        let calls = Look { calls: 8, ..EMPTY };
        assert_eq!(told(calls), Some((Unit::PendingCall, 8, 500.0)));
        assert_eq!(told(EMPTY), None);
        assert_eq!(
            told(Look {
                calls: 8,
                ..contacts
            }),
            None
        );
    }

    #[test]
    fn a_server_that_shrank_took_nothing() {
        let after = Look {
            pss: 10,
            contacts: 3,
            ..EMPTY
        };
        assert_eq!(Growth::between(&EMPTY, &after).unwrap().bytes, 0);
    }
}
