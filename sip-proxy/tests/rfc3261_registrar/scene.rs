//! A registrar, a clock that stands still until told, and phones that register.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use sip_core::{
    AddressOfRecord, HeaderName, Limits, Message, Response, Tag, Text, Transport, parse_message,
};
use sip_proxy::backend::{InDialog, Incoming, LocationService, MemoryLocation};
use sip_proxy::registrar::{Registrar, RegistrarConfig};
use sip_transaction::{ConnectionId, Flow};

pub(crate) const START: u64 = 1_700_000_000;

pub(crate) struct Scene {
    registrar: Registrar,
    pub(crate) location: Arc<MemoryLocation>,
    now: Duration,
}

/// One REGISTER of bob's, from a phone at 192.0.2.4:5060 unless said.
pub(crate) struct Register {
    pub(crate) cseq: u32,
    pub(crate) call_id: &'static str,
    pub(crate) headers: String,
    pub(crate) flow: Flow,
}

impl Scene {
    pub(crate) fn new() -> Scene {
        Scene::with(RegistrarConfig::default())
    }

    pub(crate) fn with(config: RegistrarConfig) -> Scene {
        let location = Arc::new(MemoryLocation::new());
        Scene::on(config, location.clone(), location)
    }

    /// On a store of its own, which may be broken.
    pub(crate) fn on(
        config: RegistrarConfig,
        store: Arc<dyn LocationService>,
        location: Arc<MemoryLocation>,
    ) -> Scene {
        Scene {
            registrar: Registrar::new(config, store),
            location,
            now: Duration::from_secs(START),
        }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// The `cseq`-th request of the phone, with `headers`, one a line.
    pub(crate) fn register(&self, cseq: u32, headers: &str) -> Response {
        self.send(&Register::new(cseq, headers))
    }

    pub(crate) fn send(&self, register: &Register) -> Response {
        ready(
            self.registrar
                .register(&register.incoming(self.now), &bob()),
        )
    }

    /// The contacts that can be called now.
    pub(crate) fn bound(&self) -> Vec<String> {
        let bindings = self.location.bindings(&bob());
        bindings
            .current(self.now)
            .map(|binding| binding.contact().escape_ascii().to_string())
            .collect()
    }
}

impl Register {
    pub(crate) fn new(cseq: u32, headers: &str) -> Register {
        Register {
            cseq,
            call_id: "1@192.0.2.4",
            headers: headers.to_owned(),
            flow: flow(Transport::Udp, "192.0.2.4:5060"),
        }
    }

    fn incoming(&self, now: Duration) -> Incoming {
        let mut text = String::new();
        let Register {
            cseq,
            call_id,
            headers,
            ..
        } = self;
        write!(
            text,
            "REGISTER sip:example.com SIP/2.0\n\
             Via: SIP/2.0/UDP 192.0.2.4;branch=z9hG4bK{cseq}\n\
             Max-Forwards: 70\n\
             To: Bob <sip:bob@example.com>\n\
             From: Bob <sip:bob@example.com>;tag=456248\n\
             Call-ID: {call_id}\n\
             CSeq: {cseq} REGISTER\n"
        )
        .unwrap();
        for line in headers.lines() {
            writeln!(text, "{}", line.trim()).unwrap();
        }
        text.push_str("Content-Length: 0\n\n");
        let bytes = Bytes::from(text.replace('\n', "\r\n"));
        let Ok(Message::Request(request)) = parse_message(bytes, &Limits::default()) else {
            panic!("not a request:\n{text}")
        };
        Incoming {
            request,
            flow: self.flow,
            dialog: InDialog::No,
            unix_time: now,
            entropy: 1,
            to_tag: Tag::new("us").unwrap(),
            way_out: None,
        }
    }
}

pub(crate) fn bob() -> AddressOfRecord {
    AddressOfRecord::new("bob", "example.com").unwrap()
}

pub(crate) fn flow(transport: Transport, remote: &str) -> Flow {
    Flow {
        transport,
        local: "203.0.113.1:5060".parse().unwrap(),
        remote: remote.parse().unwrap(),
        connection: match transport {
            Transport::Udp => ConnectionId::NONE,
            _ => ConnectionId::new(1, 7),
        },
    }
}

/// The values of a header, one a line.
pub(crate) fn values(response: &Response, name: &'static str) -> Vec<String> {
    let name = HeaderName::from_text(&Text::from_static(name));
    response
        .headers()
        .raw(&name)
        .map(|value| value.to_string())
        .collect()
}

/// The value of a header that stands once.
pub(crate) fn value(response: &Response, name: &'static str) -> String {
    let values = values(response, name);
    assert_eq!(values.len(), 1, "{name}: {values:?}");
    values.into_iter().next().unwrap()
}

/// What memory answers needs no waiting for.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("an answer from memory was not ready"),
    }
}
