//! The database: one SQLite file on the table layout of Kamailio, with our own tables beside it.

mod domains;
mod fold;
mod journal;
mod keys;
mod location;
#[cfg(test)]
mod samples;
mod schema;
mod subscribers;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::failure::Failure;

pub(crate) use domains::DomainRow;
pub(crate) use journal::JournalRow;
pub(crate) use subscribers::{NewSubscriber, Subscriber};

/// Name of the database in the data folder.
const FILE: &str = "itsp.db";

/// Locked by the server that has the folder.
const LOCK: &str = "itsp.lock";

/// How long one process waits for another that writes.
const BUSY: Duration = Duration::from_secs(5);

/// An open database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// Several connections: reading never waits for writing.
    reader: SqlitePool,
    /// One connection: SQLite lets one write at a time, and here they queue without trying again and again.
    writer: SqlitePool,
}

/// The database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub(crate) struct StoreError {
    /// What it was asked to do.
    pub(crate) doing: &'static str,
    #[source]
    source: sqlx::Error,
}

/// Says what was being done when the database failed.
trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, sqlx::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError { doing, source })
    }
}

impl StoreError {
    /// The error and everything under it, in one line.
    pub(crate) fn story(&self) -> String {
        format!("{}: {}", self.doing, self.source)
    }

    /// As the end of a command.
    pub(crate) fn failure(&self) -> Failure {
        Failure::command(
            self.story(),
            "check that the disk has room and no other program holds the database, then try again",
        )
    }
}

impl Store {
    /// Opens the database in the folder `data`, and makes both when they are not there; true: it is new.
    ///
    /// # Errors
    /// It cannot be opened or made, is no database, or has tables of another version.
    pub(crate) async fn open_or_create(data: &Path) -> Result<(Store, bool), Failure> {
        let file = data.join(FILE);
        make_private(data, &file).map_err(|error| cannot_open(data, &error.to_string()))?;
        let store = Store::connect(&file, true).await?;
        let made = store
            .has_no_tables()
            .await
            .map_err(|e| cannot_open(&file, &e.to_string()))?;
        store
            .create_tables()
            .await
            .map_err(|e| cannot_open(&file, &e.to_string()))?;
        store.check_versions(&file).await?;
        Ok((store, made))
    }

    /// Opens a database that is there, without changing it.
    ///
    /// # Errors
    /// As [`Store::open_or_create`], or it is not there.
    pub(crate) async fn open(data: &Path) -> Result<Store, Failure> {
        let file = data.join(FILE);
        if !file.exists() {
            return Err(Failure::setup(
                format!("there is no database {}", file.display()),
                "name its folder with --data, or start itsp once to make it",
            ));
        }
        let store = Store::connect(&file, false).await?;
        store.check_versions(&file).await?;
        Ok(store)
    }

    async fn connect(file: &Path, create: bool) -> Result<Store, Failure> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(create)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk, not only with the system, before anybody is told of it.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY);
        let pool = async |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY)
                .connect_with(options.clone())
                .await
                .map_err(|error| cannot_open(file, &error.to_string()))
        };
        Ok(Store {
            writer: pool(1).await?,
            reader: pool(4).await?,
        })
    }

    /// Keeps other servers away from the folder `data` for as long as the file lives: two would not know of each
    /// other's registrations. Commands may still be given beside a server.
    ///
    /// # Errors
    /// Another server is there.
    pub(crate) fn claim(data: &Path) -> Result<File, Failure> {
        let lock = data.join(LOCK);
        let file = File::create(&lock).map_err(|error| cannot_open(&lock, &error.to_string()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(Failure::setup(
                format!("another itsp serves from the folder {}", data.display()),
                "stop that one, or name another folder with --data",
            )),
            Err(TryLockError::Error(error)) => Err(cannot_open(&lock, &error.to_string())),
        }
    }

    /// Where the database of the folder `data` is, for people.
    pub(crate) fn file(data: &Path) -> PathBuf {
        let file = data.join(FILE);
        file.canonicalize().unwrap_or(file)
    }

    /// Writes out what is under way and closes the file.
    pub(crate) async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// Makes folder and file so that nobody else can read them: a hash of a password is as good as the password. What
/// SQLite puts beside the file takes after it.
fn make_private(folder: &Path, file: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(file)?;
    Ok(())
}

fn cannot_open(path: &Path, why: &str) -> Failure {
    Failure::setup(
        format!("cannot open the database {}: {why}", path.display()),
        "make the folder readable and writable for this user, or name another with --data",
    )
}

#[cfg(test)]
impl Store {
    /// Runs `sql`, for tests that need a database in an odd state.
    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::query(sql)
            .execute(&self.writer)
            .await
            .expect("executes");
    }
}
