//! A run from its first bind to its record.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sip_core::Transport;
use sip_transport::{Bind, Counters, Server, Settings, Shutdown};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::clock;
use crate::engine::{Control, Engine};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::measure::counts::Counts;
use crate::measure::growth::{Growth, Look};
use crate::measure::process::ProcessTree;
use crate::measure::tally::{KindTally, Share};
use crate::measure::wire::Wire;
use crate::pace::Term;
use crate::plan::{Job, Plan, Speed, What, private};
use crate::progress::Progress;
use crate::report::record::{Cost, Kind, Record, Second};
use crate::work::register::hint;

/// How often this side looks at the workers.
const LOOK: Duration = Duration::from_millis(20);

/// How often the memory of the server is looked at, which costs it some time.
const PSS_EVERY: u32 = 5;

/// Requests later than this behind their schedule make the figures the generator's own.
const TOO_LATE: Duration = Duration::from_millis(10);

/// Whose CPU time and memory is measured along the way.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) server: ProcessTree,
    pub(crate) database: ProcessTree,
}

/// Carries out `plan`, to its end or until interrupted.
pub(crate) async fn run(
    plan: Arc<Plan>,
    watched: &Watched,
    progress: &Progress,
    command: String,
) -> Result<Record, Failure> {
    let interrupt = Interrupt::new()?;
    let mut workers = Workers::start(&plan)?;
    let run = Run {
        plan: &plan,
        watched,
        progress,
        interrupt: &interrupt,
        began: clock::now(),
        command,
    };
    let record = run.carry_out(&mut workers).await;
    progress.end();
    workers.stop().await;
    record
}

/// The workers, seen from outside.
struct Workers {
    control: Arc<Control>,
    shares: Vec<Arc<Share>>,
    counters: Vec<Arc<Counters>>,
    shutdown: Shutdown,
    tasks: JoinSet<Result<(), sip_transport::Error>>,
}

impl Workers {
    fn start(plan: &Arc<Plan>) -> Result<Workers, Failure> {
        let (shutdown, signal) = sip_transport::shutdown();
        let mut workers = Workers {
            control: Arc::default(),
            shares: Vec::new(),
            counters: Vec::new(),
            shutdown,
            tasks: JoinSet::new(),
        };
        for worker in 0..plan.workers {
            let server =
                Server::bind(binding(plan)).map_err(|error| Failure::new(error.to_string()))?;
            let share = Arc::new(Share::default());
            workers.shares.push(share.clone());
            workers.counters.extend(server.counters().iter().cloned());
            let (plan, control) = (plan.clone(), workers.control.clone());
            let locals: Vec<SocketAddr> =
                server.local_addrs().iter().map(|(_, addr)| *addr).collect();
            let make = move |_| engine(&plan, worker, &locals, share, control);
            workers
                .tasks
                .spawn(server.run(make, Arc::new(()), signal.clone()));
        }
        Ok(workers)
    }

    /// A worker has ended, which none does by itself.
    fn failed(&mut self) -> Option<Failure> {
        match self.tasks.try_join_next()? {
            Ok(Err(error)) => Some(Failure::new(error.to_string())),
            _ => Some(Failure::new("a worker ended too early")),
        }
    }

    fn unfinished(&self) -> u64 {
        self.shares
            .iter()
            .map(|share| share.lock().unfinished)
            .sum()
    }

    /// Phones that are registered.
    fn contacts(&self) -> u64 {
        self.shares.iter().map(|share| share.lock().contacts).sum()
    }

    fn are_exhausted(&self) -> bool {
        self.shares.iter().all(|share| share.lock().exhausted)
    }

    fn hopeless(&self) -> Option<Failure> {
        self.shares
            .iter()
            .find_map(|share| share.lock().hopeless.clone())
            .map(Failure::new)
    }

    fn have_finished(&self) -> bool {
        self.shares.iter().all(|share| share.lock().finished)
    }

