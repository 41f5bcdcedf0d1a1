//! The cookie: made when a dialog begins, judged when it comes back as our Route (F-11, F-21).
//!
//! ```text
//!   octet  0        1 … 4             5 …      the last 12
//!          key id   issued, seconds   values   HMAC-SHA-256 over the octets before, the Call-ID and the caller's tag
//! ```
//! printed as base64url: 24 characters where nothing but the dialog itself is remembered, and never more than 512.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use sip_core::{CallId, From, Request, SipUri, Tag, Text, To};
use smallvec::SmallVec;

use super::values::{self, DialogValues};
use super::{Dialog, DialogSide};
use crate::keys::{KeyRing, SIGNATURE, Signer, Sum};

/// Octets before the values.
const HEAD: usize = 5;

/// Characters of the longest cookie (F-21).
const LONGEST_TEXT: usize = 512;

const _: () = assert!((HEAD + values::LONGEST + SIGNATURE).div_ceil(3) * 4 <= LONGEST_TEXT);

/// Makes dialog cookies and judges them. Servers that stand in for each other share the keys.
#[derive(Debug, Clone)]
pub struct DialogCookies {
    signer: Signer,
    lifetime: Duration,
}

/// Why a cookie proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CookieRefused {
    /// It is no cookie of ours: too long, too short, or in other characters.
    #[error("the dialog cookie cannot be read")]
    Malformed,
    /// It names a key we do not have, or no longer.
    #[error("the dialog cookie was signed with a key that is not ours")]
    UnknownKey,
    /// It was altered, or made for another dialog.
    #[error("the dialog cookie was not made for this dialog")]
    Forged,
    /// The dialog began too long ago.
    #[error("the dialog cookie is too old")]
    TooOld,
}

impl DialogCookies {
    /// How long a cookie counts: a week, which no call and few subscriptions outlast.
    pub const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// Cookies signed by `keys`, good for [`LIFETIME`](DialogCookies::LIFETIME).
    #[must_use]
    pub fn new(keys: &KeyRing) -> DialogCookies {
        DialogCookies {
            signer: Signer::new(keys, "dialog cookie"),
            lifetime: DialogCookies::LIFETIME,
        }
    }

    /// How long a cookie counts, in whole seconds. After that a request along the dialog is a new one: whoever sends
    /// it has to show who they are.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> DialogCookies {
        self.lifetime = lifetime;
        self
    }

    /// The cookie for the dialog that `request` begins, to remember `values` by. `None` when it has no From tag or no
    /// Call-ID, so that no dialog can come of it.
    #[must_use]
    pub fn issue(
        &self,
        request: &Request,
        values: &DialogValues,
        unix_time: Duration,
    ) -> Option<Text> {
        self.renew(request, DialogSide::Caller, values, unix_time)
    }

    /// A cookie with other values for the dialog that `sender` sends `request` along.
    pub(crate) fn renew(
        &self,
        request: &Request,
        sender: DialogSide,
        values: &DialogValues,
        unix_time: Duration,
    ) -> Option<Text> {
        let caller = match sender {
            DialogSide::Caller => from_tag(request)?,
            DialogSide::Callee => to_tag(request)?,
        };
        let mut octets: SmallVec<[u8; 64]> = SmallVec::new();
        octets.push(self.signer.id());
        octets.extend(wrapped_seconds(unix_time).to_be_bytes());
        values.write(&mut octets);
        let sum = self.begin(request, &octets)?;
        octets.extend(sum.mix(caller.as_bytes()).sign());
        let mut text = [0; LONGEST_TEXT];
        let length = BASE64URL.encode_slice(&octets, &mut text).ok()?;
        Text::new(&text[..length]).ok()
    }

    /// The dialog that `route`, a Route of ours, proves `request` to belong to; `None` if it carries no cookie.
    ///
    /// # Errors
    /// Why its cookie proves nothing.
    #[must_use]
    pub fn judge(
        &self,
        route: &SipUri,
        request: &Request,
        unix_time: Duration,
    ) -> Option<Result<Dialog, CookieRefused>> {
        let judged = self.read(of(route)?, request, unix_time);
        Some(judged.map(|(sender, values)| Dialog {
            sender,
            values,
            route: route.clone(),
        }))
    }

    fn read(
        &self,
        text: &[u8],
        request: &Request,
        unix_time: Duration,
    ) -> Result<(DialogSide, DialogValues), CookieRefused> {
        use CookieRefused::{Forged, Malformed, TooOld, UnknownKey};
        if text.len() > LONGEST_TEXT {
            return Err(Malformed);
        }
        let mut octets = [0; LONGEST_TEXT];
        let length = BASE64URL
            .decode_slice(text, &mut octets)
            .map_err(|_| Malformed)?;
        let octets = &octets[..length];
        let (signed, signature) = octets.split_last_chunk().ok_or(Malformed)?;
        let (head, values) = signed.split_first_chunk::<HEAD>().ok_or(Malformed)?;
        let values = DialogValues::read(values).ok_or(Malformed)?;
        if !self.signer.knows(head[0]) {
            return Err(UnknownKey);
        }
        let sum = self.begin(request, signed).ok_or(Forged)?;
        // Both tags, or there is no dialog (§12).
        let (from, to) = from_tag(request).zip(to_tag(request)).ok_or(Forged)?;
        let is_of = |tag: &Tag| sum.clone().mix(tag.as_bytes()).signed(signature);
        let sender = if is_of(&from) {
            DialogSide::Caller
        } else if is_of(&to) {
            DialogSide::Callee
        } else {
            return Err(Forged);
        };
        let issued = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        // A clock set back makes cookies of the future, which are as good; 2^31 seconds are 68 years.
        let age = wrapped_seconds(unix_time)
            .wrapping_sub(issued)
            .cast_signed();
        match i64::from(age) > i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX) {
            true => Err(TooOld),
            false => Ok((sender, values)),
        }
    }

    /// All that is signed but the tag.
    fn begin(&self, request: &Request, octets: &[u8]) -> Option<Sum> {
        let call_id: CallId = request.headers().require().ok()?;
        let sum = self.signer.begin(*octets.first()?)?;
        Some(sum.mix(octets).mix(call_id.as_bytes()))
    }
}

