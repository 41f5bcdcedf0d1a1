//! The command line.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sip_core::{HostPort, SipUri, Uri};
use sip_transaction::Timers;

use crate::behaviour::Behaviour;
use crate::deployment::Told;
use crate::echo::Echo;
use crate::expect::Expectation;
use crate::failure::Failure;
use crate::measure::process::ProcessTree;
use crate::plan::{Job, Plan, Speed, What};
use crate::rtpproxy::Rtpproxy;
use crate::run::Watched;
use crate::server_file::ServerFile;
use crate::span::Span;
use crate::target;
use crate::users::{Pattern, Users};
use crate::work::{call, keepalive};

/// A load generator for SIP servers: phones by the hundred thousand.
///
/// It counts what became of each request, measures latency from the moment a request was due, and says when it was
/// itself the bottleneck. Exit codes: 0 all went well, 1 an --expect condition is not met, 2 the run made no sense.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Work(Work),
    /// The same work against two servers in turn, told as ratios with their spread
    Compare(CompareArgs),
    /// What so many subscribers need of a server, worked out from what runs measured
    Plan(PlanArgs),
    /// Send every datagram back to where it came from: what the machine itself can do
    Echo(Echo),
    /// Answer a SIP server as an RTP proxy would, and relay nothing
    #[command(hide = true)]
    Rtpproxy(Rtpproxy),
}

/// What phones do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Work {
    /// Keep-alives: one request, one answer
    Keepalive(KeepaliveArgs),
    /// Registrations: REGISTER 401 REGISTER 200
    Register(RegisterArgs),
    /// Calls, both ends of them: INVITE 407 INVITE 100 180 200 ACK BYE 200
    Call(CallArgs),
    /// Connections: opened, asked one thing, and held
    Connections(ConnectionsArgs),
    /// All of it at once, as so many subscribers make it
    Population(PopulationArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Descriptions of the two servers, as in servers/itsp.toml
    #[arg(value_name = "SERVER_FILE")]
    pub(crate) first: PathBuf,
    #[arg(value_name = "OTHER_SERVER_FILE")]
    pub(crate) second: PathBuf,
    /// Runs against each; fewer than 3 show no difference
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Write the comparison as a page with a plot to a file
    #[arg(long = "report", value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the records of all runs to a file
    #[arg(long = "records", value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) work: Work,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// How many subscribers there are to be, each with a phone
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) subscribers: u32,
    /// Records of runs (--json) to take the costs from: at least one of each kind of operation, two sizes of each to
    /// tell what a server spends when idle
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub(crate) constants: Vec<PathBuf>,
    /// Records of other runs, to hold the prediction against
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) check: Vec<PathBuf>,
    #[command(flatten)]
    behaviour: BehaviourArgs,
    /// How busy a core may be, from 0 to 1: what is left is for bursts
    #[arg(long, value_name = "SHARE", default_value_t = 0.6)]
    busy: f64,
    /// Write the plan as a page to a file
    #[arg(long = "report", value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write the plan to a file, for programs
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What a subscriber does; as in the report of 2010 unless told otherwise.
#[derive(Debug, Clone, Copy, Args)]
struct BehaviourArgs {
    /// Time between two keep-alives of a phone; 0s for none
    #[arg(long, value_name = "TIME", default_value = "15s")]
    keepalive: Span,
    /// Time between two registrations of a phone
    #[arg(long, value_name = "TIME", default_value = "50min")]
    refresh: Span,
    /// Calls a second that 100,000 subscribers begin
    #[arg(long, value_name = "RATE", default_value_t = 20.0)]
    calls_per_100k: f64,
    /// How long it rings
    #[arg(long, value_name = "TIME", default_value = "4s")]
    ring: Span,
    /// How long they talk
    #[arg(long, value_name = "TIME", default_value = "0s")]
    talk: Span,
}

impl PlanArgs {
    pub(crate) fn busy(&self) -> Result<f64, Failure> {
        match self.busy {
            busy if busy > 0.0 && busy <= 1.0 => Ok(busy),
            busy => Err(Failure::new(format!(
                "--busy {busy} is no share; write it like 0.6"
            ))),
        }
    }

