//! How a test takes hold of a peer.

use std::marker::PhantomData;
use std::time::Instant;

use sip_core::{Message, Method, Response, StatusCode, Tag};

use super::peer::{Driven, Puppet};
use super::{Sim, panic_about};
use crate::boundary::{Target, Transmit};
use crate::layer::TransactionLayer;
use crate::user::TransactionUser;

/// A peer within reach: look at its user, act with its layer.
pub struct Hand<'a, U> {
    pub(super) sim: &'a mut Sim,
    pub(super) index: usize,
    pub(super) user: PhantomData<fn() -> U>,
}

impl<U: TransactionUser + 'static> Hand<'_, U> {
    /// Acts as this peer now, and sends what comes of it.
    ///
    /// # Panics
    /// If the peer has another kind of user.
    pub fn act<R>(&mut self, act: impl FnOnce(Instant, &mut U, &mut TransactionLayer) -> R) -> R {
        let now = self.sim.now;
        let driven = self.sim.peers[self.index]
            .as_any_mut()
            .downcast_mut::<Driven<U>>();
        let Some(Driven { user, layer, .. }) = driven else {
            panic_about(format_args!(
                "{} is another kind of peer",
                self.sim.names[self.index]
            ))
        };
        let result = act(now, user, layer);
        self.sim.settle(self.index);
        result
    }

    /// The user.
    ///
    /// # Panics
    /// If the peer has another kind of user.
    #[must_use]
    pub fn user(&self) -> &U {
        &self.driven().user
    }

    /// The layer below it.
    ///
    /// # Panics
    /// If the peer has another kind of user.
    #[must_use]
    pub fn layer(&self) -> &TransactionLayer {
        &self.driven().layer
    }

    fn driven(&self) -> &Driven<U> {
        let driven = self.sim.peers[self.index].as_any().downcast_ref();
        driven.unwrap_or_else(|| {
            panic_about(format_args!(
                "{} is another kind of peer",
                self.sim.names[self.index]
            ))
        })
    }
}

/// A [`Puppet`] within reach.
pub struct PuppetHand<'a> {
    pub(super) sim: &'a mut Sim,
    pub(super) index: usize,
}

impl PuppetHand<'_> {
    /// Sends `text`, line ends of either kind, to the peer of that name.
    ///
    /// # Panics
    /// If there is none.
    pub fn send(&mut self, to: &str, text: &str) {
        let Some(remote) = self.sim.address_of(to) else {
            panic_about(format_args!("no peer is called {to}"))
        };
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        let target = Target::address(self.sim.wire.transport(), remote);
        self.transmit(text.into(), target);
    }

    /// Answers the request received last, ACKs aside, with a To tag of its own.
    ///
    /// # Panics
    /// If none came, or there is no such status.
    pub fn reply(&mut self, status: u16) {
        self.reply_with(status, |_| {});
    }

    /// The same, with changes to the response.
    ///
    /// # Panics
    /// As [`reply`](PuppetHand::reply).
    pub fn reply_with(&mut self, status: u16, edit: impl FnOnce(&mut Response)) {
        let requests = self.puppet().received.iter().rev();
        let mut requests = requests.filter_map(|(message, flow)| match message {
            Message::Request(request) if *request.method() != Method::Ack => Some((request, *flow)),
            _ => None,
        });
        let Some((request, flow)) = requests.next() else {
            panic_about(format_args!("nothing to reply to"))
        };
        let Some(status) = StatusCode::new(status) else {
            panic_about(format_args!("no status {status}"))
        };
        let mut response = request.reply(status);
        if let (true, Ok(tag)) = (status != StatusCode::TRYING, Tag::new("puppet")) {
            response.set_to_tag(&tag);
        }
        edit(&mut response);
        self.transmit(response.to_bytes(), Target::Flow(flow));
    }

    /// All that came, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Message> {
        let received = self.puppet().received.iter();
        received.map(|(message, _)| message.clone()).collect()
    }

    fn transmit(&mut self, payload: bytes::Bytes, to: Target) {
        let puppet = self.sim.peers[self.index]
            .as_any_mut()
            .downcast_mut::<Puppet>();
        if let Some(puppet) = puppet {
            puppet.to_send.push_back(Transmit {
                payload,
                to,
                origin: None,
                timer: None,
            });
        }
        self.sim.settle(self.index);
    }

    fn puppet(&self) -> &Puppet {
        let puppet = self.sim.peers[self.index].as_any().downcast_ref();
        puppet.unwrap_or_else(|| panic_about(format_args!("no puppet any more")))
    }
}
