//! The table of configuration keys: the one place that knows their names, defaults and meaning.
//!
//! Flags, environment names, file keys, `--help`, `check-config` and docs/configuration.md all follow it.

/// What begins every environment name.
pub const PREFIX: &str = "SWITCHBOARD_";

/// What a key has when no layer sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This text, read like any other value.
    Value(&'static str),
    /// A value found at start; the text says which.
    Computed(&'static str),
    /// No value; the text says what the program does then.
    Unset(&'static str),
}

/// One configuration key.
#[derive(Debug)]
pub struct Key {
    /// Name in the file, such as `mqtt_url`; flag and environment name are derived from it.
    pub name: &'static str,
    /// Placeholder of the value in help texts, such as `URL`.
    pub value: &'static str,
    /// What holds when nobody sets it.
    pub fallback: Fallback,
    /// Whether the whole value must never be printed.
    pub secret: bool,
    /// One sentence for help and documentation.
    pub doc: &'static str,
}

impl Key {
    /// Returns the environment name, such as `SWITCHBOARD_MQTT_URL`.
    pub fn environment(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase())
    }

    /// Returns the long flag without its dashes, such as `mqtt-url`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// Returns the key called `name` in the file.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Returns the key whose file name is most like `name`, where one is like it at all.
pub fn nearest(name: &str) -> Option<&'static Key> {
    let name = name.to_ascii_lowercase();
    let likeness = |key: &Key| strsim::jaro_winkler(&name, key.name);
    let best = KEYS
        .iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(best) >= 0.8).then_some(best)
}

const fn key(
    name: &'static str,
    value: &'static str,
    fallback: Fallback,
    doc: &'static str,
) -> Key {
    Key {
        name,
        value,
        fallback,
        secret: false,
        doc,
    }
}

const fn secret(name: &'static str, fallback: Fallback, doc: &'static str) -> Key {
    Key {
        name,
        value: "SECRET",
        fallback,
        secret: true,
        doc,
    }
}

use Fallback::{Computed, Unset, Value};

