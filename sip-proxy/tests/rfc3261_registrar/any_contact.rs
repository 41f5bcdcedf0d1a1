//! Whatever a REGISTER carries is answered, all of it or nothing is done, and no more is kept than may be (A31).

use proptest::prelude::*;

use crate::scene::Scene;

fn some_contact() -> impl Strategy<Value = String> {
    let sane = (
        0..30u8,
        "(;q=[0-2](\\.[0-9]{0,4})?)?",
        "(;expires=[0-9]{1,12})?",
    )
        .prop_map(|(host, q, expires)| format!("<sip:bob@192.0.2.{host}>{q}{expires}"));
    let odd = "[ -~]{0,60}";
    prop_oneof![6 => sane, 1 => odd.boxed(), 1 => Just("*".to_owned())]
}

proptest! {
    #[test]
    fn any_contacts_and_any_expires(
        requests in prop::collection::vec(
            (0..9u32, prop::collection::vec(some_contact(), 0..14), "(\nExpires: [ -~]{0,12})?"),
            1..5,
        ),
    ) {
        let scene = Scene::new();
        for (cseq, contacts, expires) in requests {
            let before = scene.bound();
            let headers = if contacts.is_empty() { String::new() } else { format!("Contact: {}", contacts.join(", ")) };
            let status = scene.register(cseq, &format!("{headers}{expires}")).status().as_u16();
            prop_assert!(matches!(status, 200 | 400 | 500 | 503), "{status}");
            prop_assert!(status == 200 || scene.bound() == before);
            prop_assert!(scene.bound().len() <= 10);
        }
    }
}
