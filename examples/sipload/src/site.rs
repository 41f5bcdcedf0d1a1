//! What all phones of one worker share: the server, the domain, the addresses they call from.

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashMap;
use sip_core::{Contact, HostPort, SipUri, Transport, Uri};
use sip_transaction::{ConnectionId, Flow, Target};

use crate::phone::digest::{Secret, Session};
use crate::users::Users;

/// Where one worker's phones are, and whom they talk to.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) server: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) domain: HostPort,
    pub(crate) users: Arc<Users>,
    /// The number of the first phone here; other workers have others.
    pub(crate) first: u32,
    pub(crate) phones: Vec<Phone>,
    pub(crate) locals: Vec<Local>,
    /// Challenges that phones answer again, of those that do.
    pub(crate) sessions: HashMap<u32, Session>,
    /// A number of this run's own.
    pub(crate) run: u32,
}

/// An address phones send from.
#[derive(Debug, Clone)]
pub(crate) struct Local {
    pub(crate) addr: SocketAddr,
    /// What they believe it is: a private one behind a NAT.
    pub(crate) shown: HostPort,
}

/// What must be kept of a phone that does nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phone {
    /// Its connection, of stream transports.
    connection: ConnectionId,
    /// The port of its end.
    port: u16,
    /// The connection is being opened.
    opening: bool,
    /// A registration is under way.
    pub(crate) registering: bool,
    /// Of the last REGISTER.
    pub(crate) cseq: u32,
}

impl Phone {
    pub(crate) const NEW: Phone = Phone {
        connection: ConnectionId::NONE,
        port: 0,
        opening: false,
        registering: false,
        cseq: 0,
    };
}

impl Site {
    /// The address of a phone.
    pub(crate) fn local(&self, phone: u32) -> &Local {
        &self.locals[phone as usize % self.locals.len()]
    }

    /// Whether a phone can send: a connection is opened by one message, and others wait until it is there.
    pub(crate) fn can_send(&self, phone: u32) -> bool {
        !self.phones[phone as usize].opening
    }

    /// How a phone reaches the server.
    pub(crate) fn target(&mut self, phone: u32) -> Target {
        let (transport, remote) = (self.transport, self.server);
        let local = self.local(phone).addr;
        let Phone {
            connection, port, ..
        } = self.phones[phone as usize];
        match (transport, connection.is_none()) {
            (Transport::Udp, _) => Target::Address {
                transport,
                remote,
                local: Some(local),
            },
            (_, true) => {
                self.phones[phone as usize].opening = true;
                Target::New {
                    transport,
                    remote,
                    local: Some(local),
                }
            }
            (_, false) => Target::Flow(Flow {
                transport,
                local: SocketAddr::new(local.ip(), port),
                remote,
                connection,
            }),
        }
    }

    /// How a phone reaches `next_hop`, which somebody named: the server or another phone. Whoever else is named gets
    /// nothing from us; the server shall see to it.
    pub(crate) fn target_in_dialog(&mut self, phone: u32, next_hop: Option<SocketAddr>) -> Target {
        let is_ours = |addr: &SocketAddr| {
            addr.ip() == self.server.ip()
                || self.locals.iter().any(|local| local.addr.ip() == addr.ip())
        };
        match next_hop.filter(is_ours) {
            Some(remote) if remote != self.server => Target::Address {
                transport: self.transport,
                remote,
                local: Some(self.local(phone).addr),
            },
            _ => self.target(phone),
        }
    }

    /// Notes the connection an answer came by.
    pub(crate) fn note_flow(&mut self, phone: u32, flow: Flow) {
        let phone = &mut self.phones[phone as usize];
        phone.opening = false;
        phone.connection = flow.connection;
        phone.port = flow.local.port();
    }

    /// The connection is gone.
    pub(crate) fn forget_flow(&mut self, phone: u32) {
        let phone = &mut self.phones[phone as usize];
        phone.opening = false;
        phone.connection = ConnectionId::NONE;
    }

    /// The next phone in turn that is free, if any is.
    pub(crate) fn choose(
        &self,
        next: &mut u32,
        is_free: impl Fn(&Site, u32) -> bool,
    ) -> Option<u32> {
        for _ in 0..self.len() {
            let phone = *next;
            *next = (phone + 1) % self.len();
            if is_free(self, phone) {
                return Some(phone);
            }
        }
        None
    }

    /// The user's name of a phone.
    pub(crate) fn name(&self, phone: u32) -> String {
        self.users.name(self.first + phone)
    }

    pub(crate) fn password(&self, phone: u32) -> String {
        self.users.password(self.first + phone)
    }

    /// `sip:user000001@example.com`
    pub(crate) fn aor(&self, phone: u32) -> Uri {
        Uri::Sip(SipUri::new(Some(&self.name(phone)), self.domain.clone()))
    }

    /// `sip:example.com`
    pub(crate) fn domain_uri(&self) -> Uri {
        Uri::Sip(SipUri::new(None, self.domain.clone()))
    }

    /// `sip:user000001@127.0.0.1:40000`
    pub(crate) fn contact(&self, phone: u32) -> Uri {
        let shown = self.local(phone).shown.clone();
        let uri = SipUri::new(Some(&self.name(phone)), shown);
        Uri::Sip(match self.transport {
            Transport::Udp => uri,
            other => uri
                .with_param("transport", Some(other.uri_param()))
                .expect("a transport's name is a token"),
        })
    }

    /// The Contact of its registrations. A phone is the same one in every run, so that a server that knows instances
    /// (RFC 5626 §4.1) replaces what the run before has left.
    pub(crate) fn registered_contact(&self, phone: u32) -> Contact {
        let number = self.first + phone;
        let instance = format!("<urn:uuid:00000000-0000-4000-8000-{number:012x}>");
        Contact::new(&self.contact(phone))
            .with_param("+sip.instance", Some(&instance))
            .expect("a token")
    }

    /// Answers a challenge to a phone; see [`answer`](crate::phone::digest::answer).
    pub(crate) fn with_secret<T>(&self, phone: u32, answer: impl FnOnce(&Secret<'_>) -> T) -> T {
        let (user, password) = (self.name(phone), self.password(phone));
        answer(&Secret {
            user: &user,
            password: &password,
        })
    }

    pub(crate) fn len(&self) -> u32 {
        self.phones.len() as u32
    }
}