/// Every key, in the order of the documentation.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("listen", "ADDR,…", Value("127.0.0.1:8080"),
        "Addresses to listen on for HTTP and WebSocket, comma-separated; port 0 takes a free one"),
    key("tls_cert", "FILE", Unset("plain HTTP"),
        "PEM file with the certificate, and those that lead to a trusted one; all addresses then speak HTTPS and WSS"),
    key("tls_key", "FILE", Unset("needed with tls_cert"),
        "PEM file with the private key of tls_cert"),
    key("tls_timeout_ms", "MS", Value("10000"),
        "How long the TLS handshake of a client may take"),
    key("mqtt_url", "URL", Unset("the embedded broker"),
        "The MQTT broker: mqtt://user:pass@host:1883 or mqtts://…; user and password percent-encoded"),
    key("mqtt_listen", "ADDR", Value("127.0.0.1:1883"),
        "Where the embedded broker listens; port 0 takes a free one; not used with mqtt_url"),
    key("mqtt_ca", "FILE", Unset("the system's certificates"),
        "PEM file with the certificates trusted for mqtts://"),
    key("mqtt_cert", "FILE", Unset("no certificate is shown"),
        "PEM file with the certificate that a broker is shown, which asks for one with mqtts://"),
    key("mqtt_key", "FILE", Unset("needed with mqtt_cert"),
        "PEM file with the private key of mqtt_cert"),
    key("mqtt_delivery_links", "N", Value("1"),
        "Connections to the broker that transcripts come by, 1 to 8; all of a room come by the same one"),
    key("database_url", "URL", Value("sqlite://switchboard.db"),
        "The database: sqlite://FILE or postgres://user:pass@host/name"),
    secret("jwt_secret", Unset("no HS256 tokens"),
        "Key of HS256 tokens, at least 32 bytes"),
    key("jwks", "FILE|URL", Unset("no RS256, ES256 or EdDSA tokens"),
        "File or URL of a JWKS for RS256, ES256 and EdDSA tokens"),
    key("access", "WHO", Value("store"),
        "Who decides what a token may do: store (sessions and members in the database), or http (access_url is asked)"),
    key("access_url", "URL", Unset("needed with access = http"),
        "Where access is asked: POST {token, action, resource}; 200 is yes, 401, 403 and 404 are no"),
    secret("access_key", Unset("no key is sent"),
        "Key that is sent to access_url, as Authorization: Bearer"),
    key("access_timeout_ms", "MS", Value("2000"),
        "How long access_url may take to answer; then access is not available, which is no yes"),
    key("access_cache_ms", "MS", Value("2000"),
        "How long an answer of access_url holds; 0 asks every time"),
    key("recheck_ms", "MS", Value("60000"),
        "After this time the rights of each socket are asked again, though nobody said that they changed; 0 never"),
    key("allowed_origins", "ORIGIN,…", Unset("the same origin only"),
        "Origins whose pages may connect, comma-separated, such as https://example.org; `*` for all"),
    key("refusal", "HOW", Value("connect_error"),
        "How a bad handshake is refused: connect_error, or unauthorized (connect, that event, disconnect)"),
    key("anonymous", "chat", Unset("a token is required"),
        "`chat`: sockets without a token may use the chat events and nothing else"),
    key("ping_interval_ms", "MS", Value("25000"),
        "Pause between two Engine.IO pings"),
    key("ping_timeout_ms", "MS", Value("20000"),
        "How long a ping may go unanswered before the connection is closed"),
    key("connect_timeout_ms", "MS", Value("45000"),
        "How long a connection may stay without joining a namespace"),
    key("drain_ms", "MS", Value("8000"),
        "Longest time over which connections are closed when the program stops, at most 10000; 0 closes all at once"),
    key("max_payload_bytes", "BYTES", Value("1000000"),
        "Largest message that a client may send"),
    key("upgrade_timeout_ms", "MS", Value("10000"),
        "How long a WebSocket may take to take over from long-polling"),
    key("max_header_bytes", "BYTES", Value("16384"),
        "Bytes that a request's target and header fields may have"),
    key("max_events_per_second", "N", Value("100"),
        "Events a second that one connection may send, five times as many at once; 0 is no limit"),
    key("max_connections", "N", Computed("seven eighths of the file descriptors that the process may have"),
        "Connections at once; 0 is no limit"),
    key("max_connections_per_address", "N", Value("1000"),
        "Connections at once from one address (IPv6: one /64); 0 is no limit, as behind a proxy on another machine"),
    key("connect_rate_per_address", "N", Value("100"),
        "Connections a second from one address, and as many at once; 0 is no limit, as behind a proxy on another machine"),
    key("limit_loopback", "true|false", Value("false"),
        "Whether the limits per address hold for loopback, too"),
    key("media_poll_ms", "MS", Value("10000"),
        "Pause between two polls of the conversations in processing"),
    key("recovery", "WHEN", Value("ask"),
        "Socket.IO connection state recovery: ask (sockets whose auth has recovery: true), on, off"),
    key("recovery_window_ms", "MS", Value("120000"),
        "How long a socket whose connection is lost stays in its rooms; after that, its finals come back from the database"),
    key("retention", "TIME", Value("7d"),
        "How long finals are kept, such as 12h or 7d; 0 keeps none"),
    key("llm_url", "URL", Unset("the extractive responder"),
        "Base URL of the language model's API, ending in /v1"),
    key("llm_model", "NAME", Unset("the provider's choice"),
        "Default language model; needed with llm_provider = anthropic"),
    key("llm_models", "NAME,…", Unset("any"),
        "Models that a question may ask for beside the default one, comma-separated"),
    key("llm_max_temperature", "N", Value("2"),
        "Highest temperature that a question may ask for, 0 to 2"),
    key("llm_max_tokens", "N", Value("1024"),
        "Longest answer, in the model's tokens"),
    secret("llm_key", Unset("no key is sent"),
        "Key for the language model's API"),
    key("llm_provider", "NAME", Value("openai"),
        "Form of the language model's API: openai or anthropic"),
    key("llm_timeout_ms", "MS", Value("30000"),
        "Bounds connecting to the language model, its first token, and the time between tokens"),
    key("embeddings_url", "URL", Unset("full-text search"),
        "Base URL of an OpenAI-compatible embeddings API"),
    key("embeddings_model", "NAME", Unset("the endpoint's choice"),
        "Model of the embeddings API"),
    secret("embeddings_key", Unset("no key is sent"),
        "Key for the embeddings API"),
    key("max_document_bytes", "BYTES", Value("20000000"),
        "Largest document that a project takes, at most 100000000"),
    key("min_score", "N", Value("0.3"),
        "Chunks of documents that fit a question less, 0 to 1, are no sources of its answer"),
    key("log", "FILTER", Value("info"),
        "What is logged on stderr, as an env_logger filter, such as info or warn,switchboard=debug"),
    key("node", "NAME", Computed("host name and first listen port"),
        "This node's name in switchboard/status/{node}: letters, digits, dot, dash, underscore"),
    key("workers", "N", Computed("the available cores"),
        "Worker threads of the HTTP server"),
    key("data_dir", "DIR", Computed("switchboard in the user's data folder"),
        "Where `demo` keeps its database and its signing key"),
];
