//! A URI of anything: printed as it came, equal to itself, one address of record however often it is normalised, and a
//! telephone number the same as user of a SIP URI.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sip_core::{AddressOfRecord, SipUri, TelUri, Text, Uri};

fuzz_target!(|octets: &[u8]| {
    let Ok(text) = Text::new(octets) else { return };
    let Ok(uri) = Uri::parse(&text) else { return };
    assert_eq!(uri.as_text(), &text);
    assert!(
        uri.equivalent(&uri),
        "a URI is equivalent to itself (RFC 3261 §19.1.4)"
    );
    assert_eq!(uri.detached(), uri);
    if let Some(tel) = uri.as_tel() {
        let _ = (
            tel.number(),
            tel.digits(),
            tel.is_global(),
            tel.params().iter().count(),
        );
        telephone(tel);
    }
    if let Some(sip) = uri.as_sip() {
        accessors(sip);
        edits(sip);
    }
    if let Some(address) = AddressOfRecord::from_uri(&uri) {
        let again = AddressOfRecord::from_sip(&address.to_uri());
        assert_eq!(
            again.as_ref(),
            Some(&address),
            "an address of record is its own canonical form"
        );
    }
});

/// Its canonical form is equivalent and final; as user of a SIP URI it comes back if it can be written there.
fn telephone(tel: &TelUri) {
    let canonical = tel.canonical();
    assert!(canonical.equivalent(tel), "{canonical} is another number");
    assert_eq!(canonical.canonical(), canonical);
    let sip = tel.to_sip("h".parse().expect("a host"));
    assert!(
        matches!(Uri::parse(sip.as_text()), Ok(Uri::Sip(_))),
        "{sip}"
    );
    // What a user part holds only with an escape may come back in another place among the parameters.
    let needs_no_escape = |octet: &u8| octet.is_ascii() && !b"%[]:#".contains(octet);
    if tel.as_text()[4..].iter().all(needs_no_escape) {
        let back = TelUri::from_sip(&sip).expect("the same number");
        assert!(back.to_sip(sip.host_port()).equivalent(&sip), "{back}");
    }
}

fn accessors(uri: &SipUri) {
    let _ = (
        uri.user(),
        uri.password(),
        uri.host_port(),
        uri.header_part(),
    );
    let _ = (
        uri.transport(),
        uri.maddr(),
        uri.is_secure(),
        uri.is_loose_router(),
    );
    for (name, value) in uri.params().iter() {
        assert!(!name.is_empty());
        let _ = value;
    }
}

/// What an edit made can be read again, and holds what was put in.
fn edits(uri: &SipUri) {
    let read = |uri: &SipUri| match Uri::parse(uri.as_text()) {
        Ok(Uri::Sip(again)) => again,
        other => panic!("{:?} was made of it: {other:?}", uri.as_text()),
    };
    assert_eq!(read(&uri.with_user(Some("a b@c;d"))).host(), uri.host());
    assert_eq!(read(&uri.with_user(None)).user(), None);
    assert_eq!(
        read(&uri.with_host_port(uri.host_port())).host_port(),
        uri.host_port()
    );
    assert_eq!(read(&uri.without_headers()).header_part(), None);
    assert!(!read(&uri.without_param("lr")).is_loose_router());
    if let Ok(loose) = uri.with_param("lr", None) {
        assert!(read(&loose).is_loose_router());
        assert_eq!(read(&loose).host_port(), uri.host_port());
    }
}
