//! What may be heard before a call is answered: P-Early-Media (RFC 5009).

use super::tokens::tokens;

tokens! {
    /// A direction early media is allowed in, from where the message came: `sendrecv`, `sendonly`, `recvonly`,
    /// `inactive`; or `gated`, `supported`, and what others may add (RFC 5009 §8). The line may be empty.
    ///
    /// ```
    /// use sip_core::{Header, PEarlyMedia, Text};
    ///
    /// let direction = PEarlyMedia::parse(&Text::from_static("SendRecv"))?;
    /// assert!(direction.is("sendrecv") && !direction.is("gated"));
    /// # Ok::<(), sip_core::HeaderError>(())
    /// ```
    PEarlyMedia, list;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, Joined, Text};

    #[test]
    fn directions_stand_on_one_line_or_there_are_none() {
        let both = Joined::<PEarlyMedia>::parse(&Text::from_static("sendrecv , gated")).unwrap();
        let directions: Vec<_> = both.members().map(Result::unwrap).collect();
        assert!(directions[0].is("sendrecv") && directions[1].is("gated"));
        assert!(Joined::<PEarlyMedia>::parse(&Text::EMPTY).is_ok());
    }

    #[test]
    fn a_direction_is_one_token() {
        for bad in ["", "send recv", "sendrecv;x", "sendrecv,", "\"sendrecv\""] {
            assert!(
                PEarlyMedia::parse(&Text::from_static(bad)).is_err(),
                "{bad}"
            );
        }
    }
}
