//! Making domains and users from the command line.

mod import;
mod names;
mod secrets;

use crate::failure::Failure;
use crate::store::{DomainRow, NewSubscriber, Store};

pub(crate) use import::import;
pub(crate) use names::LONGEST_NAME;
pub(crate) use secrets::{Secrets, random_password};

/// `itsp domain add`.
pub(crate) async fn add_domain(store: &Store, name: &str) -> Result<String, Failure> {
    let name = names::domain(name).map_err(|problem| {
        Failure::command(problem, "write one, as in example.com or 192.0.2.1")
    })?;
    if !store
        .add_domain(&name, &name)
        .await
        .map_err(|e| e.failure())?
    {
        return Err(Failure::command(
            format!("the domain {name} is served already"),
            "nothing needs doing",
        ));
    }
    Ok(format!(
        "Domain {name} added. Next: itsp user add USER@{name}"
    ))
}

/// `itsp user add`: what to tell the user.
pub(crate) async fn add_user(
    store: &Store,
    address: &str,
    password: Option<&str>,
) -> Result<String, Failure> {
    let (user, domain) = address.rsplit_once('@').ok_or_else(|| {
        Failure::command(
            format!("\"{address}\" names no domain"),
            "write USER@DOMAIN, as in alice@example.com",
        )
    })?;
    names::user(user).map_err(|problem| Failure::command(problem, "choose another name"))?;
    let domain = served(store, domain).await?;
    let random = password.is_none();
    let password = password.map_or_else(random_password, str::to_owned);
    names::password(&password)
        .map_err(|problem| Failure::command(problem, "choose another password"))?;
    if store
        .subscriber(user, &domain.did)
        .await
        .map_err(|e| e.failure())?
        .is_some()
    {
        return Err(Failure::command(
            format!("the user {address} exists already"),
            "to give it another password, use itsp user import",
        ));
    }
    let new = subscriber(user, &domain, &password);
    store
        .put_subscribers(&[new])
        .await
        .map_err(|e| e.failure())?;
    Ok(match random {
        true => format!(
            "User {user}@{} added with the password {password}",
            domain.did
        ),
        false => format!("User {user}@{} added.", domain.did),
    })
}

/// A subscriber of `domain`, ready to be stored.
pub(crate) fn subscriber(user: &str, domain: &DomainRow, password: &str) -> NewSubscriber {
    NewSubscriber {
        username: user.to_owned(),
        domain: domain.did.clone(),
        secrets: Secrets::of(user, &domain.did, &domain.realm, password),
    }
}

/// The domain `name` among those served.
async fn served(store: &Store, name: &str) -> Result<DomainRow, Failure> {
    let wanted =
        names::domain(name).map_err(|problem| Failure::command(problem, "write USER@DOMAIN"))?;
    let domains = store.domains().await.map_err(|e| e.failure())?;
    domains
        .into_iter()
        .find(|domain| domain.name == wanted)
        .ok_or_else(|| {
            Failure::command(
                format!("the domain {wanted} is not served"),
                format!("add it first: itsp domain add {wanted}"),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        (folder, store)
    }

    #[tokio::test]
    async fn a_user_needs_a_served_domain() {
        let (_folder, store) = store().await;
        let refused = add_user(&store, "alice@example.com", None)
            .await
            .expect_err("is refused");
        assert!(
            refused.to_string().contains("itsp domain add example.com"),
            "{refused}"
        );
        add_domain(&store, "Example.com").await.expect("adds");
        add_user(&store, "alice@EXAMPLE.com", Some("secret"))
            .await
            .expect("adds");
        let alice = store
            .subscriber("alice", "example.com")
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(
            alice.ha1,
            Secrets::of("alice", "example.com", "example.com", "secret").md5
        );
    }

    #[tokio::test]
    async fn nothing_is_made_twice() {
        let (_folder, store) = store().await;
        add_domain(&store, "example.com").await.expect("adds");
        assert!(add_domain(&store, "EXAMPLE.com").await.is_err());
        add_user(&store, "alice@example.com", None)
            .await
            .expect("adds");
        assert!(add_user(&store, "alice@example.com", None).await.is_err());
    }

    #[tokio::test]
    async fn a_random_password_is_told() {
        let (_folder, store) = store().await;
        add_domain(&store, "example.com").await.expect("adds");
        let told = add_user(&store, "alice@example.com", None)
            .await
            .expect("adds");
        let password = told.rsplit(' ').next().expect("a last word");
        let alice = store
            .subscriber("alice", "example.com")
            .await
            .expect("reads")
            .expect("is there");
        assert_eq!(
            alice.ha1,
            Secrets::of("alice", "example.com", "example.com", password).md5
        );
    }
}