/// The cookie in a Route of ours.
pub(super) fn of(route: &SipUri) -> Option<&[u8]> {
    route.params().value("avp")
}

fn from_tag(request: &Request) -> Option<Tag> {
    request.headers().require::<From>().ok()?.tag()
}

fn to_tag(request: &Request) -> Option<Tag> {
    request.headers().require::<To>().ok()?.tag()
}

/// Seconds modulo 2^32.
fn wrapped_seconds(unix_time: Duration) -> u32 {
    unix_time.as_secs() as u32
}

#[cfg(test)]
mod tests {
    use super::super::ApplicationData;
    use super::*;
    use crate::keys::SigningKey;
    use sip_core::{Limits, Message, parse_message};

    const NOW: Duration = Duration::from_secs(1_700_000_000);
    const OLD: SigningKey = SigningKey::new(1, [1; 32]);
    const NEW: SigningKey = SigningKey::new(2, [2; 32]);

    fn cookies(key: SigningKey) -> DialogCookies {
        DialogCookies::new(&KeyRing::new(key))
    }

    fn request(call_id: &str, from: &str, to: &str) -> Request {
        let text = format!(
            "BYE sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n\
             From: <sip:a@example.com>{from}\r\nTo: <sip:b@example.com>{to}\r\n\
             Call-ID: {call_id}\r\nCSeq: 1 BYE\r\n\r\n"
        );
        match parse_message(text.into_bytes().into(), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => unreachable!("{other:?}"),
        }
    }

    fn route(cookie: &[u8]) -> SipUri {
        let uri = format!("sip:192.0.2.1;avp={};lr", cookie.escape_ascii());
        let uri = sip_core::Uri::parse(&Text::new(uri).unwrap()).unwrap();
        uri.as_sip().unwrap().clone()
    }

    fn judge(
        cookies: &DialogCookies,
        cookie: &[u8],
        request: &Request,
        unix_time: Duration,
    ) -> Result<Dialog, CookieRefused> {
        let judged = cookies.judge(&route(cookie), request, unix_time);
        judged.expect("there is a cookie")
    }

    fn first_cookie(cookies: &DialogCookies) -> Text {
        let first = request("c1", ";tag=a", "");
        let cookie = cookies.issue(&first, &DialogValues::default(), NOW);
        cookie.expect("From tag and Call-ID are there")
    }

    #[test]
    fn it_counts_for_both_sides_of_the_dialog_and_says_which() {
        let cookies = cookies(OLD);
        let cookie = first_cookie(&cookies);
        assert_eq!(cookie.len(), 24);
        for (from, to, sender) in [
            (";tag=a", ";tag=b", DialogSide::Caller),
            (";tag=b", ";tag=a", DialogSide::Callee),
        ] {
            let request = request("c1", from, to);
            let dialog = judge(&cookies, &cookie, &request, NOW).unwrap();
            assert_eq!(dialog.sender(), sender);
            assert_eq!(dialog.cookie(), cookie.as_bytes());
        }
    }

    #[test]
    fn it_counts_for_no_other_dialog() {
        let cookies = cookies(OLD);
        let cookie = first_cookie(&cookies);
        for (call_id, from, to) in [
            ("c2", ";tag=a", ";tag=b"),
            ("C1", ";tag=a", ";tag=b"),
            ("c1", ";tag=x", ";tag=b"),
            ("c1", ";tag=b", ";tag=x"),
            ("c1a", ";tag=x", ";tag=b"),
            ("c1", ";tag=a", ""),
            ("c1", "", ";tag=a"),
            ("c1", "", ""),
        ] {
            let request = request(call_id, from, to);
            let refused = judge(&cookies, &cookie, &request, NOW).unwrap_err();
            assert_eq!(refused, CookieRefused::Forged, "{call_id} {from} {to}");
        }
    }

