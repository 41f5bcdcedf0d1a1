//! Certificates and keys from files, and which of them is shown to whom (RFC 6066 §3).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hashbrown::HashMap;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::identity;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("{} is no PEM file", path.display())]
    Pem {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// A file has no certificate in it that can be used.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// Which one.
        path: PathBuf,
    },
    /// A file has no private key in it.
    #[error("{} holds no private key that is not encrypted", path.display())]
    NoKey {
        /// Which one.
        path: PathBuf,
    },
    /// Certificate and key are not a pair, or of a kind that is not known.
    #[error("the key in {} does not serve the certificate in {}", key.display(), chain.display())]
    Mismatch {
        /// The certificate.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// A certificate cannot be used.
    #[error("cannot use the certificate in {}", path.display())]
    Unusable {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
    /// The cryptography does not work.
    #[error("cannot set up TLS")]
    Setup(#[from] rustls::Error),
}

/// Our certificates, by the names in them.
#[derive(Debug)]
pub(super) struct Certificates {
    first: Arc<CertifiedKey>,
    named: HashMap<String, Vec<Arc<CertifiedKey>>>,
}

impl Certificates {
    /// Reads pairs of a chain and a key, of which there must be one at least.
    pub(super) fn read(
        files: &[(PathBuf, PathBuf)],
        provider: &CryptoProvider,
    ) -> Result<Certificates, TlsError> {
        let mut first = None;
        let mut named: HashMap<String, Vec<_>> = HashMap::new();
        for (chain, key) in files {
            let certified = Arc::new(certified(chain, key, provider)?);
            if let Some(own) = certified.cert.first() {
                for name in identity::names(own) {
                    let name = name.to_ascii_lowercase();
                    named.entry(name).or_default().push(certified.clone());
                }
            }
            first.get_or_insert(certified);
        }
        let first = first.ok_or(rustls::Error::NoCertificatesPresented)?;
        Ok(Certificates { first, named })
    }

    /// The one for whoever asks for no name.
    pub(super) fn first(&self) -> Arc<CertifiedKey> {
        self.first.clone()
    }

    fn of_name(&self, name: &str) -> Option<&[Arc<CertifiedKey>]> {
        let name = name.to_ascii_lowercase();
        // What a wildcard is worth, the peer decides: a browser takes it, a SIP proxy does not (RFC 5922 §7.2).
        let wildcard = || {
            let (_, parent) = name.split_once('.')?;
            self.named.get(&format!("*.{parent}"))
        };
        self.named.get(&name).or_else(wildcard).map(Vec::as_slice)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.of_name(name));
        let named = named.unwrap_or_default();
        // One name may have keys of several kinds.
        let serves = |certified: &&Arc<CertifiedKey>| {
            let key = &certified.key;
            key.choose_scheme(hello.signature_schemes()).is_some()
        };
        let chosen = named.iter().find(serves).or(named.first());
        Some(chosen.unwrap_or(&self.first).clone())
    }
}

fn certified(
    chain: &Path,
    key: &Path,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let certificates = read_certificates(chain)?;
    if let Some(own) = certificates.first() {
        rustls::server::ParsedCertificate::try_from(own).map_err(|source| TlsError::Unusable {
            path: chain.to_owned(),
            source,
        })?;
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey {
            path: key.to_owned(),
        },
        source => TlsError::Pem {
            path: key.to_owned(),
            source,
        },
    })?;
    CertifiedKey::from_der(certificates, private, provider).map_err(|source| TlsError::Mismatch {
        chain: chain.to_owned(),
        key: key.to_owned(),
        source,
    })
}

/// The authorities in a file.
pub(super) fn read_authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::Unusable {
                path: path.to_owned(),
                source,
            })?;
    }
    Ok(roots)
}

/// The authorities the system trusts, as far as they can be read.
pub(super) fn system_authorities() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let path = || path.to_owned();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::NoCertificate { path: path() }),
        Ok(found) => Ok(found),
        Err(source) => Err(TlsError::Pem {
            path: path(),
            source,
        }),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}
