//! A server: sockets bound, one thread for each worker, and their end.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::{io, iter};

use rand::TryRng;
use rand::rngs::SysRng;
use sip_core::{HostPort, Transport};
use sip_transaction::{Config, Service, TransactionLayer, TransactionUser};
use socket2::Socket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::alarm::Alarm;
use crate::bind::{Bind, Listener};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::driver::{Driver, Parts};
use crate::error::Error;
use crate::flows::{self, Flows};
use crate::settings::Settings;
use crate::shutdown::{Shutdown, ShutdownSignal};
use crate::tcp;
use crate::tcp::layers::Wrapping;
use crate::udp::DatagramSocket;
use crate::worker::{Handover, Workers};

/// Threads of one worker for what can only wait by blocking: the system's resolver.
const BLOCKING_THREADS: usize = 16;

/// A server that listens, and does not answer before it is [`run`](Server::run).
///
/// Its workers share nothing but what must be shared: the directory of connections, and the queues by which they
/// leave each other what is not theirs.
#[derive(Debug)]
pub struct Server {
    settings: Arc<Settings>,
    sent_by: Vec<(Transport, HostPort)>,
    local_addrs: Arc<[(Transport, SocketAddr)]>,
    /// What each worker listens on.
    sockets: Vec<Vec<(Transport, Socket)>>,
    /// What their connections are wrapped in, in the same order.
    wrappings: Vec<Wrapping>,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::TlsConfig>,
    counters: Arc<[Arc<Counters>]>,
}

/// What a worker's transaction user is made from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerContext {
    /// Which worker it is for, from 0.
    pub worker: u16,
    /// How many there are.
    pub workers: u16,
    /// 64 bits of the system's entropy, others for each worker.
    pub seed: u64,
    /// What the server listens on.
    pub local_addrs: Arc<[(Transport, SocketAddr)]>,
    /// What the worker counts.
    pub counters: Arc<Counters>,
}

impl Server {
    /// Takes the addresses, for all workers. Connections and datagrams wait in the kernel until the server runs.
    ///
    /// # Errors
    /// If an address cannot be read, or is taken, or is not ours: [`Error::Listen`] names it.
    pub fn bind(bind: Bind) -> Result<Server, Error> {
        let workers = bind.worker_count()?;
        if bind.listeners.is_empty() {
            return Err(Error::NoAddress);
        }
        let mut sockets: Vec<Vec<_>> = iter::repeat_with(Vec::new).take(workers.into()).collect();
        let (mut local_addrs, mut sent_by) = (Vec::new(), Vec::new());
        for listener in &bind.listeners {
            let transport = listener.transport;
            for (i, socket) in listener
                .open(workers, &bind.settings)?
                .into_iter()
                .enumerate()
            {
                if let (0, Some(addr)) = (i, local_addr(&socket)) {
                    local_addrs.push((transport, addr));
                    sent_by.push((transport, name(listener, addr)));
                }
                sockets[i].push((transport, socket));
            }
        }
        Ok(Server {
            settings: Arc::new(bind.settings),
            sent_by,
            local_addrs: local_addrs.into(),
            sockets,
            wrappings: bind.listeners.into_iter().map(|of| of.wrapping).collect(),
            #[cfg(feature = "tls")]
            tls: bind.tls,
            counters: iter::repeat_with(Arc::default)
                .take(workers.into())
                .collect(),
        })
    }

    /// What the server listens on, in the order of [`Bind`]; ports that were 0 are known by now.
    #[must_use]
    pub fn local_addrs(&self) -> Arc<[(Transport, SocketAddr)]> {
        self.local_addrs.clone()
    }

    /// The names others reach those addresses by, in the same order: what stands in our Via, and belongs into
    /// Record-Route.
    #[must_use]
    pub fn advertised(&self) -> &[(Transport, HostPort)] {
        &self.sent_by
    }

    /// The counters of each worker, to be read at any time.
    #[must_use]
    pub fn counters(&self) -> Arc<[Arc<Counters>]> {
        self.counters.clone()
    }

