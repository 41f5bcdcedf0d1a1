//! T1: keep-alives are answered at once, without a look at anybody's account.

use sip_core::{Event, Request, Response, StatusCode, To};
use sip_transaction::Flow;

use super::Routing;

impl Routing {
    /// A NOTIFY outside of dialogs that is for nobody but this server, or says that it is a keep-alive.
    pub(super) fn keep_alive(&self, request: &Request, flow: &Flow) -> Option<Response> {
        let headers = request.headers();
        let is_keep_alive = match headers.optional::<Event>() {
            Ok(Some(event)) => event.package().eq_ignore_ascii_case(b"keep-alive"),
            _ => false,
        };
        let is_for_us = || {
            let uri = request.uri().as_sip();
            uri.is_some_and(|uri| uri.user().is_none() && self.is_ours(&uri.host(), flow))
        };
        if !is_keep_alive && !is_for_us() {
            return None;
        }
        let in_dialog = headers.require::<To>().is_ok_and(|to| to.tag().is_some());
        (!in_dialog).then(|| request.reply(StatusCode::OK))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;

    fn screened(scene: &Scene, request: &str) -> Option<u16> {
        use sip_proxy::Router;
        let incoming = incoming(request);
        let response = scene.routing.screen(&incoming.request, &incoming.flow)?;
        Some(response.status().as_u16())
    }

    #[tokio::test]
    async fn t1_keep_alives_are_answered_whoever_sends_them() {
        let scene = Scene::new().await;
        let parties = "From: <sip:alice@a.example>;tag=1\nTo: <sip:a.example>";
        for request in [
            "NOTIFY sip:a.example SIP/2.0",
            "NOTIFY sip:192.0.2.1:5060 SIP/2.0",
            "NOTIFY sip:alice@elsewhere.example SIP/2.0\nEvent: keep-alive",
        ] {
            let (line, more) = request
                .split_once('\n')
                .unwrap_or((request, "Event: refer"));
            assert_eq!(
                screened(&scene, &format!("{line}\n{more}\n{parties}")),
                Some(200),
                "{request}"
            );
        }
    }

    #[tokio::test]
    async fn t1_other_notifies_take_their_way() {
        let scene = Scene::new().await;
        for request in [
            "NOTIFY sip:bob@a.example SIP/2.0\nEvent: refer\nFrom: <sip:alice@a.example>;tag=1\nTo: <sip:bob@a.example>",
            "NOTIFY sip:elsewhere.example SIP/2.0\nFrom: <sip:alice@a.example>;tag=1\nTo: <sip:a.example>",
            "NOTIFY sip:bob@192.0.2.9 SIP/2.0\nEvent: keep-alive\nFrom: <sip:alice@a.example>;tag=1\nTo: <sip:x@y>;tag=2",
        ] {
            assert_eq!(screened(&scene, request), None, "{request}");
        }
    }
}
