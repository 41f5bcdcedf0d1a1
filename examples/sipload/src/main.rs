//! `sipload`: phones by the hundred thousand, for measuring SIP servers.

mod cli;
mod clock;
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
mod run;
mod schedule;
mod sight;
mod site;
mod slots;
mod span;
mod target;
mod users;
mod waits;
mod work;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use cli::{Afterwards, Cli, Command, Order};
use failure::Failure;
use progress::Progress;
use report::record::Record;

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
    let order = match cli.command {
        Command::Keepalive(args) => args.order()?,
        Command::Register(args) => args.order()?,
        Command::Call(args) => args.order()?,
        Command::Connections(args) => args.order()?,
        Command::Population(args) => args.order()?,
        Command::Echo(args) => {
            let count = echo::run(&args)?;
            say(&format!("{count} datagrams echoed\n"));
            return Ok(ExitCode::SUCCESS);
        }
    };
    let Order {
        plan,
        watched,
        afterwards,
    } = order;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    let record = runtime.block_on(run::run(plan, &watched, &Progress::new(), command_line()))?;
    say(&report::text::summary(&record));
    afterwards.carry_out(&record)
}

impl Afterwards {
    fn carry_out(&self, record: &Record) -> Result<ExitCode, Failure> {
        if let Some(file) = &self.json {
            let json = serde_json::to_vec_pretty(record)
                .map_err(|error| Failure::new(format!("cannot write the record: {error}")))?;
            write(file, &json)?;
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
