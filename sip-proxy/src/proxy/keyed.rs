//! Names for what nobody remembers: To tags of stateless answers (RFC 3261 §8.2.7), branches of stateless
//! forwarding (§16.11), the mark by which a loop is known (RFC 5393).

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use sip_core::{Branch, CSeq, CallId, From, Headers, Host, Request, Tag, To, Via};
use sip_transaction::Flow;
use siphasher::sip::SipHasher24;

use super::config::Secret;

/// Hashes parts of messages with a secret, so that nobody else can make or foretell the result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keyed(SipHasher24);

impl Keyed {
    pub(crate) fn new(secret: Secret) -> Keyed {
        Keyed(SipHasher24::new_with_key(&secret.0))
    }

    /// The To tag of our answers to `request`: the one it has (§8.2.6.2), else one that is the same for its
    /// retransmissions, and for the ACK of an INVITE.
    ///
    /// What can't be read does not count, since a broken request must get its 400 as well.
    pub(crate) fn tag_of(&self, request: &Request) -> Tag {
        to_tag(request).unwrap_or_else(|| self.new_tag(request))
    }

    /// Whether `ack` acknowledges an answer that carried such a tag. Most have another's, of another length.
    pub(crate) fn acknowledged_by(&self, ack: &Request) -> bool {
        to_tag(ack)
            .is_some_and(|tag| tag.as_bytes().len() == TAG_DIGITS && tag == self.new_tag(ack))
    }

    fn new_tag(&self, request: &Request) -> Tag {
        let mut sum = self.sum("to tag");
        sum.mix_transaction(request.headers());
        sum.to_tag()
    }

    /// What a retransmission of `request` has in common with it, and no other request.
    pub(crate) fn retransmission(&self, request: &Request, flow: &Flow) -> u64 {
        let mut sum = self.sum("retransmission");
        sum.mix(request.method().as_bytes());
        sum.mix_transaction(request.headers());
        sum.mix_address(flow.remote);
        sum.finish()
    }

    /// Starts a sum; `purpose` keeps those of different use apart.
    pub(crate) fn sum(&self, purpose: &str) -> Sum {
        let mut sum = Sum(self.0);
        sum.mix(purpose.as_bytes());
        sum
    }
}

fn to_tag(request: &Request) -> Option<Tag> {
    let to: Option<To> = request.headers().optional().ok().flatten();
    to?.tag()
}

/// How long the tags are that are made here.
const TAG_DIGITS: usize = 16;

/// A keyed hash in the making.
#[derive(Debug)]
pub(crate) struct Sum(SipHasher24);

impl Sum {
    /// Adds one part, apart from those before and after it.
    pub(crate) fn mix(&mut self, part: &[u8]) {
        self.0.write(part);
        self.0.write_u32(part.len() as u32);
    }

    /// Adds what names the transaction: Call-ID, From tag, CSeq number, and the branch of the topmost Via.
    pub(crate) fn mix_transaction(&mut self, headers: &Headers) {
        if let Ok(call_id) = headers.require::<CallId>() {
            self.mix(call_id.as_bytes());
        }
        if let Some(tag) = headers.require::<From>().ok().and_then(|from| from.tag()) {
            self.mix(tag.as_bytes());
        }
        if let Ok(cseq) = headers.require::<CSeq>() {
            self.0.write_u32(cseq.number());
        }
        if let Some(branch) = headers.require::<Via>().ok().and_then(|via| via.branch()) {
            self.mix(branch.as_bytes());
        }
    }

    pub(crate) fn mix_address(&mut self, address: SocketAddr) {
        self.mix_ip(address.ip());
        self.0.write_u16(address.port());
    }

    /// Adds a host; the case of a name does not count.
    pub(crate) fn mix_host(&mut self, host: &Host) {
        match host {
            Host::Name(name) => name
                .iter()
                .for_each(|octet| self.0.write_u8(octet.to_ascii_lowercase())),
            Host::V4(ip) => self.mix_ip(IpAddr::V4(*ip)),
            Host::V6(ip) => self.mix_ip(IpAddr::V6(*ip)),
        }
    }

    fn mix_ip(&mut self, ip: IpAddr) {
        match ip {
            IpAddr::V4(ip) => self.mix(&ip.octets()),
            IpAddr::V6(ip) => self.mix(&ip.octets()),
        }
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }

    /// A branch that no worker is named in, so that any of them knows it.
    pub(crate) fn to_branch(&self) -> Branch {
        Branch::new(format!("{}{:016x}", Branch::MAGIC_COOKIE, self.finish()))
            .expect("hexadecimal digits are a token")
    }

    fn to_tag(&self) -> Tag {
        Tag::new(format!("{:0TAG_DIGITS$x}", self.finish()))
            .expect("hexadecimal digits are a token")
    }
}
