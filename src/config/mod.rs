//! The configuration: typed, validated, and complete before anything starts.
//!
//! `keys` is the table, `layers` finds which layer sets what, `values` reads the text, and `Config` is what
//! the rest of the program sees. Only this module reads the environment, and it is handed in.

mod chat;
mod error;
pub mod keys;
mod layers;
mod limits;
mod mqtt_url;
mod secret;
#[cfg(test)]
mod tests;
mod tls;
mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use chat::{Documents, Embeddings, Llm, LlmProvider};
pub use error::ConfigError;
pub use layers::{Layer, Setting, Settings, Source};
pub use limits::Limits;
pub use mqtt_url::MqttUrl;
pub use secret::{Secret, WebAddress, mask_url};
pub use tls::{CertificateFiles, MqttTls};
pub use values::reachable;

/// Everything that can be configured. No field prints a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where HTTP and WebSocket are served; at least one.
    pub listen: Vec<SocketAddr>,
    /// What HTTPS shows; none: plain HTTP.
    pub tls: Option<CertificateFiles>,
    /// How long a TLS handshake of a client may take.
    pub tls_timeout: Duration,
    /// The broker.
    pub mqtt: Mqtt,
    /// TLS to it.
    pub mqtt_tls: MqttTls,
    /// Connections to it that transcripts come by, at least one.
    pub mqtt_delivery_links: usize,
    /// `sqlite://…` or `postgres://…`; may hold a password.
    pub database_url: Secret,
    /// HS256 key, at least 32 bytes.
    pub jwt_secret: Option<Secret>,
    /// File or web address of a JWKS.
    pub jwks: Option<WebAddress>,
    /// Who decides what a token may do.
    pub access: AccessSource,
    /// After which time the rights of each socket are asked again; none: only when they may have changed.
    pub recheck: Option<Duration>,
    /// Origins in the form browsers send; empty: the same origin only; `*`: all.
    pub allowed_origins: Vec<String>,
    /// How a bad handshake is refused.
    pub refusal: Refusal,
    /// Whether sockets without a token may use the chat events.
    pub anonymous_chat: bool,
    /// Pause between two Engine.IO pings.
    pub ping_interval: Duration,
    /// How long a ping may go unanswered.
    pub ping_timeout: Duration,
    /// How long a connection may stay without joining a namespace.
    pub connect_timeout: Duration,
    /// Longest time over which connections are closed when the program stops; at most 10 s.
    pub drain: Duration,
    /// Largest message that a client may send, in bytes.
    pub max_payload_bytes: usize,
    /// What else clients may do.
    pub limits: Limits,
    /// Pause between two polls of the conversations in processing.
    pub media_poll: Duration,
    /// Socket.IO connection state recovery.
    pub recovery: Recovery,
    /// How long a socket whose connection is lost stays in its rooms.
    pub recovery_window: Duration,
    /// How long finals are kept; none: they are not stored.
    pub retention: Option<Duration>,
    /// The language model; none: the extractive responder.
    pub llm: Option<Llm>,
    /// The embeddings; none: full-text search.
    pub embeddings: Option<Embeddings>,
    /// What is taken into projects, and what answers are based on.
    pub documents: Documents,
    /// env_logger filter.
    pub log: String,
    /// This node's name, one MQTT topic level.
    pub node: String,
    /// Worker threads of the HTTP server, at least one.
    pub workers: usize,
    /// Where `demo` keeps its files.
    pub data_dir: PathBuf,
}

/// Which broker is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mqtt {
    /// The one inside this program.
    Embedded {
        /// Where it listens; port 0 takes a free one.
        listen: SocketAddr,
    },
    /// One outside.
    External(MqttUrl),
}

/// Who decides what a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessSource {
    /// The sessions and members of the database.
    Store,
    /// Somebody else's backend.
    Http(AccessBackend),
}

/// Somebody else's backend that decides what a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessBackend {
    /// Where questions are posted to.
    pub url: String,
    /// Sent along as a bearer token.
    pub key: Option<Secret>,
    /// Bounds a question and its answer.
    pub timeout: Duration,
    /// How long an answer holds; zero: not at all.
    pub cache: Duration,
}

/// How a bad handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A CONNECT_ERROR packet.
    ConnectError,
    /// Connect, the event `unauthorized`, disconnect.
    Unauthorized,
}

/// Who gets connection state recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Sockets whose handshake auth has `recovery: true`.
    Ask,
    /// All.
    On,
    /// None.
    Off,
}

impl Config {
    /// Reads the configuration from its layers; see [`Settings::gather`].
    pub fn load(
        flags: &Layer,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        Self::from_settings(&Settings::gather(flags, environment, file)?)
    }

