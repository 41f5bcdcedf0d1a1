//! The server as a telephone sees it: the real binary on one side, sipp as the phones on the other, over UDP and TCP.
//!
//! Every test has a loopback address of its own, so all of them can run at once on the ports one knows. Without sipp a
//! test says that it was skipped; with `SKIP_NOTHING` set it fails instead.
#![allow(clippy::unwrap_used, clippy::panic)]

mod phone;
mod process;
mod server;

mod acceptance;
mod calls;
mod domains;
mod forking;
mod hostile;
mod keep_alive;
mod nat;
mod registration;
mod restart;

/// Two tests from one: the same conversation over UDP and over TCP. The body sees `server` and `transport`.
macro_rules! over_udp_and_tcp {
    ($(fn $name:ident($server:ident, $transport:ident) $body:block)+) => {
        $(mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn run($server: crate::server::Server, $transport: crate::phone::Transport) $body

            #[test]
            fn udp() {
                crate::server::Server::with(|server| run(server, crate::phone::Transport::Udp));
            }

            #[test]
            fn tcp() {
                crate::server::Server::with(|server| run(server, crate::phone::Transport::Tcp));
            }
        })+
    };
}
pub(crate) use over_udp_and_tcp;
