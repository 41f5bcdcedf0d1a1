//! `itsp check`: would the server start?

use crate::config::Config;
use crate::failure::Failure;
use crate::store::Store;
use crate::tls;

/// Looks at the certificates and the database, as the configuration has been read already.
///
/// # Errors
/// They are there and cannot be used.
pub(crate) async fn check(config: &Config) -> Result<String, Failure> {
    tls::load(&config.tls)?;
    let file = Store::file(&config.data);
    if !file.exists() {
        return Ok(format!(
            "Configuration good. The database {} will be made on the first start.",
            file.display()
        ));
    }
    let store = Store::open(&config.data).await?;
    let domains = store.domains().await.map_err(|e| e.failure())?.len();
    let users = store.count_subscribers().await.map_err(|e| e.failure())?;
    Ok(format!(
        "Configuration good. Database {} good: {domains} domain names, {users} users.",
        file.display()
    ))
}
