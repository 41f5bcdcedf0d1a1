//! The domains served, in memory: swapped whole, so that no request sees half of a change (F-112).

use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;
use sip_core::{AddressOfRecord, Host, Text, Uri};

use crate::store::{DomainRow, Store, StoreError};

/// All domains served.
#[derive(Debug)]
pub(crate) struct Domains {
    table: RwLock<Arc<Table>>,
}

#[derive(Debug)]
struct Table {
    /// As they were read, to see whether anything changed.
    rows: Vec<DomainRow>,
    by_name: HashMap<Host, Arc<Domain>>,
}

/// A domain, whatever names it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Domain {
    /// What it is called in the database.
    pub(crate) did: String,
    /// What its users' addresses-of-record end in: the did where that is a host, else the first of its names.
    home: String,
    /// What its users' passwords are hashed with.
    pub(crate) realm: Text,
}

impl Domain {
    /// The address-of-record of `user` here, by whatever name of the domain it was asked for.
    pub(crate) fn address(&self, user: &str) -> Option<AddressOfRecord> {
        AddressOfRecord::new(user, &self.home).ok()
    }
}

impl Domains {
    /// Reads them.
    pub(crate) async fn read(store: &Store) -> Result<Domains, StoreError> {
        let table = Table::of(store.domains().await?);
        Ok(Domains {
            table: RwLock::new(Arc::new(table)),
        })
    }

    /// Reads them again; true when something changed.
    pub(crate) async fn reload(&self, store: &Store) -> Result<bool, StoreError> {
        let rows = store.domains().await?;
        if rows == self.table().rows {
            return Ok(false);
        }
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Table::of(rows));
        Ok(true)
    }

    /// The domain that `host` names: exactly, but for case.
    pub(crate) fn find(&self, host: &Host) -> Option<Arc<Domain>> {
        self.table().by_name.get(host).cloned()
    }

    /// The domain that `uri` lies in.
    pub(crate) fn of_uri(&self, uri: &Uri) -> Option<Arc<Domain>> {
        self.find(&uri.as_sip()?.host())
    }

    /// The domains whose passwords are hashed with `realm`.
    pub(crate) fn with_realm(&self, realm: &str) -> Vec<Arc<Domain>> {
        let table = self.table();
        let mut domains: Vec<Arc<Domain>> = Vec::new();
        for domain in table.by_name.values() {
            if domain.realm.as_bytes() == realm.as_bytes() && !domains.contains(domain) {
                domains.push(Arc::clone(domain));
            }
        }
        domains
    }

    /// How many names there are.
    pub(crate) fn count(&self) -> usize {
        self.table().rows.len()
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Table {
    fn of(rows: Vec<DomainRow>) -> Table {
        let mut by_name = HashMap::new();
        let mut by_did: HashMap<&str, Arc<Domain>> = HashMap::new();
        for row in &rows {
            let Ok(name) = row.name.parse::<Host>() else {
                tracing::warn!(domain = row.name, "passed by a domain that is no host");
                continue;
            };
            let domain = by_did
                .entry(&row.did)
                .or_insert_with(|| Arc::new(Domain::of(row)));
            by_name.insert(name, Arc::clone(domain));
        }
        drop(by_did);
        Table { by_name, rows }
    }
}

impl Domain {
    fn of(row: &DomainRow) -> Domain {
        let home = match row.did.parse::<Host>() {
            Ok(_) => &row.did,
            Err(_) => &row.name,
        };
        Domain {
            did: row.did.clone(),
            home: home.clone(),
            // A realm that would break the header line it stands in is none.
            realm: Text::new(&row.realm).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str, &str)]) -> Domains {
        let rows = rows
            .iter()
            .map(|(name, did, realm)| DomainRow {
                name: (*name).to_owned(),
                did: (*did).to_owned(),
                realm: (*realm).to_owned(),
            })
            .collect();
        Domains {
            table: RwLock::new(Arc::new(Table::of(rows))),
        }
    }

    fn find(domains: &Domains, uri: &str) -> Option<String> {
        let domain = domains.of_uri(&uri.parse().expect("a URI"))?;
        Some(domain.address("alice").expect("an address").to_string())
    }

    #[test]
    fn domains_are_found_by_exact_name_in_any_case() {
        let domains = table(&[
            ("a.example", "a.example", "R"),
            ("[2001:db8::1]", "[2001:db8::1]", "R"),
        ]);
        assert_eq!(
            find(&domains, "sip:x@A.Example:5090").as_deref(),
            Some("alice@a.example")
        );
        assert_eq!(
            find(&domains, "sip:x@[2001:DB8:0::1]").as_deref(),
            Some("alice@[2001:db8::1]")
        );
        for foreign in [
            "sip:x@b.a.example",
            "sip:x@example",
            "tel:+1555",
            "sip:x@a.example.org",
        ] {
            assert_eq!(find(&domains, foreign), None, "{foreign}");
        }
    }

    #[test]
    fn every_name_of_a_domain_leads_to_one_address() {
        let domains = table(&[
            ("a.example", "a.example", "R"),
            ("192.0.2.1", "a.example", "R"),
        ]);
        assert_eq!(
            find(&domains, "sip:x@192.0.2.1").as_deref(),
            Some("alice@a.example")
        );
    }

    #[test]
    fn a_did_that_is_no_host_leaves_the_first_name() {
        let domains = table(&[
            ("a.example", "our customers", "R"),
            ("b.example", "our customers", "R"),
        ]);
        assert_eq!(
            find(&domains, "sip:x@b.example").as_deref(),
            Some("alice@a.example")
        );
    }

    #[test]
    fn a_realm_leads_to_its_domains() {
        let domains = table(&[
            ("a.example", "a.example", "R"),
            ("b.a", "a.example", "R"),
            ("c.example", "c.example", "S"),
        ]);
        let found = domains.with_realm("R");
        assert_eq!(
            found.iter().map(|d| d.did.as_str()).collect::<Vec<_>>(),
            ["a.example"]
        );
        assert!(domains.with_realm("r").is_empty());
    }

    #[tokio::test]
    async fn a_reload_shows_what_was_added() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        let domains = Domains::read(&store).await.expect("reads");
        assert!(!domains.reload(&store).await.expect("reads"));
        store
            .add_domain("a.example", "a.example")
            .await
            .expect("adds");
        assert!(domains.reload(&store).await.expect("reads"));
        assert_eq!(
            (domains.count(), find(&domains, "sip:a.example").is_some()),
            (1, true)
        );
    }
}
