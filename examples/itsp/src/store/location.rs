//! The table `location` and its journal.
//!
//! ```text
//!   REGISTER ──▶ append: one multi-row INSERT ──▶ itsp_location_journal ──fold──▶ location
//!                (2 µs a row, waited for)         trimmed                         (13 µs a row, in the background)
//! ```

use std::net::SocketAddr;

use sip_core::{AddressOfRecord, Text, Transport, Uri};
use sip_proxy::registrar::{Binding, BindingRecord, MethodSet};
use sip_transaction::{ConnectionId, Flow};
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

/// Journal rows folded in one transaction: the next commit of registrations waits no longer than that takes.
const FOLD: i64 = 512;

/// Rows of `location` looked through for expired contacts in one transaction.
const SWEEP: i64 = 5000;

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

    /// Brings `location` up to date with the oldest part of the journal and trims that; false when nothing was left.
    pub(crate) async fn fold_journal(&self) -> Result<bool, StoreError> {
        let doing = "folding the registrations' journal";
        let mut transaction = self
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .doing(doing)?;
        let last: Option<i64> = sqlx::query_scalar(
            "SELECT max(seq) FROM (SELECT seq FROM itsp_location_journal ORDER BY seq LIMIT ?)",
        )
        .bind(FOLD)
        .fetch_one(&mut *transaction)
        .await
        .doing(doing)?;
        let Some(last) = last else { return Ok(false) };
        for step in [FOLD_BOUND, FOLD_GONE, TRIM] {
            sqlx::query(step)
                .bind(last)
                .execute(&mut *transaction)
                .await
                .doing(doing)?;
        }
        transaction.commit().await.doing(doing)?;
        Ok(true)
    }

    /// Removes expired rows of `location` among the ids after `from`; where to go on, `None` at the end.
    pub(crate) async fn sweep_location(&self, from: i64) -> Result<Option<i64>, StoreError> {
        let doing = "removing expired registrations";
        let to = from.saturating_add(SWEEP);
        sqlx::query("DELETE FROM location WHERE id > ? AND id <= ? AND expires < datetime('now', 'localtime')")
            .bind(from)
            .bind(to)
            .execute(&self.writer)
            .await
            .doing(doing)?;
        let last: Option<i64> = sqlx::query_scalar("SELECT max(id) FROM location")
            .fetch_one(&self.writer)
            .await
            .doing(doing)?;
        Ok((last > Some(to)).then_some(to))
    }

    /// Gives every contact of `location` that is not over to `take`, in the order in which they were registered.
    /// What cannot be read is passed by; how many that were.
    pub(crate) async fn load_location(
        &self,
        mut take: impl FnMut(AddressOfRecord, Binding),
    ) -> Result<usize, StoreError> {
        let mut unreadable = 0;
        let mut last = 0;
        loop {
            let rows: Vec<LocationRow> = sqlx::query_as(LOAD)
                .bind(last)
                .fetch_all(&self.reader)
                .await
                .doing("reading the registrations")?;
            let Some(newest) = rows.last() else {
                return Ok(unreadable);
            };
            last = newest.id;
            for row in rows {
                match row.read() {
                    Some((aor, binding)) => take(aor, binding),
                    None => unreadable += 1,
                }
            }
        }
    }
}

/// The newest row of each contact that `FOLD` covers, in the order of the unique index.
const FOLD_BOUND: &str = "
    INSERT INTO location (ruid, username, domain, contact, received, path, expires, q, callid, cseq, last_modified,
                          cflags, user_agent, socket, methods, instance, reg_id)
    SELECT ruid, username, domain, contact, received, path, datetime(expires, 'unixepoch', 'localtime'), q, callid,
           cseq, datetime('now', 'localtime'), cflags, user_agent, socket, methods, instance, reg_id
    FROM itsp_location_journal
    WHERE seq IN (SELECT max(seq) FROM itsp_location_journal WHERE seq <= ?1 GROUP BY ruid) AND gone = 0
    ORDER BY ruid
    ON CONFLICT (ruid) DO UPDATE SET
        contact = excluded.contact, received = excluded.received, path = excluded.path, expires = excluded.expires,
        q = excluded.q, callid = excluded.callid, cseq = excluded.cseq, last_modified = excluded.last_modified,
        cflags = excluded.cflags, user_agent = excluded.user_agent, socket = excluded.socket,
        methods = excluded.methods, instance = excluded.instance, reg_id = excluded.reg_id";

const FOLD_GONE: &str = "
    DELETE FROM location WHERE ruid IN (
        SELECT ruid FROM itsp_location_journal
        WHERE seq IN (SELECT max(seq) FROM itsp_location_journal WHERE seq <= ?1 GROUP BY ruid) AND gone = 1)";

const TRIM: &str = "DELETE FROM itsp_location_journal WHERE seq <= ?1";

const LOAD: &str = "
    SELECT id, username, coalesce(domain, '') AS domain, contact, received, path,
           CAST(strftime('%s', expires, 'utc') AS INTEGER) AS expires, q, callid, cseq, user_agent, socket, methods,
           instance, reg_id
    FROM location WHERE id > ? AND expires > datetime('now', 'localtime') ORDER BY id LIMIT 10000";

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