    /// What was counted since it was asked last, by kind.
    fn take(&self, kinds: usize) -> Vec<KindTally> {
        let mut sums = vec![KindTally::new(); kinds];
        for share in &self.shares {
            for (sum, kind) in sums.iter_mut().zip(&mut share.lock().kinds) {
                sum.take(kind);
            }
        }
        sums
    }

    fn datagrams_lost(&self) -> u64 {
        self.counters
            .iter()
            .map(|counters| counters.datagrams_lost.value())
            .sum()
    }

    /// Connections that are open.
    fn connections(&self) -> u64 {
        let open = |counters: &Arc<Counters>| {
            let opened =
                counters.connections_opened.value() + counters.connections_accepted.value();
            opened.saturating_sub(counters.connections_closed.value())
        };
        self.counters.iter().map(open).sum()
    }

    /// Messages nobody could read.
    fn unreadable(&self) -> u64 {
        let unreadable =
            |counters: &Arc<Counters>| counters.garbage.value() + counters.flawed_dropped.value();
        self.counters.iter().map(unreadable).sum()
    }

    async fn stop(mut self) {
        self.shutdown.begin();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// One server for each worker, so that each has ports of its own and nothing to hand over.
fn binding(plan: &Plan) -> Bind {
    let mut settings = Settings::default();
    settings.timers = plan.timers;
    settings.tell_repetitions = true;
    settings.drain = Duration::ZERO;
    settings.udp.send_queue = 1 << 16;
    settings.stream.connections = usize::MAX;
    settings.stream.connections_per_source = u32::MAX;
    let addrs = plan
        .from
        .iter()
        .flat_map(|ip| (0..plan.ports).map(|_| SocketAddr::new(*ip, 0)));
    let bind = addrs.enumerate().fold(Bind::nowhere(), |bind, (at, addr)| {
        let bind = match plan.transport {
            Transport::Udp => bind.and_udp(addr),
            _ => bind.and_tcp(addr),
        };
        match plan.nat {
            true => bind.advertised(private(at)),
            false => bind,
        }
    });
    bind.workers(1).settings(settings)
}

/// The phones of one worker, made on its thread.
fn engine(
    plan: &Plan,
    worker: u16,
    locals: &[SocketAddr],
    share: Arc<Share>,
    control: Arc<Control>,
) -> Engine {
    if let Some(cpu) = plan.cpus.get(usize::from(worker) % plan.cpus.len().max(1)) {
        pin(*cpu);
    }
    let site = plan.site(worker, locals);
    let preparation = plan.preparation(worker, Instant::now());
    let works = plan.works(worker, &site);
    Engine::new(site, preparation, works, plan.tally(share), control)
}

/// Keeps this thread on one core. It works without, only less evenly.
pub(crate) fn pin(cpu: usize) {
    use nix::sched::{CpuSet, sched_setaffinity};
    let mut set = CpuSet::new();
    if set.set(cpu).is_ok() {
        let _ = sched_setaffinity(nix::unistd::Pid::from_raw(0), &set);
    }
}

/// What stays the same through a run.
struct Run<'a> {
    plan: &'a Plan,
    watched: &'a Watched,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    began: String,
    command: String,
}

impl Run<'_> {
    async fn carry_out(&self, workers: &mut Workers) -> Result<Record, Failure> {
        let at_start = self.look_at_server(workers);
        self.prepare(workers).await?;
        let prepared = self.look_at_server(workers);
        let start = Instant::now() + 5 * LOOK;
        let measured_from = start + self.plan.warm_up;
        let term = Term {
            start,
            measured_from,
            until: measured_from + self.plan.length,
        };
        // Nobody else sets it.
        let _ = workers.control.term.set(term);
        // Looking at a large server takes time, and must not be late.
        self.warm_up(workers, measured_from - 2 * LOOK).await?;
        let mut series = Series::new(self, workers);
        let ended = self.measure(workers, term, &mut series).await?;
        let loaded = self.look_at_server(workers);
        self.settle(workers, &mut series).await?;
        self.hold(workers, &mut series).await?;
        let at_end = self.look_at_server(workers);
        let measured = ended.saturating_duration_since(measured_from);
        Ok(Record {
            growth: self.growth([at_start, prepared, loaded, at_end]),
            registered: at_end.contacts,
            server_pss_at_start: at_start.pss,
            ..series.record(self, workers, measured)
        })
    }

