//! One contact of an address-of-record, packed: a registrar holds a million of them (RFC 3261 §10.3).

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::time::Duration;

use sip_core::{Text, Transport, Uri};
use sip_transaction::Flow;

use super::MethodSet;
use super::flow_octets;

/// A binding of an address-of-record to one contact.
///
/// All its text lies in one allocation; [`record`](Binding::record) spells it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    octets: Box<[u8]>, // the parts, one after the other, in the order of `Part`
    ends: [u16; PARTS],
    cseq: u32,
    expires_at: u32,
    reg_id: u32, // 0 for none: reg-id starts at 1 (RFC 5626 §11.3)
    q: u16,      // thousandths
    methods: MethodSet,
    behind_nat: bool,
}

const PARTS: usize = 6;
const NO_Q: u16 = u16::MAX;

#[derive(Clone, Copy)]
enum Part {
    Flow,
    Contact,
    CallId,
    Instance,
    UserAgent,
    Path,
}

/// A [`Binding`] spelled out: the columns of a store's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BindingRecord<'a> {
    /// The contact's URI, as the phone wrote it.
    pub contact: &'a [u8],
    /// Call-ID of the REGISTER that made or last refreshed it.
    pub call_id: &'a [u8],
    /// CSeq number of that REGISTER.
    pub cseq: u32,
    /// When it ends, in seconds of Unix time.
    pub expires_at: u32,
    /// Preference among the contacts, in thousandths; `None` if the phone gave none, which counts as 1000.
    pub q: Option<u16>,
    /// `+sip.instance`, without quotes: `<urn:uuid:…>` (RFC 5626 §4.1).
    pub instance: Option<&'a [u8]>,
    /// `reg-id`, which flow of that instance this is; from 1 (RFC 5626 §4.2).
    pub reg_id: Option<u32>,
    /// User-Agent of the REGISTER; empty if it had none. Cut to 255 octets.
    pub user_agent: &'a [u8],
    /// Path: the members, in order, separated by commas; empty if there are none (RFC 3327 §5.3).
    pub path: &'a [u8],
    /// What the phone accepts.
    pub methods: MethodSet,
    /// What the REGISTER arrived on; `None` if that is not known, for a binding made by an administrator.
    pub flow: Option<Flow>,
    /// The REGISTER came from elsewhere than the contact says: requests go where it came from.
    pub behind_nat: bool,
}

/// A part of a binding is longer than a registrar keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{part} is longer than {limit} octets")]
pub struct BindingTooLong {
    /// Which part.
    pub part: &'static str,
    /// How long it may be, in octets.
    pub limit: usize,
}

impl Binding {
    /// Packs `record`.
    ///
    /// # Errors
    /// When contact, Call-ID, instance or Path is longer than its column in Kamailio's `location` table.
    pub fn new(record: &BindingRecord<'_>) -> Result<Binding, BindingTooLong> {
        let limited = |part, text: &[u8], limit| match text.len() {
            length if length > limit => Err(BindingTooLong { part, limit }),
            _ => Ok(()),
        };
        limited("Contact", record.contact, 512)?;
        limited("Call-ID", record.call_id, 255)?;
        limited("+sip.instance", record.instance.unwrap_or_default(), 255)?;
        limited("Path", record.path, 512)?;
        let user_agent = &record.user_agent[..record.user_agent.len().min(255)];

        let mut octets =
            Vec::with_capacity(64 + record.contact.len() + record.call_id.len() + user_agent.len());
        if let Some(flow) = &record.flow {
            flow_octets::write(flow, &mut octets);
        }
        let mut ends = [0; PARTS];
        ends[Part::Flow as usize] = end_of(&octets);
        for (part, text) in [
            (Part::Contact, record.contact),
            (Part::CallId, record.call_id),
            (Part::Instance, record.instance.unwrap_or_default()),
            (Part::UserAgent, user_agent),
            (Part::Path, record.path),
        ] {
            octets.extend_from_slice(text);
            ends[part as usize] = end_of(&octets);
        }
        Ok(Binding {
            octets: octets.into_boxed_slice(),
            ends,
            cseq: record.cseq,
            expires_at: record.expires_at,
            reg_id: record.reg_id.unwrap_or(0),
            q: record.q.map_or(NO_Q, |q| q.min(1000)),
            methods: record.methods,
            behind_nat: record.behind_nat,
        })
    }