#[derive(sqlx::FromRow)]
struct LocationRow {
    id: i64,
    username: Vec<u8>,
    domain: Vec<u8>,
    contact: Vec<u8>,
    received: Option<String>,
    path: Option<Vec<u8>>,
    expires: i64,
    q: f64,
    callid: Vec<u8>,
    cseq: i64,
    user_agent: Vec<u8>,
    socket: Option<String>,
    methods: Option<i64>,
    instance: Option<Vec<u8>>,
    reg_id: i64,
}

impl LocationRow {
    /// `None` when it holds what no contact has; another program wrote it.
    fn read(&self) -> Option<(AddressOfRecord, Binding)> {
        let flow = self.flow();
        let record = BindingRecord {
            contact: &self.contact,
            call_id: &self.callid,
            cseq: u32::try_from(self.cseq).ok()?,
            expires_at: u32::try_from(self.expires).ok()?,
            // Rounded: the column holds hundredths, or thousandths where we wrote it.
            q: (self.q >= 0.0).then_some((self.q * 1000.0).round() as u16),
            instance: self.instance.as_deref(),
            reg_id: u32::try_from(self.reg_id).ok().filter(|id| *id != 0),
            user_agent: &self.user_agent,
            path: self.path.as_deref().unwrap_or_default(),
            methods: self
                .methods
                .map_or(MethodSet::ALL, |bits| MethodSet::from_bits(bits as u16)),
            flow,
            behind_nat: flow.is_some() && self.received.is_some(),
        };
        let (user, domain) = (
            str::from_utf8(&self.username).ok()?,
            str::from_utf8(&self.domain).ok()?,
        );
        Some((
            AddressOfRecord::new(user, domain).ok()?,
            Binding::new(&record).ok()?,
        ))
    }

    /// The flow the binding was made on, out of `socket` and `received`; without the latter the phone was where its
    /// contact says. A connection of then is gone.
    fn flow(&self) -> Option<Flow> {
        let (transport, local) = self.socket.as_deref()?.split_once(':')?;
        let transport = Transport::from_token(transport.as_bytes())?;
        let remote = match &self.received {
            Some(received) => {
                let received = received.strip_prefix("sip:")?;
                let (address, _) = received.split_once(';').unwrap_or((received, ""));
                address.parse().ok()?
            }
            None => {
                let contact = Uri::parse(&Text::new(&self.contact).ok()?).ok()?;
                let contact = contact.as_sip()?;
                let port = contact.port().unwrap_or(transport.default_port());
                SocketAddr::new(contact.host().ip()?, port)
            }
        };
        Some(Flow {
            transport,
            local: local.parse().ok()?,
            remote,
            connection: ConnectionId::NONE,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    fn now() -> u32 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        u32::try_from(now.as_secs()).expect("before 2106")
    }

    fn record(contact: &[u8]) -> BindingRecord<'_> {
        BindingRecord {
            contact,
            call_id: b"call-1",
            cseq: 7,
            expires_at: now() + 600,
            q: None,
            instance: None,
            reg_id: None,
            user_agent: b"phone/1.0",
            path: b"",
            methods: MethodSet::ALL,
            flow: None,
            behind_nat: false,
        }
    }

    fn row(ruid: &str, gone: bool, record: &BindingRecord<'_>) -> JournalRow {
        JournalRow {
            ruid: ruid.to_owned(),
            gone,
            aor: AddressOfRecord::new("alice", "a.example").expect("an address"),
            binding: Binding::new(record).expect("a binding"),
        }
    }

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        (folder, store)
    }

    async fn loaded(store: &Store) -> Vec<Binding> {
        let mut bindings = Vec::new();
        let unreadable = store
            .load_location(|_, binding| bindings.push(binding))
            .await
            .expect("loads");
        assert_eq!(unreadable, 0);
        bindings
    }

