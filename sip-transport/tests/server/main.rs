//! A real server on loopback sockets.

mod support;
mod udp;
