//! Which service a request asks for: P-Asserted-Service, P-Preferred-Service (RFC 6050).

use super::with_params::headers_with_params;
use crate::parse::lex;

headers_with_params! {
    /// A service the trusted network says the request is for (RFC 6050 §4.1). One that comes from outside the trust
    /// domain is to be removed (§5.1).
    ///
    /// ```
    /// use sip_core::{Header, PAssertedService, Text};
    ///
    /// let value = Text::from_static("urn:urn-7:3gpp-service.exampletelephony.version1");
    /// assert_eq!(PAssertedService::parse(&value)?.service(), &*value);
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    PAssertedService {
        /// A URN: `urn:urn-7:3gpp-service.exampletelephony.version1`.
        service: lex::service_id, list
    }

    /// A service the caller would like asserted (RFC 6050 §4.2).
    PPreferredService {
        /// As in [`PAssertedService::service`].
        service: lex::service_id, list
    }
}
