//! Second step: a registrar that asks for passwords (RFC 3261 §10, §22). Phones register; whoever calls one is told where
//! it is: `cargo run -p first-steps --bin registrar example.com alice:secret bob:sesame`.
//!
//! New here: a `Router` decides, and asks two backends: one remembers where phones are, one knows passwords. Both are in
//! memory; a database would be another implementation of the traits `LocationService` and `CredentialStore`.

use std::env;
use std::sync::Arc;

use async_trait::async_trait;
use first_steps::serve_router;
use sip_core::{AddressOfRecord, Contact, Method, Response, StatusCode, To};
use sip_proxy::auth::{ChallengeKind, DigestAuthenticator, DigestConfig, NonceKey, Nonces};
use sip_proxy::backend::{MemoryCredentials, MemoryLocation};
use sip_proxy::registrar::{Registrar, RegistrarConfig};
use sip_proxy::{Decision, Incoming, Router};
use sip_transport::Bind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let domain = arguments
        .next()
        .ok_or("usage: registrar DOMAIN USER:PASSWORD …")?;
    let users: Vec<String> = arguments.collect();
    let users = users.iter().filter_map(|user| user.split_once(':'));
    let bind = Bind::udp("0.0.0.0:5060").and_tcp("0.0.0.0:5060");
    Ok(serve_router(bind, Home::new(&domain, users), |_| {}).await?)
}

struct Home {
    domain: String,
    location: Arc<MemoryLocation>,
    registrar: Registrar,
    authenticator: DigestAuthenticator,
}

#[async_trait]
impl Router for Home {
    async fn route(&self, incoming: &Incoming) -> Decision {
        match incoming.request.method() {
            Method::Register => self.register(incoming).await.into(),
            _ => self.redirect(incoming).into(),
        }
    }
}

impl Home {
    /// Whoever registers proves who it is, and changes nobody else's bindings (§10.3 steps 3 to 5).
    async fn register(&self, incoming: &Incoming) -> Response {
        let asked = ChallengeKind::Www;
        let verdict = self
            .authenticator
            .authenticate(incoming, &self.domain, asked);
        let identity = match verdict.await.identity() {
            Ok(identity) => identity,
            Err(challenge) => return challenge,
        };
        let to = incoming.request.headers().require::<To>().ok();
        match to.and_then(|to| AddressOfRecord::from_uri(&to.uri())) {
            Some(user) if user == *identity.address_of_record() => {
                self.registrar.register(incoming, &user).await
            }
            _ => incoming.reply(StatusCode::FORBIDDEN),
        }
    }

    /// Answers with the phones themselves; the caller goes on to them (§8.3).
    fn redirect(&self, incoming: &Incoming) -> Response {
        let user = AddressOfRecord::from_uri(incoming.request.uri());
        let bindings = user
            .map(|user| self.location.bindings(&user))
            .unwrap_or_default();
        let mut phones = bindings.current(incoming.unix_time).peekable();
        if phones.peek().is_none() {
            return incoming.reply(StatusCode::TEMPORARILY_UNAVAILABLE);
        }
        let mut response = incoming.reply(StatusCode::MOVED_TEMPORARILY);
        phones.for_each(|phone| response.headers_mut().push(&Contact::new(&phone.uri())));
        response
    }

    fn new<'a>(domain: &str, users: impl IntoIterator<Item = (&'a str, &'a str)>) -> Home {
        let credentials = MemoryCredentials::new();
        for (user, password) in users {
            if let Ok(user) = AddressOfRecord::new(user, domain) {
                credentials.add_password(&user, domain, password);
            }
        }
        let digest = DigestConfig::new(Nonces::new(NonceKey::new(0, &rand::random())));
        let location = Arc::new(MemoryLocation::new());
        Home {
            domain: domain.to_owned(),
            registrar: Registrar::new(RegistrarConfig::default(), location.clone()),
            location,
            authenticator: DigestAuthenticator::new(digest, Arc::new(credentials)),
        }
    }
}

/// The same router, in virtual time and without sockets.
#[cfg(test)]
mod tests {
    use sip_proxy::sim::{SimProxy, password};
    use sip_transaction::sim::{Link, Sim};

    use super::*;

    /// Alice and bob, who has told his phone a password.
    fn with_password(secret: &str) -> Sim {
        let mut sim = Sim::new(Link::udp());
        SimProxy::new(Home::new("example.com", [("bob", "sesame")])).join(&mut sim, "home");
        sim.alice().through("home");
        sim.bob().through("home");
        sim.bob().answers_challenges(password("bob", secret));
        sim
    }

    #[test]
    fn a_phone_registers_and_a_caller_is_told_where_it_is() {
        let mut sim = with_password("sesame");
        sim.bob().request(Method::Register, "sip:bob@example.com");
        sim.at(1.0, |sim| {
            sim.alice().invite("sip:bob@example.com");
        });
        sim.run_for(2.0);
        sim.assert_ladder(
            "
            0.000  bob → home    REGISTER
            0.000  home → bob    401 REGISTER
            0.000  bob → home    REGISTER
            0.000  home → bob    200 REGISTER
            1.000  alice → home  INVITE
            1.000  home → alice  302 INVITE
            1.000  alice → home  ACK
            ",
        );
    }

    #[test]
    fn a_wrong_password_registers_nobody() {
        let mut sim = with_password("wrong");
        sim.bob().request(Method::Register, "sip:bob@example.com");
        sim.run_for(1.0);
        assert_eq!(sim.bob().heard(), ["401 REGISTER", "401 REGISTER"]);
        sim.alice().invite("sip:bob@example.com");
        sim.run_for(1.0);
        assert_eq!(sim.alice().heard(), ["480 INVITE"]);
    }

    #[test]
    fn bob_cannot_register_for_alice() {
        let mut sim = with_password("sesame");
        sim.bob().request(Method::Register, "sip:alice@example.com");
        sim.run_for(1.0);
        assert_eq!(sim.bob().heard(), ["401 REGISTER", "403 REGISTER"]);
    }
}
