//! The table `location`: read when the server starts, and swept of what is over.

use std::net::SocketAddr;

use sip_core::{AddressOfRecord, Text, Transport, Uri};
use sip_proxy::registrar::{Binding, BindingRecord, MethodSet};
use sip_transaction::{ConnectionId, Flow};

use super::{Doing, Store, StoreError};

/// Rows of `location` looked through for expired contacts in one transaction.
const SWEEP: i64 = 5000;

impl Store {
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

    /// Gives every contact of `location` that is not over to `take`, in the order of its rows.
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

const LOAD: &str = "
    SELECT id, username, coalesce(domain, '') AS domain, contact, received, path,
           CAST(strftime('%s', expires, 'utc') AS INTEGER) AS expires, q, callid, cseq, user_agent, socket, methods,
           instance, reg_id
    FROM location WHERE id > ? AND expires > datetime('now', 'localtime') ORDER BY id LIMIT 10000";

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
    use super::super::samples::*;
    use super::*;

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
