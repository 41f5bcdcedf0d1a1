//! The embedder's decision: what to do with a request (RFC 3261 §16.5).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sip_core::{
    AddressOfRecord, HeaderName, Host, Request, Response, StatusCode, Tag, Text, To, Transport,
};
use sip_transaction::{Flow, Target};

use crate::auth::Identity;
use crate::nat::NatTraversal;
use crate::proxy::ForkPlan;
use crate::session_timer::Timer;

/// Decides where requests go. Mechanism is the proxy's, policy is all here.
#[async_trait]
pub trait Router: Send + Sync + 'static {
    /// Answers what needs no look-up at once and statelessly: keep-alives, OPTIONS to the server itself.
    ///
    /// It runs for every request but ACK, before anything else is looked at except §16.3, so it must be quick.
    /// The proxy adds the To tag.
    fn screen(&self, request: &Request, flow: &Flow) -> Option<Response> {
        let _ = (request, flow);
        None
    }

    /// Decides about one request. May wait for backends; one that is known already costs no task.
    ///
    /// An ACK comes here too, when it is for a 2xx: it can be relayed or dropped, never answered.
    async fn route(&self, incoming: &Incoming) -> Decision;

    /// What to do when every target has failed, in place of passing on the best of their responses; `None` or
    /// [`Decision::Drop`] to pass it on. For relays that [ask on failure](Relay::ask_on_failure): a call that nobody takes
    /// may go on to a voice mail box, with a [`Relay`], or be redirected there, with a 302. After a 6xx, which speaks
    /// for all phones of the callee, only somebody else may be tried.
    ///
    /// All targets together are never more than [`ProxyConfig::max_branches`](crate::ProxyConfig::max_branches).
    async fn failed(&self, failed: &Failed) -> Option<Decision> {
        let _ = failed;
        None
    }

    /// The response to forward in place of one that is about to pass upstream. For relays that [ask on
    /// responses](Relay::ask_on_response). May wait for backends; responses keep their order meanwhile.
    async fn passing(&self, passing: Passing) -> Response {
        passing.response
    }

    /// Whether `name` means this proxy in a Route, besides those of
    /// [`ProxyConfig::hostnames`](crate::ProxyConfig::hostnames): the domains served, where they come and go.
    fn is_own_name(&self, name: &Host) -> bool {
        let _ = name;
        false
    }

    /// The last word before a request leaves for `to`, whichever way the address was found. A branch that may
    /// not be sent fails.
    fn may_send(&self, request: &Request, to: &Target) -> bool {
        let _ = (request, to);
        true
    }
}

/// A request as a [`Router`] sees it: valid (§16.3), and with our own Routes taken off (§16.4).
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The request.
    pub request: Request,
    /// The flow it came on.
    pub flow: Flow,
    /// Whether it came along a dialog we are on the path of.
    pub dialog: InDialog,
    /// When it came: time since the Unix epoch.
    pub unix_time: Duration,
    /// 64 random bits, drawn for this request.
    pub entropy: u64,
    /// The To tag of our own answers: the same for each retransmission (§8.2.7).
    pub to_tag: Tag,
    /// Our address on the side it leaves by: what the last of our own Routes named. Of a pair of Record-Routes it is the
    /// one that faced the other party.
    pub way_out: Option<(Transport, SocketAddr)>,
}

/// A request none of whose targets has taken it.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The request, as the router saw it first.
    pub incoming: Arc<Incoming>,
    /// On which ground it was forwarded. It may be again, on the same.
    pub admission: Admission,
    /// The best response (§16.7 step 6), which is what the caller will see.
    pub response: Response,
}

/// A response that is about to pass upstream, all of §16.7 done but sending it.
#[derive(Debug, Clone)]
pub struct Passing {
    /// The request it answers, as the router saw it first.
    pub incoming: Arc<Incoming>,
    /// The flow it came on; `None` if the proxy made it.
    pub flow: Option<Flow>,
    /// The response, our own Via taken off.
    pub response: Response,
}

