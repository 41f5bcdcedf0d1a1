//! The tables `subscriber`, `dbaliases` and `itsp_subscriber_sha256`.

use sqlx::{QueryBuilder, Sqlite};

use super::{Doing, Store, StoreError};
use crate::accounts::Secrets;

/// Rows of one INSERT: few statements, and well under SQLite's limit of variables.
const ROWS: usize = 1000;

/// Somebody who may register and call, as it stands in the database.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Subscriber {
    pub(crate) username: String,
    pub(crate) domain: String,
    /// In the clear, or empty.
    pub(crate) password: String,
    /// MD5(user:realm:password) in hexadecimal, or empty.
    pub(crate) ha1: String,
    /// MD5(user@domain:realm:password) in hexadecimal, or empty.
    pub(crate) ha1b: String,
    /// The first by SHA-256, or empty.
    pub(crate) sha256: String,
    /// The second by SHA-256, or empty.
    pub(crate) sha256b: String,
}

/// A subscriber to add or to give another password.
#[derive(Debug, Clone)]
pub(crate) struct NewSubscriber {
    pub(crate) username: String,
    pub(crate) domain: String,
    pub(crate) secrets: Secrets,
}

/// The names under which subscribers of the domain with the did `?2` may stand.
macro_rules! select_in_domain {
    ($select:literal, $user:literal, $domain:literal) => {
        concat!(
            $select,
            " WHERE ",
            $user,
            " = ?1 AND (",
            $domain,
            " = ?2 OR ",
            $domain,
            " IN (SELECT d.domain FROM domain d WHERE d.did = ?2)) ORDER BY ",
            $domain,
            " <> ?2, ",
            $domain,
            " LIMIT 1"
        )
    };
}

impl Store {
    /// The subscriber `user` of the domain `did`.
    pub(crate) async fn subscriber(
        &self,
        user: &str,
        did: &str,
    ) -> Result<Option<Subscriber>, StoreError> {
        sqlx::query_as(select_in_domain!(
            "SELECT s.username, s.domain, s.password, s.ha1, s.ha1b,
                    coalesce(h.ha1, '') AS sha256, coalesce(h.ha1b, '') AS sha256b
             FROM subscriber s LEFT JOIN itsp_subscriber_sha256 h
                  ON h.username = s.username AND h.domain = s.domain AND h.md5 = s.ha1",
            "s.username",
            "s.domain"
        ))
        .bind(user)
        .bind(did)
        .fetch_optional(&self.reader)
        .await
        .doing("reading a subscriber")
    }

    /// Whom the alias `user` of the domain `did` stands for: name and domain of a subscriber.
    pub(crate) async fn alias(
        &self,
        user: &str,
        did: &str,
    ) -> Result<Option<(String, String)>, StoreError> {
        sqlx::query_as(select_in_domain!(
            "SELECT username, domain FROM dbaliases",
            "alias_username",
            "alias_domain"
        ))
        .bind(user)
        .bind(did)
        .fetch_optional(&self.reader)
        .await
        .doing("reading an alias")
    }

    /// How many there are.
    pub(crate) async fn count_subscribers(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT count(*) FROM subscriber")
            .fetch_one(&self.reader)
            .await
            .doing("counting the subscribers")
    }

