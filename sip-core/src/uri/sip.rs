//! SIP and SIPS URIs (RFC 3261 §19.1.1, §19.1.2).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Host, HostPort, Uri, UriError, escape};
use crate::params::Params;
use crate::parse::lex::{self, Expected};
use crate::span::{Span, narrow};
use crate::{Text, Transport};

/// `sip:user:password@host:port;uri-parameters?headers`
///
/// Kept as it was written; the parts are slices of it. `==` compares the text, [`SipUri::equivalent`] the meaning.
/// Wider than the grammar: an unescaped `#` or octets from 0x80 up may stand in user and parameters, and hosts may
/// be all digits. A second `@`, white space, brackets and quotes may not.
///
/// ```
/// use sip_core::SipUri;
///
/// let uri: SipUri = "sips:ada.k@example.com:5071;transport=tcp;lr?Subject=tea".parse()?;
/// assert!(uri.is_secure() && uri.is_loose_router());
/// assert_eq!(uri.user(), Some(&b"ada.k"[..]));
/// assert_eq!(uri.host_port().to_string(), "example.com:5071");
/// assert_eq!(uri.params().value("transport"), Some(&b"tcp"[..]));
/// assert_eq!(uri.header_part(), Some(&b"Subject=tea"[..]));
/// # Ok::<(), sip_core::UriError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SipUri {
    text: Text,
    secure: bool,
    ip: Option<IpAddr>,
    port: Option<u16>,
    /// Where the user part ends; with none, where it would start.
    user_end: u32,
    host: Span,
    params: Span,
}

impl SipUri {
    /// `sip:user@host:port`; whatever in `user` may not stand there is escaped. An empty user is none.
    ///
    /// ```
    /// use sip_core::SipUri;
    ///
    /// let uri = SipUri::new(Some("jo smith"), "192.0.2.4:5062".parse()?);
    /// assert_eq!(uri.to_string(), "sip:jo%20smith@192.0.2.4:5062");
    /// # Ok::<(), sip_core::UriError>(())
    /// ```
    #[must_use]
    pub fn new(user: Option<&str>, host_port: HostPort) -> SipUri {
        let text = Text::from_static("sip:");
        let end = Span::between(4, 4);
        let empty = SipUri {
            text,
            secure: false,
            ip: None,
            port: None,
            user_end: 4,
            host: end,
            params: end,
        };
        empty.with_host_port(host_port).with_user(user)
    }

    /// `sip:subscriber@host:port;user=phone` (§19.1.6); escapes in `subscriber` stay.
    pub(super) fn of_subscriber(subscriber: &[u8], host_port: HostPort) -> SipUri {
        let bare = SipUri::new(None, host_port);
        let phone = bare.with_params(|_, out| out.extend_from_slice(b";user=phone"));
        phone.with_written_user(|out| escape::write_subscriber(subscriber, out))
    }

    /// Reads what follows `sip:` or `sips:`, which ends at `start`. The text comes back with an error.
    pub(super) fn read(text: Text, start: usize, secure: bool) -> Result<SipUri, (UriError, Text)> {
        let parts = match lex::exactly(&text[start..], lex::sip_uri) {
            Ok(parts) => parts,
            Err(Expected { offset, rule }) => {
                return Err((UriError::new(start + offset, rule), text));
            }
        };
        let user = parts.userinfo.map_or(0, |(user, _)| user.len());
        Ok(SipUri {
            secure,
            ip: parts.host.ip,
            port: parts.port,
            user_end: narrow(start + user),
            host: Span::of(parts.host.text, &text),
            params: Span::of(parts.params, &text),
            text,
        })
    }

    /// The URI as it was written, or composed.
    #[must_use]
    pub fn as_text(&self) -> &Text {
        &self.text
    }

    /// `sips:`: every hop up to the domain is to be secured (§26.2.2).
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The user part, escapes kept; never empty.
    #[must_use]
    pub fn user(&self) -> Option<&[u8]> {
        let user = &self.text[self.scheme_end()..self.user_end as usize];
        (!user.is_empty()).then_some(user)
    }

    /// The password, escapes kept. It travels in the clear; nobody should send one (§19.1.1).
    #[must_use]
    pub fn password(&self) -> Option<&[u8]> {
        self.user()?;
        self.text[self.user_end as usize..self.host.start() - 1].strip_prefix(b":")
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> Host {
        Host::of_parts(|| self.host.text(&self.text), self.ip)
    }

    /// The port, when it is named.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Host and port.
    #[must_use]
    pub fn host_port(&self) -> HostPort {
        HostPort::new(self.host(), self.port)
    }

    /// The parameters of the URI, not of a header around it.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::of_uri(self.params.bytes(&self.text))
    }

    /// The headers a request made from this URI is to carry (§19.1.5), without the `?`.
    #[must_use]
    pub fn header_part(&self) -> Option<&[u8]> {
        self.text[self.params.end()..].strip_prefix(b"?")
    }