    pub(crate) fn behaviour(&self) -> Result<Behaviour, Failure> {
        let BehaviourArgs {
            keepalive,
            refresh,
            calls_per_100k,
            ring,
            talk,
        } = self.behaviour;
        if !(0.0..=1e9).contains(&calls_per_100k) {
            return Err(Failure::new(format!(
                "--calls-per-100k {calls_per_100k} is no rate"
            )));
        }
        Ok(Behaviour {
            keepalive: *keepalive,
            refresh: *refresh,
            calls_per_100k,
            ring: *ring,
            talk: *talk,
        })
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct KeepaliveArgs {
    #[command(flatten)]
    speed: SpeedArgs,
    #[command(flatten)]
    style: KeepaliveStyle,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Args)]
struct KeepaliveStyle {
    /// Request to keep alive with
    #[arg(long, value_enum, default_value = "notify")]
    method: keepalive::Method,
    /// Status that is as good an answer as 2xx; may be repeated
    #[arg(long, value_name = "STATUS")]
    also_good: Vec<u16>,
    /// The server is an echo: the request itself is the answer
    #[arg(long)]
    echo: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    speed: SpeedArgs,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    speed: SpeedArgs,
    #[command(flatten)]
    style: CallStyle,
    /// Call this user, for whom the server answers itself, and not each other
    #[arg(long, value_name = "USER")]
    to: Option<String>,
    /// The phones are registered already, or need not be
    #[arg(long)]
    no_register: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Args)]
struct CallStyle {
    /// How long it rings
    #[arg(long, default_value = "4s")]
    ring: Span,
    /// How long they talk
    #[arg(long, default_value = "0s")]
    talk: Span,
    /// Who hangs up
    #[arg(long, value_enum, default_value = "caller", conflicts_with = "to")]
    bye: call::End,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ConnectionsArgs {
    /// How many to open
    #[arg(long, value_name = "N", default_value_t = 1000)]
    connections: u32,
    /// How long to hold them once all are open
    #[arg(long, value_name = "TIME", default_value = "5s")]
    hold: Span,
    #[command(flatten)]
    speed: SpeedArgs,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct PopulationArgs {
    /// How many subscribers there are, each with a phone
    #[arg(long, value_name = "N")]
    subscribers: u32,
    /// How they behave
    #[arg(long, value_enum, default_value = "report-2010")]
    profile: Profile,
    #[command(flatten)]
    style: KeepaliveStyle,
    #[command(flatten)]
    common: Common,
}

/// How subscribers behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// One keep-alive in 15 s, one refresh in 50 min, 20 calls/s for 100,000 of them, 4 s of ringing
    #[value(name = "report-2010")]
    Report2010,
}

#[derive(Debug, Clone, Args)]
struct SpeedArgs {
    /// So many a second, however slowly they are answered
    #[arg(long, value_name = "PER_SECOND", conflicts_with = "window")]
    rate: Option<f64>,
    /// So many under way, the next when one ends [default: 100]
    #[arg(long, value_name = "N")]
    window: Option<u64>,
}

/// What all works have in common.
#[derive(Debug, Clone, Args)]
struct Common {
    /// The server: HOST or HOST:PORT
    #[arg(default_value = "127.0.0.1:5060")]
    server: String,
    /// Start the server that this file describes, and stop it afterwards; addresses, domain, users and processes are
    /// as it says
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "server", "domain", "user", "password", "users", "server_pid", "database_pid",
    ])]
    server_file: Option<PathBuf>,
    /// Aim at a server that is not on this machine. It must be yours: load on somebody else's is an attack
    #[arg(long)]
    this_server_is_mine: bool,
    /// Do not look whether anybody is there before the run begins
    #[arg(long)]
    no_probe: bool,
    /// How to talk to it
    #[arg(long, value_enum, default_value = "udp")]
    transport: Network,
    /// Domain of the subscribers [default: the server's address]
    #[arg(long, value_name = "NAME")]
    domain: Option<HostPort>,
    /// Names of the users
    #[arg(long, value_name = "PATTERN", default_value = "user%06d")]
    user: Pattern,
    /// Their passwords
    #[arg(long, value_name = "PATTERN", default_value = "pw%06d")]
    password: Pattern,
    /// Read names and passwords from a file of `user,password` lines instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "password"])]
    users: Option<PathBuf>,
    /// How many phones there are [default: 1000, or all of the file]
    #[arg(long, value_name = "N")]
    phones: Option<u32>,
    /// Seconds a registration lasts
    #[arg(long, default_value = "3600s")]
    expires: Span,
    /// Address to send from; may be repeated
    #[arg(long, value_name = "IP")]
    from: Vec<IpAddr>,
    /// Ports to send from, on each address and for each worker
    #[arg(long, value_name = "N", default_value_t = 1)]
    ports: u16,
    /// The phones sit behind a NAT and write private addresses into Via, Contact and SDP
    #[arg(long)]
    nat: bool,
    /// Phones that register again answer their last challenge before they hear another, as long as the server takes it
    #[arg(long)]
    reuse_nonce: bool,
    /// Threads, each with phones of its own
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: u16,
    /// Cores to keep the workers on, as in 0,1
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cpus: Vec<usize>,
    /// End after so long, warm-up not counted
    #[arg(long = "for", value_name = "TIME", default_value = "10s")]
    length: Span,
    /// End after so many operations, warm-up counted
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Climb to the rate evenly for so long
    #[arg(long, value_name = "TIME", default_value = "0s")]
    ramp: Span,
    /// Count nothing that is due in the first so long
    #[arg(long, value_name = "TIME", default_value = "0s")]
    warm_up: Span,
    /// Wait so long, at most, for what is under way at the end [default: 64·T1 and the length of a call]
    #[arg(long, value_name = "TIME")]
    settle: Option<Span>,
    /// The round trip time to expect, from which all timers follow
    #[arg(long, value_name = "TIME", default_value = "500ms")]
    t1: Span,
    /// How long a transaction that is over still listens for repetitions, at most
    #[arg(long, value_name = "TIME", default_value = "4s")]
    linger: Span,
    /// Measure CPU and memory of this process of the server, and all it started; may be repeated
    #[arg(long, value_name = "PID")]
    server_pid: Vec<i32>,
    /// The same of a database beside it
    #[arg(long, value_name = "PID")]
    database_pid: Vec<i32>,
    /// Exit with 1 unless this holds, as in success>=0.999, p99<=5ms, call.lost=0; may be repeated
    #[arg(long, value_name = "CONDITION")]
    expect: Vec<Expectation>,
    /// Write the run as a page with plots to a file
    #[arg(long = "report", value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the whole record of the run to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the run second by second to a file
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Network {
    Udp,
    Tcp,
    // The place for TLS and WebSocket, which the transport crate has.
}