    /// Validates `settings`. Every key is read, also those of features that are switched off.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let config = Self {
            listen: required(settings, "listen", values::addresses)?,
            tls: tls::certificate_files(settings, "tls_cert", "tls_key")?,
            tls_timeout: required(settings, "tls_timeout_ms", values::millis)?,
            mqtt: mqtt(settings)?,
            mqtt_tls: tls::mqtt(settings)?,
            mqtt_delivery_links: required(settings, "mqtt_delivery_links", values::delivery_links)?,
            database_url: required(settings, "database_url", values::database_url)?,
            jwt_secret: optional(settings, "jwt_secret", values::jwt_secret)?,
            jwks: optional(settings, "jwks", values::jwks)?,
            access: access(settings)?,
            recheck: Some(required(settings, "recheck_ms", values::millis_or_none)?)
                .filter(|every| !every.is_zero()),
            allowed_origins: optional(settings, "allowed_origins", values::origins)?
                .unwrap_or_default(),
            refusal: required(settings, "refusal", |text| {
                let words = [
                    ("connect_error", Refusal::ConnectError),
                    ("unauthorized", Refusal::Unauthorized),
                ];
                values::choice(text, &words)
            })?,
            anonymous_chat: optional(settings, "anonymous", |text| {
                values::choice(text, &[("chat", true)])
            })?
            .unwrap_or(false),
            ping_interval: required(settings, "ping_interval_ms", values::millis)?,
            ping_timeout: required(settings, "ping_timeout_ms", values::millis)?,
            connect_timeout: required(settings, "connect_timeout_ms", values::millis)?,
            drain: required(settings, "drain_ms", values::drain)?,
            max_payload_bytes: required(settings, "max_payload_bytes", values::payload_bytes)?,
            limits: limits::read(settings)?,
            media_poll: required(settings, "media_poll_ms", values::millis)?,
            recovery_window: required(settings, "recovery_window_ms", values::millis)?,
            recovery: required(settings, "recovery", |text| {
                let words = [
                    ("ask", Recovery::Ask),
                    ("on", Recovery::On),
                    ("off", Recovery::Off),
                ];
                values::choice(text, &words)
            })?,
            retention: required(settings, "retention", values::retention)?,
            llm: chat::llm(settings)?,
            embeddings: chat::embeddings(settings)?,
            documents: chat::documents(settings)?,
            log: required(settings, "log", values::log_filter)?,
            node: required(settings, "node", values::node)?,
            workers: required(settings, "workers", values::workers)?,
            data_dir: required(settings, "data_dir", values::text).map(PathBuf::from)?,
        };
        config.check_ports(settings)?;
        Ok(config)
    }

    /// Refuses one port for two listeners, which would only show as "address in use" at start.
    fn check_ports(&self, settings: &Settings) -> Result<(), ConfigError> {
        match &self.mqtt {
            Mqtt::Embedded { listen } if listen.port() != 0 && self.listen.contains(listen) => {
                Err(fault(
                    settings,
                    "mqtt_listen",
                    format!("{listen} is also in listen"),
                ))
            }
            _ => Ok(()),
        }
    }
}

fn mqtt(settings: &Settings) -> Result<Mqtt, ConfigError> {
    let listen = required(settings, "mqtt_listen", values::address)?;
    let external = optional(settings, "mqtt_url", MqttUrl::parse)?;
    Ok(external.map_or(Mqtt::Embedded { listen }, Mqtt::External))
}

fn access(settings: &Settings) -> Result<AccessSource, ConfigError> {
    let by_http = required(settings, "access", |text| {
        values::choice(text, &[("store", false), ("http", true)])
    })?;
    let url = optional(settings, "access_url", values::endpoint)?;
    let key = optional(settings, "access_key", values::secret)?;
    let timeout = required(settings, "access_timeout_ms", values::millis)?;
    let cache = required(settings, "access_cache_ms", values::millis_or_none)?;
    let backend = url.map(|url| AccessBackend {
        url,
        key,
        timeout,
        cache,
    });
    match (by_http, backend) {
        (false, _) => Ok(AccessSource::Store),
        (true, Some(backend)) => Ok(AccessSource::Http(backend)),
        (true, None) => Err(fault(
            settings,
            "access",
            "http needs access_url".to_owned(),
        )),
    }
}

fn optional<T>(
    settings: &Settings,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = settings.get(name).value.as_deref() else {
        return Ok(None);
    };
    read(value)
        .map(Some)
        .map_err(|reason| fault(settings, name, reason))
}

fn required<T>(
    settings: &Settings,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    Ok(optional(settings, name, read)?.expect("the table or the start gives this key a default"))
}

fn fault(settings: &Settings, name: &str, reason: String) -> ConfigError {
    let Setting { key, source, .. } = settings.get(name);
    ConfigError::Invalid {
        key,
        layer: *source,
        reason,
    }
}
