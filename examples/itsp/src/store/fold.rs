//! Folding the journal: the newest state of each contact goes to `location`, in the background and in key order.

use super::{Doing, Store, StoreError};

/// Journal rows folded in one transaction: the next commit of registrations waits no longer than that takes.
const FOLD: i64 = 512;

impl Store {
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

#[cfg(test)]
mod tests {
    use sip_core::Transport;
    use sip_proxy::registrar::{Binding, BindingRecord};
    use sip_transaction::{ConnectionId, Flow};

    use super::super::JournalRow;
    use super::super::samples::*;

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
}
