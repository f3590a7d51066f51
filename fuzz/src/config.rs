//! The configuration: what is accepted is within its bounds, and no secret is ever shown.

use std::ffi::OsString;
use std::time::Duration;

use switchboard::config::keys::find;
use switchboard::config::{Config, ConfigError, Layer, Mqtt, MqttUrl, Secret, Settings};
use url::Url;

/// A password that stands nowhere by chance.
const PASSWORD: &str = "hush-hush";
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
    let shown = read(&layer);
    assert_eq!(shown, read(&with_other_secrets(&layer)), "secrets show");
    if has_password(&layer) {
        assert!(!shown.contains(PASSWORD), "a password shows: {shown}");
    }
}

/// All that is ever shown of the settings: the fault, or what they are.
fn read(layer: &Layer) -> String {
    let environment: [(OsString, OsString); 0] = [];
    let settings = Settings::gather(layer, environment, None).expect("only known keys");
    match Config::from_settings(&settings) {
        Ok(config) => {
            check(&config);
            let lines: Vec<String> = settings.iter().map(ToString::to_string).collect();
            format!("{}\n{config:?}", lines.join("\n"))
        }
        Err(error) => error.to_string(),
    }
}

/// The same, but for the values of secret keys, which are others as long.
fn with_other_secrets(layer: &Layer) -> Layer {
    let other = |name: &str, value: &String| match find(name) {
        Some(key) if key.secret => "Z".repeat(value.len()),
        _ => value.clone(),
    };
    let settings = layer.iter();
    settings
        .map(|(name, value)| (*name, other(name, value)))
        .collect()
}

/// Whether the password is one of a URL, and nothing else.
fn has_password(layer: &Layer) -> bool {
    let count = |value: &String| value.matches(PASSWORD).count();
    let password = |name: &&str| {
        Url::parse(layer.get(*name)?)
            .ok()?
            .password()
            .map(str::to_owned)
    };
    layer.values().map(count).sum::<usize>() == 1
        && URLS
            .iter()
            .filter_map(password)
            .any(|password| password.contains(PASSWORD))
}

/// A configuration file.
pub fn file(input: &[u8]) {
    let environment: [(OsString, OsString); 0] = [];
    let settings = super::temporary::with_file(input, |path| {
        Settings::gather(&Layer::new(), environment, Some(path))
    });
    match settings {
        Ok(settings) => drop(Config::from_settings(&settings)),
        Err(ConfigError::File { reason, .. }) => {
            assert!(!reason.contains('\n'), "more than one line: {reason}");
            assert!(!reason.contains(PASSWORD), "a secret is shown: {reason}");
        }
        Err(_) => {}
    }
}

fn check(config: &Config) {
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