    /// Everything it holds, spelled out.
    #[must_use]
    pub fn record(&self) -> BindingRecord<'_> {
        BindingRecord {
            contact: self.contact(),
            call_id: self.call_id(),
            cseq: self.cseq,
            expires_at: self.expires_at,
            q: self.q(),
            instance: self.instance(),
            reg_id: self.reg_id(),
            user_agent: self.part(Part::UserAgent),
            path: self.path(),
            methods: self.methods,
            flow: self.flow(),
            behind_nat: self.behind_nat,
        }
    }

    /// The contact's URI, as the phone wrote it.
    #[must_use]
    pub fn contact(&self) -> &[u8] {
        self.part(Part::Contact)
    }

    /// The contact's URI, read. What is no URI is [`Uri::Other`].
    #[must_use]
    pub fn uri(&self) -> Uri {
        let text = Text::new(self.contact()).unwrap_or(Text::EMPTY);
        Uri::parse(&text).unwrap_or(Uri::Other(text))
    }

    /// Call-ID of the REGISTER that made or last refreshed it.
    #[must_use]
    pub fn call_id(&self) -> &[u8] {
        self.part(Part::CallId)
    }

    /// CSeq number of that REGISTER.
    #[must_use]
    pub fn cseq(&self) -> u32 {
        self.cseq
    }

    /// Preference among the contacts, in thousandths, if the phone gave one.
    #[must_use]
    pub fn q(&self) -> Option<u16> {
        (self.q != NO_Q).then_some(self.q)
    }

    /// `+sip.instance`, without quotes.
    #[must_use]
    pub fn instance(&self) -> Option<&[u8]> {
        Some(self.part(Part::Instance)).filter(|text| !text.is_empty())
    }

    /// `reg-id`, which flow of the instance this is.
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        (self.reg_id != 0).then_some(self.reg_id)
    }

    /// Path: the members, in order, separated by commas; empty if there are none.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.part(Part::Path)
    }

    /// What the phone accepts.
    #[must_use]
    pub fn methods(&self) -> MethodSet {
        self.methods
    }

    /// What the REGISTER arrived on.
    #[must_use]
    pub fn flow(&self) -> Option<Flow> {
        flow_octets::read(self.part(Part::Flow))
    }

    /// Whether the REGISTER came from elsewhere than the contact says (F-39).
    #[must_use]
    pub fn is_behind_nat(&self) -> bool {
        self.behind_nat
    }

    /// Where requests go instead of to the contact: `sip:ip:port`, and the transport if it is not UDP (F-39).
    #[must_use]
    pub fn received(&self) -> Option<String> {
        let flow = self.flow().filter(|_| self.behind_nat)?;
        let mut uri = format!("sip:{}", flow.remote);
        if flow.transport != Transport::Udp {
            write!(uri, ";transport={}", flow.transport.uri_param()).ok()?;
        }
        Some(uri)
    }

    /// Seconds left at `unix_time`; 0 when it is over.
    #[must_use]
    pub fn expires_in(&self, unix_time: Duration) -> u32 {
        self.expires_at.saturating_sub(whole_seconds(unix_time))
    }

    /// Whether it still counts at `unix_time`.
    #[must_use]
    pub fn is_current(&self, unix_time: Duration) -> bool {
        self.expires_in(unix_time) > 0
    }

    /// Whether both bind the same contact: the same flow of the same instance where both name one, else equal
    /// URIs (F-38; RFC 5626 §6; RFC 3261 §10.3 step 7, §19.1.4).
    #[must_use]
    pub fn binds_same_contact(&self, other: &Binding) -> bool {
        match (self.instance(), other.instance()) {
            (Some(one), Some(another)) => {
                one.eq_ignore_ascii_case(another) && self.reg_id == other.reg_id
            }
            _ => same_uri(self.contact(), other.contact()),
        }
    }

    fn part(&self, part: Part) -> &[u8] {
        let index = part as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let range: Range<usize> = start.into()..self.ends[index].into();
        &self.octets[range]
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Binding({} until {})",
            self.contact().escape_ascii(),
            self.expires_at
        )
    }
}

