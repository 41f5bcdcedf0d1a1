//! `sipload`: phones by the hundred thousand, for measuring SIP servers.

mod behaviour;
mod capacity;
mod cli;
mod clock;
mod compare;
mod deployment;
mod echo;
mod engine;
mod expect;
mod failure;
mod interrupt;
mod mark;
mod measure;
mod pace;
mod phone;
mod plan;
mod progress;
mod report;
mod rtpproxy;
mod run;
mod schedule;
mod served;
mod server_file;
mod sight;
mod site;
mod slots;
mod span;
mod target;
mod users;
mod waits;
mod work;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;
use tokio::runtime::{self, Runtime};

use capacity::Capacity;
use cli::{Afterwards, Cli, Command, CompareArgs, Order, PlanArgs, Work};
use compare::Side;
use deployment::Deployment;
use failure::Failure;
use interrupt::Interrupt;
use progress::Progress;
use report::record::Record;
use server_file::ServerFile;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(failure) => {
            // Standard error may be closed, and there is nowhere else to complain.
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Work(work) => runtime()?.block_on(measure(work)),
        Command::Compare(args) => runtime()?.block_on(compare(args)),
        Command::Plan(args) => plan(&args),
        Command::Echo(args) => {
            let count = echo::run(&args)?;
            say(&format!("{count} datagrams echoed\n"));
            Ok(ExitCode::SUCCESS)
        }
        Command::Rtpproxy(args) => {
            say(&rtpproxy::run(&args)?);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}")))
}

/// One run, against a server that is there or one started for it.
async fn measure(work: Work) -> Result<ExitCode, Failure> {
    let progress = Progress::new();
    let (record, afterwards) = match work.server_file() {
        Some(file) => {
            let mut deployment = Deployment::new(ServerFile::read(file)?, work.users())?;
            served::measure(&mut deployment, work, &progress, command_line()).await?
        }
        None => {
            let Order {
                plan,
                watched,
                afterwards,
            } = work.order()?;
            let record = run::run(plan, &watched, &progress, command_line()).await?;
            (record, afterwards)
        }
    };
    say(&report::text::summary(&record));
    afterwards.carry_out(&record)
}

/// Runs against two servers in turn.
async fn compare(args: CompareArgs) -> Result<ExitCode, Failure> {
    let (progress, interrupt) = (Progress::new(), Interrupt::new()?);
    let deploy = |file: &Path| Deployment::new(ServerFile::read(file)?, args.work.users());
    let mut deployments = [deploy(&args.first)?, deploy(&args.second)?];
    let names = deployments
        .each_ref()
        .map(|deployment| deployment.file().name.clone());
    let comparison = compare::alternate(names, args.rounds, async |side, round| {
        let [first, second] = &mut deployments;
        let deployment = if side == Side::First { first } else { second };
        progress.say(&format!("round {} of {} …", round + 1, args.rounds));
        let run = served::measure(deployment, args.work.clone(), &progress, command_line()).await;
        match interrupt.came() {
            true => Ok(None),
            false => Ok(Some(run?.0)),
        }
    })
    .await?;
    say(&report::versus::text(&comparison));
    if let Some(file) = &args.html {
        write(file, report::versus::page(&comparison).as_bytes())?;
    }
    if let Some(file) = &args.json {
        write(file, &json(&comparison)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// From records of runs to what so many subscribers need.
fn plan(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let read = |files: &[PathBuf]| {
        files
            .iter()
            .map(|file| Record::read(file))
            .collect::<Result<Vec<_>, _>>()
    };
    let (records, others) = (read(&args.constants)?, read(&args.check)?);
    let subscribers = args.subscribers.into();
    let capacity = Capacity::new(
        subscribers,
        args.behaviour()?,
        args.busy()?,
        &records,
        &others,
    )?;
    say(&report::capacity::text(&capacity));
    if let Some(file) = &args.html {
        write(file, report::capacity::page(&capacity).as_bytes())?;
    }
    if let Some(file) = &args.json {
        write(file, &json(&capacity)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Afterwards {
    fn carry_out(&self, record: &Record) -> Result<ExitCode, Failure> {
        if let Some(file) = &self.html {
            write(file, report::html::page(record).as_bytes())?;
        }
        if let Some(file) = &self.json {
            write(file, &json(record)?)?;
        }
        if let Some(file) = &self.csv {
            write(file, report::csv::series(record).as_bytes())?;
        }
        let unmet: Vec<String> = self
            .expect
            .iter()
            .filter_map(|wanted| wanted.unmet(record))
            .collect();
        for unmet in &unmet {
            let _ = writeln!(io::stderr(), "sipload: not met: {unmet}");
        }
        Ok(match unmet.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(1),
        })
    }
}

fn json(told: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec_pretty(told)
        .map_err(|error| Failure::new(format!("cannot write the record: {error}")))
}

fn write(file: &Path, content: &[u8]) -> Result<(), Failure> {
    std::fs::write(file, content)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
}

fn say(text: &str) {
    // A closed pipe is the reader's choice.
    let _ = io::stdout().write_all(text.as_bytes());
}

/// How this program was called, to be repeated.
fn command_line() -> String {
    std::env::args().collect::<Vec<_>>().join(" ")
}
