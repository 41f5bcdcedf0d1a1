//! What lies between the peers: a transport, and what it does to messages.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use sip_core::Transport;

/// A link every message of a [`Sim`](super::Sim) travels on. The same seed does the same to the same messages.
#[derive(Clone, Debug)]
pub struct Link {
    pub(crate) transport: Transport,
    pub(crate) seed: u64,
    latency: Duration,
    jitter: Duration,
    loss: f64,
    duplication: f64,
    deaf: bool,
    doomed: Vec<Doom>,
}

/// What is lost whatever happens: so many messages of that name, to that peer or to any.
#[derive(Clone, Debug)]
struct Doom {
    what: String,
    to: Option<String>,
    left: usize,
}

/// What becomes of one message: when its copies arrive, after it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) copies: Vec<Duration>,
    pub(crate) note: Option<&'static str>,
}

impl Link {
    /// Datagrams that arrive at once, each one once.
    #[must_use]
    pub fn udp() -> Link {
        Link::over(Transport::Udp)
    }

    /// Connections, on which nothing is lost, doubled or overtaken.
    #[must_use]
    pub fn tcp() -> Link {
        Link::over(Transport::Tcp)
    }

    /// Either of them, by the transport's name.
    #[must_use]
    pub fn over(transport: Transport) -> Link {
        Link {
            transport,
            seed: 1,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            duplication: 0.0,
            deaf: false,
            doomed: Vec::new(),
        }
    }

    /// The source of all chance in the run.
    #[must_use]
    pub fn seed(self, seed: u64) -> Link {
        Link { seed, ..self }
    }

    /// How long a message takes at least.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Link {
        Link { latency, ..self }
    }

    /// How much longer a datagram may take: with more jitter than there is between two, they change places.
    #[must_use]
    pub fn jitter(self, jitter: Duration) -> Link {
        Link { jitter, ..self }
    }

    /// The share of datagrams that is lost, from 0 to 1.
    #[must_use]
    pub fn loses(self, loss: f64) -> Link {
        Link { loss, ..self }
    }

    /// The share of datagrams that arrives twice, from 0 to 1.
    #[must_use]
    pub fn duplicates(self, duplication: f64) -> Link {
        Link {
            duplication,
            ..self
        }
    }

    /// As if nobody were at the other end.
    #[must_use]
    pub fn lose_everything(self) -> Link {
        Link { deaf: true, ..self }
    }

    /// Loses the first `count` messages that a ladder calls `what`: `"INVITE"`, `"200 INVITE"`.
    #[must_use]
    pub fn lose_first(mut self, count: usize, what: &str) -> Link {
        self.doomed.push(Doom {
            what: what.to_owned(),
            to: None,
            left: count,
        });
        self
    }

    /// Loses the first `count` messages to the peer `to` that a ladder calls `what`.
    #[must_use]
    pub fn lose_first_to(mut self, count: usize, to: &str, what: &str) -> Link {
        self.doomed.push(Doom {
            what: what.to_owned(),
            to: Some(to.to_owned()),
            left: count,
        });
        self
    }

    /// Decides about the next message to the peer `to`, which a ladder calls `what`.
    pub(crate) fn fate(&mut self, what: &str, to: &str, chance: &mut StdRng) -> Fate {
        if self.deaf {
            return Fate {
                copies: Vec::new(),
                note: None,
            };
        }
        if self.is_doomed(what, to) {
            return Fate {
                copies: Vec::new(),
                note: Some("lost"),
            };
        }
        if self.transport.is_reliable() {
            return Fate {
                copies: vec![self.latency],
                note: None,
            };
        }
        // Always the same number of draws, so that one setting does not shift the chances of another.
        let (loss, duplication) = (chance.random::<f64>(), chance.random::<f64>());
        let delays = [chance.random::<f64>(), chance.random::<f64>()];
        let delay = |share: f64| self.latency + self.jitter.mul_f64(share);
        match (loss < self.loss, duplication < self.duplication) {
            (true, _) => Fate {
                copies: Vec::new(),
                note: Some("lost"),
            },
            (_, true) => Fate {
                copies: delays.map(delay).to_vec(),
                note: Some("doubled"),
            },
            _ => Fate {
                copies: vec![delay(delays[0])],
                note: None,
            },
        }
    }

    fn is_doomed(&mut self, what: &str, to: &str) -> bool {
        let meant = |doom: &&mut Doom| {
            doom.left > 0 && doom.what == what && doom.to.as_ref().is_none_or(|only| only == to)
        };
        let doom = self.doomed.iter_mut().find(meant);
        doom.map(|doom| doom.left -= 1).is_some()
    }
}