    /// The `transport` parameter; `None` also for one this stack does not carry.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.params()
            .value("transport")
            .and_then(Transport::from_token)
    }

    /// The `lr` parameter: this hop follows Route as RFC 3261 says, and not as RFC 2543 did (§16.12).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.params().contains("lr")
    }

    /// The `maddr` parameter: the server to contact in place of the host (§19.1.1).
    #[must_use]
    pub fn maddr(&self) -> Option<Host> {
        let value = self.params().value("maddr")?;
        Host::of_param(Span::of(value, &self.text).text(&self.text))
    }

    /// Whether both mean the same resource (§19.1.4). Symmetric, but not transitive.
    #[must_use]
    pub fn equivalent(&self, other: &SipUri) -> bool {
        super::compare::equivalent(self, other)
    }

    /// With that user, escaped where needed; the password goes. `None` or empty takes the user out.
    #[must_use]
    pub fn with_user(&self, user: Option<&str>) -> SipUri {
        let user = user.unwrap_or_default();
        self.with_written_user(|out| escape::write_user(user.as_bytes(), out))
    }

    fn with_written_user(&self, write: impl FnOnce(&mut Vec<u8>)) -> SipUri {
        let mut out = self.text[..self.scheme_end()].to_vec();
        write(&mut out);
        let user_end = narrow(out.len());
        if out.len() > self.scheme_end() {
            out.push(b'@');
        }
        let (from, to) = (self.host.start(), out.len());
        out.extend_from_slice(&self.text[from..]);
        SipUri {
            text: Text::composed(out),
            user_end,
            host: self.host.moved(from, to),
            params: self.params.moved(from, to),
            ..*self
        }
    }

    /// With that host and port; all else stays.
    #[must_use]
    pub fn with_host_port(&self, host_port: HostPort) -> SipUri {
        let mut out = self.text[..self.host.start()].to_vec();
        host_port.host.write_to(&mut out);
        let host_end = out.len();
        host_port.write_port(&mut out);
        let (from, to) = (self.params.start(), out.len());
        out.extend_from_slice(&self.text[from..]);
        SipUri {
            text: Text::composed(out),
            ip: host_port.host.ip(),
            port: host_port.port,
            host: Span::between(narrow(self.host.start()), narrow(host_end)),
            params: self.params.moved(from, to),
            ..*self
        }
    }

    /// With the parameter set: in place of one of that name, or behind the others.
    ///
    /// # Errors
    /// If name or value cannot stand in a URI; the value is not escaped for you.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Result<SipUri, UriError> {
        lex::exactly(name.as_bytes(), lex::pname)?;
        if let Some(value) = value {
            lex::exactly(value.as_bytes(), lex::pvalue)?;
        }
        Ok(self.with_params(|params, out| params.write_with(name, value.map(str::as_bytes), out)))
    }

    /// Without the parameters of that name.
    #[must_use]
    pub fn without_param(&self, name: &str) -> SipUri {
        self.with_params(|params, out| {
            for param in params.without(&[name]) {
                out.push(b';');
                out.extend_from_slice(param);
            }
        })
    }

    /// Without the headers: a Request-URI carries none (§19.1.1, table 1).
    #[must_use]
    pub fn without_headers(&self) -> SipUri {
        let text = self.text.slice(0..self.params.end());
        SipUri { text, ..*self }
    }

    /// A copy that lets go of the message it was read from.
    #[must_use]
    pub fn detached(&self) -> SipUri {
        let text = self.text.detached();
        SipUri { text, ..*self }
    }

    fn with_params(&self, write: impl FnOnce(Params<'_>, &mut Vec<u8>)) -> SipUri {
        let start = self.params.start();
        let mut out = self.text[..start].to_vec();
        write(self.params(), &mut out);
        let params = Span::between(narrow(start), narrow(out.len()));
        out.extend_from_slice(&self.text[self.params.end()..]);
        SipUri {
            text: Text::composed(out),
            params,
            ..*self
        }
    }

    fn scheme_end(&self) -> usize {
        if self.secure {
            "sips:".len()
        } else {
            "sip:".len()
        }
    }
}

