//! Who may connect at all: how many at once, how many from one address, and how fast.
//!
//! Each thread accepts for itself, so the counts are shared. A connection has its [`Place`] from its first moment to its
//! last, also as a WebSocket. An address is forgotten once it has no connection and its rate is untouched, so that the
//! memory follows the connections of the last second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use switchboard_actors::bucket::{Bucket, Rate};
use switchboard_actors::limits::Limit;
use switchboard_actors::metrics::Metrics;

/// Addresses that are remembered before the first look for those to forget.
const FIRST_SWEEP: usize = 1_024;

/// What is let in. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address (IPv6: from one /64).
    pub per_address: usize,
    /// Connections a second from one address, and as many at once.
    pub rate_per_address: u32,
    /// Whether loopback counts as an address like any other.
    pub loopback: bool,
    /// Bytes of a request's target and header fields; never unlimited.
    pub header_bytes: usize,
}

impl Default for AdmissionLimits {
    /// No limit on connections, and 16 KiB of header fields.
    fn default() -> Self {
        Self {
            connections: 0,
            per_address: 0,
            rate_per_address: 0,
            loopback: false,
            header_bytes: 16 * 1024,
        }
    }
}

/// Decides for all threads, and counts.
pub struct Admission {
    limits: AdmissionLimits,
    metrics: Metrics,
    table: Mutex<Table>,
}

/// A connection's place among those that are counted; given back when dropped.
pub struct Place {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    /// Nobody is in yet.
    pub fn new(limits: AdmissionLimits, metrics: Metrics) -> Arc<Self> {
        let table = Mutex::new(Table::new(limits));
        Arc::new(Self {
            limits,
            metrics,
            table,
        })
    }

    /// Lets a connection of `peer` in; the error is the limit that it met.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Limit> {
        let address = self.counted(peer);
        self.lock()
            .admit(address, Instant::now())
            .map_err(|refused| {
                if refused.is_news {
                    let limit = refused.limit.name();
                    log::warn!("connections are refused limit={limit} address={peer}");
                }
                self.reached(refused.limit);
                refused.limit
            })?;
        Ok(self.place(address))
    }

    /// Another place for a connection of `peer` that has been let in.
    pub fn keep(self: &Arc<Self>, peer: IpAddr) -> Place {
        let address = self.counted(peer);
        self.lock().add(address, Instant::now());
        self.place(address)
    }

    /// Where everything is counted.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Counts that a client met `limit`.
    pub fn reached(&self, limit: Limit) {
        self.metrics.limit_reached(limit);
    }

    /// Bytes that a request's target and header fields may have.
    pub fn header_bytes(&self) -> usize {
        self.limits.header_bytes
    }

    fn place(self: &Arc<Self>, address: Option<IpAddr>) -> Place {
        Place {
            admission: Arc::clone(self),
            address,
        }
    }

    /// The address that `peer` counts for: none for loopback where that is not limited.
    fn counted(&self, peer: IpAddr) -> Option<IpAddr> {
        let peer = peer.to_canonical();
        if peer.is_loopback() && !self.limits.loopback {
            return None;
        }
        Some(match peer {
            IpAddr::V4(_) => peer,
            // A household or a machine has a /64, and as many addresses in it as it likes.
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Whole after every statement.
        self.table
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.admission.lock().remove(self.address, Instant::now());
    }
}

/// The counts; pure.
struct Table {
    limits: AdmissionLimits,
    rate: Option<Rate>,
    connections: usize,
    /// Whether it has been said that there are too many.
    is_full: bool,
    addresses: HashMap<IpAddr, Address>,
    /// With so many addresses it is looked for those to forget.
    sweep_at: usize,
}

/// What is known of one address.
struct Address {
    connections: usize,
    bucket: Bucket,
    /// Whether it has been said that it is refused.
    is_refused: bool,
}

/// A connection that is not let in.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    limit: Limit,
    /// The first of a row.
    is_news: bool,
}

impl Table {
    fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            rate: Rate::new(limits.rate_per_address, limits.rate_per_address),
            connections: 0,
            is_full: false,
            addresses: HashMap::new(),
            sweep_at: FIRST_SWEEP,
        }
    }

    fn admit(&mut self, address: Option<IpAddr>, now: Instant) -> Result<(), Refused> {
        if self.limits.connections != 0 && self.connections >= self.limits.connections {
            return Err(Refused {
                limit: Limit::Connections,
                is_news: !std::mem::replace(&mut self.is_full, true),
            });
        }
        let (most, rate) = (self.limits.per_address, self.rate);
        if let Some(address) = address {
            let known = self.known(address, now);
            let refused = if most != 0 && known.connections >= most {
                Some(Limit::ConnectionsPerAddress)
            } else if rate.is_some_and(|rate| !known.bucket.take(rate, now)) {
                Some(Limit::ConnectRate)
            } else {
                None
            };
            if let Some(limit) = refused {
                let is_news = !std::mem::replace(&mut known.is_refused, true);
                return Err(Refused { limit, is_news });
            }
        }
        self.add(address, now);
        Ok(())
    }

    fn add(&mut self, address: Option<IpAddr>, now: Instant) {
        self.connections += 1;
        if let Some(address) = address {
            self.known(address, now).connections += 1;
        }
    }

    fn remove(&mut self, address: Option<IpAddr>, now: Instant) {
        self.connections -= 1;
        // Not at the first place that is free again: where all are taken, one is free every moment.
        self.is_full &= self.connections > self.limits.connections / 10 * 9;
        let Some(address) = address else { return };
        if let Some(known) = self.addresses.get_mut(&address) {
            known.connections -= 1;
            if known.is_idle(now) {
                self.addresses.remove(&address);
            }
        }
    }

    fn known(&mut self, address: IpAddr, now: Instant) -> &mut Address {
        if self.addresses.len() >= self.sweep_at {
            self.addresses.retain(|_, known| !known.is_idle(now));
            self.addresses.shrink_to(FIRST_SWEEP);
            // Doubled, so that the looks cost each newcomer a constant.
            self.sweep_at = FIRST_SWEEP.max(2 * self.addresses.len());
        }
        self.addresses.entry(address).or_insert_with(|| Address {
            connections: 0,
            bucket: Bucket::new(now),
            is_refused: false,
        })
    }
}

impl Address {
    fn is_idle(&self, now: Instant) -> bool {
        self.connections == 0 && self.bucket.is_whole(now)
    }
}

#[cfg(test)]
mod tests;
