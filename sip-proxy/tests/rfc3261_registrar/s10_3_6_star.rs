//! RFC 3261 §10.3 step 6: `Contact: *` (F-36).

use crate::scene::{Register, Scene, value, values};

fn scene_with_two_contacts() -> Scene {
    let scene = Scene::new();
    let response = scene.register(5, "Contact: <sip:bob@192.0.2.4>, <sip:bob@192.0.2.5>");
    assert_eq!(response.status().as_u16(), 200);
    scene
}

#[test]
fn star_with_expires_zero_removes_every_binding() {
    let scene = scene_with_two_contacts();
    let response = scene.register(6, "Contact: *\nExpires: 0");
    assert_eq!(response.status().as_u16(), 200);
    assert!(values(&response, "Contact").is_empty());
    assert!(scene.bound().is_empty());
    assert_eq!(scene.location.counts().addresses, 0);
}

#[test]
fn star_removes_bindings_of_other_call_ids_whatever_their_cseq() {
    let scene = scene_with_two_contacts();
    let mut star = Register::new(1, "Contact: *\nExpires: 0");
    star.call_id = "another@192.0.2.9";
    assert_eq!(scene.send(&star).status().as_u16(), 200);
    assert!(scene.bound().is_empty());
}

#[test]
fn star_of_the_same_call_id_needs_a_higher_cseq() {
    let scene = scene_with_two_contacts();
    for cseq in [4, 5] {
        assert_eq!(
            scene
                .register(cseq, "Contact: *\nExpires: 0")
                .status()
                .as_u16(),
            500
        );
        assert_eq!(scene.bound().len(), 2);
    }
}

#[test]
fn star_sent_twice_is_answered_twice() {
    let scene = scene_with_two_contacts();
    for _ in 0..2 {
        assert_eq!(
            scene
                .register(6, "Contact: *\nExpires: 0")
                .status()
                .as_u16(),
            200
        );
    }
}

#[test]
fn star_with_another_expiration_is_refused() {
    for expires in ["Expires: 1", "Expires: 4294967295", "Expires: never", ""] {
        let scene = scene_with_two_contacts();
        let response = scene.register(6, format!("Contact: *\n{expires}").trim_end());
        assert_eq!(response.status().as_u16(), 400, "{expires}");
        let error = value(&response, "P-Registrar-Error");
        assert_eq!(error, "* used in contact and expires is not zero");
        assert_eq!(scene.bound().len(), 2);
    }
}

#[test]
fn star_among_other_contacts_is_refused() {
    for contacts in [
        "*, <sip:bob@192.0.2.4>",
        "<sip:bob@192.0.2.4>, *",
        "*\nContact: *",
    ] {
        let scene = scene_with_two_contacts();
        let response = scene.register(6, &format!("Contact: {contacts}\nExpires: 0"));
        assert_eq!(response.status().as_u16(), 400, "{contacts}");
        let error = value(&response, "P-Registrar-Error");
        assert_eq!(error, "* used in contact and more than 1 contact");
        assert_eq!(scene.bound().len(), 2);
    }
}