    /// Adds subscribers, or gives those that exist their new secrets: all of them or none.
    pub(crate) async fn put_subscribers(
        &self,
        subscribers: &[NewSubscriber],
    ) -> Result<(), StoreError> {
        let doing = "writing subscribers";
        let mut transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .doing(doing)?;
        for rows in subscribers.chunks(ROWS) {
            let mut subscriber = QueryBuilder::<Sqlite>::new(
                "INSERT INTO subscriber (username, domain, ha1, ha1b) ",
            );
            subscriber.push_values(rows, |mut row, new| {
                row.push_bind(&new.username)
                    .push_bind(&new.domain)
                    .push_bind(&new.secrets.md5)
                    .push_bind(&new.secrets.md5b);
            });
            // A password in the clear would go on counting beside the new one.
            subscriber.push(
                " ON CONFLICT (username, domain)
                  DO UPDATE SET password = '', ha1 = excluded.ha1, ha1b = excluded.ha1b",
            );
            subscriber
                .build()
                .execute(&mut *transaction)
                .await
                .doing(doing)?;

            let mut sha256 = QueryBuilder::<Sqlite>::new(
                "INSERT INTO itsp_subscriber_sha256 (username, domain, md5, ha1, ha1b) ",
            );
            sha256.push_values(rows, |mut row, new| {
                row.push_bind(&new.username)
                    .push_bind(&new.domain)
                    .push_bind(&new.secrets.md5)
                    .push_bind(&new.secrets.sha256)
                    .push_bind(&new.secrets.sha256b);
            });
            sha256.push(
                " ON CONFLICT (username, domain)
                  DO UPDATE SET md5 = excluded.md5, ha1 = excluded.ha1, ha1b = excluded.ha1b",
            );
            sha256
                .build()
                .execute(&mut *transaction)
                .await
                .doing(doing)?;
        }
        transaction.commit().await.doing(doing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        for (name, did) in [
            ("a.example", "a.example"),
            ("www.a.example", "a.example"),
            ("b.example", "b.example"),
        ] {
            store.add_domain(name, did).await.expect("adds");
        }
        (folder, store)
    }

    fn new(username: &str, domain: &str, password: &str) -> NewSubscriber {
        NewSubscriber {
            username: username.to_owned(),
            domain: domain.to_owned(),
            secrets: Secrets::of(username, domain, "a.example", password),
        }
    }

    #[tokio::test]
    async fn a_subscriber_is_found_under_every_name_of_its_domain_and_no_other() {
        let (_folder, store) = store().await;
        store
            .put_subscribers(&[
                new("alice", "a.example", "x"),
                new("bob", "www.a.example", "y"),
            ])
            .await
            .expect("writes");
        let find = async |user: &str, did: &str| {
            store
                .subscriber(user, did)
                .await
                .expect("reads")
                .map(|s| s.domain)
        };
        assert_eq!(
            find("alice", "a.example").await.as_deref(),
            Some("a.example")
        );
        assert_eq!(
            find("bob", "a.example").await.as_deref(),
            Some("www.a.example")
        );
        assert_eq!(find("alice", "b.example").await, None);
        assert_eq!(find("' OR 1=1 --", "a.example").await, None);
    }

    #[tokio::test]
    async fn a_new_password_replaces_every_old_secret() {
        let (_folder, store) = store().await;
        sqlx::query("INSERT INTO subscriber (username, domain, password) VALUES ('alice', 'a.example', 'clear')")
            .execute(&store.writer)
            .await
            .expect("adds");
        let renewed = new("alice", "a.example", "secret");
        store
            .put_subscribers(std::slice::from_ref(&renewed))
            .await
            .expect("writes");
        let alice = store
            .subscriber("alice", "a.example")
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(alice.password, "");
        assert_eq!(
            (alice.ha1, alice.sha256b),
            (renewed.secrets.md5, renewed.secrets.sha256b)
        );
        assert_eq!(store.count_subscribers().await.expect("counts"), 1);
    }

    #[tokio::test]
    async fn a_password_changed_by_another_tool_outdates_our_sha256() {
        let (_folder, store) = store().await;
        store
            .put_subscribers(&[new("alice", "a.example", "old")])
            .await
            .expect("writes");
        sqlx::query("UPDATE subscriber SET ha1 = 'fresh'")
            .execute(&store.writer)
            .await
            .expect("updates");
        let alice = store
            .subscriber("alice", "a.example")
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!((alice.ha1.as_str(), alice.sha256.as_str()), ("fresh", ""));
    }

    #[tokio::test]
    async fn an_alias_names_its_subscriber() {
        let (_folder, store) = store().await;
        sqlx::query(
            "INSERT INTO dbaliases (alias_username, alias_domain, username, domain)
                     VALUES ('5551234', 'www.a.example', 'alice', 'a.example')",
        )
        .execute(&store.writer)
        .await
        .expect("adds");
        let target = store.alias("5551234", "a.example").await.expect("reads");
        assert_eq!(target, Some(("alice".to_owned(), "a.example".to_owned())));
        assert_eq!(
            store.alias("5551234", "b.example").await.expect("reads"),
            None
        );
    }
}
