//! First step: a function from request to response is a server (RFC 3261 §8.2).
//!
//! `cargo run -p first-steps --bin uas`, then send OPTIONS or MESSAGE to port 5060 of this machine.

use sip_core::{Allow, Method, Request, Response, StatusCode};
use sip_transport::{Bind, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sip_transport::Error> {
    serve(Bind::udp("0.0.0.0:5060").and_tcp("0.0.0.0:5060"), answer).await
}

/// Every retransmission comes here again and gets the same answer, so nothing has to be remembered (§8.2.7).
fn answer(request: &Request) -> Response {
    match request.method() {
        Method::Options => request.reply(StatusCode::OK),
        Method::Message => {
            println!("{}", String::from_utf8_lossy(request.body()));
            request.reply(StatusCode::OK)
        }
        _ => {
            // A 405 says what would have been allowed (§8.2.1).
            let mut response = request.reply(StatusCode::METHOD_NOT_ALLOWED);
            for method in [Method::Options, Method::Message] {
                response.headers_mut().push(&Allow(method));
            }
            response
        }
    }
}
