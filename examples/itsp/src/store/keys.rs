//! The keys this server signs with: kept, so that calls go on and nonces count across a restart.

use std::time::Duration;

use sip_proxy::{KeyRing, SigningKey};

use super::{Doing, Store, StoreError};

/// How long a key signs. The one before it is kept as long again, and so outlives whatever it signed.
const SIGNS_FOR: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl Store {
    /// The keys to sign and judge with at `unix_time`; makes a new one of `random` octets when there is none, or the
    /// newest has signed for long enough, and lets go of all but the one before it.
    pub(crate) async fn key_ring(
        &self,
        unix_time: Duration,
        random: [u8; 32],
    ) -> Result<KeyRing, StoreError> {
        let now = i64::try_from(unix_time.as_secs()).unwrap_or(i64::MAX);
        self.renew_key(now, random)
            .await
            .doing("making a key to sign with")?;
        let rows: Vec<(u8, Vec<u8>)> =
            sqlx::query_as("SELECT id, secret FROM itsp_signing_key ORDER BY seq DESC")
                .fetch_all(&self.reader)
                .await
                .doing("reading the keys to sign with")?;
        let mut keys = rows
            .into_iter()
            .filter_map(|(id, secret)| Some(SigningKey::new(id, secret.try_into().ok()?)));
        // A row that cannot be read is one key less; without any, what was signed before is lost and nothing else.
        let newest = keys.next().unwrap_or(SigningKey::new(0, random));
        Ok(keys.fold(KeyRing::new(newest), KeyRing::accept))
    }

    async fn renew_key(&self, now: i64, random: [u8; 32]) -> Result<(), sqlx::Error> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let newest: Option<(i64, u8, i64)> =
            sqlx::query_as("SELECT seq, id, made FROM itsp_signing_key ORDER BY seq DESC LIMIT 1")
                .fetch_optional(&mut *transaction)
                .await?;
        let age = newest.map(|(_, _, made)| now.saturating_sub(made));
        if age.is_some_and(|age| age < SIGNS_FOR.as_secs().cast_signed()) {
            return Ok(());
        }
        let id = newest.map_or(0, |(_, id, _)| id.wrapping_add(1));
        sqlx::query("INSERT INTO itsp_signing_key (id, secret, made) VALUES (?, ?, ?)")
            .bind(id)
            .bind(&random[..])
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM itsp_signing_key WHERE seq < ?")
            .bind(newest.map_or(0, |(seq, _, _)| seq))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        (folder, store)
    }

    fn key(id: u8) -> SigningKey {
        SigningKey::new(id, [id; 32])
    }

    #[tokio::test]
    async fn a_key_that_was_made_stays() {
        let (_folder, store) = store().await;
        for later in [0, 1, SIGNS_FOR.as_secs() - 1] {
            let now = NOW + Duration::from_secs(later);
            // Whatever is random later, the first key counts.
            let random = [u8::from(later > 0); 32];
            let keys = store.key_ring(now, random).await.expect("reads");
            assert_eq!(keys, KeyRing::new(key(0)));
        }
    }

    #[tokio::test]
    async fn the_key_changes_and_the_one_before_it_is_kept() {
        let (_folder, store) = store().await;
        for id in 0..4 {
            let now = NOW + u32::from(id) * SIGNS_FOR;
            let keys = store.key_ring(now, [id; 32]).await.expect("reads");
            let expected = KeyRing::new(key(id));
            assert_eq!(
                keys,
                match id.checked_sub(1) {
                    Some(before) => expected.accept(key(before)),
                    None => expected,
                }
            );
        }
    }

    #[tokio::test]
    async fn a_clock_set_back_makes_no_new_key() {
        let (_folder, store) = store().await;
        store.key_ring(NOW, [0; 32]).await.expect("reads");
        let earlier = NOW - 2 * SIGNS_FOR;
        let keys = store.key_ring(earlier, [1; 32]).await.expect("reads");
        assert_eq!(keys, KeyRing::new(key(0)));
    }
}
