//! The credentials a request presents: ours picked out, and read (RFC 7616 §3.4, RFC 8760 §2.3).

use sip_core::{
    Authorization, Credentials, DigestAlgorithm, Headers, ProxyAuthorization, Request, Text,
};

use super::{ChallengeKind, DigestConfig, DigestValue, Exchange, QopAuth};

/// Credentials for our realm, in an algorithm we offered.
#[derive(Debug)]
pub(crate) struct Presented {
    pub(crate) username: Text,
    pub(crate) nonce: Text,
    pub(crate) algorithm: DigestAlgorithm,
    uri: Text,
    qop: Option<Qop>,
    response: DigestValue,
}

/// What the client's `qop` brings along.
#[derive(Debug)]
struct Qop {
    nc: Text,
    count: u32,
    cnonce: Text,
    session: bool,
    signs_body: bool,
}

/// Why there are none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotPresented {
    /// No credentials for our realm, or for something we did not offer: challenge.
    Absent,
    /// They can't be read: 400.
    Malformed,
    /// They were made for another Request-URI: 400 (RFC 7616 §3.4.6).
    OtherUri,
}

impl NotPresented {
    /// What to tell whoever looks for the reason.
    pub(crate) fn phrase(&self) -> Text {
        Text::from_static(match self {
            NotPresented::Absent => "No credentials",
            NotPresented::Malformed => "Malformed credentials",
            NotPresented::OtherUri => "Digest uri is not the Request-URI",
        })
    }
}

impl Presented {
    /// The credentials in `request` for `realm`. Those for other realms and schemes are somebody else's.
    pub(crate) fn find(
        request: &Request,
        realm: &str,
        kind: ChallengeKind,
        config: &DigestConfig,
    ) -> Result<Presented, NotPresented> {
        let mut outcome = NotPresented::Absent;
        for credentials in lines(request.headers(), kind) {
            match credentials.and_then(|credentials| read(&credentials, realm, config)) {
                Ok(presented) if config.uri.names(&presented.uri, request.uri()) => {
                    return Ok(presented);
                }
                Ok(_) => outcome = NotPresented::OtherUri,
                Err(NotPresented::Absent) => {}
                Err(unreadable) => outcome = unreadable,
            }
        }
        Err(outcome)
    }

    /// Whether `expected` is what a client with the right secret computes.
    pub(crate) fn is_answer(&self, expected: &DigestValue) -> bool {
        self.response == *expected
    }

    /// What the response is computed over.
    pub(crate) fn exchange<'a>(&'a self, method: &'a [u8], body: &'a [u8]) -> Exchange<'a> {
        let auth = self.qop.as_ref().map(|qop| QopAuth {
            nc: &qop.nc,
            cnonce: &qop.cnonce,
            session: qop.session,
            body: qop.signs_body.then_some(body),
        });
        Exchange {
            method,
            uri: &self.uri,
            nonce: &self.nonce,
            auth,
        }
    }

    /// How often the client has used the nonce; `None` when it does not count.
    pub(crate) fn count(&self) -> Option<u32> {
        self.qop.as_ref().map(|qop| qop.count)
    }
}

/// Every credentials header of `kind`, one a line.
fn lines(headers: &Headers, kind: ChallengeKind) -> Vec<Result<Credentials, NotPresented>> {
    let malformed = |_| NotPresented::Malformed;
    match kind {
        ChallengeKind::Www => headers
            .lines_of()
            .map(|line| line.map(|Authorization(own)| own).map_err(malformed))
            .collect(),
        ChallengeKind::Proxy => headers
            .lines_of()
            .map(|line| line.map(|ProxyAuthorization(own)| own).map_err(malformed))
            .collect(),
    }
}

fn read(
    credentials: &Credentials,
    realm: &str,
    config: &DigestConfig,
) -> Result<Presented, NotPresented> {
    use NotPresented::{Absent, Malformed};
    if !credentials.is_digest() {
        return Err(Absent);
    }
    if *credentials.realm().ok_or(Malformed)? != *realm.as_bytes() {
        return Err(Absent);
    }
    let username = credentials.username().ok_or(Malformed)?;
    let nonce = credentials.nonce().ok_or(Malformed)?;
    let uri = credentials.uri().ok_or(Malformed)?;
    let response = credentials.response().ok_or(Malformed)?;
    if response.is_empty() {
        return Err(Absent); // before the first challenge (RFC 8760 §2.7)
    }
    let session = credentials.is_session();
    let algorithm = credentials
        .algorithm()
        .filter(|algorithm| config.algorithms.contains(algorithm))
        .filter(|_| !session || config.sessions)
        .ok_or(Absent)?;
    let signs_body = match credentials.qop() {
        None if session => return Err(Malformed), // there is no A1 without a cnonce
        None => None,
        Some(qop) if qop.eq_ignore_ascii_case(b"auth") => Some(false),
        Some(qop) if qop.eq_ignore_ascii_case(b"auth-int") && config.auth_int => Some(true),
        Some(_) => return Err(Absent),
    };
    let qop = match signs_body {
        None => None,
        Some(signs_body) => Some(Qop {
            nc: credentials.nc().ok_or(Malformed)?,
            count: credentials.nonce_count().ok_or(Malformed)?,
            cnonce: credentials.cnonce().ok_or(Malformed)?,
            session,
            signs_body,
        }),
    };
    let response = DigestValue::from_hex(algorithm, &response).ok_or(Malformed)?;
    Ok(Presented {
        username,
        nonce,
        algorithm,
        uri,
        qop,
        response,
    })
}
