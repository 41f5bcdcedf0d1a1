//! F-08: OPTIONS to the server itself (RFC 3261 §11.2).

use sip_core::{HeaderName, Request, Response, StatusCode, Text};
use sip_transaction::Flow;

use super::Routing;

impl Routing {
    /// An OPTIONS without a user, for a domain served or the address it came to.
    pub(super) fn options(&self, request: &Request, flow: &Flow) -> Option<Response> {
        let uri = request.uri().as_sip()?;
        if uri.user().is_some() || !self.is_ours(&uri.host(), flow) {
            return None;
        }
        let mut response = request.reply(StatusCode::OK);
        for (name, value) in [
            (HeaderName::Accept, "*/*"),
            (HeaderName::AcceptEncoding, ""),
            (HeaderName::AcceptLanguage, "en"),
            (HeaderName::Supported, ""),
        ] {
            response
                .headers_mut()
                .push_raw(name, &Text::from_static(value));
        }
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::*;
    use sip_proxy::Router;

    fn screened(scene: &Scene, uri: &str) -> Option<sip_core::Response> {
        let parties = "From: <sip:x@elsewhere.example>;tag=1\nTo: <sip:a.example>";
        let incoming = incoming(&format!("OPTIONS {uri} SIP/2.0\n{parties}"));
        scene.routing.screen(&incoming.request, &incoming.flow)
    }

    #[tokio::test]
    async fn f08_options_to_the_server_names_what_it_takes() {
        let scene = Scene::new().await;
        for uri in ["sip:a.example", "sip:B.example", "sip:192.0.2.1:5060"] {
            let response = screened(&scene, uri).expect("an answer");
            assert_eq!(response.status().as_u16(), 200);
            for (name, value) in [
                ("Accept", "*/*"),
                ("Accept-Encoding", ""),
                ("Accept-Language", "en"),
                ("Supported", ""),
            ] {
                assert_eq!(header(&response, name).as_deref(), Some(value), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn f08_options_to_somebody_takes_its_way() {
        let scene = Scene::new().await;
        for uri in [
            "sip:bob@a.example",
            "sip:elsewhere.example",
            "sip:192.0.2.9",
            "tel:+1555",
        ] {
            assert!(screened(&scene, uri).is_none(), "{uri}");
        }
    }
}
