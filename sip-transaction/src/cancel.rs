//! CANCEL: sending it when it may be sent (RFC 3261 §9.1), and finding what it cancels (§9.2).

use std::time::Instant;

use sip_core::{Method, Request, StatusCode};

use crate::boundary::{ClientId, Event, Flow, ServerId};
use crate::client::{self, ClientTransaction};
use crate::layer::TransactionLayer;
use crate::server;
use crate::table::SlotId;
use crate::timer::Timer;
use crate::{client_invite, client_non_invite, same_branch, server_invite, server_non_invite};

/// How far cancelling an INVITE of ours has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancellation {
    NotWanted,
    /// Waits for a provisional response: a CANCEL must not overtake its INVITE.
    Wanted,
    /// In a client transaction of its own.
    Sent(SlotId),
}

/// Why there is nothing to cancel. The caller erred, or was too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CancelError {
    /// The transaction has ended.
    #[error("no such client transaction")]
    Unknown,
    /// Only INVITE takes long enough to be cancelled (§9.1).
    #[error("only an INVITE can be cancelled")]
    NotInvite,
    /// The final response is here.
    #[error("the INVITE is answered already")]
    Answered,
}

/// Cancelling what we sent.
impl TransactionLayer {
    /// Cancels the INVITE of `id` (§9.1): the CANCEL leaves now, or when the first provisional response is
    /// here. The INVITE's final response still comes as an event; if none comes within 64·T1, a timeout does.
    ///
    /// Cancelling twice changes nothing.
    ///
    /// # Errors
    /// See [`CancelError`].
    pub fn cancel(&mut self, now: Instant, id: ClientId) -> Result<(), CancelError> {
        use client_invite::State::{Calling, Proceeding};
        let now = self.advance_clock(now);
        let invite = self.clients.get_mut(id.0).ok_or(CancelError::Unknown)?;
        match &invite.machine {
            client::Machine::Invite(Calling | Proceeding) => {}
            client::Machine::Invite(_) => return Err(CancelError::Answered),
            _ => return Err(CancelError::NotInvite),
        }
        if invite.cancellation == Cancellation::NotWanted {
            invite.cancellation = Cancellation::Wanted;
        }
        self.send_wanted_cancel(now, id.0);
        Ok(())
    }

    /// Sends the CANCEL that waits for a provisional response, if that is here.
    pub(crate) fn send_wanted_cancel(&mut self, now: Instant, id: SlotId) {
        let Some(invite) = self.clients.get(id) else {
            return;
        };
        let ClientTransaction {
            machine: client::Machine::Invite(client_invite::State::Proceeding),
            cancellation: Cancellation::Wanted,
            to,
            random,
            ..
        } = *invite
        else {
            return;
        };
        let request = same_branch::cancel(&invite.request);
        let cancel = self.insert_client(ClientTransaction {
            machine: client::Machine::Cancel(client_non_invite::State::Terminated),
            method: Method::Cancel,
            request,
            to,
            random,
            cancellation: Cancellation::NotWanted,
        });
        if let Some(invite) = self.clients.get_mut(id) {
            invite.cancellation = Cancellation::Sent(cancel);
        }
        let patience = self.config.timers.patience();
        self.client_deadlines.arm(now, id.slot, Timer::B, patience);
        self.step_client(now, cancel, None, None);
    }
}

/// Being cancelled.
impl TransactionLayer {
    /// A CANCEL that is not a repetition: answered here with 200 if it matches anything (§9.2), else the
    /// user's.
    pub(crate) fn handle_cancel(&mut self, now: Instant, request: Request, flow: Flow) {
        let Some(id) = self.find_cancelled(&request) else {
            self.push_event(Event::Request { request, flow }, None);
            return;
        };
        self.answer_cancel(now, id, &request, flow);
        let Some(invite) = self.servers.get_mut(id) else {
            return;
        };
        let pending = matches!(
            invite.machine,
            server::Machine::Invite(server_invite::State::Proceeding { .. })
        );
        // A second CANCEL, with another CSeq or from elsewhere, cancels nothing any more.
        if pending && !invite.cancelled {
            invite.cancelled = true;
            let id = ServerId(id);
            self.push_event(Event::Cancelled { id, request, flow }, None);
        }
    }

    /// The transaction a CANCEL is for: the one its headers match, were its method another (§9.2).
    fn find_cancelled(&self, cancel: &Request) -> Option<SlotId> {
        CANCELLABLE.iter().find_map(|method| {
            let key = self.secret.key_as(cancel, method).ok()?;
            self.by_key.get(&key).copied()
        })
    }

    fn answer_cancel(&mut self, now: Instant, id: SlotId, cancel: &Request, flow: Flow) {
        let sent = self
            .servers
            .get(id)
            .and_then(server::ServerTransaction::to_tag);
        let mut ok = cancel.reply(StatusCode::OK);
        // The To tag of the INVITE's own responses.
        ok.set_to_tag(&sent.unwrap_or_else(|| self.stable_tag(cancel)));
        let machine = server::Machine::Cancel(server_non_invite::State::Terminated);
        match self.insert_server(now, cancel, flow, machine) {
            Ok(own) => {
                let _ = self.respond(now, ServerId(own), ok);
            }
            Err(_) => self.reply(flow, &ok),
        }
    }
}

/// The methods a CANCEL may be meant for: any but ACK and CANCEL. INVITE is the only one it has an effect on.
const CANCELLABLE: [Method; 12] = [
    Method::Invite,
    Method::Bye,
    Method::Register,
    Method::Options,
    Method::Prack,
    Method::Update,
    Method::Info,
    Method::Subscribe,
    Method::Notify,
    Method::Refer,
    Method::Message,
    Method::Publish,
];
