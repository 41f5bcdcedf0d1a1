//! The outcome of authentication: who sent a request (RFC 3261 §22).

use sip_core::{AddressOfRecord, Text};

/// Somebody who proved to be who they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    address: AddressOfRecord,
    username: Text,
    realm: Text,
}

impl Identity {
    pub(crate) fn digest(address: AddressOfRecord, username: Text, realm: Text) -> Identity {
        Identity {
            address,
            username,
            realm,
        }
    }

    /// Who was authenticated by other means than digest: a certificate, a trusted address. Only the means know
    /// whether that is true.
    #[must_use]
    pub fn vouched(address: AddressOfRecord) -> Identity {
        Identity::digest(address, Text::EMPTY, Text::EMPTY)
    }

    /// Whom the credentials belong to.
    #[must_use]
    pub fn address_of_record(&self) -> &AddressOfRecord {
        &self.address
    }

    /// The user name in the credentials, for accounting; empty without digest.
    #[must_use]
    pub fn username(&self) -> &Text {
        &self.username
    }

    /// The realm they were for: the credentials to take off before the request goes on (F-55). Empty without digest.
    #[must_use]
    pub fn realm(&self) -> &Text {
        &self.realm
    }
}
