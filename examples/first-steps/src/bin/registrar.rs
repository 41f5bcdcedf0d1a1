//! Second step: bindings behind a trait (RFC 3261 §10). Phones register; whoever calls one is told where it is.
//!
//! New here: a `Router` decides, and a `LocationService` remembers. This one is in memory; a database would be another
//! implementation of the same trait. Anybody may register anything, so keep it at home.

use std::sync::Arc;

use async_trait::async_trait;
use first_steps::serve_router;
use sip_core::{AddressOfRecord, Contact, Method, StatusCode, To};
use sip_proxy::backend::{LocationService, MemoryLocation};
use sip_proxy::registrar::{Registrar, RegistrarConfig};
use sip_proxy::{Decision, Incoming, Router};
use sip_transport::Bind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sip_transport::Error> {
    let location: Arc<dyn LocationService> = Arc::new(MemoryLocation::new());
    let registrar = Registrar::new(RegistrarConfig::default(), location.clone());
    let router = Home {
        registrar,
        location,
    };
    serve_router(
        Bind::udp("0.0.0.0:5060").and_tcp("0.0.0.0:5060"),
        router,
        |_| {},
    )
    .await
}

struct Home {
    registrar: Registrar,
    location: Arc<dyn LocationService>,
}

#[async_trait]
impl Router for Home {
    async fn route(&self, incoming: &Incoming) -> Decision {
        match incoming.request.method() {
            Method::Register => self.register(incoming).await,
            _ => self.redirect(incoming).await,
        }
    }
}

impl Home {
    /// To names the user whose bindings change; who sent the request is not asked (§10.3 steps 3 to 5 left out).
    async fn register(&self, incoming: &Incoming) -> Decision {
        let to = incoming.request.headers().require::<To>().ok();
        match to.and_then(|to| AddressOfRecord::from_uri(&to.uri())) {
            Some(user) => self.registrar.register(incoming, &user).await.into(),
            None => incoming.reply(StatusCode::NOT_FOUND).into(),
        }
    }

    /// Answers with the phones themselves; the caller goes on to them (§8.3).
    async fn redirect(&self, incoming: &Incoming) -> Decision {
        let Some(user) = AddressOfRecord::from_uri(incoming.request.uri()) else {
            return incoming.reply(StatusCode::NOT_FOUND).into();
        };
        let Ok(bindings) = self.location.lookup(&user).await else {
            return incoming.reply(StatusCode::SERVICE_UNAVAILABLE).into();
        };
        let mut response = incoming.reply(StatusCode::MOVED_TEMPORARILY);
        for binding in bindings.current(incoming.unix_time) {
            response.headers_mut().push(&Contact::new(&binding.uri()));
        }
        match bindings.current(incoming.unix_time).next() {
            Some(_) => response.into(),
            None => incoming.reply(StatusCode::TEMPORARILY_UNAVAILABLE).into(),
        }
    }
}
