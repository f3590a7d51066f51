//! Which layer sets which key: flags over environment over file over defaults.
//!
//! This is the text of the configuration; `Config` is its meaning. An empty value counts as none, in every layer.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::keys::{self, Fallback, KEYS, Key, PREFIX};
use super::secret::{MASK, mask_url};

/// The layer that a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Flag,
    /// The process environment.
    Environment,
    /// The configuration file.
    File,
    /// Nobody set it.
    Default,
}

impl Source {
    /// Returns what the user calls `key` in this layer.
    pub fn name_of(self, key: &Key) -> String {
        match self {
            Self::Flag => format!("--{}", key.flag()),
            Self::Environment => key.environment(),
            Self::File => format!("{} in the configuration file", key.name),
            Self::Default => format!("{} by default", key.name),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Environment => "env",
            Self::File => "file",
            Self::Default => "default",
        })
    }
}

/// One layer: values by key name.
pub type Layer = BTreeMap<&'static str, String>;

/// What a key is set to, and by whom.
#[derive(Clone)]
pub struct Setting {
    /// The key.
    pub key: &'static Key,
    /// Its text; none where the key is unset.
    pub value: Option<String>,
    /// The layer that won.
    pub source: Source,
}

impl fmt::Display for Setting {
    /// Writes `key = value  (from layer)` with secrets and passwords masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match (&self.value, self.key.fallback) {
            (Some(_), _) if self.key.secret => MASK.to_owned(),
            (Some(value), _) => mask_url(value),
            (None, Fallback::Unset(meaning)) => format!("unset: {meaning}"),
            (None, _) => "unset".to_owned(),
        };
        write!(f, "{} = {shown}  (from {})", self.key.name, self.source)
    }
}

/// The text of the whole configuration, one setting for each key of the table.
#[derive(Clone)]
pub struct Settings(Vec<Setting>);

impl Settings {
    /// Lays `flags` over `environment` over `file` over the defaults.
    pub fn gather(
        flags: &Layer,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let environment: Vec<_> = environment.into_iter().collect();
        let from_environment = read_environment(&environment)?;
        let from_file = file.map(read_file).transpose()?.unwrap_or_default();
        let layers = [
            (Source::Flag, flags),
            (Source::Environment, &from_environment),
            (Source::File, &from_file),
        ];
        let mut settings = Self(KEYS.iter().map(|key| pick(key, &layers)).collect());
        settings.compute_defaults(&environment);
        Ok(settings)
    }

    /// Returns the setting of the key called `name`, which must be in the table.
    pub fn get(&self, name: &str) -> &Setting {
        let found = self.0.iter().find(|setting| setting.key.name == name);
        found.expect("only names of the table are asked for")
    }

    /// Replaces the value of a key that nobody set; a value that somebody chose stays.
    pub fn set_default(&mut self, name: &str, value: String) {
        for setting in &mut self.0 {
            if setting.key.name == name && setting.source == Source::Default {
                setting.value = Some(value.clone());
            }
        }
    }

    /// Returns every setting, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    fn compute_defaults(&mut self, environment: &[(OsString, OsString)]) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.set_default("workers", cores.to_string());
        // The rest is for the broker's links, the database and files.
        let connections = crate::descriptors::limit() / 8 * 7;
        self.set_default("max_connections", connections.to_string());
        self.set_default("data_dir", data_dir(environment).display().to_string());
        let listen = self.get("listen").value.clone().unwrap_or_default();
        self.set_default("node", node_name(&listen));
    }
}

fn pick(key: &'static Key, layers: &[(Source, &Layer)]) -> Setting {
    for (source, layer) in layers {
        if let Some(value) = layer.get(key.name).filter(|value| !value.is_empty()) {
            return Setting {
                key,
                value: Some(value.clone()),
                source: *source,
            };
        }
    }
    let value = match key.fallback {
        Fallback::Value(text) => Some(text.to_owned()),
        Fallback::Computed(_) | Fallback::Unset(_) => None,
    };
    Setting {
        key,
        value,
        source: Source::Default,
    }
}

fn read_environment(environment: &[(OsString, OsString)]) -> Result<Layer, ConfigError> {
    let mut layer = Layer::new();
    for (name, value) in environment {
        let name = name.to_string_lossy();
        let Some(rest) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let key = KEYS.iter().find(|key| key.environment() == name);
        let key = key.ok_or_else(|| ConfigError::UnknownKey {
            name: name.to_string(),
            place: "the environment".to_owned(),
            nearest: keys::nearest(rest),
        })?;
        let value = value.to_str().ok_or_else(|| ConfigError::Invalid {
            key,
            layer: Source::Environment,
            reason: "the value is not UTF-8".to_owned(),
        })?;
        layer.insert(key.name, value.to_owned());
    }
    Ok(layer)
}

fn read_file(path: &Path) -> Result<Layer, ConfigError> {
    let fault = |reason: String| ConfigError::File {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        // The error's own display shows the offending line, which may hold a secret.
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        fault(format!(
            "line {line}: {}",
            error.message().replace('\n', ", ")
        ))
    })?;
    let mut layer = Layer::new();
    for (name, value) in &table {
        let key = keys::find(name).ok_or_else(|| ConfigError::UnknownKey {
            name: name.clone(),
            place: path.display().to_string(),
            nearest: keys::nearest(name),
        })?;
        let value = scalar(value).ok_or_else(|| ConfigError::Invalid {
            key,
            layer: Source::File,
            reason: "a text, a whole number or a list of texts is wanted".to_owned(),
        })?;
        layer.insert(key.name, value);
    }
    Ok(layer)
}

/// Returns the text of a file's value; a list is joined by commas, as in the environment.
fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

/// Returns the folder for the program's data: of the user where one is known, else a temporary one.
fn data_dir(environment: &[(OsString, OsString)]) -> PathBuf {
    let get = |wanted: &str| {
        let found = environment
            .iter()
            .find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| PathBuf::from(value))
    };
    let base = get("XDG_DATA_HOME")
        .or_else(|| get("HOME").map(|home| home.join(".local").join("share")))
        .or_else(|| get("LOCALAPPDATA"))
        .unwrap_or_else(std::env::temp_dir);
    base.join("switchboard")
}

/// Returns `host-port`: readable, and stable over restarts; two nodes on one host differ by their port.
fn node_name(listen: &str) -> String {
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let fit = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let host: String = host.chars().take(48).map(fit).collect();
    let first = listen.split(',').next().unwrap_or_default();
    let port = first.rsplit(':').next().unwrap_or_default();
    let port: String = port.chars().filter(char::is_ascii_digit).take(5).collect();
    format!(
        "{}-{port}",
        if host.is_empty() {
            "switchboard"
        } else {
            &host
        }
    )
}