    /// Serves until `shutdown` begins and what is under way is finished, or [`Settings::drain`] is over.
    ///
    /// `make_user` is called once on each worker's thread; the user stays there. `service` answers the questions of
    /// all of them. If the future is dropped, the server stops as well.
    ///
    /// # Errors
    /// If a thread cannot be started, or the program's own code panicked on one.
    pub async fn run<U, S, F>(
        self,
        make_user: F,
        service: Arc<S>,
        shutdown: ShutdownSignal,
    ) -> Result<(), Error>
    where
        F: FnOnce(WorkerContext) -> U + Clone + Send + 'static,
        U: TransactionUser + 'static,
        U::Answer: 'static,
        S: Service<U::Query, U::Answer>,
    {
        let (stop, signal) = crate::shutdown::shutdown();
        let stop = StopOnDrop(stop);
        let (tell, mut ended) = mpsc::unbounded_channel();
        let mut running = self.start(&make_user, &service, &signal, &tell)?;
        let mut outcome = Ok(());
        let mut told = Box::pin(shutdown.begun());
        while running > 0 {
            tokio::select! {
                Some(end) = ended.recv() => {
                    running -= 1;
                    if end.is_err() && outcome.is_ok() {
                        outcome = end;
                        stop.0.begin();
                    }
                }
                () = &mut told => {
                    stop.0.begin();
                    told = Box::pin(ShutdownSignal::never().begun());
                }
            }
        }
        outcome
    }

    /// Starts all workers; says how many there are.
    fn start<U, S, F>(
        self,
        make_user: &F,
        service: &Arc<S>,
        shutdown: &ShutdownSignal,
        end: &End,
    ) -> Result<usize, Error>
    where
        F: FnOnce(WorkerContext) -> U + Clone + Send + 'static,
        U: TransactionUser + 'static,
        U::Answer: 'static,
        S: Service<U::Query, U::Answer>,
    {
        let count = self.sockets.len() as u16;
        let directory = Arc::new(Directory::new(&self.settings.stream));
        let (workers, inboxes) = Workers::new(count, self.settings.handover_queue, directory);
        let places = self.sockets.into_iter().zip(inboxes).zip(0..);
        for ((sockets, inbox), worker) in places {
            let seed = entropy().map_err(|source| Error::Start { worker, source })?;
            let context = WorkerContext {
                worker,
                workers: count,
                seed,
                local_addrs: self.local_addrs.clone(),
                counters: self.counters[usize::from(worker)].clone(),
            };
            let start = WorkerStart {
                settings: self.settings.clone(),
                sent_by: self.sent_by.clone(),
                sockets,
                wrappings: self.wrappings.clone(),
                #[cfg(feature = "tls")]
                tls: self.tls.clone(),
                workers: workers.clone(),
                inbox,
                shutdown: shutdown.clone(),
                context,
            };
            start.spawn(make_user.clone(), service.clone(), end.clone())?;
        }
        Ok(count.into())
    }
}

/// Where a worker tells of its end.
type End = mpsc::UnboundedSender<Result<(), Error>>;

struct StopOnDrop(Shutdown);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.begin();
    }
}

/// All that a worker takes along to its thread.
struct WorkerStart {
    settings: Arc<Settings>,
    sent_by: Vec<(Transport, HostPort)>,
    sockets: Vec<(Transport, Socket)>,
    wrappings: Vec<Wrapping>,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::TlsConfig>,
    workers: Workers,
    inbox: mpsc::Receiver<Handover>,
    shutdown: ShutdownSignal,
    context: WorkerContext,
}

impl WorkerStart {
    fn spawn<U, S, F>(self, make_user: F, service: Arc<S>, end: End) -> Result<(), Error>
    where
        F: FnOnce(WorkerContext) -> U + Send + 'static,
        U: TransactionUser + 'static,
        U::Answer: 'static,
        S: Service<U::Query, U::Answer>,
    {
        let worker = self.context.worker;
        let failed = move |source| Error::Start { worker, source };
        let workers = self.workers.clone();
        let thread = move || {
            let work = AssertUnwindSafe(|| self.work(make_user, service));
            let ended = match catch_unwind(work) {
                Ok(ended) => ended.map_err(failed),
                Err(_) => Err(Error::Panicked { worker }),
            };
            if ended.is_err() {
                // The others are not to wait for this one.
                workers.note_drained();
            }
            // Nobody listens any more if the server was dropped.
            let _ = end.send(ended);
        };
        thread::Builder::new()
            .name(format!("sip-worker-{worker}"))
            .spawn(thread)
            .map_err(failed)?;
        Ok(())
    }

