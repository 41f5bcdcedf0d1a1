//! One side of a dialog (RFC 3261 §12): whom to send what comes next, and by which way.

use std::net::SocketAddr;

use sip_core::{
    CallId, Contact, From, HeaderName, Method, RecordRoute, Request, RequestBuilder, Response,
    Route, SipUri, Tag, To, Uri,
};

/// A dialog as one end of it knows it.
#[derive(Debug)]
pub(crate) struct Dialog {
    call_id: CallId,
    local: From,
    remote: To,
    /// Where the other end is (§12.1: remote target).
    target: Uri,
    /// The way there, nearest first (§12.1.2: route set).
    routes: Vec<Route>,
    /// Of the last request from here.
    cseq: u32,
}

impl Dialog {
    /// The dialog that a 2xx to our INVITE creates (§12.1.2); `None` when it lacks what a dialog needs.
    pub(crate) fn of(
        response: &Response,
        call_id: &CallId,
        local: &From,
        cseq: u32,
    ) -> Option<Dialog> {
        let headers = response.headers();
        let contact: Contact = headers.require().ok()?;
        let recorded: Result<Vec<RecordRoute>, _> = headers.all().collect();
        let recorded = recorded.ok()?;
        let routes = recorded
            .iter()
            .rev()
            .map(|route| Route::new(route.as_uri()).detached());
        Some(Dialog {
            call_id: call_id.clone(),
            local: local.clone(),
            remote: headers.require::<To>().ok()?.detached(),
            target: contact.uri()?.detached(),
            routes: routes.collect(),
            cseq,
        })
    }

    /// The dialog that our 2xx to `invite` creates, as its callee knows it (§12.1.1).
    pub(crate) fn of_callee(invite: &Request, tag: &Tag) -> Option<Dialog> {
        let headers = invite.headers();
        let (from, to): (From, To) = (headers.require().ok()?, headers.require().ok()?);
        let contact: Contact = headers.require().ok()?;
        let recorded: Result<Vec<RecordRoute>, _> = headers.all().collect();
        let recorded = recorded.ok()?;
        let routes = recorded
            .iter()
            .map(|route| Route::new(route.as_uri()).detached());
        Some(Dialog {
            call_id: headers.require::<CallId>().ok()?.detached(),
            local: From::new(&to.uri(), Some(tag)).detached(),
            remote: To::new(&from.uri(), from.tag().as_ref()).detached(),
            target: contact.uri()?.detached(),
            routes: routes.collect(),
            cseq: 0,
        })
    }

    /// The ACK for the 2xx (§13.2.2.4).
    pub(crate) fn ack(&self) -> Request {
        self.request(Method::Ack, self.cseq)
    }

    /// The end of the call (§15.1.1).
    pub(crate) fn bye(&mut self) -> Request {
        self.cseq += 1;
        self.request(Method::Bye, self.cseq)
    }

    /// §12.2.1.1.
    fn request(&self, method: Method, cseq: u32) -> Request {
        let mut routes = self.routes.clone();
        let mut uri = self.target.clone();
        // A strict router wants itself in the Request-URI, and the target at the end of the route.
        if let Some(first) = routes.first().filter(|first| !is_loose(first)) {
            let strict = first.uri();
            routes.remove(0);
            routes.push(Route::new(&uri));
            uri = strict;
        }
        let request = Request::builder(method, uri, &self.local, &self.remote, &self.call_id, cseq);
        routes.iter().fold(request, RequestBuilder::header).build()
    }

    /// The next hop, if it is named by an address and not by a name.
    pub(crate) fn next_hop(&self) -> Option<SocketAddr> {
        let next = self
            .routes
            .first()
            .map_or(&self.target, |first| first.as_uri());
        let sip = next.as_sip()?;
        let default = sip
            .transport()
            .map_or(5060, |transport| transport.default_port());
        Some(SocketAddr::new(
            sip.host().ip()?,
            sip.port().unwrap_or(default),
        ))
    }
}

