//! `itsp`: a complete SIP server for an Internet telephony provider.

mod accounts;
mod backends;
mod banner;
mod cache;
mod check;
mod cli;
mod config;
mod descriptors;
mod domains;
mod failure;
mod first_start;
mod location;
mod log;
mod names;
mod routing;
mod server;
mod shutdown;
mod store;
mod subscribers;
mod tls;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime;

use cli::{Cli, Command, DomainCommand, UserCommand};
use config::Config;
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
    log::start(config.log.level);
    let Some(command) = &cli.command else {
        return server::serve(&config, !cli.serve.no_demo);
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::setup(
                format!("cannot start: {error}"),
                "free some memory or file descriptors",
            )
        })?;
    let done = runtime.block_on(carry_out(command, &config))?;
    // It is done, whether anybody hears of it or not.
    let _ = writeln!(io::stdout(), "{done}");
    Ok(())
}

/// Does what `command` says; what to tell about it.
async fn carry_out(command: &Command, config: &Config) -> Result<String, Failure> {
    match command {
        Command::Check => check::check(config).await,
        Command::Domain(DomainCommand::Add { name }) => {
            with_store(config, async |store| {
                accounts::add_domain(store, name).await
            })
            .await
        }
        Command::User(UserCommand::Add { address, password }) => {
            with_store(config, async |store| {
                accounts::add_user(store, address, password.as_deref()).await
            })
            .await
        }
        Command::User(UserCommand::Import { file }) => {
            with_store(config, async |store| accounts::import(store, file).await).await
        }
    }
}

/// Opens the database for `act`, and closes it whatever comes of that.
async fn with_store(
    config: &Config,
    act: impl AsyncFnOnce(&Store) -> Result<String, Failure>,
) -> Result<String, Failure> {
    let (store, _) = Store::open_or_create(&config.data).await?;
    let done = act(&store).await;
    store.close().await;
    done
}
