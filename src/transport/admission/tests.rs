//! Limits on connections, with a clock that is handed in.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::*;

const NONE: AdmissionLimits = AdmissionLimits {
    connections: 0,
    per_address: 0,
    rate_per_address: 0,
    loopback: true,
    header_bytes: 1_000,
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Address number `n`.
fn nth(n: u32) -> Option<IpAddr> {
    Some(Ipv4Addr::from_bits(0x0a00_0000 + n).into())
}

fn limit_of(refused: Result<(), Refused>) -> Option<Limit> {
    refused.err().map(|refused| refused.limit)
}

fn count(admission: &Admission, limit: Limit) -> u64 {
    let limit = switchboard_actors::limits::LimitLabel {
        limit: limit.name(),
    };
    let counts = &admission.metrics.limits_reached;
    counts.get_or_create(&limit).get()
}

#[test]
fn past_the_total_nobody_is_let_in_until_somebody_goes() {
    let now = Instant::now();
    let mut table = Table::new(AdmissionLimits {
        connections: 2,
        ..NONE
    });
    assert_eq!(table.admit(nth(1), now), Ok(()));
    assert_eq!(table.admit(None, now), Ok(()));
    assert_eq!(limit_of(table.admit(nth(2), now)), Some(Limit::Connections));
    assert_eq!(limit_of(table.admit(None, now)), Some(Limit::Connections));
    table.remove(None, now);
    assert_eq!(table.admit(nth(2), now), Ok(()));
}

#[test]
fn an_address_meets_its_own_limit_and_no_other_notices() {
    let now = Instant::now();
    let mut table = Table::new(AdmissionLimits {
        per_address: 2,
        ..NONE
    });
    assert_eq!(table.admit(nth(1), now), Ok(()));
    assert_eq!(table.admit(nth(1), now), Ok(()));
    let refused = table.admit(nth(1), now);
    assert_eq!(limit_of(refused), Some(Limit::ConnectionsPerAddress));
    assert_eq!(table.admit(nth(2), now), Ok(()));
    table.remove(nth(1), now);
    assert_eq!(table.admit(nth(1), now), Ok(()));
    assert_eq!(table.connections, 3);
}

#[test]
fn an_address_that_connects_too_fast_waits_and_no_other_notices() {
    let start = Instant::now();
    let mut table = Table::new(AdmissionLimits {
        rate_per_address: 10,
        ..NONE
    });
    let attempts = |table: &mut Table, now| {
        let admitted = (0..1_000).filter(|_| table.admit(nth(1), now).is_ok());
        admitted.count()
    };
    assert_eq!(attempts(&mut table, start), 10);
    let refused = table.admit(nth(1), start);
    assert_eq!(limit_of(refused), Some(Limit::ConnectRate));
    assert_eq!(table.admit(nth(2), start), Ok(()));
    assert_eq!(attempts(&mut table, start + Duration::from_millis(100)), 1);
    assert_eq!(attempts(&mut table, start + Duration::from_secs(60)), 10);
}

#[test]
fn the_first_refusal_of_a_row_is_news_and_the_others_are_not() {
    let now = Instant::now();
    let mut table = Table::new(AdmissionLimits {
        connections: 20,
        per_address: 1,
        ..NONE
    });
    let is_news = |table: &mut Table, n| table.admit(nth(n), now).map_err(|r| r.is_news);
    assert_eq!(is_news(&mut table, 1), Ok(()));
    assert_eq!(is_news(&mut table, 1), Err(true));
    assert_eq!(is_news(&mut table, 1), Err(false));
    for n in 2..=20 {
        assert_eq!(is_news(&mut table, n), Ok(()));
    }
    assert_eq!(is_news(&mut table, 21), Err(true));
    // One that goes makes room for one, which is still as good as full.
    table.remove(nth(20), now);
    assert_eq!(is_news(&mut table, 20), Ok(()));
    assert_eq!(is_news(&mut table, 21), Err(false));
    for n in 2..=20 {
        table.remove(nth(n), now);
    }
    for n in 2..=20 {
        assert_eq!(is_news(&mut table, n), Ok(()));
    }
    assert_eq!(is_news(&mut table, 21), Err(true));
}

#[test]
fn an_address_is_forgotten_once_it_is_gone_and_its_rate_untouched() {
    let start = Instant::now();
    let mut table = Table::new(AdmissionLimits {
        rate_per_address: 10,
        ..NONE
    });
    assert_eq!(table.admit(nth(1), start), Ok(()));
    table.remove(nth(1), start + Duration::from_millis(100));
    assert_eq!(table.addresses.len(), 0);
    // One that goes at once is remembered for its rate.
    assert_eq!(table.admit(nth(1), start), Ok(()));
    table.remove(nth(1), start);
    assert_eq!(table.addresses.len(), 1);
}

#[test]
fn a_flood_of_addresses_takes_only_the_memory_of_its_last_second() {
    let start = Instant::now();
    let mut table = Table::new(AdmissionLimits {
        rate_per_address: 1,
        ..NONE
    });
    assert_eq!(table.admit(nth(u32::from(u16::MAX) * 256), start), Ok(()));
    for n in 0..100_000 {
        // 1,000 new addresses a second, each there for a moment.
        let now = start + Duration::from_millis(n.into());
        assert_eq!(table.admit(nth(n), now), Ok(()));
        table.remove(nth(n), now);
        assert!(table.addresses.len() <= 2 * FIRST_SWEEP);
    }
    assert!(table.addresses.capacity() <= 8 * FIRST_SWEEP);
    assert_eq!(table.connections, 1);
}

#[test]
fn an_ipv6_network_of_64_bits_counts_as_one_address_and_mapped_ipv4_as_ipv4() {
    let admission = Admission::new(
        AdmissionLimits {
            per_address: 1,
            ..NONE
        },
        Metrics::default(),
    );
    let first = admission.admit(ip("2001:db8:1:2::1")).ok().unwrap();
    let same = admission.admit(ip("2001:db8:1:2:ffff::9"));
    assert_eq!(same.err(), Some(Limit::ConnectionsPerAddress));
    let other = admission.admit(ip("2001:db8:1:3::1")).ok().unwrap();
    let v4 = admission.admit(ip("192.0.2.1")).ok().unwrap();
    assert!(admission.admit(ip("::ffff:192.0.2.1")).is_err());
    let mapped = admission.admit(ip("::ffff:192.0.2.2")).ok().unwrap();
    assert_eq!(count(&admission, Limit::ConnectionsPerAddress), 2);
    drop((first, other, v4, mapped));
    assert!(admission.admit(ip("2001:db8:1:2::3")).is_ok());
}

#[test]
fn loopback_is_only_counted_in_total_unless_it_is_limited() {
    let limits = AdmissionLimits {
        connections: 3,
        per_address: 1,
        rate_per_address: 1,
        loopback: false,
        header_bytes: 1_000,
    };
    for address in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
        let address = ip(address);
        let admission = Admission::new(limits, Metrics::default());
        let places: Vec<_> = (0..3).map(|_| admission.admit(address).ok()).collect();
        assert!(places.iter().all(Option::is_some), "{address}");
        assert_eq!(admission.admit(address).err(), Some(Limit::Connections));
        drop(places);
        assert!(admission.admit(address).is_ok(), "{address}");

        let limited = AdmissionLimits {
            loopback: true,
            ..limits
        };
        let admission = Admission::new(limited, Metrics::default());
        let _first = admission.admit(address).ok().unwrap();
        let refused = admission.admit(address).err();
        assert_eq!(refused, Some(Limit::ConnectionsPerAddress), "{address}");
    }
}

#[test]
fn a_connection_that_becomes_a_websocket_keeps_one_place() {
    let admission = Admission::new(
        AdmissionLimits {
            per_address: 1,
            ..NONE
        },
        Metrics::default(),
    );
    let address = ip("192.0.2.1");
    let http = admission.admit(address).ok().unwrap();
    let websocket = admission.keep(address);
    drop(http);
    assert!(admission.admit(address).is_err());
    drop(websocket);
    assert!(admission.admit(address).is_ok());
}