    #[test]
    fn values_come_back_in_either_direction() {
        let cookies = cookies(OLD);
        let values = DialogValues {
            accounted: true,
            session_timer: Some(1800),
            application: b"trunk 7"[..].try_into().unwrap(),
            ..DialogValues::default()
        };
        let cookie = cookies
            .issue(&request("c1", ";tag=a", ""), &values, NOW)
            .unwrap();
        let upstream = request("c1", ";tag=b", ";tag=a");
        let dialog = judge(&cookies, &cookie, &upstream, NOW).unwrap();
        assert_eq!(*dialog.values(), values);

        let changed = DialogValues {
            media_relayed: true,
            ..values
        };
        let renewed = cookies
            .renew(&upstream, dialog.sender(), &changed, NOW)
            .unwrap();
        let downstream = request("c1", ";tag=a", ";tag=b");
        let dialog = judge(&cookies, &renewed, &downstream, NOW).unwrap();
        assert_eq!(
            (dialog.sender(), dialog.values()),
            (DialogSide::Caller, &changed)
        );
    }

    #[test]
    fn the_longest_fits_into_512_octets() {
        let cookies = cookies(OLD);
        let values = DialogValues {
            session_timer: Some(u32::MAX),
            application: [0xff; ApplicationData::LIMIT][..].try_into().unwrap(),
            ..DialogValues::default()
        };
        let cookie = cookies
            .issue(&request("c1", ";tag=a", ""), &values, NOW)
            .unwrap();
        assert!(cookie.len() <= LONGEST_TEXT, "{}", cookie.len());
        let request = request("c1", ";tag=a", ";tag=b");
        assert_eq!(
            *judge(&cookies, &cookie, &request, NOW).unwrap().values(),
            values
        );
    }

    #[test]
    fn it_is_refused_when_its_lifetime_is_over_but_not_when_a_clock_was_set_back() {
        let cookies = cookies(OLD).with_lifetime(Duration::from_secs(60));
        let cookie = first_cookie(&cookies);
        let request = request("c1", ";tag=a", ";tag=b");
        for (after, counts) in [(0, true), (60, true), (61, false), (1_000_000_000, false)] {
            let judged = judge(
                &cookies,
                &cookie,
                &request,
                NOW + Duration::from_secs(after),
            );
            assert_eq!(judged.is_ok(), counts, "{after}");
        }
        let earlier = NOW - Duration::from_secs(3600);
        assert!(judge(&cookies, &cookie, &request, earlier).is_ok());
    }

    #[test]
    fn keys_rotate() {
        let (before, after) = (cookies(OLD), cookies(NEW));
        let rotating = DialogCookies::new(&KeyRing::new(NEW).accept(OLD));
        let request = request("c1", ";tag=a", ";tag=b");
        let cookie = first_cookie(&before);
        assert!(judge(&rotating, &cookie, &request, NOW).is_ok());
        assert_eq!(
            judge(&after, &cookie, &request, NOW),
            Err(CookieRefused::UnknownKey)
        );
        assert!(judge(&after, &first_cookie(&rotating), &request, NOW).is_ok());
    }

    #[test]
    fn text_of_another_shape_is_malformed() {
        let cookies = cookies(OLD);
        let request = request("c1", ";tag=a", ";tag=b");
        let cookie = first_cookie(&cookies);
        for text in [
            &b""[..],
            b"0",
            b"AQ",
            &cookie[1..],
            &cookie[..22],
            &[b'A'; 513],
            &[b'A'; 60_000],
            &[cookie.as_bytes(), b"="].concat(),
            b"+/+/+/+/+/+/+/+/+/+/+/+/",
        ] {
            let refused = judge(&cookies, text, &request, NOW).unwrap_err();
            assert_eq!(refused, CookieRefused::Malformed, "{}", text.escape_ascii());
        }
    }

    proptest::proptest! {
        #[test]
        fn any_turned_bit_is_refused(bit in 0..8 * 18usize) {
            let cookies = DialogCookies::new(&KeyRing::new(OLD).accept(NEW));
            let request = request("c1", ";tag=a", ";tag=b");
            let mut octets = BASE64URL.decode(first_cookie(&cookies).as_bytes()).unwrap();
            octets[bit / 8] ^= 1 << (bit % 8);
            let altered = BASE64URL.encode(octets);
            assert!(judge(&cookies, altered.as_bytes(), &request, NOW).is_err());
        }

        #[test]
        fn whatever_stands_there_is_judged(text in "[A-Za-z0-9_-]{0,600}") {
            let request = request("c1", ";tag=a", ";tag=b");
            assert!(judge(&cookies(OLD), text.as_bytes(), &request, NOW).is_err());
        }
    }
}
