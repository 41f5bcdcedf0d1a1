//! In which order servers are tried: transports by preference, hosts by priority and weight (RFC 3263 §4.1, §4.2,
//! RFC 2782). Pure functions.

use std::cmp::Reverse;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sip_core::Transport;

use super::records::{Naptr, Srv};

/// How much each transport is liked where a domain leaves the choice: the highest number wins, equal ones leave it
/// to the domain's own order, and a negative one is never chosen. A URI that names its transport gets that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// Default: 3.
    pub udp: i32,
    /// Default: 2.
    pub tcp: i32,
    /// For URIs without `sips`, which are never carried by anything else. Default: −1.
    pub tls: i32,
}

impl Default for Preferences {
    fn default() -> Preferences {
        Preferences {
            udp: 3,
            tcp: 2,
            tls: -1,
        }
    }
}

impl Preferences {
    fn of(&self, transport: Transport) -> i32 {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
            Transport::Tls => self.tls,
            Transport::Ws | Transport::Wss => -1, // RFC 7118 defines no records
        }
    }

    /// Where the choice falls on `transport`, how much it is liked.
    fn allows(&self, transport: Transport, secure: bool) -> Option<i32> {
        match (secure, self.of(transport)) {
            (true, liked) => (transport == Transport::Tls).then_some(liked),
            (false, liked) => (liked >= 0).then_some(liked),
        }
    }
}

/// One transport a domain is reached by, and the name of its SRV records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The transport.
    pub transport: Transport,
    /// As in `_sip._udp.example.com`.
    pub name: Box<str>,
}

impl Service {
    /// The service a domain offers by `transport` where no NAPTR record says otherwise (RFC 3263 §4.1, §4.2). There
    /// is none for WebSocket.
    #[must_use]
    pub fn of(domain: &str, transport: Transport) -> Option<Service> {
        let prefix = match transport {
            Transport::Udp => "_sip._udp.",
            Transport::Tcp => "_sip._tcp.",
            Transport::Tls => "_sips._tcp.",
            Transport::Ws | Transport::Wss => return None,
        };
        let name = format!("{prefix}{domain}").into();
        Some(Service { transport, name })
    }
}

/// The services a domain's NAPTR records name (RFC 3263 §4.1), best first. `secure` leaves those of `sips`.
#[must_use]
pub fn by_naptr(records: &[Naptr], secure: bool, preferences: &Preferences) -> Vec<Service> {
    let mut usable: Vec<(Reverse<i32>, u16, u16, Service)> = records
        .iter()
        .filter(|record| record.flags.eq_ignore_ascii_case("s"))
        .filter_map(|record| {
            let transport = transport_of(&record.services)?;
            let liked = preferences.allows(transport, secure)?;
            let name = record.replacement.clone();
            let service = Service { transport, name };
            Some((Reverse(liked), record.order, record.preference, service))
        })
        .collect();
    usable.sort_by_key(|(liked, order, preference, _)| (*liked, *order, *preference));
    usable.into_iter().map(|(.., service)| service).collect()
}

/// The services to ask for where a domain has no NAPTR record of use (RFC 3263 §4.1), best first.
#[must_use]
pub fn by_preference(domain: &str, secure: bool, preferences: &Preferences) -> Vec<Service> {
    let mut liked: Vec<(Reverse<i32>, Transport)> = Transport::ALL
        .into_iter()
        .filter_map(|transport| Some((Reverse(preferences.allows(transport, secure)?), transport)))
        .collect();
    liked.sort_by_key(|(liked, _)| *liked);
    liked
        .into_iter()
        .filter_map(|(_, transport)| Service::of(domain, transport))
        .collect()
}

fn transport_of(services: &str) -> Option<Transport> {
    let named = [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
    ];
    let is_named = |(name, _): &(&str, Transport)| name.eq_ignore_ascii_case(services);
    named
        .into_iter()
        .find(is_named)
        .map(|(_, transport)| transport)
}

/// The first `limit` hosts to try (RFC 2782): lower priorities first, and within one by chance, as the weights have it.
///
/// The same records with the same `seed` make the same list, however the name server shuffled them (RFC 3263 §4.4).
#[must_use]
pub fn by_weight(records: &[Srv], seed: u64, limit: usize) -> Vec<Srv> {
    // Sorted so, those of weight 0 stand first within their priority, as the algorithm wants them.
    let mut left: Vec<&Srv> = records
        .iter()
        .filter(|record| !record.target.is_empty())
        .collect();
    left.sort();
    let mut chance = StdRng::seed_from_u64(seed);
    let mut chosen = Vec::with_capacity(left.len().min(limit));
    while chosen.len() < limit
        && let Some(first) = left.first()
    {
        let priority = first.priority;
        let group = left.partition_point(|record| record.priority == priority);
        let position = draw(&left[..group], &mut chance);
        chosen.push(left.remove(position).clone());
    }
    chosen
}

