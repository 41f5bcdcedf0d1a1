//! The top Via, where it stands: read without a copy, and marked with where its request came from (RFC 3261 §18.2.1;
//! RFC 3581 §4).

use std::borrow::Cow;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, Range};

use super::list::ranges;
use super::via::{Layout, Via, is_rfc3261};
use super::{Header, HeaderError, HeaderErrorKind, HeaderName, Headers, NameId};
use crate::Request;

/// What tells transactions apart in the top Via of a message, borrowed from it.
///
/// [`Via`] says more, and outlives the message. For that it shares what was received, but has to copy what
/// [`Request::stamp_via`] wrote.
#[derive(Clone, Debug)]
pub struct TopVia<'a> {
    text: Cow<'a, [u8]>,
    layout: Layout,
}

impl TopVia<'_> {
    /// The branch, as written.
    #[must_use]
    pub fn branch(&self) -> Option<&[u8]> {
        Some(self.layout.branch?.bytes(&self.text))
    }

    /// The branch, if it identifies a transaction by itself: see [`Branch::is_rfc3261`](crate::Branch::is_rfc3261).
    #[must_use]
    pub fn rfc3261_branch(&self) -> Option<&[u8]> {
        self.branch().filter(|branch| is_rfc3261(branch))
    }

    /// The host of sent-by as written, brackets and all; a name is the same in any case.
    #[must_use]
    pub fn host(&self) -> &[u8] {
        self.layout.host.bytes(&self.text)
    }

    /// The host of sent-by, if it is an address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.layout.ip
    }

    /// The port of sent-by, when it is named.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.layout.port
    }
}

impl Headers {
    /// The first member of Via, borrowed.
    ///
    /// ```
    /// use sip_core::{Limits, Message, parse_message};
    ///
    /// let text = "BYE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example:5070;branch=z9hG4bK1\r\n\r\n";
    /// let message = parse_message(text.into(), &Limits::default())?;
    /// let via = message.headers().top_via()?;
    /// assert_eq!(via.rfc3261_branch(), Some(&b"z9hG4bK1"[..]));
    /// assert_eq!((via.host(), via.port()), (&b"a.example"[..], Some(5070)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is none, or it is unreadable.
    pub fn top_via(&self) -> Result<TopVia<'_>, HeaderError> {
        let (at, member) = self.top_via_place()?;
        let text = match self.octets(&self.lines[at]) {
            Cow::Borrowed(value) => Cow::Borrowed(&value[member]),
            Cow::Owned(value) => Cow::Owned(value[member].to_vec()),
        };
        let layout = Layout::read(&text)?;
        Ok(TopVia { text, layout })
    }

    /// Which line it is in, and where in the value of that line.
    fn top_via_place(&self) -> Result<(usize, Range<usize>), HeaderError> {
        let lines = self.lines.iter().enumerate();
        let mut vias = lines.filter(|(_, line)| line.id() == NameId::Via);
        let first = vias.find_map(|(at, line)| Some((at, ranges(&self.octets(line)).next()?)));
        first.ok_or(HeaderError {
            name: Via::NAME,
            kind: HeaderErrorKind::Missing,
        })
    }

    fn stamp_via(&mut self, source: SocketAddr) -> Result<(), HeaderError> {
        let (at, member) = self.top_via_place()?;
        let value = self.value(&self.lines[at]);
        let (via, rest) = (&value[member.clone()], &value[member.end..]);
        let layout = Layout::read(via)?;
        let stamp = Stamp::of(source);
        self.lines[at] = self.compose_with(&HeaderName::Via, |own| {
            layout.write_stamped(via, &stamp, |part| own.push(part));
            own.push(rest);
        });
        Ok(())
    }
}

impl Request {
    /// Notes in the top Via where the request came from: `received` and `rport`, in place of any that are there
    /// (§18.2.1; RFC 3581 §4). For a Via of usual length, on one line, it allocates nothing.
    ///
    /// ```
    /// use sip_core::{Limits, Request, parse_message};
    ///
    /// let text = "BYE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;rport;branch=z9hG4bK1\r\n\r\n";
    /// let mut request = Request::try_from(parse_message(text.into(), &Limits::default())?).unwrap();
    /// request.stamp_via("192.0.2.7:1024".parse()?)?;
    /// let stamped = "Via: SIP/2.0/UDP a.example;branch=z9hG4bK1;received=192.0.2.7;rport=1024\r\n";
    /// assert!(request.to_bytes().ends_with(format!("{stamped}\r\n").as_bytes()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When there is no Via, or it is unreadable; nothing changes then.
    pub fn stamp_via(&mut self, source: SocketAddr) -> Result<(), HeaderError> {
        self.headers_mut().stamp_via(source)
    }
}

/// `;received=…;rport=…`
pub(super) struct Stamp {
    text: [u8; Stamp::MAX],
    length: usize,
}

impl Stamp {
    /// Room for the longest address.
    pub(super) const MAX: usize =
        ";received=0000:0000:0000:0000:0000:ffff:255.255.255.255;rport=65535".len();