    /// What the server holds now.
    fn look_at_server(&self, workers: &Workers) -> Look {
        // What calls that last no time leave behind, lingering transactions, is more than what they hold.
        let held = match self.plan.jobs.as_slice() {
            [Job {
                what: What::Call(style),
                ..
            }] => style.ring + style.talk >= Duration::from_secs(1),
            _ => false,
        };
        Look {
            calls: if held { workers.unfinished() } else { 0 },
            contacts: workers.contacts(),
            connections: workers.connections(),
            pss: self.watched.server.usage().pss,
        }
    }

    /// What the server's memory went for: phones that register first, then calls; else all that a run leaves there.
    fn growth(&self, looks: [Look; 4]) -> Vec<Growth> {
        if self.watched.server.is_empty() {
            return Vec::new();
        }
        let [at_start, prepared, loaded, at_end] = looks;
        let grown = match self.plan.preparation {
            Some(_) => [
                Growth::between(&at_start, &prepared),
                Growth::between(&prepared, &loaded),
            ],
            None => [Growth::between(&at_start, &at_end), None],
        };
        grown.into_iter().flatten().collect()
    }

    /// Waits until all phones are registered.
    async fn prepare(&self, workers: &mut Workers) -> Result<(), Failure> {
        if self.plan.preparation.is_some() {
            self.progress
                .say(&format!("registering {} phones …", self.plan.phones));
        }
        loop {
            self.look(workers).await?;
            if self.interrupt.came() {
                return Err(Failure::new(
                    "interrupted before all phones were registered",
                ));
            }
            let prepared = workers.shares.iter().map(|share| share.lock().prepared);
            let Some(prepared) = prepared.collect::<Option<Vec<_>>>() else {
                continue;
            };
            let succeeded: u64 = prepared.iter().map(|share| share.succeeded).sum();
            let refused = prepared.iter().find_map(|share| share.refused);
            return match (succeeded, refused) {
                (0, Some((_, status))) => Err(Failure::new(format!(
                    "the server refuses every registration with {status}{}",
                    hint(status)
                ))),
                (0, None) if self.plan.preparation.is_some() => {
                    Err(Failure::new("no registration was answered"))
                }
                _ => Ok(()),
            };
        }
    }

    async fn warm_up(&self, workers: &mut Workers, until: Instant) -> Result<(), Failure> {
        while Instant::now() < until && !self.interrupt.came() {
            self.progress.say("warming up …");
            self.look(workers).await?;
        }
        Ok(())
    }

    /// Waits out the run; the moment after which nothing was begun any more.
    async fn measure(
        &self,
        workers: &mut Workers,
        term: Term,
        series: &mut Series,
    ) -> Result<Instant, Failure> {
        loop {
            self.look(workers).await?;
            let now = Instant::now();
            if now >= series.next {
                let left = term.until.saturating_duration_since(now);
                series.add(self, workers, Some(left));
                series.heard_anything(self.plan)?;
            }
            if self.interrupt.came() || workers.are_exhausted() || now >= term.until {
                workers.control.stop.store(true, Ordering::Relaxed);
                return Ok(now.min(term.until));
            }
        }
    }