/// What to do with the record of a run.
#[derive(Debug)]
pub(crate) struct Afterwards {
    pub(crate) expect: Vec<Expectation>,
    pub(crate) html: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) csv: Option<PathBuf>,
}

/// A run, ready to be carried out.
pub(crate) struct Order {
    pub(crate) plan: Arc<Plan>,
    pub(crate) watched: Watched,
    pub(crate) afterwards: Afterwards,
}

/// What sets one work apart from another.
#[derive(Debug, Default)]
struct Shape {
    /// How many phones and operations there are, where the work itself says so.
    phones: Option<u32>,
    count: Option<u64>,
    /// All phones are registered first.
    register: bool,
    /// How long an operation takes by its nature.
    operation: Duration,
    hold: Duration,
}

/// Phones when nothing says how many.
const PHONES: u32 = 1000;

/// Registrations under way at a time while all phones are registered before a run.
const PREPARATION_WINDOW: u64 = 200;

impl Work {
    pub(crate) fn order(self) -> Result<Order, Failure> {
        match self {
            Work::Keepalive(args) => args.order(),
            Work::Register(args) => args.order(),
            Work::Call(args) => args.order(),
            Work::Connections(args) => args.order(),
            Work::Population(args) => args.order(),
        }
    }

    /// The file that describes the server, if it is to be started.
    pub(crate) fn server_file(&self) -> Option<&Path> {
        self.common().server_file.as_deref()
    }

    /// How many users a server must have.
    pub(crate) fn users(&self) -> u32 {
        let asked = match self {
            Work::Population(args) => Some(args.subscribers),
            Work::Connections(args) => Some(args.connections),
            _ => None,
        };
        asked.or(self.common().phones).unwrap_or(PHONES)
    }

    /// Aims at a server that has been started.
    pub(crate) fn aim(&mut self, file: &ServerFile, told: &Told) -> Result<(), Failure> {
        if let Work::Connections(args) = self {
            args.common.transport = Network::Tcp;
        }
        let common = self.common_mut();
        let (addr, transport) = match common.transport {
            Network::Udp => (told.udp, "UDP"),
            Network::Tcp => (told.tcp, "TCP"),
        };
        let wrong = |problem: String| Failure::new(format!("{}: {problem}", file.path.display()));
        let addr = addr.ok_or_else(|| wrong(format!("start printed no {transport}= line")))?;
        let domain = told.domain.parse();
        let domain = domain.map_err(|_| wrong(format!("DOMAIN={} is no domain", told.domain)))?;
        common.server = addr.to_string();
        common.domain = Some(domain);
        common.users = None;
        (common.user, common.password) = (file.user.clone(), file.password.clone());
        common.server_pid.clone_from(&told.server_pids);
        common.database_pid.clone_from(&told.database_pids);
        Ok(())
    }

