//! Who signs for the caller's number: Identity (RFC 8224, and RFC 4474 before it), Identity-Info (RFC 4474).

use std::borrow::Cow;

use super::name_addr::name_addrs;
use super::with_params::headers_with_params;
use crate::params::unquote;
use crate::parse::lex::{self, Mismatch, Parsed};

headers_with_params! {
    /// A signature over who calls whom. It may stand on several lines, but is no comma list.
    ///
    /// Today it is a PASSporT, of which the compact form leaves out what the message says anyway, and `info` names the
    /// certificate (RFC 8224 §4). In RFC 4474 it was a signature in quotes, and Identity-Info named the certificate.
    ///
    /// ```
    /// use sip_core::{Header, Identity, Text};
    ///
    /// let identity = Identity::parse(&Text::from_static(
    ///     "..rq3pjT1hoRwakEGjHCnWSwUnshd0;info=<https://biloxi.example.org/biloxi.cert>;alg=ES256;ppt=\"shaken\"",
    /// ))?;
    /// assert_eq!(&*identity.digest(), b"..rq3pjT1hoRwakEGjHCnWSwUnshd0");
    /// assert!(identity.is_compact());
    /// assert_eq!(identity.info(), Some(&b"https://biloxi.example.org/biloxi.cert"[..]));
    /// assert_eq!(identity.ppt().as_deref(), Some(&b"shaken"[..]));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    Identity {
        /// The digest as written, quotes included.
        signed: signed_identity_digest
    }
}

impl Identity {
    /// The PASSporT or the signature, in base64, without quotes.
    #[must_use]
    pub fn digest(&self) -> Cow<'_, [u8]> {
        unquote(self.signed())
    }

    /// Whether the PASSporT has its header and claims left out: `..signature`.
    #[must_use]
    pub fn is_compact(&self) -> bool {
        self.digest().starts_with(b"..")
    }

    /// Where the certificate is, without brackets.
    #[must_use]
    pub fn info(&self) -> Option<&[u8]> {
        self.params()
            .value("info")?
            .strip_prefix(b"<")?
            .strip_suffix(b">")
    }

    /// The algorithm of the signature, as `ES256`.
    #[must_use]
    pub fn alg(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("alg")
    }

    /// The type of the PASSporT, as `shaken` or `div`.
    #[must_use]
    pub fn ppt(&self) -> Option<Cow<'_, [u8]>> {
        self.params().unquoted("ppt")
    }
}

/// `signed-identity-digest`: quoted, or `1*(base64-char / ".")` and what base64url and padding add.
fn signed_identity_digest(input: &[u8]) -> Parsed<'_> {
    if input.first() == Some(&b'"') {
        return lex::quoted_string(input);
    }
    let is_base64 = |octet: &u8| {
        octet.is_ascii_alphanumeric() || matches!(octet, b'/' | b'+' | b'.' | b'-' | b'_' | b'=')
    };
    let end = input
        .iter()
        .position(|octet| !is_base64(octet))
        .unwrap_or(input.len());
    if end == 0 {
        return Mismatch::at(input, "signed-identity-digest");
    }
    let (digest, left) = input.split_at(end);
    Ok((left, digest))
}

name_addrs! {
    /// Where the certificate is that an Identity of RFC 4474 was signed with (RFC 4474 §9).
    IdentityInfo = lex::name_addr;
}

impl IdentityInfo {
    /// The algorithm of the signature, as `rsa-sha1`.
    #[must_use]
    pub fn alg(&self) -> Option<&[u8]> {
        self.params().value("alg")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Text};

    #[test]
    fn the_signature_of_rfc_4474_stands_in_quotes() {
        let identity =
            Identity::new("\"ZYNBbHC00VMZr2kZt6VmCvPonWJMGvQTBDqghoWeLxJfzB2a1pxA=\"").unwrap();
        assert!(identity.digest().ends_with(b"pxA="));
        assert!(!identity.is_compact());
        assert_eq!((identity.info(), identity.alg()), (None, None));
        let value = "<https://atlanta.example.com/atlanta.cer>;alg=rsa-sha1";
        let info = IdentityInfo::parse(&Text::from_static(value)).unwrap();
        assert_eq!(info.alg(), Some(&b"rsa-sha1"[..]));
    }

    #[test]
    fn a_certificates_address_may_hold_separators() {
        let value = "a.b.c-_;info=<https://c.example/x;y=1,2?z=\"> ;alg=ES256";
        assert!(Identity::new(value).is_err(), "a quote is no part of a URI");
        let value = "a.b.c-_;info=<https://c.example/x;y=1,2?z> ;alg=ES256";
        let identity = Identity::new(value).unwrap();
        assert_eq!(identity.info(), Some(&b"https://c.example/x;y=1,2?z"[..]));
        assert_eq!(identity.alg().as_deref(), Some(&b"ES256"[..]));
    }

    #[test]
    fn a_broken_identity_is_refused() {
        for bad in [
            "",
            ";info=<https://a>",
            "a b",
            "a;info=<https://a",
            "a,b",
            "\"a",
        ] {
            assert!(Identity::new(bad).is_err(), "{bad}");
        }
    }
}