    pub(super) fn of(source: SocketAddr) -> Stamp {
        let text = [0; Stamp::MAX];
        let mut stamp = Stamp { text, length: 0 };
        stamp.push(b";received=");
        match source.ip() {
            IpAddr::V4(ip) => {
                for (at, octet) in ip.octets().into_iter().enumerate() {
                    stamp.push(if at == 0 { b"" } else { b"." });
                    stamp.push_number(octet.into());
                }
            }
            IpAddr::V6(ip) => {
                let mut room = &mut stamp.text[stamp.length..];
                // There is room for any address.
                let _ = write!(room, "{ip}");
                stamp.length = Stamp::MAX - room.len();
            }
        }
        stamp.push(b";rport=");
        stamp.push_number(source.port());
        stamp
    }

    #[inline]
    fn push(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        self.text[self.length..end].copy_from_slice(part);
        self.length = end;
    }

    /// The standard library's formatting costs ten times as much.
    fn push_number(&mut self, number: u16) {
        let mut left = number;
        let mut digits = [b'0'; 5];
        let mut first = digits.len();
        while left > 0 || first == digits.len() {
            first -= 1;
            digits[first] += (left % 10) as u8;
            left /= 10;
        }
        self.push(&digits[first..]);
    }
}

impl Deref for Stamp {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, parse_message};

    fn request(vias: &str) -> Request {
        let text = format!("BYE sip:b.example SIP/2.0\r\n{vias}\r\n");
        let message = parse_message(text.into(), &Limits::default()).unwrap();
        Request::try_from(message).unwrap()
    }

    #[test]
    fn every_address_and_port_is_printed_as_the_standard_library_does() {
        for ip in [
            "0.0.0.0",
            "255.255.255.255",
            "192.0.2.10",
            "::",
            "2001:db8::7",
            "::ffff:255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            for port in [0, 7, 10, 5060, 65535] {
                let source = SocketAddr::new(ip.parse().unwrap(), port);
                let printed = format!(";received={ip};rport={port}");
                assert_eq!(&*Stamp::of(source), printed.as_bytes());
            }
        }
    }

    #[test]
    fn a_stamped_request_reads_as_the_stamped_via() {
        let source: SocketAddr = "[2001:db8::7]:1024".parse().unwrap();
        for vias in [
            "Via: SIP/2.0/UDP a.example:5070;rport;branch=z9hG4bK1\r\n",
            "v: SIP/2.0/UDP a;received=10.0.0.1;RPORT=1;x=\";\" ; branch=z, SIP/2.0/UDP b\r\n",
            "Via: SIP / 2.0 / UDP\r\n a.example : 5070\r\n ;branch=z9hG4bK1;rport\r\n",
            "Via:\r\nVia: SIP/2.0/UDP [2001:db8::1]\r\nVia: SIP/2.0/UDP b\r\n",
        ] {
            let mut request = request(vias);
            let before: Vec<Via> = request.headers().all().map(Result::unwrap).collect();
            request.stamp_via(source).unwrap();
            let after: Vec<Via> = request.headers().all().map(Result::unwrap).collect();
            assert_eq!(after[0], before[0].with_received_rport(source), "{vias}");
            assert_eq!(after[1..], before[1..], "{vias}");
        }
    }

    #[test]
    fn the_top_via_reads_the_same_borrowed_and_shared() {
        for vias in [
            "Via: SIP/2.0/UDP a.example:5070;rport;branch=z9hG4bK1\r\n",
            "Via: SIP/2.0/TCP\r\n [2001:db8::1];branch=\r\n z9hG4bK, SIP/2.0/UDP b\r\n",
            "Via:\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n",
        ] {
            let mut request = request(vias);
            for _ in 0..2 {
                let shared: Via = request.headers().require().unwrap();
                let top = request.headers().top_via().unwrap();
                let branch = shared.branch();
                assert_eq!(top.branch(), branch.as_ref().map(|it| it.as_bytes()));
                assert_eq!(
                    top.rfc3261_branch().is_some(),
                    branch.is_some_and(|branch| branch.is_rfc3261())
                );
                let sent_by = shared.sent_by();
                assert_eq!((top.ip(), top.port()), (sent_by.host.ip(), sent_by.port));
                assert_eq!(top.host(), sent_by.host.to_string().as_bytes());
                request
                    .stamp_via("192.0.2.7:1024".parse().unwrap())
                    .unwrap();
            }
        }
    }

    #[test]
    fn without_a_readable_via_nothing_changes() {
        for vias in ["", "Via:\r\n", "Via: nonsense\r\n"] {
            let mut request = request(vias);
            let before = request.to_bytes();
            let error = request.stamp_via("192.0.2.7:1024".parse().unwrap());
            assert_eq!(error, request.headers().require::<Via>().map(drop));
            assert_eq!(error, request.headers().top_via().map(drop));
            assert!(error.is_err());
            assert_eq!(request.to_bytes(), before);
        }
    }
}