    fn common(&self) -> &Common {
        match self {
            Work::Keepalive(args) => &args.common,
            Work::Register(args) => &args.common,
            Work::Call(args) => &args.common,
            Work::Connections(args) => &args.common,
            Work::Population(args) => &args.common,
        }
    }

    fn common_mut(&mut self) -> &mut Common {
        match self {
            Work::Keepalive(args) => &mut args.common,
            Work::Register(args) => &mut args.common,
            Work::Call(args) => &mut args.common,
            Work::Connections(args) => &mut args.common,
            Work::Population(args) => &mut args.common,
        }
    }
}

impl SpeedArgs {
    fn speed(&self) -> Result<Speed, Failure> {
        match (self.rate, self.window) {
            (Some(rate), _) if rate > 0.0 && rate <= 1e9 => Ok(Speed::Rate(rate)),
            (Some(rate), _) => Err(Failure::new(format!("--rate {rate} is no rate"))),
            (None, Some(0)) => Err(Failure::new("--window 0 leaves room for nothing")),
            (None, window) => Ok(Speed::Window(window.unwrap_or(100))),
        }
    }
}

impl KeepaliveStyle {
    fn style(self) -> keepalive::Style {
        keepalive::Style {
            method: self.method,
            also_good: self.also_good,
            echo: self.echo,
        }
    }
}

impl KeepaliveArgs {
    pub(crate) fn order(self) -> Result<Order, Failure> {
        let what = What::KeepAlive(self.style.style());
        let job = Job {
            speed: self.speed.speed()?,
            what,
        };
        self.common.order("keepalive", vec![job], Shape::default())
    }
}

impl RegisterArgs {
    pub(crate) fn order(self) -> Result<Order, Failure> {
        let job = Job {
            speed: self.speed.speed()?,
            what: What::Register,
        };
        self.common.order("register", vec![job], Shape::default())
    }
}

impl ConnectionsArgs {
    pub(crate) fn order(mut self) -> Result<Order, Failure> {
        let descriptors = descriptors();
        if u64::from(self.connections) + SPARE_DESCRIPTORS > descriptors {
            return Err(Failure::new(format!(
                "this process may hold {descriptors} descriptors, too few for {} connections (ulimit -n)",
                self.connections
            )));
        }
        let job = Job {
            speed: self.speed.speed()?,
            what: What::Connect,
        };
        self.common.transport = Network::Tcp;
        let shape = Shape {
            phones: Some(self.connections),
            count: Some(self.connections.into()),
            hold: *self.hold,
            ..Shape::default()
        };
        self.common.order("connections", vec![job], shape)
    }
}

/// What a process has open besides the connections of its phones.
const SPARE_DESCRIPTORS: u64 = 64;

/// As many descriptors as this process may have, once it has asked for them.
fn descriptors() -> u64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return u64::MAX;
    };
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => soft,
    }
}

impl CallArgs {
    pub(crate) fn order(self) -> Result<Order, Failure> {
        let CallStyle { ring, talk, bye } = self.style;
        let callee = match &self.to {
            None => None,
            Some(user) => Some(Uri::Sip(SipUri::new(Some(user), self.common.domain()?))),
        };
        let register = !self.no_register && callee.is_none();
        let style = call::Style {
            ring: *ring,
            talk: *talk,
            bye,
            callee,
        };
        let job = Job {
            speed: self.speed.speed()?,
            what: What::Call(style),
        };
        let shape = Shape {
            register,
            operation: *ring + *talk,
            ..Shape::default()
        };
        self.common.order("call", vec![job], shape)
    }
}

impl PopulationArgs {
    pub(crate) fn order(self) -> Result<Order, Failure> {
        let behaviour = match self.profile {
            Profile::Report2010 => Behaviour::REPORT_2010,
        };
        let style = call::Style {
            ring: behaviour.ring,
            talk: behaviour.talk,
            bye: call::End::Caller,
            callee: None,
        };
        let rates = behaviour.rates(self.subscribers.into());
        let whats = [
            What::KeepAlive(self.style.style()),
            What::Register,
            What::Call(style),
        ];
        let jobs = rates.into_iter().zip(whats).map(|((_, rate), what)| Job {
            speed: Speed::Rate(rate),
            what,
        });
        let jobs = jobs.collect();
        let shape = Shape {
            phones: Some(self.subscribers),
            register: true,
            operation: behaviour.ring + behaviour.talk,
            ..Shape::default()
        };
        self.common.order("population", jobs, shape)
    }
}

