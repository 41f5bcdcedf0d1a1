//! The tables `domain` and `domain_attrs`.

use super::{Doing, Store, StoreError};

/// One name of a domain.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct DomainRow {
    /// The name, as it stands in URIs.
    pub(crate) name: String,
    /// The domain it names: names with the same did are one domain. The name itself when nothing else is said.
    pub(crate) did: String,
    /// What passwords are hashed with, from the attribute `digest_realm`; the did when it is not set.
    pub(crate) realm: String,
}

impl Store {
    /// All names of all domains.
    pub(crate) async fn domains(&self) -> Result<Vec<DomainRow>, StoreError> {
        sqlx::query_as(
            "SELECT d.domain AS name,
                    coalesce(d.did, d.domain) AS did,
                    coalesce((SELECT a.value FROM domain_attrs a
                              WHERE a.did = coalesce(d.did, d.domain) AND a.name = 'digest_realm' LIMIT 1),
                             d.did, d.domain) AS realm
             FROM domain d ORDER BY d.domain",
        )
        .fetch_all(&self.reader)
        .await
        .doing("reading the domains")
    }

    /// Adds `name` as a name of the domain `did`; false when it is there already.
    pub(crate) async fn add_domain(&self, name: &str, did: &str) -> Result<bool, StoreError> {
        sqlx::query(
            "INSERT INTO domain (domain, did, last_modified) VALUES (?, ?, datetime('now', 'localtime'))
             ON CONFLICT (domain) DO NOTHING",
        )
        .bind(name)
        .bind(did)
        .execute(&self.writer)
        .await
        .map(|done| done.rows_affected() == 1)
        .doing("adding a domain")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_share_a_did_and_its_realm() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        assert!(
            store
                .add_domain("a.example", "a.example")
                .await
                .expect("adds")
        );
        assert!(
            !store
                .add_domain("a.example", "other")
                .await
                .expect("is there")
        );
        assert!(
            store
                .add_domain("b.example", "a.example")
                .await
                .expect("adds")
        );
        sqlx::query("INSERT INTO domain (domain) VALUES ('c.example')")
            .execute(&store.writer)
            .await
            .expect("adds");
        sqlx::query("INSERT INTO domain_attrs (did, name, type, value) VALUES ('a.example', 'digest_realm', 0, 'R')")
            .execute(&store.writer)
            .await
            .expect("adds");

        let row = |name: &str, did: &str, realm: &str| DomainRow {
            name: name.to_owned(),
            did: did.to_owned(),
            realm: realm.to_owned(),
        };
        assert_eq!(
            store.domains().await.expect("reads"),
            [
                row("a.example", "a.example", "R"),
                row("b.example", "a.example", "R"),
                row("c.example", "c.example", "c.example"),
            ]
        );
    }
}
