//! The very first start: a domain and two users, so that two phones can call each other at once.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

use sip_core::Host;

use crate::accounts::{random_password, subscriber};
use crate::store::{DomainRow, Store, StoreError};

/// What was made, told once and never again.
#[derive(Debug)]
pub(crate) struct Demo {
    pub(crate) domain: String,
    /// Name and password.
    pub(crate) users: [(&'static str, String); 2],
}

/// Makes the address `ip` of this machine a domain, under the machine's names for itself too, with users alice and
/// bob.
pub(crate) async fn make_demo(store: &Store, ip: IpAddr) -> Result<Demo, StoreError> {
    let did = Host::from(ip).to_string();
    for name in [did.as_str(), "127.0.0.1", "localhost"] {
        store.add_domain(name, &did).await?;
    }
    let domain = DomainRow {
        name: did.clone(),
        did: did.clone(),
        realm: did.clone(),
    };
    let users = ["alice", "bob"].map(|name| (name, random_password()));
    let rows = users
        .each_ref()
        .map(|(name, password)| subscriber(name, &domain, password));
    store.put_subscribers(&rows).await?;
    Ok(Demo { domain: did, users })
}

/// The address others on the network reach this machine by: the one its default route leaves from.
pub(crate) fn primary_address() -> IpAddr {
    // Connecting a datagram socket sends nothing; the address is one for documentation (RFC 5737).
    let outgoing = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    match outgoing {
        Ok(address) if !address.ip().is_unspecified() => address.ip(),
        _ => Ipv4Addr::LOCALHOST.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Secrets;

    #[tokio::test]
    async fn the_demo_users_can_log_in_with_what_is_told() {
        let folder = tempfile::tempdir().expect("folder");
        let (store, _) = Store::open_or_create(folder.path()).await.expect("opens");
        let demo = make_demo(&store, primary_address()).await.expect("makes");
        let domain = &demo.domain;
        for (name, password) in &demo.users {
            let user = store
                .subscriber(name, domain)
                .await
                .expect("reads")
                .expect("is there");
            assert_eq!(user.ha1, Secrets::of(name, domain, domain, password).md5);
        }
        let names = store.domains().await.expect("reads");
        assert!(
            names
                .iter()
                .any(|row| row.name == "localhost" && row.did == *domain)
        );
    }
}