impl Common {
    fn domain(&self) -> Result<HostPort, Failure> {
        match &self.domain {
            Some(domain) => Ok(domain.clone()),
            None => Ok(HostPort::from(target::resolve(&self.server)?)),
        }
    }

    fn order(self, work: &'static str, jobs: Vec<Job>, shape: Shape) -> Result<Order, Failure> {
        let server = target::resolve(&self.server)?;
        target::allow(server, self.this_server_is_mine)?;
        let transport = match self.transport {
            Network::Udp => sip_core::Transport::Udp,
            Network::Tcp => sip_core::Transport::Tcp,
        };
        let domain = self.domain()?;
        let from = match self.from.as_slice() {
            [] => vec![target::default_source(server)?],
            some => some.to_vec(),
        };
        if let Some(other) = from.iter().find(|ip| ip.is_ipv4() != server.is_ipv4()) {
            return Err(Failure::new(format!(
                "--from {other} is of another family than {server}"
            )));
        }
        if self.workers == 0 || self.ports == 0 {
            return Err(Failure::new("--workers and --ports are at least 1"));
        }
        let users = match &self.users {
            Some(file) => Users::read(file)?,
            None => Users::Pattern {
                user: self.user,
                password: self.password,
            },
        };
        let phones = phones(shape.phones.or(self.phones), &users, self.workers)?;
        let watched = Watched {
            server: ProcessTree::new(self.server_pid),
            database: ProcessTree::new(self.database_pid),
        };
        for tree in [&watched.server, &watched.database] {
            if !tree.is_alive() {
                return Err(Failure::new(
                    "a process named by --server-pid or --database-pid does not run",
                ));
            }
        }
        if !self.no_probe {
            target::probe(server, transport, from[0])?;
        }
        let timers = Timers {
            t1: *self.t1,
            linger: *self.linger,
            ..Timers::default()
        };
        let plan = Plan {
            work,
            server,
            transport,
            domain,
            users: Arc::new(users),
            phones,
            from,
            ports: self.ports,
            nat: self.nat,
            reuse_nonce: self.reuse_nonce,
            workers: self.workers,
            cpus: self.cpus,
            timers,
            jobs,
            preparation: shape.register.then_some(PREPARATION_WINDOW),
            expires: *self.expires,
            ramp: *self.ramp,
            warm_up: *self.warm_up,
            length: *self.length,
            settle: self
                .settle
                .map_or(timers.patience() + shape.operation, |settle| *settle),
            hold: shape.hold,
            count: shape.count.or(self.count),
            run: random()?,
        };
        Ok(Order {
            plan: Arc::new(plan),
            watched,
            afterwards: Afterwards {
                expect: self.expect,
                html: self.html,
                json: self.json,
                csv: self.csv,
            },
        })
    }
}

/// How many phones there are; each worker needs one.
fn phones(asked: Option<u32>, users: &Users, workers: u16) -> Result<u32, Failure> {
    let known = users
        .len()
        .map(|known| u32::try_from(known).unwrap_or(u32::MAX));
    let phones = asked.or(known).unwrap_or(PHONES);
    if let Some(known) = known.filter(|known| *known < phones) {
        return Err(Failure::new(format!(
            "the file has {known} users for {phones} phones"
        )));
    }
    match phones < workers.into() {
        true => Err(Failure::new(format!(
            "{phones} phones are too few for {workers} workers"
        ))),
        false => Ok(phones),
    }
}

fn random() -> Result<u32, Failure> {
    use rand::TryRng;
    let mut random = rand::rngs::SysRng;
    random
        .try_next_u32()
        .map_err(|error| Failure::new(format!("the system gives no random number: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    fn work(words: &str) -> Work {
        match Cli::try_parse_from(words.split_whitespace())
            .unwrap()
            .command
        {
            Command::Work(work) | Command::Compare(CompareArgs { work, .. }) => work,
            Command::Echo(_) | Command::Plan(_) | Command::Rtpproxy(_) => unreachable!("{words}"),
        }
    }

    #[test]
    fn a_server_has_as_many_users_as_there_are_phones() {
        assert_eq!(work("sipload register").users(), 1000);
        assert_eq!(work("sipload keepalive --phones 7").users(), 7);
        let compared = work("sipload compare a.toml b.toml --rounds 3 population --subscribers 9");
        assert_eq!(compared.users(), 9);
    }

    #[test]
    fn a_described_server_leaves_nothing_to_be_named() {
        let words = "sipload register 127.0.0.1:5060 --server-file a.toml".split_whitespace();
        assert!(Cli::try_parse_from(words).is_err());
    }
}