    /// Waits for what is still under way.
    async fn settle(&self, workers: &mut Workers, series: &mut Series) -> Result<(), Failure> {
        let patience = match self.interrupt.came() {
            true => Duration::from_secs(1),
            false => self.plan.settle,
        };
        let until = Instant::now() + patience;
        // Two looks of the workers, so that all have seen that it is over.
        sleep(2 * LOOK).await;
        loop {
            let unfinished = workers.unfinished();
            if unfinished == 0 || Instant::now() >= until || self.interrupt.came_again() {
                break;
            }
            self.progress
                .say(&format!("waiting for {unfinished} still under way …"));
            self.look(workers).await?;
        }
        workers.control.finish.store(true, Ordering::Relaxed);
        while !workers.have_finished() {
            self.look(workers).await?;
        }
        series.collect(workers);
        series.heard_anything(self.plan)
    }

    /// Keeps connections open for a while.
    async fn hold(&self, workers: &mut Workers, series: &mut Series) -> Result<(), Failure> {
        let until = Instant::now() + self.plan.hold;
        while Instant::now() < until && !self.interrupt.came() {
            self.look(workers).await?;
            let now = Instant::now();
            if now >= series.next {
                series.add(self, workers, Some(until.saturating_duration_since(now)));
            }
        }
        Ok(())
    }

