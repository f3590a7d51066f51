//! Logging: env_logger on stderr, filtered by the configuration. stdout belongs to the commands.
//!
//! A record is one line, whatever it tells of: what would begin another, or speak to a terminal, is escaped here, also
//! in what libraries log.

use std::fmt::{self, Write as _};
use std::io::{ErrorKind, Write as _};

use env_logger::{Builder, Target};
use log::{Level, LevelFilter, Metadata, Record};

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
    builder.format(|out, record| {
        let time = out.timestamp_millis();
        writeln!(out, "[{time} {}", Line(record))
    });
    builder.parse_filters(filter);
    for name in TALKATIVE {
        let debug = Metadata::builder().target(name).level(Level::Debug).build();
        if asked.enabled(&debug) && !filter.contains(name) {
            builder.filter_module(name, LevelFilter::Info);
        }
    }
    builder
}

/// A record as it is written behind the time: `INFO  target] message`.
struct Line<'a>(&'a Record<'a>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(record) = self;
        write!(f, "{:<5} {}] ", record.level(), record.target())?;
        write!(Escaped(f), "{}", record.args())
    }
}

/// Passes text on with its control characters, and those that turn the direction of writing, escaped.
struct Escaped<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            let is_harmful =
                c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            match is_harmful {
                true => write!(self.0, "{}", c.escape_default())?,
                false => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
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
    fn hostile_80_a_record_is_one_line_without_control_characters() {
        let args =
            format_args!("room=S\n1970 ERROR forged\r\u{1b}[31m\u{9b}2J\u{202e}\u{2028} é 字");
        let record = Record::builder()
            .level(Level::Info)
            .target("switchboard")
            .args(args)
            .build();
        assert_eq!(
            Line(&record).to_string(),
            "INFO  switchboard] room=S\\n1970 ERROR forged\\r\\u{1b}[31m\\u{9b}2J\\u{202e}\\u{2028} é 字"
        );
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