/// Whole seconds since 1970, for columns of 32 bits: 2106 is far enough.
pub(crate) fn whole_seconds(unix_time: Duration) -> u32 {
    u32::try_from(unix_time.as_secs()).unwrap_or(u32::MAX)
}

fn end_of(octets: &[u8]) -> u16 {
    u16::try_from(octets.len()).expect("the parts of a binding are limited to 2 kB together")
}

fn same_uri(one: &[u8], another: &[u8]) -> bool {
    let parsed = |text: &[u8]| Uri::parse(&Text::new(text).ok()?).ok();
    one == another
        || parsed(one)
            .zip(parsed(another))
            .is_some_and(|(one, another)| one.equivalent(&another))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: BindingRecord<'_> = BindingRecord {
        contact: b"sip:bob@10.0.0.4;transport=tcp",
        call_id: b"843817637684230@998sdasdh09",
        cseq: 7,
        expires_at: 1_700_000_600,
        q: Some(250),
        instance: Some(b"<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>"),
        reg_id: Some(2),
        user_agent: b"Phone/1.0",
        path: b"<sip:p1.example.com;lr>",
        methods: MethodSet::ALL,
        flow: None,
        behind_nat: false,
    };

    fn flow() -> Flow {
        Flow::udp(
            "203.0.113.1:5060".parse().unwrap(),
            "198.51.100.7:40000".parse().unwrap(),
        )
    }

    #[test]
    fn what_is_packed_is_spelled_out_again() {
        let bare = BindingRecord {
            q: None,
            instance: None,
            reg_id: None,
            user_agent: b"",
            path: b"",
            ..RECORD
        };
        let flowing = BindingRecord {
            flow: Some(flow()),
            behind_nat: true,
            ..RECORD
        };
        for record in [RECORD, bare, flowing] {
            assert_eq!(Binding::new(&record).unwrap().record(), record);
        }
    }

    #[test]
    fn a_binding_is_48_octets_and_its_text() {
        assert_eq!(size_of::<Binding>(), 48);
    }

    #[test]
    fn what_does_not_fit_a_column_is_refused_and_a_long_user_agent_cut() {
        let long = [b'x'; 600];
        for record in [
            BindingRecord {
                contact: &long,
                ..RECORD
            },
            BindingRecord {
                call_id: &long,
                ..RECORD
            },
            BindingRecord {
                instance: Some(&long),
                ..RECORD
            },
            BindingRecord {
                path: &long,
                ..RECORD
            },
        ] {
            assert!(Binding::new(&record).is_err());
        }
        let binding = Binding::new(&BindingRecord {
            user_agent: &long,
            ..RECORD
        })
        .unwrap();
        assert_eq!(binding.record().user_agent.len(), 255);
    }

    #[test]
    fn received_names_the_source_of_a_phone_behind_a_nat() {
        let received = |flow, behind_nat| {
            Binding::new(&BindingRecord {
                flow: Some(flow),
                behind_nat,
                ..RECORD
            })
            .unwrap()
            .received()
        };
        assert_eq!(received(flow(), false), None);
        assert_eq!(
            received(flow(), true).as_deref(),
            Some("sip:198.51.100.7:40000")
        );
        let tls = Flow {
            transport: Transport::Tls,
            remote: "[2001:db8::7]:1".parse().unwrap(),
            ..flow()
        };
        assert_eq!(
            received(tls, true).as_deref(),
            Some("sip:[2001:db8::7]:1;transport=tls")
        );
    }

    #[test]
    fn a_binding_counts_down_to_nothing() {
        let binding = Binding::new(&RECORD).unwrap();
        let left = |unix| binding.expires_in(Duration::from_secs(unix));
        assert_eq!(left(1_700_000_000), 600);
        assert_eq!(left(1_700_000_600), 0);
        assert_eq!(left(u64::MAX), 0);
    }
}