    /// The whole life of a worker.
    fn work<U, S, F>(self, make_user: F, service: Arc<S>) -> io::Result<()>
    where
        F: FnOnce(WorkerContext) -> U,
        U: TransactionUser + 'static,
        U::Answer: 'static,
        S: Service<U::Query, U::Answer>,
    {
        let runtime = runtime()?;
        let tasks = LocalSet::new();
        let worked = tasks.block_on(&runtime, async move {
            let context = Rc::new(tcp::Context::new(
                self.settings.limits.clone(),
                self.workers.directory.clone(),
                self.context.counters.clone(),
                self.settings.stream.clone(),
            ));
            let (mut sockets, mut listeners) = (Vec::new(), Vec::new());
            for ((transport, socket), wrapping) in self.sockets.into_iter().zip(self.wrappings) {
                match transport {
                    Transport::Udp => sockets.push(DatagramSocket::new(socket.into())?),
                    _ => listeners.push(flows::Listener {
                        transport,
                        socket: socket.into(),
                        wrapping,
                    }),
                }
            }
            let flows = Flows::new(
                self.context.worker,
                listeners,
                self.workers.directory.clone(),
                context.clone(),
                self.context.counters.clone(),
            )?;
            for (i, socket) in sockets.iter().enumerate() {
                flows.watch_returned(socket, i)?;
            }
            let config = Config {
                timers: self.settings.timers,
                worker: self.context.worker,
                sent_by: self.sent_by,
                tell_repetitions: self.settings.tell_repetitions,
                ..Config::default()
            };
            let driver = Driver::new(Parts {
                worker: self.context.worker,
                settings: self.settings,
                layer: TransactionLayer::new(config, self.context.seed),
                counters: self.context.counters.clone(),
                alarm: Alarm::new()?,
                user: make_user(self.context),
                #[cfg(feature = "tls")]
                tls: self.tls,
                service,
                sockets,
                flows,
                context,
                workers: self.workers,
                inbox: self.inbox,
                shutdown: self.shutdown,
            });
            driver.run().await;
            Ok(())
        });
        drop(tasks);
        // Without a wait for threads that ask the system's resolver, which may take as long as it likes.
        runtime.shutdown_background();
        worked
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
}

fn entropy() -> io::Result<u64> {
    SysRng.try_next_u64().map_err(io::Error::other)
}

fn local_addr(socket: &Socket) -> Option<SocketAddr> {
    socket.local_addr().ok()?.as_socket()
}

/// What stands in the Via of requests for this listener.
fn name(listener: &Listener, addr: SocketAddr) -> HostPort {
    if let Some(name) = &listener.advertised {
        return name.clone();
    }
    if !addr.ip().is_unspecified() {
        return HostPort::from(addr);
    }
    let ip = match addr {
        SocketAddr::V4(_) => outward((Ipv4Addr::UNSPECIFIED, 0).into(), DOCUMENTATION_V4),
        SocketAddr::V6(_) => outward((Ipv6Addr::UNSPECIFIED, 0).into(), DOCUMENTATION_V6),
    };
    let loopback = match addr {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    HostPort::from(SocketAddr::new(ip.unwrap_or(loopback), addr.port()))
}

/// Addresses that are nobody's (RFC 5737, RFC 3849), and so are reached like everybody's.
const DOCUMENTATION_V4: &str = "192.0.2.1:5060";
const DOCUMENTATION_V6: &str = "[2001:db8::1]:5060";

/// Our address on the way out: the one the kernel would send from. Nothing is sent to find out.
fn outward(any: SocketAddr, there: &str) -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind(any).ok()?;
    socket.connect(there).ok()?;
    socket.local_addr().ok().map(|addr| addr.ip())
}
