//! What holds for the parameters and URIs inside of headers.

use std::hint::black_box;

use sip_core::*;

pub(crate) fn touch_params(params: Params<'_>) {
    for (name, value) in params.iter() {
        assert!(!name.is_empty());
        let name = std::str::from_utf8(name).unwrap_or("x");
        black_box((params.get(name), params.unquoted(name), value));
    }
}

/// Whatever URI was read, its edits read back, and it is equivalent to itself.
pub(crate) fn touch_uri(uri: &Uri) {
    assert_eq!(Uri::parse(uri.as_text()).as_ref(), Ok(uri));
    assert!(uri.equivalent(uri), "{uri}");
    assert_eq!(uri.detached(), *uri);
    black_box((
        uri.scheme(),
        uri.to_string(),
        uri.as_tel().map(TelUri::digits),
    ));
    if let Some(sip) = uri.as_sip() {
        touch_sip(sip);
    }
}

fn touch_sip(uri: &SipUri) {
    touch_params(uri.params());
    black_box((
        uri.password(),
        uri.header_part(),
        uri.transport(),
        uri.maddr(),
        uri.is_loose_router(),
    ));
    black_box((
        uri.is_outbound(),
        uri.is_gruu(),
        uri.gruu_instance(),
        uri.push_provider(),
    ));
    black_box((
        uri.push_param(),
        uri.push_resource(),
        uri.push_unique_reference(),
    ));
    black_box((uri.headers().count(), uri.header::<Reason>()));
    let edits = [
        uri.with_user(Some("a b@c")),
        uri.with_user(None),
        uri.with_host_port("[2001:db8::1]:5070".parse().unwrap()),
        uri.with_param("lr", None).unwrap(),
        uri.with_param("transport", Some("tcp")).unwrap(),
        uri.without_param("lr"),
        uri.without_headers(),
    ];
    for edit in edits {
        let edited = Uri::Sip(edit);
        assert_eq!(Uri::parse(edited.as_text()).as_ref(), Ok(&edited), "{uri}");
    }
    assert!(uri.with_param("lr", None).unwrap().is_loose_router());
    assert!(!uri.without_param("lr").is_loose_router());
    assert_eq!(
        uri.with_host_port(uri.host_port()).host_port(),
        uri.host_port()
    );
    let Some(aor) = AddressOfRecord::from_sip(uri) else {
        return;
    };
    assert_eq!(
        AddressOfRecord::new(aor.user(), aor.domain()).as_ref(),
        Ok(&aor)
    );
    assert_eq!(
        AddressOfRecord::from_sip(&aor.to_uri()).as_ref(),
        Some(&aor)
    );
}
