//! The way a request goes: Route and Record-Route (RFC 3261 §20.30, §20.34), Path (RFC 3327), Service-Route
//! (RFC 3608).

use super::name_addr::name_addrs;
use crate::parse::lex;

// Brackets are required: without them `;lr` would not be the URI's.
name_addrs! {
    /// A hop the request is to pass (§20.34).
    ///
    /// ```
    /// use sip_core::{Header, Route, Text};
    ///
    /// let route = Route::parse(&Text::from_static("<sip:p1.example.com;lr>;next"))?;
    /// assert!(route.uri().as_sip().unwrap().is_loose_router());
    /// assert!(route.params().contains("next"));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Route = lex::name_addr, list;

    /// A proxy that wants to see the dialog's later requests (§20.30).
    RecordRoute = lex::name_addr, list;

    /// A proxy between a registrar and the address registered (RFC 3327 §4).
    Path = lex::name_addr, list;

    /// A hop the registered user's requests are to pass (RFC 3608 §5).
    ServiceRoute = lex::name_addr, list;
}

impl From<&RecordRoute> for Route {
    /// A recorded hop, as a hop to take.
    fn from(record: &RecordRoute) -> Route {
        Route(record.0.clone())
    }
}

impl From<&Path> for Route {
    /// A hop of the path, as a hop to take.
    fn from(path: &Path) -> Route {
        Route(path.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text, Uri};

    #[test]
    fn a_route_is_always_in_brackets() {
        for bad in [
            "sip:a@b;lr",
            "",
            "sip:a@b",
            "<sip:a@b;lr",
            "<sip:a@b;lr>,",
            "x <>",
        ] {
            assert!(Route::parse(&Text::from_static(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_parameters_stay_with_the_uri() {
        // RFC 4475 §3.1.1.1 (wsinv)
        let value = "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>";
        let route = Route::parse(&Text::from_static(value)).unwrap();
        let Uri::Sip(uri) = route.uri() else {
            panic!("{route:?}")
        };
        assert!(uri.is_loose_router());
        assert_eq!(uri.params().get("unknown-no-value"), Some(None));
        assert_eq!(Route::new(&Uri::Sip(uri)), route);
    }
}