/// Whether a request belongs to a dialog that this proxy record-routed: it has a To tag, and our Route on top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDialog {
    /// It starts something new. A To tag alone does not change that, nor does a Route without one.
    No,
    /// It came by our Route and has a To tag, and is no REGISTER. Neither is proved: whoever knows this proxy can
    /// write both.
    Yes,
}

impl Incoming {
    /// An answer of our own, with a To tag (§8.2.6.2).
    #[must_use]
    pub fn reply(&self, status: StatusCode) -> Response {
        let mut response = self.request.reply(status);
        let headers = response.headers_mut();
        if let Ok(to) = headers.require::<To>()
            && to.tag().is_none()
        {
            headers.set(&to.with_tag(&self.to_tag));
        }
        response
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer that is known at once costs no allocation"
)]
pub enum Decision {
    /// Answer it. Until something had to be waited for, that takes no transaction.
    Reply(Response),
    /// Forward it.
    Relay(Relay),
    /// Say nothing.
    Drop,
}

impl From<Response> for Decision {
    fn from(response: Response) -> Decision {
        Decision::Reply(response)
    }
}

impl From<Relay> for Decision {
    fn from(relay: Relay) -> Decision {
        Decision::Relay(relay)
    }
}

/// Why a request may be forwarded. There is no relaying without one:
///
/// ```compile_fail
/// use sip_proxy::{ForkPlan, Incoming, Relay};
///
/// fn open_relay(incoming: &Incoming) -> Relay {
///     Relay::new(ForkPlan::unchanged(incoming)) // error: where is the Admission?
/// }
/// ```
///
/// ```
/// use sip_proxy::{Admission, ForkPlan, Incoming, Relay};
///
/// fn gateway(incoming: &Incoming) -> Relay {
///     Relay::new(Admission::without_authentication("from a trunk's address"), ForkPlan::unchanged(incoming))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission(Ground);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ground {
    Authenticated(AddressOfRecord),
    InDialog,
    Unauthenticated(&'static str),
}

impl Admission {
    /// The sender proved who it is.
    #[must_use]
    pub fn authenticated(identity: &Identity) -> Admission {
        Admission(Ground::Authenticated(identity.address_of_record().clone()))
    }

    /// The request came along a dialog that was admitted when it began, as far as [`InDialog`] can tell; `None` if it
    /// did not.
    #[must_use]
    pub fn in_dialog(incoming: &Incoming) -> Option<Admission> {
        (incoming.dialog == InDialog::Yes).then_some(Admission(Ground::InDialog))
    }

    /// Nobody was asked to prove anything, because of `reason`.
    #[must_use]
    pub const fn without_authentication(reason: &'static str) -> Admission {
        Admission(Ground::Unauthenticated(reason))
    }

    /// Who sent it, if that was proved.
    #[must_use]
    pub fn identity(&self) -> Option<&AddressOfRecord> {
        match &self.0 {
            Ground::Authenticated(identity) => Some(identity),
            _ => None,
        }
    }

    /// Why nobody was asked, if so.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        match self.0 {
            Ground::Unauthenticated(reason) => Some(reason),
            _ => None,
        }
    }
}

/// How to forward a request: where to, on which ground, and what to change on the way (§16.6).
#[derive(Debug, Clone)]
pub struct Relay {
    pub(crate) admission: Admission,
    pub(crate) plan: ForkPlan,
    pub(crate) edits: Edits,
    pub(crate) record_route: Option<bool>,
    pub(crate) stateless: bool,
    pub(crate) accounted: bool,
    pub(crate) ring_time: Option<Duration>,
    pub(crate) follows_redirects: bool,
    pub(crate) asks_on_failure: bool,
    pub(crate) asks_on_response: bool,
    pub(crate) nat: Option<NatTraversal>,
    pub(crate) timer: Option<Timer>,
}

