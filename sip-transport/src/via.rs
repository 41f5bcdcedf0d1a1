//! What the transport layer does with a Via: `received` and `rport` (RFC 3261 §18.2.1, RFC 3581), and where a
//! response goes (§18.2.2). Pure functions.

use std::net::{IpAddr, SocketAddr};

use sip_core::{Request, Response, Transport, Via};
use sip_transaction::Target;

/// Notes in the top Via where `request` came from, in `received` and `rport`.
///
/// Always both, asked for or not: what stood there before is only the sender's word, and whoever sits behind a NAT
/// without knowing it is served as well. A request without a readable Via stays as it is.
pub fn stamp(request: &mut Request, source: SocketAddr) {
    let _ = request.stamp_via(source);
}

/// Where `response` goes if the flow its request came on is gone (§18.2.2): to the address in `received`, else the
/// one in sent-by, at the port of sent-by. `None` when the top Via does not say, or names a host to look up.
#[must_use]
pub fn response_target(response: &Response) -> Option<Target> {
    let via = response.headers().require::<Via>().ok()?;
    let transport = via.transport()?;
    let sent_by = via.sent_by();
    let ip: IpAddr = via.received().or_else(|| sent_by.host.ip())?;
    let port = sent_by.port.unwrap_or(transport.default_port());
    let port = match (transport, via.rport()) {
        (Transport::Udp, Some(Some(rport))) => rport,
        _ => port,
    };
    Some(Target::address(transport, SocketAddr::new(ip, port)))
}

#[cfg(test)]
mod tests {
    use sip_core::{Limits, Message, StatusCode, parse_message};

    use super::*;

    fn request(vias: &str) -> Request {
        let text = format!(
            "OPTIONS sip:bob@b.example SIP/2.0\r\n{vias}From: <sip:a@a.example>;tag=1\r\n\
             To: <sip:bob@b.example>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        match parse_message(text.into(), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?} is no request"),
        }
    }

    fn vias(request: &Request) -> Vec<String> {
        let vias = request.headers().all::<Via>();
        vias.map(|via| {
            String::from_utf8_lossy(via.unwrap().params().get("branch").unwrap().unwrap())
                .into_owned()
        })
        .collect()
    }

    fn stamped_top(via: &str, source: &str) -> String {
        let mut request = request(&format!(
            "Via: {via}\r\nVia: SIP/2.0/UDP c.example;branch=z9hG4bK2\r\n"
        ));
        let below = vias(&request);
        stamp(&mut request, source.parse().unwrap());
        assert_eq!(vias(&request), below, "the Vias stay in their order");
        let text = request.to_bytes();
        let text = String::from_utf8_lossy(&text);
        let top = text.lines().find_map(|line| line.strip_prefix("Via: "));
        top.unwrap().to_owned()
    }

    #[test]
    fn received_and_rport_say_where_a_request_came_from() {
        assert_eq!(
            stamped_top(
                "SIP/2.0/UDP a.example:5070;branch=z9hG4bK1",
                "192.0.2.1:40000"
            ),
            "SIP/2.0/UDP a.example:5070;branch=z9hG4bK1;received=192.0.2.1;rport=40000"
        );
    }

    #[test]
    fn what_the_sender_claims_is_replaced() {
        for claim in [
            ";rport",
            ";rport=1;received=10.0.0.1",
            ";received=10.0.0.1;rport",
        ] {
            let via = stamped_top(
                &format!("SIP/2.0/TCP a.example{claim};branch=z9hG4bK1"),
                "[2001:db8::1]:40000",
            );
            assert_eq!(via.matches("received").count(), 1, "{via}");
            assert_eq!(via.matches("rport").count(), 1, "{via}");
            assert!(via.contains(";received=2001:db8::1"), "{via}");
            assert!(via.contains(";rport=40000"), "{via}");
        }
    }

    #[test]
    fn a_request_without_a_readable_via_stays_as_it_is() {
        for vias in ["", "Via: nonsense\r\n"] {
            let mut request = request(vias);
            let before = request.to_bytes();
            stamp(&mut request, "192.0.2.1:40000".parse().unwrap());
            assert_eq!(request.to_bytes(), before);
        }
    }

    #[test]
    fn a_response_without_its_connection_goes_to_received_at_the_port_of_sent_by() {
        let expected = [
            (
                "SIP/2.0/TCP a.example:5070;received=192.0.2.1;rport=9",
                "192.0.2.1:5070",
            ),
            ("SIP/2.0/TCP a.example;received=192.0.2.1", "192.0.2.1:5060"),
            ("SIP/2.0/TLS a.example;received=192.0.2.1", "192.0.2.1:5061"),
            ("SIP/2.0/TCP 192.0.2.7:5070", "192.0.2.7:5070"),
            (
                "SIP/2.0/UDP 192.0.2.7:5070;received=192.0.2.1;rport=9",
                "192.0.2.1:9",
            ),
            (
                "SIP/2.0/UDP 192.0.2.7:5070;received=192.0.2.1",
                "192.0.2.1:5070",
            ),
        ];
        for (via, remote) in expected {
            let response = request(&format!("Via: {via}\r\n")).reply(StatusCode::OK);
            let target = response_target(&response).unwrap();
            assert_eq!(target.remote().to_string(), remote, "{via}");
        }
        let named = request("Via: SIP/2.0/TCP a.example\r\n").reply(StatusCode::OK);
        assert_eq!(response_target(&named), None);
    }
}
