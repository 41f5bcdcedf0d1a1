//! Certificates: read at the start and when the program is sent SIGHUP.

use sip_transport::{TlsConfig, TlsError, TlsFiles};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{self, Clients};
use crate::failure::Failure;

/// The certificates that are configured, if any are.
///
/// # Errors
/// When a file cannot be read or used.
pub(crate) fn load(config: &config::Tls) -> Result<Option<TlsConfig>, Failure> {
    let Some(files) = files(config) else {
        return Ok(None);
    };
    match TlsConfig::load(files) {
        Ok(tls) => Ok(Some(tls)),
        Err(error) => Err(Failure::setup(told(&error), remedy(&error))),
    }
}

/// Reads the certificates again whenever SIGHUP comes, for as long as the program runs.
///
/// # Errors
/// When the system does not tell of signals.
pub(crate) fn reload_when_asked(
    tls: Option<TlsConfig>,
) -> Result<impl Future<Output = ()>, Failure> {
    let hangups = signal(SignalKind::hangup()).map_err(|error| {
        Failure::setup(
            format!("the system does not tell of signals: {error}"),
            "allow this process more file descriptors",
        )
    })?;
    Ok(reload(tls, hangups))
}

async fn reload(tls: Option<TlsConfig>, mut hangups: Signal) {
    while hangups.recv().await.is_some() {
        match tls.as_ref().map(TlsConfig::reload) {
            None => tracing::info!("SIGHUP: there are no certificates to read"),
            Some(Ok(())) => tracing::info!("SIGHUP: certificates were read again"),
            Some(Err(error)) => tracing::error!("certificates stay as they were: {}", told(&error)),
        }
    }
}

fn files(config: &config::Tls) -> Option<TlsFiles> {
    let (first, others) = config.certificates.split_first()?;
    let mut files = TlsFiles::new(&first.chain, &first.key);
    for other in others {
        files = files.and(&other.chain, &other.key);
    }
    if !config.authorities.as_os_str().is_empty() {
        files = files.trust(&config.authorities);
    }
    Some(match config.clients {
        Clients::Anybody => files,
        Clients::Ask => files.ask_clients(&config.client_authorities),
        Clients::Require => files.require_clients(&config.client_authorities),
    })
}

/// The error and its cause.
fn told(error: &TlsError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

fn remedy(error: &TlsError) -> &'static str {
    match error {
        TlsError::Read { .. } => "let [tls] name files that this program may read",
        TlsError::NoKey { .. } => {
            "let `key` name a PEM file with a private key that needs no password"
        }
        TlsError::Mismatch { .. } => "let `chain` and `key` name files made for each other",
        _ => "let [tls] name files in PEM form, a certificate first and its chain behind it",
    }
}
