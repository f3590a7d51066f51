//! Logging: env_logger on stderr, filtered by the configuration. stdout belongs to the commands.

use std::io::ErrorKind;

use env_logger::{Builder, Target};
use log::{Level, LevelFilter, Metadata};

/// Libraries that log what they read and write, credentials included. They stay at `info`, unless the filter
/// names them.
const TALKATIVE: [&str; 9] = [
    "rumqttc",
    "tungstenite",
    "tokio_tungstenite",
    "actix_http",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "sqlx",
];

/// Starts logging with `filter`, such as `info` or `warn,switchboard=debug`. Once for a process.
pub fn init(filter: &str) -> Result<(), std::io::Error> {
    builder(filter)
        .try_init()
        .map_err(|error| std::io::Error::new(ErrorKind::AlreadyExists, error))
}

fn builder(filter: &str) -> Builder {
    let asked = env_filter::Builder::new().parse(filter).build();
    let mut builder = Builder::new();
    builder.target(Target::Stderr);
    builder.parse_filters(filter);
    for name in TALKATIVE {
        let debug = Metadata::builder().target(name).level(Level::Debug).build();
        if asked.enabled(&debug) && !filter.contains(name) {
            builder.filter_module(name, LevelFilter::Info);
        }
    }
    builder
}

#[cfg(test)]
mod tests {
    use log::Log;

    use super::*;

    fn enabled(filter: &str, target: &str, level: Level) -> bool {
        let logger = builder(filter).build();
        logger.enabled(&Metadata::builder().target(target).level(level).build())
    }

    #[test]
    fn libraries_that_log_credentials_stay_quiet_unless_named() {
        assert!(enabled("trace", "switchboard::cli", Level::Trace));
        assert!(!enabled("trace", "rumqttc::state", Level::Debug));
        assert!(enabled("trace", "rumqttc::state", Level::Info));
        assert!(enabled(
            "info,rumqttc=debug",
            "rumqttc::state",
            Level::Debug
        ));
        assert!(!enabled("warn", "rumqttc::state", Level::Info));
        assert!(!enabled(
            "warn,switchboard=debug",
            "sqlx::query",
            Level::Info
        ));
    }
}
