//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, Listen};
use crate::failure::Failure;

/// A SIP server for an Internet telephony provider.
///
/// Without a command it serves: it needs no configuration, makes its database on the first start, and says what
/// to type into two softphones.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    /// Folder of the database [default: itsp-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Configuration in TOML; itsp.example.toml documents it
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) serve: Serve,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on, IP or IP:PORT; may be repeated [default: 0.0.0.0:5060]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<Listen>,

    /// Port to listen on, for every address
    #[arg(long)]
    port: Option<u16>,

    /// Threads that handle messages [default: one per processor core]
    #[arg(long, value_name = "N")]
    workers: Option<u16>,

    /// Make no demo domain and users on the first start
    #[arg(long)]
    pub(crate) no_demo: bool,
}

/// Everything but serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Domains to serve
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Users who may register and call
    #[command(subcommand)]
    User(UserCommand),
    /// Look over configuration and database; exits with 2 when something is wrong
    Check,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DomainCommand {
    /// Serve a domain; a running server sees it within seconds
    Add {
        /// A host name or an IP address
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; without --password a random one is made and printed
    Add {
        /// USER@DOMAIN
        address: String,
        #[arg(long)]
        password: Option<String>,
    },
    /// Make or change all users of a CSV file, a line each: user,password or user,password,domain
    Import { file: PathBuf },
}

impl Cli {
    /// The configuration file, if one is named, with the flags over it.
    pub(crate) fn configuration(&self) -> Result<Config, Failure> {
        let mut config = match &self.config {
            Some(file) => Config::read(file)?,
            None => Config::default(),
        };
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        if !self.serve.listen.is_empty() {
            config.network.listen.clone_from(&self.serve.listen);
        }
        if let Some(port) = self.serve.port {
            for listen in &mut config.network.listen {
                listen.0.set_port(port);
            }
        }
        if let Some(workers) = self.serve.workers {
            config.network.workers = workers;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(arguments: &[&str]) -> Config {
        let cli = Cli::try_parse_from(arguments).expect("arguments");
        cli.configuration().expect("configuration")
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_win_over_the_configuration() {
        let config = configuration(&[
            "itsp",
            "--data",
            "/tmp/x",
            "--listen",
            "127.0.0.1",
            "--port",
            "5070",
            "--workers",
            "3",
        ]);
        assert_eq!(config.data, PathBuf::from("/tmp/x"));
        assert_eq!(
            config.network.listen,
            ["127.0.0.1:5070".parse().expect("address")]
        );
        assert_eq!(config.network.workers, 3);
    }

    #[test]
    fn data_may_follow_the_command() {
        let config = configuration(&["itsp", "user", "add", "a@b", "--data", "/tmp/x"]);
        assert_eq!(config.data, PathBuf::from("/tmp/x"));
    }
}