    async fn look(&self, workers: &mut Workers) -> Result<(), Failure> {
        sleep(LOOK).await;
        match workers.failed().or_else(|| workers.hopeless()) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

/// What a run was like so far, second by second.
struct Series {
    names: Vec<&'static str>,
    sums: Vec<KindTally>,
    seconds: Vec<Second>,
    began: Instant,
    last: Instant,
    next: Instant,
    own: Watch,
    server: Watch,
    database: Watch,
    /// Messages nobody could read, as of last time.
    unreadable: u64,
    wire: Wire,
}

/// The CPU time of one set of processes.
struct Watch {
    tree: ProcessTree,
    before: crate::measure::process::Usage,
    last: Duration,
}

impl Watch {
    fn new(tree: ProcessTree) -> Watch {
        let before = match tree.is_empty() {
            true => Default::default(),
            false => tree.usage(),
        };
        Watch {
            last: Duration::from_micros(before.cpu_us),
            before,
            tree,
        }
    }

    /// Cores used since it was asked last.
    fn cores(&mut self, elapsed: Duration) -> f64 {
        if self.tree.is_empty() {
            return 0.0;
        }
        let cpu = self.tree.cpu();
        let used = cpu.saturating_sub(self.last);
        self.last = cpu;
        used.as_secs_f64() / elapsed.as_secs_f64().max(1e-6)
    }

    fn cost(&self) -> Cost {
        Cost {
            before: self.before,
            after: self.tree.usage(),
        }
    }

    fn cost_if_any(&self) -> Option<Cost> {
        (!self.tree.is_empty()).then(|| self.cost())
    }
}

impl Series {
    fn new(run: &Run<'_>, workers: &Workers) -> Series {
        let (own, server, database) = (
            Watch::new(ProcessTree::own()),
            Watch::new(run.watched.server.clone()),
            Watch::new(run.watched.database.clone()),
        );
        let now = Instant::now();
        Series {
            names: run.plan.jobs.iter().map(|job| job.what.name()).collect(),
            sums: vec![KindTally::new(); run.plan.jobs.len()],
            seconds: Vec::new(),
            began: now,
            last: now,
            next: now + Duration::from_secs(1),
            own,
            server,
            database,
            unreadable: workers.unreadable(),
            wire: Wire::so_far(&workers.counters),
        }
    }

    /// Adds a second.
    fn add(&mut self, run: &Run<'_>, workers: &Workers, left: Option<Duration>) {
        let now = Instant::now();
        let elapsed = now - self.last;
        self.last = now;
        self.next += Duration::from_secs(1);
        let kinds = self.collect(workers);
        let pss = match self.seconds.len() as u32 % PSS_EVERY {
            0 if !self.server.tree.is_empty() => self.server.tree.usage().pss,
            _ => self.seconds.last().map_or(0, |second| second.server_pss),
        };
        let second = Second {
            at: (now - self.began).as_secs_f64(),
            kinds,
            server_cores: self.server.cores(elapsed),
            database_cores: self.database.cores(elapsed),
            own_cores: self.own.cores(elapsed),
            under_way: workers.unfinished(),
            server_pss: pss,
        };
        run.progress
            .show(&second, left, !self.server.tree.is_empty());
        self.seconds.push(second);
    }

    /// A run against nobody makes no sense.
    fn heard_anything(&self, plan: &Plan) -> Result<(), Failure> {
        let mut counts = Counts::default();
        self.sums.iter().for_each(|sum| counts += sum.counts);
        match counts.lost > 0 && counts.succeeded + counts.refused == 0 {
            false => Ok(()),
            true => Err(Failure::new(format!(
                "nobody answers at {} over {}",
                plan.server,
                plan.transport.as_str()
            ))),
        }
    }

    /// Takes what was counted since last time.
    fn collect(&mut self, workers: &Workers) -> BTreeMap<String, Kind> {
        let mut taken = workers.take(self.sums.len());
        let unreadable = workers.unreadable();
        if let Some(first) = taken.first_mut() {
            first.counts.stray += unreadable - self.unreadable;
        }
        self.unreadable = unreadable;
        let mut kinds = BTreeMap::new();
        for ((name, sum), kind) in self.names.iter().zip(&mut self.sums).zip(&mut taken) {
            kinds.insert((*name).to_owned(), told(kind));
            sum.take(kind);
        }
        kinds
    }

    fn record(self, run: &Run<'_>, workers: &Workers, measured: Duration) -> Record {
        let kinds = self.names.iter().zip(&self.sums);
        let own_cost = self.own.cost();
        let bottleneck = self.bottleneck(run.plan, workers, own_cost);
        Record {
            work: run.plan.work.to_owned(),
            command: run.command.clone(),
            server: run.plan.server.to_string(),
            began: run.began.clone(),
            seconds: measured.as_secs_f64(),
            kinds: kinds
                .map(|(name, sum)| ((*name).to_owned(), told(sum)))
                .collect(),
            server_cost: self.server.cost_if_any(),
            database_cost: self.database.cost_if_any(),
            own_cost,
            elapsed: self.began.elapsed().as_secs_f64(),
            wire: Wire::so_far(&workers.counters) - self.wire,
            transport: run.plan.transport.uri_param().to_owned(),
            server_pss_at_start: 0,
            growth: Vec::new(),
            registered: 0,
            connections: workers.connections(),
            bottleneck,
            series: self.seconds,
        }
    }

    /// Why the figures may be the generator's own and not the server's.
    fn bottleneck(&self, plan: &Plan, workers: &Workers, own: Cost) -> Option<String> {
        let lost = workers.datagrams_lost();
        if lost > 0 {
            return Some(format!(
                "{lost} of its own datagrams never left this machine"
            ));
        }
        for ((name, sum), job) in self.names.iter().zip(&self.sums).zip(&plan.jobs) {
            let lag = Duration::from_micros(sum.lags.percentiles().p99);
            if matches!(job.speed, Speed::Rate(_)) && lag > TOO_LATE {
                let ms = lag.as_millis();
                return Some(format!(
                    "one {name} in a hundred began {ms} ms or more behind its schedule"
                ));
            }
        }
        let elapsed = self.began.elapsed().as_secs_f64();
        let cores = own.after.cpu_since(&own.before).as_secs_f64() / elapsed.max(1e-6);
        let share = cores / f64::from(plan.workers);
        (share >= 0.95).then(|| {
            format!(
                "its {} workers used {:.0} % of their cores",
                plan.workers,
                100.0 * share
            )
        })
    }
}

fn told(tally: &KindTally) -> Kind {
    Kind {
        counts: tally.counts,
        latency: tally.latencies.percentiles(),
        lag: tally.lags.percentiles(),
        refusals: tally.refusals.clone(),
    }
}