impl FromStr for SipUri {
    type Err = UriError;
    fn from_str(uri: &str) -> Result<SipUri, UriError> {
        match uri.parse()? {
            Uri::Sip(uri) => Ok(uri),
            _ => Err(UriError::new(0, "sip or sips")),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::unescape;
    use super::*;

    fn uri(text: &str) -> SipUri {
        text.parse().unwrap()
    }

    #[test]
    fn the_parts_are_slices_of_what_was_written() {
        let uri = uri("sip:ada:secret@[2001:db8::1]:5070;maddr=239.1.2.3;ttl=1;x?a=b&c=d");
        assert_eq!(uri.user(), Some(&b"ada"[..]));
        assert_eq!(uri.password(), Some(&b"secret"[..]));
        assert_eq!(uri.host().ip(), "2001:db8::1".parse().ok());
        assert_eq!(uri.port(), Some(5070));
        assert_eq!(
            uri.maddr().and_then(|host| host.ip()),
            "239.1.2.3".parse().ok()
        );
        assert_eq!(uri.params().as_bytes(), b";maddr=239.1.2.3;ttl=1;x");
        assert_eq!(uri.header_part(), Some(&b"a=b&c=d"[..]));
    }

    #[test]
    fn what_is_not_there_is_none() {
        let uri = uri("sip:example.com");
        assert_eq!((uri.user(), uri.password(), uri.port()), (None, None, None));
        assert!(uri.params().is_empty() && uri.header_part().is_none());
        assert_eq!(uri.transport(), None);
    }

    #[test]
    fn a_user_part_may_hold_semicolons_question_marks_and_numbers() {
        assert_eq!(
            uri("sip:+15551234;phone-context=+1@example.com;user=phone").user(),
            Some(&b"+15551234;phone-context=+1"[..])
        );
        // RFC 4475 §3.1.1.9 (semiuri)
        let semi = uri("sip:user;par=u%40example.net@example.com");
        assert_eq!(
            unescape(semi.user().unwrap()),
            &b"user;par=u@example.net"[..]
        );
        assert!(semi.params().is_empty());
        // RFC 4475 §3.1.1.2 (intmeth)
        let odd = uri(
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        );
        assert_eq!(
            odd.user(),
            Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"[..])
        );
        assert_eq!(
            odd.password(),
            Some(&b"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..])
        );
        assert!(odd.header_part().is_none());
    }

    #[test]
    fn escapes_do_not_end_a_part() {
        // RFC 4475 §3.1.1.3 (esc01), §3.1.1.4 (escnull)
        assert_eq!(
            uri("sip:sips%3Auser%40example.com@example.net")
                .host()
                .to_string(),
            "example.net"
        );
        let lr = uri("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31");
        assert!(lr.is_loose_router());
        assert_eq!(
            unescape(lr.params().value("name").unwrap()),
            &b"value%41"[..]
        );
        assert_eq!(
            uri("sip:%00%00@host5.example.com").user(),
            Some(&b"%00%00"[..])
        );
        for bad in [
            "sip:100%@example.com",
            "sip:a@example.com;x=%4",
            "sip:a@exam%70le.com",
            "sip:%4g@h",
        ] {
            assert!(bad.parse::<SipUri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_second_at_sign_is_refused() {
        for bad in [
            "sip:a@b@c",
            "sip:a@b;x=y@c",
            "sip:a@b?x=y@c",
            "sip:@b",
            "sip::x@b",
            "sip:a@",
            "sip:",
        ] {
            assert!(bad.parse::<SipUri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn odd_but_harmless_uris_are_kept() {
        for odd in [
            "sip:*21#@example.com",
            "sip:ada@123456",
            "sip:ada@host_1.example",
            "sip:ada@host.;gr=urn:uuid:f81d4fae-7dec-11d0;x=",
            "sip:andr\u{e9}@example.com",
            "sip:a:@b",
            "sip:a@b?Route=%3Csip:x%3E",
        ] {
            assert_eq!(uri(odd).as_text(), odd);
        }
    }

    #[test]
    fn parts_are_replaced_and_the_rest_stays() {
        let ada = uri("SIPS:ada:pw@old.example:5071;a=1;lr?x=y");
        let moved = ada.with_host_port("192.0.2.9".parse().unwrap());
        assert_eq!(moved.as_text(), "SIPS:ada:pw@192.0.2.9;a=1;lr?x=y");
        assert_eq!(
            ada.with_user(Some("b@b")).as_text(),
            "SIPS:b%40b@old.example:5071;a=1;lr?x=y"
        );
        assert_eq!(
            ada.with_user(None).as_text(),
            "SIPS:old.example:5071;a=1;lr?x=y"
        );
        assert_eq!(
            ada.with_param("A", Some("2")).unwrap().as_text(),
            "SIPS:ada:pw@old.example:5071;A=2;lr?x=y"
        );
        assert_eq!(
            ada.with_param("ob", None).unwrap().as_text(),
            "SIPS:ada:pw@old.example:5071;a=1;lr;ob?x=y"
        );
        assert_eq!(
            ada.without_param("lr").without_headers().as_text(),
            "SIPS:ada:pw@old.example:5071;a=1"
        );
        for (name, value) in [
            ("", None),
            ("a b", None),
            ("x", Some("a;b")),
            ("x", Some("a>")),
            ("x", Some("a ")),
        ] {
            assert!(ada.with_param(name, value).is_err(), "{name:?} {value:?}");
        }
    }
}
