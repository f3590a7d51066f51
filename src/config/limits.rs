//! The limits on clients that an operator may turn; the others are in the actors' `limits`.

use std::time::Duration;

use super::{ConfigError, Settings, required, values};

/// What clients may do. Zero is no limit, where it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// Connections a second from one address.
    pub connect_rate_per_address: u32,
    /// Whether the limits per address hold for loopback, too.
    pub loopback: bool,
    /// Bytes of a request's target and header fields.
    pub header_bytes: usize,
    /// Events a second on one connection.
    pub events_per_second: u32,
    /// How long a WebSocket may take to take over from polling.
    pub upgrade_timeout: Duration,
}

pub(super) fn read(settings: &Settings) -> Result<Limits, ConfigError> {
    Ok(Limits {
        connections: required(settings, "max_connections", values::count)?,
        connections_per_address: required(settings, "max_connections_per_address", values::count)?,
        connect_rate_per_address: required(settings, "connect_rate_per_address", values::rate)?,
        loopback: required(settings, "limit_loopback", |text| {
            values::choice(text, &[("false", false), ("true", true)])
        })?,
        header_bytes: required(settings, "max_header_bytes", values::header_bytes)?,
        events_per_second: required(settings, "max_events_per_second", values::rate)?,
        upgrade_timeout: required(settings, "upgrade_timeout_ms", values::millis)?,
    })
}