    async fn fold(store: &Store) {
        while store.fold_journal().await.expect("folds") {}
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM itsp_location_journal")
            .fetch_one(&store.reader)
            .await
            .expect("counts");
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn what_is_written_is_read_back_whole() {
        let (_folder, store) = store().await;
        let nat = Flow {
            transport: Transport::Tcp,
            local: "192.0.2.1:5060".parse().expect("address"),
            remote: "198.51.100.7:40000".parse().expect("address"),
            connection: ConnectionId::NONE,
        };
        let plain = record(b"sip:alice@192.0.2.9");
        let full = BindingRecord {
            q: Some(700),
            instance: Some(b"<urn:uuid:1>"),
            reg_id: Some(2),
            path: b"<sip:edge.example;lr>",
            methods: MethodSet::from_bits(257),
            flow: Some(nat),
            behind_nat: true,
            ..record(b"sip:alice@10.0.0.1")
        };
        let near = BindingRecord {
            flow: Some(Flow {
                remote: "192.0.2.9:5072".parse().expect("address"),
                ..nat
            }),
            ..record(b"sip:alice@192.0.2.9:5072")
        };
        let odd = record(b"sip:caf\xe9@192.0.2.9");
        let rows = [
            row("1", false, &plain),
            row("2", false, &full),
            row("3", false, &odd),
            row("4", false, &near),
        ];
        store.append_to_journal(&rows).await.expect("writes");
        fold(&store).await;
        let bindings = loaded(&store).await;
        assert_eq!(
            bindings.iter().map(Binding::record).collect::<Vec<_>>(),
            [plain, full, odd, near]
        );
    }

    #[tokio::test]
    async fn location_reads_as_kamailio_writes_it() {
        let (_folder, store) = store().await;
        let flow = Flow {
            transport: Transport::Udp,
            local: "192.0.2.1:5060".parse().expect("address"),
            remote: "198.51.100.7:40000".parse().expect("address"),
            connection: ConnectionId::NONE,
        };
        let expires_at = now() + 600;
        let nat = BindingRecord {
            flow: Some(flow),
            behind_nat: true,
            expires_at,
            ..record(b"sip:alice@10.0.0.1")
        };
        store
            .append_to_journal(&[row("1", false, &nat)])
            .await
            .expect("writes");
        fold(&store).await;
        let (received, socket, cflags, q, expires, again): (String, String, i64, f64, String, i64) = sqlx::query_as(
            "SELECT received, socket, cflags, q, expires, CAST(strftime('%s', expires, 'utc') AS INTEGER) FROM location",
        )
        .fetch_one(&store.reader)
        .await
        .expect("reads");
        assert_eq!(received, "sip:198.51.100.7:40000");
        assert_eq!(socket, "udp:192.0.2.1:5060");
        assert_eq!((cflags, q, again), (64, -1.0, i64::from(expires_at)));
        assert_eq!(
            (expires.len(), &expires[4..5], &expires[10..11]),
            (19, "-", " ")
        );
    }

    #[tokio::test]
    async fn the_newest_row_of_a_contact_counts() {
        let (_folder, store) = store().await;
        let old = record(b"sip:alice@192.0.2.9");
        let new = BindingRecord { cseq: 8, ..old };
        store
            .append_to_journal(&[row("1", false, &old), row("2", false, &old)])
            .await
            .expect("writes");
        fold(&store).await;
        store
            .append_to_journal(&[row("1", true, &old), row("2", true, &old)])
            .await
            .expect("writes");
        store
            .append_to_journal(&[row("1", false, &new)])
            .await
            .expect("writes");
        fold(&store).await;
        let bindings = loaded(&store).await;
        assert_eq!(bindings.iter().map(Binding::cseq).collect::<Vec<_>>(), [8]);
    }

    #[tokio::test]
    async fn columns_of_others_are_left_alone() {
        let (_folder, store) = store().await;
        let binding = record(b"sip:alice@192.0.2.9");
        store
            .append_to_journal(&[row("1", false, &binding)])
            .await
            .expect("writes");
        fold(&store).await;
        sqlx::query("UPDATE location SET server_id = 7, flags = 3")
            .execute(&store.writer)
            .await
            .expect("updates");
        store
            .append_to_journal(&[row("1", false, &binding)])
            .await
            .expect("writes");
        fold(&store).await;
        let kept: (i64, i64) = sqlx::query_as("SELECT server_id, flags FROM location")
            .fetch_one(&store.reader)
            .await
            .expect("reads");
        assert_eq!(kept, (7, 3));
    }

    #[tokio::test]
    async fn many_rows_are_written_and_folded_in_pieces() {
        let (_folder, store) = store().await;
        let binding = record(b"sip:alice@192.0.2.9");
        let rows: Vec<JournalRow> = (0..5000)
            .map(|n| row(&n.to_string(), false, &binding))
            .collect();
        store.append_to_journal(&rows).await.expect("writes");
        for _ in 0..10 {
            assert!(store.fold_journal().await.expect("folds"));
        }
        assert!(!store.fold_journal().await.expect("folds"));
        assert_eq!(loaded(&store).await.len(), 5000);
    }

    #[tokio::test]
    async fn what_is_over_is_swept_and_never_loaded() {
        let (_folder, store) = store().await;
        let over = BindingRecord {
            expires_at: now() - 5,
            ..record(b"sip:alice@192.0.2.9")
        };
        let current = record(b"sip:alice@192.0.2.10");
        store
            .append_to_journal(&[row("1", false, &over), row("2", false, &current)])
            .await
            .expect("writes");
        fold(&store).await;
        assert_eq!(loaded(&store).await.len(), 1);
        assert_eq!(store.sweep_location(0).await.expect("sweeps"), None);
        let left: Vec<String> = sqlx::query_scalar("SELECT ruid FROM location")
            .fetch_all(&store.reader)
            .await
            .expect("reads");
        assert_eq!(left, ["2"]);
    }

    #[tokio::test]
    async fn rows_that_hold_no_contact_are_passed_by() {
        let (_folder, store) = store().await;
        sqlx::query(
            "INSERT INTO location (ruid, username, contact) VALUES ('1', '', 'sip:x@192.0.2.1')",
        )
        .execute(&store.writer)
        .await
        .expect("adds");
        assert_eq!(store.load_location(|_, _| ()).await.expect("loads"), 1);
    }
}
