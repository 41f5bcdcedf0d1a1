//! A transaction user that tells the test what it sees, and does what the test tells it.

use std::future;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use sip_core::{Method, Request, StatusCode};
use sip_transaction::{
    Event, Flow, QueryId, Reply, ServerId, Service, Target, TransactionLayer, TransactionUser,
};
use sip_transport::{Bind, Error, WorkerContext};
use tokio::sync::mpsc;

use crate::support::{PATIENCE, Running};

/// What the test tells the user of one worker.
pub(crate) enum Command {
    /// To send a request.
    Send(Box<Request>, Target),
    /// To answer the request accepted first of those that are not answered yet.
    Respond(StatusCode),
    /// To tell of connections that end, too.
    WatchFlows,
    /// To listen no more.
    Rest,
}

/// What the user of one worker saw.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) worker: u16,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    Request(Method, Flow),
    Response(StatusCode),
    TransportFailure,
    ServerFailed,
    FlowEnd(Flow),
    Overload,
    Waits,
}

/// OPTIONS it answers 200 statelessly, MESSAGE 200 in a transaction, REFER when told to. SUBSCRIBE it asks the service
/// about, which never answers; with NOTIFY, which panics.
pub(crate) struct Puppet {
    worker: u16,
    seen: Sender<Seen>,
    wants_command: bool,
    watches_flows: bool,
    questions: Vec<Query>,
    accepted: Vec<ServerId>,
}

impl Puppet {
    fn tell(&self, what: What) {
        let worker = self.worker;
        // The test may be over.
        let _ = self.seen.send(Seen { worker, what });
    }

    fn handle_request(
        &mut self,
        now: Instant,
        request: &Request,
        flow: Flow,
        layer: &mut TransactionLayer,
    ) {
        match request.method() {
            Method::Options => layer.reply(flow, &request.reply(StatusCode::OK)),
            Method::Subscribe => self.questions.push(Query::Ponder),
            Method::Notify => self.questions.push(Query::Stumble),
            Method::Ack => {}
            method => {
                let id = layer.accept(now, request, flow).unwrap();
                if *method == Method::Message {
                    layer
                        .respond(now, id, request.reply(StatusCode::OK))
                        .unwrap();
                } else {
                    self.accepted.push(id);
                }
            }
        }
    }
}

pub(crate) enum Query {
    Command(u16),
    Ponder,
    Stumble,
}

const COMMAND: QueryId = QueryId(0);

impl TransactionUser for Puppet {
    type Query = Query;
    type Answer = Command;

    fn handle_event(&mut self, now: Instant, event: Event, layer: &mut TransactionLayer) {
        match event {
            Event::Request { request, flow } => {
                self.tell(What::Request(request.method().clone(), flow));
                self.handle_request(now, &request, flow, layer);
            }
            Event::Response { response, .. } => self.tell(What::Response(response.status())),
            Event::TransportFailure { .. } => self.tell(What::TransportFailure),
            Event::ServerFailed { .. } => self.tell(What::ServerFailed),
            _ => {}
        }
    }

    fn handle_answer(
        &mut self,
        now: Instant,
        _: QueryId,
        command: Command,
        layer: &mut TransactionLayer,
    ) {
        self.wants_command = !matches!(command, Command::Rest);
        match command {
            Command::Rest => {}
            Command::WatchFlows => self.watches_flows = true,
            Command::Send(request, to) => {
                layer.send_request(now, *request, to);
            }
            Command::Respond(status) => {
                let id = self.accepted.remove(0);
                let response = layer.request(id).unwrap().reply(status);
                layer.respond(now, id, response).unwrap();
            }
        }
    }

    fn handle_wait(&mut self, _: Instant, id: QueryId, _: &mut TransactionLayer) {
        if id != COMMAND {
            self.tell(What::Waits);
        }
    }

    fn handle_flow_end(&mut self, _: Instant, flow: Flow, _: &mut TransactionLayer) {
        if self.watches_flows {
            self.tell(What::FlowEnd(flow));
        }
    }

    fn handle_overload(&mut self, _: Instant, _: QueryId, _: &mut TransactionLayer) {
        self.tell(What::Overload);
    }

    fn handle_timeout(&mut self, _: Instant, _: &mut TransactionLayer) {}

    fn poll_query(&mut self) -> Option<(QueryId, Query)> {
        if std::mem::take(&mut self.wants_command) {
            return Some((COMMAND, Query::Command(self.worker)));
        }
        Some((QueryId(1), self.questions.pop()?))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

type Commands = tokio::sync::Mutex<mpsc::UnboundedReceiver<Command>>;

struct Strings(Vec<std::sync::Arc<Commands>>);

impl Service<Query, Command> for Strings {
    fn call(&self, query: Query) -> Reply<Command> {
        let worker = match query {
            Query::Command(worker) => worker,
            Query::Ponder => return Reply::Pending(Box::pin(future::pending())),
            Query::Stumble => return Reply::Pending(Box::pin(async { panic!("stumbled") })),
        };
        let commands = self.0[usize::from(worker)].clone();
        Reply::Pending(Box::pin(async move {
            let command = commands.lock().await.recv().await;
            command.unwrap_or(Command::Rest)
        }))
    }
}

/// A server of puppets, and the hands that hold the strings.
pub(crate) struct Stage {
    /// Dropped before the server, which would wait for the next command.
    commands: Vec<mpsc::UnboundedSender<Command>>,
    pub(crate) server: Running,
    seen: Receiver<Seen>,
}

impl Stage {
    pub(crate) fn set(bind: Bind, workers: u16) -> Stage {
        let (tell, seen) = channel();
        let (commands, strings): (Vec<_>, Vec<_>) = (0..workers)
            .map(|_| {
                let (tell, told) = mpsc::unbounded_channel();
                (tell, std::sync::Arc::new(Commands::new(told)))
            })
            .unzip();
        let puppet = move |context: WorkerContext| Puppet {
            worker: context.worker,
            seen: tell,
            wants_command: true,
            watches_flows: false,
            questions: Vec::new(),
            accepted: Vec::new(),
        };
        let bind = bind.workers(workers.into());
        let server = Running::start(bind, puppet, Strings(strings));
        Stage {
            server,
            commands,
            seen,
        }
    }

    pub(crate) fn command(&self, worker: u16, command: Command) {
        let told = self.commands[usize::from(worker)].send(command);
        assert!(told.is_ok(), "the worker is gone");
    }

    /// Has `worker` send an OPTIONS.
    pub(crate) fn send(&self, worker: u16, to: Target) {
        let request = crate::support::parsed("OPTIONS", "sip:alice@a.example");
        self.command(worker, Command::Send(Box::new(request), to));
    }

    /// Gives no more commands, and waits for the end of the server.
    pub(crate) fn join(self) -> Result<(), Error> {
        drop(self.commands);
        self.server.join()
    }

    pub(crate) fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).unwrap()
    }

    /// The next thing any worker saw, which must be a request.
    pub(crate) fn next_request(&self) -> (u16, Method, Flow) {
        match self.next() {
            Seen {
                worker,
                what: What::Request(method, flow),
            } => (worker, method, flow),
            seen => panic!("{seen:?} is no request"),
        }
    }
}
