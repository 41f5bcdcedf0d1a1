//! Third step: forwarding without remembering (RFC 3261 §16.11). Everything goes on to one server:
//! `cargo run -p first-steps --bin stateless_proxy 192.0.2.7:5060`.
//!
//! New here: a `Relay`. It asks on which ground a request may pass, so an open relay has to be written down as one. The
//! proxy forgets a request the moment it is forwarded; a retransmission makes the same way again, with the same branch.

use std::env;
use std::net::SocketAddr;

use async_trait::async_trait;
use first_steps::serve_router;
use sip_core::Transport;
use sip_proxy::{Admission, BranchTarget, Decision, ForkPlan, Incoming, Relay, Router};
use sip_transaction::Target;
use sip_transport::Bind;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = env::args().nth(1).ok_or("usage: stateless_proxy IP:PORT")?;
    let router = Onwards {
        server: server.parse()?,
    };
    let bind = Bind::udp("0.0.0.0:5060").and_tcp("0.0.0.0:5060");
    serve_router(bind, router, |config| {
        // Without transactions no CANCEL matches one: each is routed as its INVITE was (§16.10).
        config.forward_unmatched_cancel = true;
        // And no need to see the rest of the dialog.
        config.record_route = false;
    })
    .await?;
    Ok(())
}

struct Onwards {
    server: SocketAddr,
}

#[async_trait]
impl Router for Onwards {
    async fn route(&self, incoming: &Incoming) -> Decision {
        let reason = "whoever reaches this proxy may reach the server behind it";
        let admission = Admission::without_authentication(reason);
        // The Request-URI stays what it is; only where the request is sent is decided here.
        let target = BranchTarget::new(incoming.request.uri().clone())
            .received(Target::address(Transport::Udp, self.server));
        Relay::new(admission, ForkPlan::to(target))
            .statelessly()
            .into()
    }
}
