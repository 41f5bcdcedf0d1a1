//! The journal of registrations: rows are appended to it, many at a time, and are on the disk when that is done.
//!
//! ```text
//!   REGISTER ──▶ append: one multi-row INSERT ──▶ itsp_location_journal ──fold──▶ location
//!                (2 µs a row, waited for)         trimmed                         (13 µs a row, in the background)
//! ```

use sip_core::AddressOfRecord;
use sip_proxy::registrar::{Binding, MethodSet};
use sip_transaction::Flow;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteArgumentsBuffer, SqliteTypeInfo};
use sqlx::{AssertSqlSafe, Encode, Sqlite, Type};

use super::{Doing, Store, StoreError};

/// One thing that happened to a contact.
#[derive(Debug, Clone)]
pub(crate) struct JournalRow {
    pub(crate) ruid: String,
    /// It is not registered any more.
    pub(crate) gone: bool,
    pub(crate) aor: AddressOfRecord,
    pub(crate) binding: Binding,
}

/// Kamailio's bit for a contact behind a NAT, as its default configuration numbers it.
const NAT_FLAG: i32 = 1 << 6;

/// Rows that one INSERT holds. Few sizes, so that every statement is prepared once.
const BATCHES: [usize; 4] = [256, 32, 4, 1];
const COLUMNS: &str = "ruid, gone, username, domain, contact, received, path, expires, q, callid, cseq, user_agent, \
                       socket, methods, instance, reg_id, cflags";
const PLACES: &str = "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

impl Store {
    /// Writes `rows` to the journal, all or none. When it returns they are on the disk.
    pub(crate) async fn append_to_journal(&self, rows: &[JournalRow]) -> Result<(), StoreError> {
        let doing = "writing registrations";
        if BATCHES.contains(&rows.len()) {
            // One statement is a transaction by itself.
            return insert(rows)
                .execute(&self.writer)
                .await
                .map(drop)
                .doing(doing);
        }
        let mut transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .doing(doing)?;
        let mut rest = rows;
        for size in BATCHES {
            while let Some((batch, after)) = rest.split_at_checked(size) {
                insert(batch)
                    .execute(&mut *transaction)
                    .await
                    .doing(doing)?;
                rest = after;
            }
        }
        transaction.commit().await.doing(doing)
    }
}

fn insert(rows: &[JournalRow]) -> Query<'static, Sqlite, SqliteArguments> {
    let places = vec![PLACES; rows.len()].join(",");
    let sql = format!("INSERT INTO itsp_location_journal ({COLUMNS}) VALUES {places}");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for row in rows {
        let JournalRow {
            ruid,
            gone,
            aor,
            binding,
        } = row;
        let record = binding.record();
        query = query
            .bind(ruid.clone())
            .bind(*gone)
            .bind(Octets::of(aor.user()))
            .bind(aor.domain().to_owned())
            .bind(Octets::of(record.contact))
            .bind(binding.received())
            .bind(
                Some(record.path)
                    .filter(|path| !path.is_empty())
                    .map(Octets::of),
            )
            .bind(record.expires_at)
            .bind(record.q.map_or(-1.0, |q| f64::from(q) / 1000.0))
            .bind(Octets::of(record.call_id))
            .bind(record.cseq)
            .bind(Octets::of(record.user_agent))
            .bind(record.flow.map(|flow| socket(&flow)))
            .bind(
                Some(record.methods)
                    .filter(|set| *set != MethodSet::ALL)
                    .map(MethodSet::bits),
            )
            .bind(record.instance.map(Octets::of))
            .bind(record.reg_id.unwrap_or(0))
            .bind(if record.behind_nat { NAT_FLAG } else { 0 });
    }
    query
}

/// Text from the network: TEXT where it is UTF-8, as nearly always, and else BLOB, so that nothing is lost.
struct Octets(Vec<u8>);

impl Octets {
    fn of(octets: impl AsRef<[u8]>) -> Octets {
        Octets(octets.as_ref().to_vec())
    }
}

impl Type<Sqlite> for Octets {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Octets {
    fn encode(self, arguments: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        match String::from_utf8(self.0) {
            Ok(text) => text.encode(arguments),
            Err(error) => error.into_bytes().encode(arguments),
        }
    }

    fn encode_by_ref(&self, arguments: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Octets(self.0.clone()).encode(arguments)
    }
}

/// The local socket as Kamailio writes it: `udp:192.0.2.1:5060`.
fn socket(flow: &Flow) -> String {
    format!("{}:{}", flow.transport.uri_param(), flow.local)
}
