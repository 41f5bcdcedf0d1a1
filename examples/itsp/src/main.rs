//! `itsp`: a complete SIP server for an Internet telephony provider.

mod accounts;
mod check;
mod cli;
mod config;
mod failure;
mod first_start;
mod store;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, DomainCommand, UserCommand};
use failure::Failure;
use store::Store;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Standard error may be closed, and there is nowhere else to complain.
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let config = cli.configuration()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::setup(
                format!("cannot start: {error}"),
                "free some memory or file descriptors",
            )
        })?;
    let told = runtime.block_on(async {
        let Some(command) = &cli.command else {
            let (store, new) = Store::open_or_create(&config.data).await?;
            if new && !cli.serve.no_demo {
                first_start::make_demo(&store)
                    .await
                    .map_err(|e| e.failure())?;
            }
            store.close().await;
            return Ok(String::new());
        };
        if let Command::Check = command {
            return check::check(&config).await;
        }
        let (store, _) = Store::open_or_create(&config.data).await?;
        let told = match command {
            Command::Domain(DomainCommand::Add { name }) => {
                accounts::add_domain(&store, name).await
            }
            Command::User(UserCommand::Add { address, password }) => {
                accounts::add_user(&store, address, password.as_deref()).await
            }
            Command::User(UserCommand::Import { file }) => accounts::import(&store, file).await,
            Command::Check => unreachable!(),
        };
        store.close().await;
        told
    })?;
    let _ = writeln!(io::stdout(), "{told}");
    Ok(())
}