/// The first record whose running sum of weights reaches a number drawn from 0 to the sum of all.
fn draw(group: &[&Srv], chance: &mut StdRng) -> usize {
    let sum: u32 = group.iter().map(|record| u32::from(record.weight)).sum();
    let drawn = chance.random_range(0..=sum);
    let mut running = 0;
    let reaches = |record: &&Srv| {
        running += u32::from(record.weight);
        running >= drawn
    };
    group.iter().position(reaches).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naptr(order: u16, preference: u16, services: &str, replacement: &str) -> Naptr {
        Naptr {
            order,
            preference,
            flags: "s".into(),
            services: services.into(),
            replacement: replacement.into(),
        }
    }

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv {
            priority,
            weight,
            port: 5060,
            target: target.into(),
        }
    }

    /// RFC 3263 §4.1.
    fn example() -> [Naptr; 3] {
        [
            naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
            naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
            naptr(100, 50, "SIP+D2U", "_sip._udp.example.com"),
        ]
    }

    fn transports(services: &[Service]) -> Vec<Transport> {
        services.iter().map(|service| service.transport).collect()
    }

    const EQUAL: Preferences = Preferences {
        udp: 1,
        tcp: 1,
        tls: 1,
    };

    #[test]
    fn our_preference_decides_and_a_negative_one_is_never_chosen() {
        let chosen = by_naptr(&example(), false, &Preferences::default());
        assert_eq!(transports(&chosen), [Transport::Udp, Transport::Tcp]);
        assert_eq!(&*chosen[0].name, "_sip._udp.example.com");
        let none = Preferences {
            udp: -1,
            tcp: -1,
            tls: -1,
        };
        assert!(by_naptr(&example(), false, &none).is_empty());
    }

    #[test]
    fn equal_preferences_leave_it_to_the_domain() {
        let chosen = by_naptr(&example(), false, &EQUAL);
        assert_eq!(
            transports(&chosen),
            [Transport::Tls, Transport::Tcp, Transport::Udp]
        );
        let swapped = [naptr(10, 20, "SIP+D2U", "u"), naptr(10, 10, "sip+d2t", "t")];
        assert_eq!(
            transports(&by_naptr(&swapped, false, &EQUAL)),
            [Transport::Tcp, Transport::Udp]
        );
    }

    #[test]
    fn sips_leaves_tls_alone_whatever_is_preferred() {
        let chosen = by_naptr(&example(), true, &Preferences::default());
        assert_eq!(transports(&chosen), [Transport::Tls]);
        let chosen = by_preference("example.com", true, &Preferences::default());
        assert_eq!(&*chosen[0].name, "_sips._tcp.example.com");
        assert_eq!(chosen.len(), 1);
    }

    #[test]
    fn services_that_are_no_use_are_discarded() {
        let mut terminal = naptr(1, 1, "SIP+D2U", "a.example");
        terminal.flags = "u".into();
        let records = [
            terminal,
            naptr(1, 1, "SIP+D2S", "_sip._sctp.example.com"),
            naptr(1, 1, "SIPS+D2U", "_sips._udp.example.com"),
            naptr(1, 1, "E2U+sip", "e.example"),
        ];
        assert!(by_naptr(&records, false, &EQUAL).is_empty());
    }

    #[test]
    fn without_naptr_the_services_are_asked_for_as_we_like_them() {
        let names = |preferences| -> Vec<String> {
            let services = by_preference("example.com", false, &preferences);
            services
                .iter()
                .map(|service| service.name.to_string())
                .collect()
        };
        assert_eq!(
            names(Preferences::default()),
            ["_sip._udp.example.com", "_sip._tcp.example.com"]
        );
        assert_eq!(
            names(Preferences {
                udp: 1,
                tcp: 2,
                tls: 3
            })[0],
            "_sips._tcp.example.com"
        );
    }

    #[test]
    fn lower_priorities_come_first_whatever_their_weight() {
        let records = [srv(20, 60_000, "c"), srv(10, 0, "b"), srv(1, 1, "a")];
        for seed in 0..100 {
            let targets: Vec<Box<str>> = by_weight(&records, seed, 8)
                .into_iter()
                .map(|record| record.target)
                .collect();
            assert_eq!(
                targets,
                ["a".into(), "b".into(), "c".into()] as [Box<str>; 3]
            );
        }
    }

    #[test]
    fn weights_are_shares() {
        let records = [srv(1, 70, "a"), srv(1, 20, "b"), srv(1, 10, "c")];
        let mut first = [0_u32; 3];
        for seed in 0..10_000 {
            match &*by_weight(&records, seed, 1)[0].target {
                "a" => first[0] += 1,
                "b" => first[1] += 1,
                _ => first[2] += 1,
            }
        }
        // A draw of 0 goes to the first, so shares are off by 1 in 101; four standard deviations are 183 of 7,000.
        for (count, expected) in first.into_iter().zip([7030, 1980, 990]) {
            assert!(u32::abs_diff(count, expected) < 200, "{first:?}");
        }
    }

    #[test]
    fn a_host_of_weight_0_has_a_small_chance() {
        let records = [srv(1, 0, "a"), srv(1, 9, "b")];
        let zero = (0..10_000)
            .filter(|seed| &*by_weight(&records, *seed, 1)[0].target == "a")
            .count();
        assert!((800..1200).contains(&zero), "1 in 10: {zero}");
    }

    #[test]
    fn all_weights_0_leave_nobody_out() {
        let records = [srv(1, 0, "a"), srv(1, 0, "b"), srv(1, 0, "c")];
        assert_eq!(by_weight(&records, 1, 8).len(), 3);
    }

    #[test]
    fn the_same_seed_makes_the_same_list_however_the_records_came() {
        let mut records: Vec<Srv> = (0..200).map(|i| srv(1, i, &format!("h{i}"))).collect();
        let list = by_weight(&records, 7, 16);
        records.reverse();
        assert_eq!(by_weight(&records, 7, 16), list);
        assert_eq!(list.len(), 16);
        assert!((0..10).any(|seed| by_weight(&records, seed, 16) != list));
    }

    #[test]
    fn a_service_that_is_decidedly_not_offered_has_no_host() {
        assert!(by_weight(&[srv(0, 0, "")], 1, 8).is_empty());
        assert!(by_weight(&[], 1, 8).is_empty());
    }
}
