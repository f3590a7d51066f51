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

#[cfg(test)]
mod tests {
    use switchboard_actors::limits::Limit;

    use crate::config::keys;

    /// The cells of each row of the table under the heading `Limits`.
    fn rows() -> Vec<Vec<&'static str>> {
        let page = include_str!("../../docs/operations.md");
        let (_, section) = page
            .split_once("\n## Limits\n")
            .expect("it has the section");
        let section = section.split("\n## ").next().unwrap_or_default();
        let lines = section.lines().filter(|line| line.starts_with("| "));
        let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim);
        lines.skip(2).map(|line| cells(line).collect()).collect()
    }

    #[test]
    fn the_documentation_lists_every_limit_with_its_label_and_only_keys_that_exist() {
        let rows = rows();
        let labels: Vec<&str> = rows.iter().map(|row| row[4].trim_matches('`')).collect();
        let names: Vec<&str> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        assert_eq!(labels, names);
        for row in rows {
            let key = row[1].trim_matches('`');
            let is_known = keys::KEYS.iter().any(|known| known.environment() == key);
            assert!(is_known || key == "fixed", "{row:?}");
            assert!(
                row.len() == 5 && row.iter().all(|cell| !cell.is_empty()),
                "{row:?}"
            );
        }
    }
}