/// Changes to the headers of a forwarded request, in the order they are made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits(pub(crate) Vec<Edit>);

#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Remove(HeaderName),
    Push(HeaderName, Text),
    Set(HeaderName, Text),
    /// Proxy-Authorization of one realm: ours (§22.3).
    RemoveCredentials(Text),
}

impl Relay {
    /// Forwards along `plan`, because of `admission`.
    #[must_use]
    pub fn new(admission: Admission, plan: ForkPlan) -> Relay {
        Relay {
            admission,
            plan,
            edits: Edits::default(),
            record_route: None,
            stateless: false,
            accounted: false,
            ring_time: None,
            follows_redirects: false,
            asks_on_failure: false,
            asks_on_response: false,
            nat: None,
            timer: None,
        }
    }

    /// Whether to stay on the path of the dialog (§16.6 step 4); else as configured. Never done for REGISTER.
    #[must_use]
    pub fn record_route(mut self, stay: bool) -> Relay {
        self.record_route = Some(stay);
        self
    }

    /// Takes off all headers called `name`.
    #[must_use]
    pub fn without_header(mut self, name: HeaderName) -> Relay {
        self.edits.0.push(Edit::Remove(name));
        self
    }

    /// Adds a header below those of its name.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: Text) -> Relay {
        self.edits.0.push(Edit::Push(name, value));
        self
    }

    /// Puts one header in place of all called `name`.
    #[must_use]
    pub fn set_header(mut self, name: HeaderName, value: Text) -> Relay {
        self.edits.0.push(Edit::Set(name, value));
        self
    }

    /// Takes off the Proxy-Authorization that was meant for `realm`, and leaves those for proxies beyond (§22.3).
    #[must_use]
    pub fn without_credentials(mut self, realm: Text) -> Relay {
        self.edits.0.push(Edit::RemoveCredentials(realm));
        self
    }

    /// Forwards without keeping any state, to the first target alone (§16.11). What is decided for an INVITE must
    /// be decided for its CANCEL and retransmissions again, see
    /// [`ProxyConfig::forward_unmatched_cancel`](crate::ProxyConfig::forward_unmatched_cancel).
    #[must_use]
    pub fn statelessly(mut self) -> Relay {
        self.stateless = true;
        self
    }

    /// Reports how the request ends to the [`Accounting`](crate::backend::Accounting).
    #[must_use]
    pub fn accounted(mut self) -> Relay {
        self.accounted = true;
        self
    }

    /// Cancels each branch of an INVITE after `time` without a final response, as if it had answered 408; then the
    /// next group of the plan has its turn. Without it Timer C ends them.
    #[must_use]
    pub fn ring_at_most(mut self, time: Duration) -> Relay {
        self.ring_time = Some(time);
        self
    }

    /// Tries the Contacts of a 3xx here, best q first, in place of passing them on to the caller (§16.7 step 4). For
    /// requests whose Request-URI this proxy is responsible for (§16.5). Those that are no SIP URIs are passed on.
    #[must_use]
    pub fn follow_redirects(mut self) -> Relay {
        self.follows_redirects = true;
        self
    }

    /// Has [`Router::failed`] decide when every target has failed.
    #[must_use]
    pub fn ask_on_failure(mut self) -> Relay {
        self.asks_on_failure = true;
        self
    }

    /// Has [`Router::passing`] see each response that passes upstream, 1xx but 100 and final ones.
    #[must_use]
    pub fn ask_on_response(mut self) -> Relay {
        self.asks_on_response = true;
        self
    }

    /// Fixes the Contacts of parties behind a NAT, so that the rest of the dialog reaches them; those of responses only
    /// where state is kept.
    #[must_use]
    pub fn nat(mut self, nat: NatTraversal) -> Relay {
        self.nat = Some(nat);
        self
    }

    /// Why it may be forwarded.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.admission
    }
}
