//! TLS (RFC 3261 §26.3.1): who we are, whom we believe, and how both are read again while connections stay.

mod certificates;
pub(crate) mod identity;
pub(crate) mod session;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier, danger::ClientCertVerifier,
};
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use certificates::Certificates;
pub use certificates::TlsError;
use identity::DomainVerifier;

/// SIP by its registered name (RFC 7301 §6), and as some call it.
const SIP: [&[u8]; 2] = [b"sip/2", b"sip"];

/// WebSocket begins as HTTP.
const WEB: &[u8] = b"http/1.1";

/// Which certificates, keys and authorities to use: files in PEM form.
///
/// ```no_run
/// use sip_transport::{Bind, TlsConfig, TlsFiles};
///
/// let files = TlsFiles::new("sip.example.com.pem", "sip.example.com.key");
/// let tls = TlsConfig::load(files)?;
/// let bind = Bind::udp("0.0.0.0:5060").and_tls("0.0.0.0:5061", tls.clone());
/// // Later, when the files have changed:
/// tls.reload()?;
/// # Ok::<(), sip_transport::TlsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TlsFiles {
    certificates: Vec<(PathBuf, PathBuf)>,
    clients: Clients,
    authorities: Option<PathBuf>,
}

/// What peers that connect to us must show.
#[derive(Clone, Debug)]
enum Clients {
    Anybody,
    Verified { authorities: PathBuf, must: bool },
}

impl TlsFiles {
    /// The chain of a certificate, its own first, and its private key. It is shown to peers that ask for no name, or
    /// for one nobody knows; and to servers that want to see one.
    pub fn new(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsFiles {
        TlsFiles {
            certificates: vec![(chain.into(), key.into())],
            clients: Clients::Anybody,
            authorities: None,
        }
    }

    /// Another certificate, for peers that ask for a name in it (SNI, RFC 6066 §3).
    #[must_use]
    pub fn and(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsFiles {
        self.certificates.push((chain.into(), key.into()));
        self
    }

    /// Peers that connect are asked for a certificate of these authorities; one they show must be valid.
    #[must_use]
    pub fn ask_clients(mut self, authorities: impl Into<PathBuf>) -> TlsFiles {
        let authorities = authorities.into();
        let must = false;
        self.clients = Clients::Verified { authorities, must };
        self
    }

    /// Only peers with a certificate of these authorities may connect.
    #[must_use]
    pub fn require_clients(mut self, authorities: impl Into<PathBuf>) -> TlsFiles {
        let authorities = authorities.into();
        let must = true;
        self.clients = Clients::Verified { authorities, must };
        self
    }

    /// The authorities whose certificates servers we connect to may show. Default: those the system trusts.
    #[must_use]
    pub fn trust(mut self, authorities: impl Into<PathBuf>) -> TlsFiles {
        self.authorities = Some(authorities.into());
        self
    }
}

/// Certificates, keys and authorities at work. Clones share them.
#[derive(Clone)]
pub struct TlsConfig(Arc<Shared>);

struct Shared {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    /// Only a handshake looks at it; a connection keeps what it began with.
    current: RwLock<Arc<Current>>,
}

/// What was read last.
struct Current {
    sip: Arc<ServerConfig>,
    web: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    tickets: Arc<dyn ProducesTickets>,
}

impl TlsConfig {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read or used; the error names it.
    pub fn load(files: TlsFiles) -> Result<TlsConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let current = Current::read(&files, &provider, None)?;
        Ok(TlsConfig(Arc::new(Shared {
            files,
            provider,
            current: RwLock::new(Arc::new(current)),
        })))
    }

    /// Reads the files again, for connections that begin from now on; those that are open stay. Sessions that began
    /// before can still be resumed, unless certificates of clients are verified: those may have lost their standing.
    ///
    /// # Errors
    /// As for [`load`](TlsConfig::load); what was read before stays in use then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let before = self.current();
        let current = Current::read(&self.0.files, &self.0.provider, Some(&before))?;
        *self
            .0
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        Ok(())
    }

    fn current(&self) -> Arc<Current> {
        let current = self.0.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For a peer that speaks SIP right away, or WebSocket.
    pub(crate) fn server(&self, websocket: bool) -> Arc<ServerConfig> {
        let current = self.current();
        match websocket {
            true => current.web.clone(),
            false => current.sip.clone(),
        }
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        self.current().client.clone()
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsConfig").field(&self.0.files).finish()
    }
}

impl Current {
    fn read(
        files: &TlsFiles,
        provider: &Arc<CryptoProvider>,
        before: Option<&Current>,
    ) -> Result<Current, TlsError> {
        let certificates = Certificates::read(&files.certificates, provider)?;
        let first = certificates.first();
        let certificates = Arc::new(certificates);
        let tickets = match (&files.clients, before) {
            (Clients::Anybody, Some(before)) => before.tickets.clone(),
            _ => ring::Ticketer::new()?,
        };
        let server = |clients, names: &[&[u8]]| -> Result<_, TlsError> {
            let mut server = ServerConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()?
                .with_client_cert_verifier(clients)
                .with_cert_resolver(certificates.clone());
            server.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
            // Tickets hold the sessions, so that nothing must be kept for peers that went away.
            server.session_storage = Arc::new(NoServerSessionStorage {});
            server.ticketer = tickets.clone();
            server.send_tls13_tickets = 1;
            Ok(Arc::new(server))
        };
        let sip = server(client_verifier(&files.clients, provider)?, &SIP)?;
        let web = match &files.clients {
            // A browser would ask its user for a certificate that nobody insists on.
            Clients::Verified { must: false, .. } => {
                server(WebPkiClientVerifier::no_client_auth(), &[WEB])?
            }
            clients => server(client_verifier(clients, provider)?, &[WEB])?,
        };
        let roots = match &files.authorities {
            Some(path) => certificates::read_authorities(path)?,
            None => certificates::system_authorities(),
        };
        let own: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(first));
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(DomainVerifier::new(roots, provider)))
            .with_client_cert_resolver(own);
        client.alpn_protocols = SIP.iter().map(|name| name.to_vec()).collect();
        Ok(Current {
            sip,
            web,
            client: Arc::new(client),
            tickets,
        })
    }
}

fn client_verifier(
    clients: &Clients,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Clients::Verified { authorities, must } = clients else {
        return Ok(WebPkiClientVerifier::no_client_auth());
    };
    let roots: Arc<RootCertStore> = Arc::new(certificates::read_authorities(authorities)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
    let builder = match must {
        true => builder,
        false => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|_| TlsError::NoCertificate {
        path: authorities.clone(),
    })
}
