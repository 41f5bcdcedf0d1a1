//! Making the tables, and refusing tables that are not what this server knows.

use std::path::Path;

use super::{Store, cannot_open};
use crate::failure::Failure;

/// Every statement is written so that it can be run on a database that has the tables.
const TABLES: &str = include_str!("schema.sql");

/// The versions of Kamailio's layouts this server reads and writes.
const VERSIONS: [(&str, u32); 7] = [
    ("version", 1),
    ("subscriber", 7),
    ("domain", 2),
    ("domain_attrs", 1),
    ("dbaliases", 1),
    ("usr_preferences", 2),
    ("location", 9),
];

impl Store {
    pub(super) async fn has_no_tables(&self) -> Result<bool, sqlx::Error> {
        let tables: i64 =
            sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
                .fetch_one(&self.reader)
                .await?;
        Ok(tables == 0)
    }

    /// Makes what is missing, and leaves what is there as it is.
    pub(super) async fn create_tables(&self) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
        for (table, version) in VERSIONS {
            sqlx::query("INSERT INTO version (table_name, table_version) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(table)
                .bind(version)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// # Errors
    /// A table has another version than the one this server knows.
    pub(super) async fn check_versions(&self, file: &Path) -> Result<(), Failure> {
        for (table, known) in VERSIONS {
            let found: Option<u32> =
                sqlx::query_scalar("SELECT table_version FROM version WHERE table_name = ?")
                    .bind(table)
                    .fetch_optional(&self.reader)
                    .await
                    .map_err(|error| cannot_open(file, &error.to_string()))?;
            if found != Some(known) {
                let found =
                    found.map_or("no version".to_owned(), |found| format!("version {found}"));
                return Err(Failure::setup(
                    format!(
                        "{}: table {table} has {found}, and {known} is needed",
                        file.display()
                    ),
                    "bring it to the layout of Kamailio 5.6 or later with kamdbctl, or name another folder with --data",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn nobody_else_can_read_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (_store, _) = Store::open_or_create(&data).await.unwrap();
        let files = fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        for path in files.chain([data.clone()]) {
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
        }
    }

    #[tokio::test]
    async fn a_new_database_is_made_once() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, made) = Store::open_or_create(folder.path()).await.expect("opens");
        assert!(made);
        store.close().await;
        let (_, made) = Store::open_or_create(folder.path())
            .await
            .expect("opens again");
        assert!(!made);
    }

    #[tokio::test]
    async fn another_version_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        sqlx::query("UPDATE version SET table_version = 6 WHERE table_name = 'subscriber'")
            .execute(&store.writer)
            .await
            .expect("updates");
        store.close().await;
        let refused = Store::open(folder.path())
            .await
            .expect_err("is refused")
            .to_string();
        assert!(
            refused.contains("table subscriber has version 6, and 7 is needed"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("itsp.db"), [b'x'; 4096]).expect("writes");
        let refused = Store::open_or_create(folder.path())
            .await
            .expect_err("is refused");
        assert!(
            refused.to_string().contains("file is not a database"),
            "{refused}"
        );
        assert_eq!(refused.exit_code(), 2);
    }
}
