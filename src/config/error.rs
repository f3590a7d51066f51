//! Why a configuration is refused. Each reads as one line and never holds a secret.

use std::path::PathBuf;

use super::keys::{Key, PREFIX};
use super::layers::Source;

/// A fault of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A name that is no key, as it was written, with the layer it came from.
    #[error("unknown key {name} in {place}{}", suggestion(*.nearest, name))]
    UnknownKey {
        /// The name as written.
        name: String,
        /// `the environment`, or the file.
        place: String,
        /// The key most like it.
        nearest: Option<&'static Key>,
    },
    /// A value that its key does not take.
    #[error("{}: {reason}", layer.name_of(key))]
    Invalid {
        /// The key.
        key: &'static Key,
        /// The layer that set it.
        layer: Source,
        /// What is wrong.
        reason: String,
    },
    /// The configuration file cannot be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, in one line.
        reason: String,
    },
}

fn suggestion(nearest: Option<&'static Key>, written: &str) -> String {
    match nearest {
        Some(key) if written.starts_with(PREFIX) => {
            format!("; did you mean {}?", key.environment())
        }
        Some(key) => format!("; did you mean {}?", key.name),
        None => String::new(),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Key {}
