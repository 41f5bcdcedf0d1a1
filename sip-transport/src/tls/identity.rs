//! Which domains a certificate speaks for (RFC 5922 §7), and which one a message wants to reach.

use std::sync::Arc;

use bytes::Bytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sip_core::{Host, Limits, Message, Request, Route, SipUri, Via, parse_message};
use webpki::EndEntityCert;

/// Believes a server whose certificate speaks for the domain that was looked up (RFC 5922 §7.3).
#[derive(Debug)]
pub(super) struct DomainVerifier {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl DomainVerifier {
    pub(super) fn new(roots: RootCertStore, provider: &CryptoProvider) -> DomainVerifier {
        DomainVerifier {
            roots: Arc::new(roots),
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ServerCertVerifier for DomainVerifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        domain: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(own)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, chain, now, algorithms)?;
        match speaks_for(own, domain) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, own, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, own, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether a valid certificate is `domain`'s: by a `sip` URI in it, or by a DNS name if there is none (§7.1), in full
/// and without wildcards (§7.2). An IP address must stand there as such.
fn speaks_for(own: &CertificateDer<'_>, domain: &ServerName<'_>) -> bool {
    let Ok(certificate) = EndEntityCert::try_from(own) else {
        return false;
    };
    let ServerName::DnsName(domain) = domain else {
        return certificate.verify_is_valid_for_subject_name(domain).is_ok();
    };
    let is_it = |name: &str| name.eq_ignore_ascii_case(domain.as_ref());
    let mut uris = certificate.valid_uri_names().filter_map(domain_of_uri);
    match uris.next() {
        Some(first) => is_it(first) || uris.any(is_it),
        None => certificate.valid_dns_names().any(is_it),
    }
}

/// All names a certificate could be asked for by.
pub(super) fn names(own: &CertificateDer<'_>) -> Vec<String> {
    let Ok(certificate) = EndEntityCert::try_from(own) else {
        return Vec::new();
    };
    let uris = certificate.valid_uri_names().filter_map(domain_of_uri);
    let names = uris.chain(certificate.valid_dns_names());
    names.map(str::to_owned).collect()
}

/// The domain in `sip:domain`. A URI with a user in it names the user.
fn domain_of_uri(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let is_domain = scheme.eq_ignore_ascii_case("sip") && !rest.contains('@');
    let end = rest.find([':', ';', '?']).unwrap_or(rest.len());
    rest.get(..end).filter(|host| is_domain && !host.is_empty())
}

/// The domain whose server a message is for: what was looked up to find its address (RFC 3263 §4, §5).
pub(crate) fn of_next_hop(message: &Bytes) -> Option<ServerName<'static>> {
    let host = match parse_message(message.clone(), &Limits::default()).ok()? {
        Message::Request(request) => of_request(&request)?,
        Message::Response(response) => response.headers().require::<Via>().ok()?.sent_by().host,
    };
    match host.ip() {
        Some(ip) => Some(ServerName::from(ip)),
        None => {
            let name = host.to_string();
            ServerName::try_from(name.trim_end_matches('.').to_owned()).ok()
        }
    }
}

fn of_request(request: &Request) -> Option<Host> {
    let host = |uri: &SipUri| uri.maddr().unwrap_or_else(|| uri.host());
    match request.headers().require::<Route>() {
        Ok(route) => route.uri().as_sip().map(host),
        Err(_) => request.uri().as_sip().map(host),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: &[SanType]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    fn uri(uri: &str) -> SanType {
        SanType::URI(uri.try_into().unwrap())
    }

    fn is_for(names: &[SanType], domain: &str) -> bool {
        let domain = ServerName::try_from(domain.to_owned()).unwrap();
        speaks_for(&certificate(names), &domain)
    }

    #[test]
    fn a_dns_name_is_compared_in_full_and_in_any_case() {
        assert!(is_for(&[dns("Example.com")], "eXample.com"));
        assert!(!is_for(&[dns("example.com")], "foo.example.com"));
        assert!(!is_for(&[dns("*.example.com")], "foo.example.com"));
        assert!(!is_for(&[], "example.com"));
    }

    #[test]
    fn a_sip_uri_outdoes_dns_names() {
        let both = [dns("host.example.com"), uri("SIP:example.com")];
        assert!(is_for(&both, "example.com"));
        assert!(!is_for(&both, "host.example.com"));
    }

    #[test]
    fn only_a_sip_uri_without_a_user_is_a_domain() {
        for other in [
            "sips:example.com",
            "https://example.com",
            "sip:bob@example.com",
        ] {
            assert!(!is_for(&[uri(other)], "example.com"), "{other}");
            let beside = [uri(other), dns("example.com")];
            assert!(is_for(&beside, "example.com"), "{other}");
        }
        assert!(is_for(&[uri("sip:example.com:5061;lr")], "example.com"));
    }

    #[test]
    fn an_address_must_be_named_as_one() {
        let ip = "192.0.2.1".parse().unwrap();
        assert!(is_for(&[SanType::IpAddress(ip)], "192.0.2.1"));
        assert!(!is_for(&[dns("example.com")], "192.0.2.1"));
    }

    fn next_hop(start: &str, headers: &str) -> Option<String> {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/TLS a.example;received=192.0.2.9\r\n{headers}\
             From: <sip:a@a.example>;tag=1\r\nTo: <sip:b@b.example>\r\nCall-ID: 1\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        of_next_hop(&text.into()).map(|name| name.to_str().into_owned())
    }

    #[test]
    fn a_message_is_for_its_first_route_or_its_uri_or_its_via() {
        let line = "OPTIONS sips:bob@B.example:5062 SIP/2.0";
        assert_eq!(next_hop(line, "").as_deref(), Some("B.example"));
        let routes = "Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n";
        assert_eq!(next_hop(line, routes).as_deref(), Some("p1.example"));
        let line = "OPTIONS sips:192.0.2.1 SIP/2.0";
        assert_eq!(next_hop(line, "").as_deref(), Some("192.0.2.1"));
        assert_eq!(next_hop("SIP/2.0 200 OK", "").as_deref(), Some("a.example"));
        assert_eq!(next_hop("OPTIONS tel:+1 SIP/2.0", ""), None);
    }
}
