//! F-40: a store that is out of order is an outage, and a request that can't be read is the phone's fault.

use std::sync::Arc;

use async_trait::async_trait;
use sip_core::AddressOfRecord;
use sip_proxy::backend::{LocationError, LocationService, MemoryLocation};
use sip_proxy::registrar::{BindingChange, BindingSet, RegistrarConfig};

use crate::scene::{Scene, value};

struct Broken;
struct Overloaded;

#[async_trait]
impl LocationService for Broken {
    async fn lookup(&self, _: &AddressOfRecord) -> Result<BindingSet, LocationError> {
        Err(LocationError::Unavailable("the disk is gone".into()))
    }
    async fn update(
        &self,
        _: &AddressOfRecord,
        _: BindingChange,
    ) -> Result<BindingSet, LocationError> {
        Err(LocationError::Unavailable("the disk is gone".into()))
    }
}

#[async_trait]
impl LocationService for Overloaded {
    async fn lookup(&self, _: &AddressOfRecord) -> Result<BindingSet, LocationError> {
        Err(LocationError::Busy)
    }
    async fn update(
        &self,
        _: &AddressOfRecord,
        _: BindingChange,
    ) -> Result<BindingSet, LocationError> {
        Err(LocationError::Busy)
    }
}

fn scene_on(store: impl LocationService) -> Scene {
    Scene::on(
        RegistrarConfig::default(),
        Arc::new(store),
        Arc::new(MemoryLocation::new()),
    )
}

#[test]
fn a_broken_store_is_answered_500_without_its_secrets() {
    for headers in ["", "Contact: <sip:bob@192.0.2.4>"] {
        let response = scene_on(Broken).register(1, headers);
        assert_eq!(response.status().as_u16(), 500);
        assert_eq!(
            value(&response, "P-Registrar-Error"),
            "the location service is unavailable"
        );
    }
}

#[test]
fn a_store_with_too_much_to_do_is_answered_503_with_retry_after() {
    for headers in ["", "Contact: <sip:bob@192.0.2.4>"] {
        let response = scene_on(Overloaded).register(1, headers);
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(value(&response, "Retry-After"), "10");
    }
}

#[test]
fn a_contact_that_can_not_be_read_is_answered_400() {
    for contact in [
        "<sip:bob@192.0.2.4",
        "\"Bob <sip:bob@192.0.2.4>",
        ",",
        "<sip:a@192.0.2.4>,,<sip:b@192.0.2.4>",
    ] {
        let scene = Scene::new();
        let response = scene.register(1, &format!("Contact: {contact}"));
        assert_eq!(response.status().as_u16(), 400, "{contact}");
        assert!(scene.bound().is_empty());
    }
}
