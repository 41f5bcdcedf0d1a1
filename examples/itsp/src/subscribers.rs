//! Who may register and call: read from the database when first asked for, then from memory (F-50 to F-53, F-63).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hashbrown::Equivalent;
use sip_core::{AddressOfRecord, DigestAlgorithm};
use sip_proxy::auth::Ha1;
use sip_proxy::backend::{Credential, CredentialError, CredentialStore, SharedSecret};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::accounts::LONGEST_NAME;
use crate::cache::{Cache, ToKey};
use crate::config;
use crate::domains::{Domain, Domains};
use crate::store::{Store, StoreError, Subscriber};

/// Reads under way and waiting; one more is refused.
const READS: usize = 1024;

/// All subscribers.
pub(crate) struct Subscribers {
    store: Store,
    domains: Arc<Domains>,
    /// Where the database is asked: never on a worker of the network.
    runtime: Handle,
    cache: Cache<Key, Option<Arc<Account>>, LookupError>,
    reads: Semaphore,
    keep: Duration,
    keep_unknown: Duration,
    timeout: Duration,
}

/// A user's name, or an alias, and the did of its domain.
#[derive(PartialEq, Eq, Hash)]
struct Key(Box<str>, Box<str>);

/// The same, borrowed.
#[derive(Hash)]
struct KeyRef<'a>(&'a str, &'a str);

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.0, self.1) == (&*key.0, &*key.1)
    }
}

impl ToKey<Key> for KeyRef<'_> {
    fn to_key(&self) -> Key {
        Key(self.0.into(), self.1.into())
    }
}

/// A subscriber, as requests need to know it.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) address: AddressOfRecord,
    /// The name it logs in with; an alias is none.
    username: String,
    /// For who logs in as `user`.
    short: Option<SharedSecret>,
    /// For who logs in as `user@domain`.
    long: Option<SharedSecret>,
}

/// The database did not say.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("too many look-ups wait")]
    Busy,
    #[error("the database takes too long")]
    Slow,
    #[error("{0}")]
    Failed(Arc<StoreError>),
}

impl Subscribers {
    /// Reads on `runtime` whom the cache does not hold.
    pub(crate) fn new(
        config: &config::Subscribers,
        store: Store,
        domains: Arc<Domains>,
        runtime: Handle,
    ) -> Subscribers {
        Subscribers {
            store,
            domains,
            runtime,
            cache: Cache::new(config.cache),
            reads: Semaphore::new(READS),
            keep: *config.keep,
            keep_unknown: *config.keep_unknown,
            timeout: *config.timeout,
        }
    }

    /// The subscriber that `user` names in `domain`, by its own name or an alias.
    pub(crate) async fn find(
        &self,
        user: &str,
        domain: &Domain,
    ) -> Result<Option<Arc<Account>>, LookupError> {
        if user.len() > LONGEST_NAME {
            return Ok(None); // and is not remembered: the cache counts names, not octets
        }
        let key = KeyRef(user, &domain.did);
        let keep = |found: &Option<_>| {
            if found.is_some() {
                self.keep
            } else {
                self.keep_unknown
            }
        };
        self.cache.get(&key, keep, || self.read(user, domain)).await
    }

    async fn read(&self, user: &str, domain: &Domain) -> Result<Option<Arc<Account>>, LookupError> {
        let _place = self.reads.try_acquire().map_err(|_| LookupError::Busy)?;
        let (store, name, did) = (self.store.clone(), user.to_owned(), domain.did.clone());
        let read = self
            .runtime
            .spawn(async move { find(&store, &name, &did).await });
        let found = match timeout(self.timeout, read).await {
            Ok(Ok(found)) => found.map_err(|error| {
                tracing::warn!(error = error.story(), "cannot read a subscriber");
                LookupError::Failed(Arc::new(error))
            })?,
            // The task is gone with its runtime, or it takes too long.
            Ok(Err(_)) | Err(_) => return Err(LookupError::Slow),
        };
        Ok(found
            .and_then(|subscriber| Account::of(&subscriber, &self.domains))
            .map(Arc::new))
    }
}

/// A subscriber by its name, else by an alias.
async fn find(store: &Store, user: &str, did: &str) -> Result<Option<Subscriber>, StoreError> {
    if let Some(subscriber) = store.subscriber(user, did).await? {
        return Ok(Some(subscriber));
    }
    match store.alias(user, did).await? {
        Some((user, domain)) => store.subscriber(&user, &domain).await,
        None => Ok(None),
    }
}

impl Account {
    /// `None` when its domain is not served, so that nobody can reach it.
    fn of(subscriber: &Subscriber, domains: &Domains) -> Option<Account> {
        let domain = domains.find(&subscriber.domain.parse().ok()?)?;
        Some(Account {
            address: domain.address(&subscriber.username)?,
            username: subscriber.username.clone(),
            short: secret(subscriber, &subscriber.ha1, &subscriber.sha256),
            long: secret(subscriber, &subscriber.ha1b, &subscriber.sha256b),
        })
    }
}

/// What proves to be the subscriber: the hashes there are; the password in the clear where there is no MD5 one.
fn secret(subscriber: &Subscriber, md5: &str, sha256: &str) -> Option<SharedSecret> {
    if md5.is_empty() {
        let password = Some(subscriber.password.as_str()).filter(|password| !password.is_empty());
        return password.map(|password| SharedSecret::Password(password.into()));
    }
    let hashes: Box<[Ha1]> = [
        (DigestAlgorithm::Md5, md5),
        (DigestAlgorithm::Sha256, sha256),
    ]
    .into_iter()
    .filter_map(|(algorithm, hexadecimal)| Ha1::from_hex(algorithm, hexadecimal.as_bytes()))
    .collect();
    (!hashes.is_empty()).then_some(SharedSecret::Hashed(hashes))
}

#[async_trait]
impl CredentialStore for Subscribers {
    async fn credential(
        &self,
        username: &str,
        realm: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        for domain in self.domains.with_realm(realm) {
            let (user, is_long) = match username.rsplit_once('@') {
                Some((user, host)) if names(&self.domains, host, &domain) => (user, true),
                _ => (username, false),
            };
            let Some(account) = self.find(user, &domain).await? else {
                continue;
            };
            let secret = if is_long {
                &account.long
            } else {
                &account.short
            };
            if account.username == user
                && let Some(secret) = secret
            {
                return Ok(Some(Credential {
                    identity: account.address.clone(),
                    secret: secret.clone(),
                }));
            }
        }
        Ok(None)
    }
}

fn names(domains: &Domains, host: &str, domain: &Arc<Domain>) -> bool {
    host.parse()
        .is_ok_and(|host| domains.find(&host).as_ref() == Some(domain))
}

impl From<LookupError> for CredentialError {
    fn from(error: LookupError) -> CredentialError {
        match error {
            LookupError::Busy => CredentialError::Busy,
            other => CredentialError::Unavailable(Box::new(other)),
        }
    }
}
