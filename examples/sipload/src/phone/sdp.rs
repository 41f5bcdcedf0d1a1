//! Offers and answers as phones write them (RFC 4566, RFC 3264).

use std::net::IpAddr;

use bytes::Bytes;

/// One audio stream to `ip`, with the codecs every phone has.
pub(crate) fn audio(ip: IpAddr, port: u16, session: u32) -> Bytes {
    let family = match ip {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    };
    Bytes::from(format!(
        "v=0\r\n\
         o=- {session} {session} IN {family} {ip}\r\n\
         s=-\r\n\
         c=IN {family} {ip}\r\n\
         t=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 101\r\n\
         a=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n\
         a=sendrecv\r\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_names_the_family_of_its_address() {
        let offer = |ip: &str| {
            let offer = audio(ip.parse().unwrap(), 40_000, 7);
            String::from_utf8(offer.to_vec()).unwrap()
        };
        assert!(offer("10.0.0.1").contains("\r\nc=IN IP4 10.0.0.1\r\n"));
        assert!(offer("::1").contains("\r\nc=IN IP6 ::1\r\n"));
    }
}