fn is_loose(route: &Route) -> bool {
    route.as_uri().as_sip().is_some_and(SipUri::is_loose_router)
}

/// What a response that creates a dialog takes over from its request (§12.1.1).
pub(crate) fn copy_record_routes(request: &Request, response: &mut Response) {
    for line in request.headers().raw(&HeaderName::RecordRoute) {
        response
            .headers_mut()
            .push_raw(HeaderName::RecordRoute, &line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use sip_core::{Limits, Message, parse_message};

    fn dialog(record_routes: &str) -> Dialog {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n{record_routes}From: <sip:a@x>;tag=1\r\n\
             To: <sip:b@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 7 INVITE\r\nContact: <sip:b@192.0.2.9:5070>\r\n\r\n"
        );
        let Ok(Message::Response(response)) = parse_message(Bytes::from(text), &Limits::default())
        else {
            panic!("no response")
        };
        let uri: Uri = "sip:a@x".parse().unwrap();
        let from = From::new(&uri, Some(&Tag::new("1").unwrap()));
        Dialog::of(&response, &CallId::new("1").unwrap(), &from, 7).unwrap()
    }

    fn head(request: Request) -> String {
        let text = String::from_utf8(request.to_bytes().to_vec()).unwrap();
        text.lines()
            .filter(|line| line.contains("sip:") || line.starts_with("CSeq"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_callee_takes_recorded_routes_as_they_come() {
        let text = "INVITE sip:b@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
                    Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.1;lr>\r\nFrom: A <sip:a@x>;tag=1\r\n\
                    To: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 7 INVITE\r\nContact: <sip:a@192.0.2.8>\r\n\r\n";
        let Ok(Message::Request(invite)) = parse_message(Bytes::from(text), &Limits::default())
        else {
            panic!("no request")
        };
        let mut dialog = Dialog::of_callee(&invite, &Tag::new("2").unwrap()).unwrap();
        assert_eq!(dialog.next_hop(), Some("192.0.2.2:5060".parse().unwrap()));
        assert_eq!(
            head(dialog.bye()),
            "BYE sip:a@192.0.2.8 SIP/2.0\nFrom: <sip:b@x>;tag=2\nTo: <sip:a@x>;tag=1\nCSeq: 1 BYE\n\
             Route: <sip:192.0.2.2;lr>\nRoute: <sip:192.0.2.1;lr>"
        );
    }

    #[test]
    fn without_a_route_the_way_is_straight() {
        let mut dialog = dialog("");
        assert_eq!(dialog.next_hop(), Some("192.0.2.9:5070".parse().unwrap()));
        assert_eq!(
            head(dialog.ack()),
            "ACK sip:b@192.0.2.9:5070 SIP/2.0\nFrom: <sip:a@x>;tag=1\nTo: <sip:b@x>;tag=2\nCSeq: 7 ACK"
        );
        assert!(head(dialog.bye()).ends_with("CSeq: 8 BYE"));
    }

    #[test]
    fn recorded_routes_are_taken_backwards() {
        let dialog = dialog("Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.1:5061;lr>\r\n");
        assert_eq!(dialog.next_hop(), Some("192.0.2.1:5061".parse().unwrap()));
        let ack = head(dialog.ack());
        assert!(
            ack.starts_with("ACK sip:b@192.0.2.9:5070 SIP/2.0\n"),
            "{ack}"
        );
        assert!(
            ack.ends_with("Route: <sip:192.0.2.1:5061;lr>\nRoute: <sip:192.0.2.2;lr>"),
            "{ack}"
        );
    }

    #[test]
    fn a_strict_router_stands_in_the_request_uri() {
        let dialog = dialog("Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.1>\r\n");
        let ack = head(dialog.ack());
        assert!(ack.starts_with("ACK sip:192.0.2.1 SIP/2.0\n"), "{ack}");
        assert!(
            ack.ends_with("Route: <sip:192.0.2.2;lr>\nRoute: <sip:b@192.0.2.9:5070>"),
            "{ack}"
        );
    }
}
