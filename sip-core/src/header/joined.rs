//! Several members on one line (RFC 3261 §7.3.1).

use std::fmt;
use std::marker::PhantomData;

use super::list::Members;
use super::{Header, HeaderError, HeaderName, ListHeader};
use crate::Text;

/// The members of a list header, printed on one line: `Allow: INVITE, ACK, BYE`.
///
/// ```
/// use sip_core::{Allow, Header, Joined, Method};
///
/// let allow = Joined::of([Allow(Method::Invite), Allow(Method::Ack)]);
/// assert_eq!(allow.as_text(), "INVITE, ACK");
/// assert_eq!(allow.members().count(), 2);
/// ```
pub struct Joined<H> {
    text: Text,
    member: PhantomData<fn() -> H>,
}

impl<H: ListHeader> Joined<H> {
    /// All of `members`, in order.
    #[must_use]
    pub fn of(members: impl IntoIterator<Item = H>) -> Joined<H> {
        let mut out = Vec::new();
        for member in members {
            if !out.is_empty() {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(&member.as_text());
        }
        Joined {
            text: Text::composed(out),
            member: PhantomData,
        }
    }

    /// The members, each read when it is asked for.
    pub fn members(&self) -> impl Iterator<Item = Result<H, HeaderError>> + use<H> {
        Members::of(self.text.clone()).map(|member| H::parse(&member))
    }
}

impl<H: ListHeader> Header for Joined<H> {
    const NAME: HeaderName = H::NAME;

    fn parse(value: &Text) -> Result<Joined<H>, HeaderError> {
        let text = value.trimmed();
        let joined = Joined {
            text,
            member: PhantomData,
        };
        joined.members().try_for_each(|member| member.map(drop))?;
        Ok(joined)
    }

    fn as_text(&self) -> Text {
        self.text.clone()
    }
}

impl<H> Clone for Joined<H> {
    fn clone(&self) -> Joined<H> {
        Joined {
            text: self.text.clone(),
            member: PhantomData,
        }
    }
}

impl<H> PartialEq for Joined<H> {
    fn eq(&self, other: &Joined<H>) -> bool {
        self.text == other.text
    }
}

impl<H> Eq for Joined<H> {}

impl<H> fmt::Debug for Joined<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Supported, Via};

    #[test]
    fn a_line_may_be_empty_but_a_member_may_not() {
        let none: [Supported; 0] = [];
        assert_eq!(Joined::of(none).as_text(), Text::EMPTY);
        assert!(Joined::<Supported>::parse(&Text::from_static(" ")).is_ok());
        assert!(Joined::<Supported>::parse(&Text::from_static("path,,gruu")).is_err());
        // RFC 4475 §3.1.2.1 (badinv01)
        assert!(Joined::<Via>::parse(&Text::from_static("SIP/2.0/UDP 192.0.2.15;;,;,,")).is_err());
    }

    #[test]
    fn vias_on_one_line_keep_their_order() {
        // RFC 4475 §3.1.1.1 (wsinv)
        let value = "SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8  , SIP  /    2.0   / UDP  192.168.255.111   ; branch= z9hG4bK30239";
        let vias = Joined::<Via>::parse(&Text::from_static(value)).unwrap();
        let hosts: Vec<_> = vias
            .members()
            .map(|via| via.unwrap().sent_by().to_string())
            .collect();
        assert_eq!(hosts, ["spindle.example.com", "192.168.255.111"]);
    }
}
