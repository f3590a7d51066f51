//! The configuration: what is accepted is within its bounds, and no secret is ever shown.

use std::time::Duration;

use switchboard::config::keys::find;
use switchboard::config::{Config, ConfigError, Layer, Mqtt, MqttUrl, Secret, Settings};
use url::Url;

/// A password shorter than this may stand somewhere else by chance.
const TELLING: usize = 6;
/// Keys whose values may hold a password.
const URLS: [&str; 6] = [
    "mqtt_url",
    "database_url",
    "jwks",
    "access_url",
    "llm_url",
    "embeddings_url",
];
const DAY: Duration = Duration::from_secs(86_400);

/// Settings, as flags: `name=value` lines.
pub fn values(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let mut layer = Layer::new();
    for line in text.lines() {
        let Some((name, value)) = line.split_once('=') else {
            continue;
        };
        if let Some(key) = find(name) {
            layer.insert(key.name, value.to_owned());
        }
    }
    let environment: [(std::ffi::OsString, std::ffi::OsString); 0] = [];
    let settings = Settings::gather(&layer, environment, None).expect("only known keys");
    match Config::from_settings(&settings) {
        Ok(config) => check(&config, &settings, &layer),
        Err(error) => check_error(&error.to_string(), &layer),
    }
}

/// A configuration file.
pub fn file(input: &[u8]) {
    let environment: [(std::ffi::OsString, std::ffi::OsString); 0] = [];
    let settings = super::temporary::with_file(input, |path| {
        Settings::gather(&Layer::new(), environment, Some(path))
    });
    match settings {
        Ok(settings) => drop(Config::from_settings(&settings)),
        Err(ConfigError::File { reason, .. }) => {
            assert!(!reason.contains('\n'), "more than one line: {reason}");
            assert!(!reason.contains("hush-hush"), "a secret is shown: {reason}");
        }
        Err(_) => {}
    }
}

fn check(config: &Config, settings: &Settings, layer: &Layer) {
    assert!(!config.listen.is_empty());
    for time in [config.ping_interval, config.ping_timeout, config.media_poll] {
        assert!(!time.is_zero() && time <= DAY);
    }
    assert!((1..=1 << 30).contains(&config.max_payload_bytes));
    assert!((1..=1024).contains(&config.workers));
    assert!(config.retention.is_none_or(|time| time <= 3_650 * DAY));
    if let Mqtt::External(url) = &config.mqtt {
        check_broker(url);
    }
    for origin in &config.allowed_origins {
        assert!(origin == "*" || Url::parse(origin).is_ok_and(|url| url.has_host()));
    }
    let shown: Vec<String> = settings.iter().map(ToString::to_string).collect();
    let shown = shown.join("\n") + &format!("{config:?}");
    for secret in secrets(layer) {
        assert!(!shown.contains(&secret), "{secret} is shown in {shown}");
    }
}

/// Without its password it is the same URL again.
fn check_broker(url: &MqttUrl) {
    let again = MqttUrl::parse(&url.to_string()).expect("what is shown is a URL");
    assert_eq!(
        (&again.host, again.port, again.tls),
        (&url.host, url.port, url.tls)
    );
    let password = url.password.as_ref().map(Secret::expose);
    assert!(url.username.is_some() || password.is_none());
}

fn check_error(error: &str, layer: &Layer) {
    for secret in secrets(layer) {
        assert!(!error.contains(&secret), "{secret} is shown in {error}");
    }
}

/// What must not be shown: the values of secret keys, and passwords in URLs, unless they stand elsewhere as well.
fn secrets(layer: &Layer) -> Vec<String> {
    let mut secrets = Vec::new();
    for (name, value) in layer {
        match find(name) {
            Some(key) if key.secret => secrets.push(value.clone()),
            _ if !URLS.contains(name) => {}
            _ => {
                let url = Url::parse(value).ok();
                secrets.extend(url.and_then(|url| url.password().map(str::to_owned)));
            }
        }
    }
    let all: Vec<&String> = layer.values().collect();
    let stands_once = |secret: &String| {
        let places = all
            .iter()
            .map(|value| value.matches(secret.as_str()).count());
        places.sum::<usize>() == 1
    };
    secrets.retain(|secret| secret.len() >= TELLING && stands_once(secret));
    secrets
}
