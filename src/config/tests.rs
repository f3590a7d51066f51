//! The layers, and each line that a fault prints.

mod samples;

use std::collections::BTreeSet;
use std::io::Write;

use tempfile::NamedTempFile;

use super::keys::{Fallback, KEYS};
use super::*;
use samples::SAMPLES;

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&Layer::new(), environment(pairs), None)
}

fn defaults() -> Config {
    from_environment(&[("HOME", "/home/ann")]).unwrap()
}

#[test]
fn without_any_layer_the_documented_defaults_hold() {
    let config = defaults();
    assert_eq!(config.listen, ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(
        config.mqtt,
        Mqtt::Embedded {
            listen: "127.0.0.1:1883".parse().unwrap()
        }
    );
    assert_eq!(config.database_url.expose(), "sqlite://switchboard.db");
    assert_eq!(config.jwt_secret, None);
    assert_eq!(config.access, AccessSource::Store);
    assert_eq!(config.recheck, Some(Duration::from_secs(60)));
    assert_eq!(config.drain, Duration::from_secs(8));
    assert!(config.allowed_origins.is_empty());
    assert_eq!(config.refusal, Refusal::ConnectError);
    assert!(!config.anonymous_chat);
    assert_eq!(config.ping_interval, Duration::from_millis(25_000));
    assert_eq!(config.ping_timeout, Duration::from_millis(20_000));
    assert_eq!(config.connect_timeout, Duration::from_millis(45_000));
    assert_eq!(config.max_payload_bytes, 1_000_000);
    assert_eq!(config.media_poll, Duration::from_millis(10_000));
    let limits = config.limits;
    assert!(limits.connections > 0);
    assert_eq!(
        limits,
        Limits {
            connections: limits.connections,
            connections_per_address: 1_000,
            connect_rate_per_address: 100,
            loopback: false,
            header_bytes: 16_384,
            events_per_second: 100,
            upgrade_timeout: Duration::from_secs(10),
        }
    );
    assert_eq!(config.recovery, Recovery::Ask);
    assert_eq!(config.recovery_window, Duration::from_secs(120));
    assert_eq!(config.retention, Some(Duration::from_secs(7 * 86_400)));
    assert_eq!((config.llm, config.embeddings), (None, None));
    assert_eq!(config.log, "info");
    assert!(config.node.ends_with("-8080"), "{}", config.node);
    assert!(config.workers >= 1);
    assert_eq!(
        config.data_dir,
        Path::new("/home/ann/.local/share/switchboard")
    );
}

#[test]
fn every_key_of_the_table_is_read_and_reaches_the_configuration() {
    let sampled: BTreeSet<&str> = SAMPLES.iter().map(|(name, ..)| *name).collect();
    let known: BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(sampled, known);
    // What depends on the address of an LLM, embeddings or a backend shows only beside one, and a certificate needs its key.
    let base = [
        ("SWITCHBOARD_ACCESS", "http"),
        ("SWITCHBOARD_ACCESS_URL", "http://c"),
        ("SWITCHBOARD_TLS_CERT", "c.pem"),
        ("SWITCHBOARD_TLS_KEY", "k.pem"),
        ("SWITCHBOARD_MQTT_CERT", "c.pem"),
        ("SWITCHBOARD_MQTT_KEY", "k.pem"),
        ("SWITCHBOARD_LLM_URL", "http://a/v1"),
        ("SWITCHBOARD_LLM_MODEL", "base"),
        ("SWITCHBOARD_EMBEDDINGS_URL", "http://b"),
    ];
    let before = from_environment(&base).unwrap();
    for key in KEYS {
        let (_, value, _) = SAMPLES.iter().find(|(name, ..)| *name == key.name).unwrap();
        let mut pairs = environment(&base);
        pairs.push((key.environment().into(), value.into()));
        let after = Config::load(&Layer::new(), pairs, None).unwrap();
        assert_ne!(before, after, "{} changes nothing", key.name);
        assert!(
            !format!("{after:?}").contains("hush"),
            "{} shows its secret",
            key.name
        );
    }
}

#[test]
fn every_bad_value_stops_with_one_line_that_names_the_key_and_no_secret() {
    for (name, _, bad) in SAMPLES {
        let Some(bad) = bad else { continue };
        let key = keys::find(name).unwrap();
        let error = from_environment(&[(&key.environment(), bad)])
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("{}: ", key.environment())),
            "{error}"
        );
        assert!(!error.contains('\n') && !error.contains("hush"), "{error}");
    }
}

#[test]
fn a_flag_wins_over_environment_over_file_over_default() {
    let file = file("node = 'by-file'\nrefusal = 'unauthorized'\nping_timeout_ms = 7\n");
    let environment = environment(&[
        ("SWITCHBOARD_NODE", "by-env"),
        ("SWITCHBOARD_PING_TIMEOUT_MS", "8"),
    ]);
    let flags = Layer::from([("node", "by-flag".to_owned())]);
    let settings = Settings::gather(&flags, environment, Some(file.path())).unwrap();
    let config = Config::from_settings(&settings).unwrap();
    assert_eq!(config.node, "by-flag");
    assert_eq!(config.ping_timeout, Duration::from_millis(8));
    assert_eq!(config.refusal, Refusal::Unauthorized);
    let sources = ["node", "ping_timeout_ms", "refusal", "recovery"];
    let sources = sources.map(|name| settings.get(name).source.to_string());
    assert_eq!(sources, ["flag", "env", "file", "default"]);
}

#[test]
fn an_empty_value_counts_as_none() {
    let config = from_environment(&[("SWITCHBOARD_MQTT_URL", ""), ("SWITCHBOARD_JWT_SECRET", "")]);
    let config = config.unwrap();
    assert!(matches!(config.mqtt, Mqtt::Embedded { .. }));
    assert_eq!(config.jwt_secret, None);
}

#[test]
fn a_file_may_hold_texts_numbers_and_lists() {
    let file = file("listen = ['127.0.0.1:1', '127.0.0.1:2']\nworkers = 2\nretention = 0\n");
    let config = Config::load(&Layer::new(), [], Some(file.path())).unwrap();
    assert_eq!(config.listen.len(), 2);
    assert_eq!((config.workers, config.retention), (2, None));
}

#[test]
fn an_unknown_environment_name_stops_and_suggests_the_nearest_key() {
    let error = from_environment(&[("SWITCHBOARD_LISTN", "x")])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "unknown key SWITCHBOARD_LISTN in the environment; did you mean SWITCHBOARD_LISTEN?"
    );
    let error = from_environment(&[("SWITCHBOARD_zzzz", "x")])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "unknown key SWITCHBOARD_zzzz in the environment");
    assert!(from_environment(&[("SWITCHBOARDS", "x"), ("LISTEN", "x")]).is_ok());
}

#[test]
fn an_unknown_file_key_stops_and_suggests_the_nearest_key() {
    let file = file("mqtt-url = 'mqtt://broker'\n");
    let error = Config::load(&Layer::new(), [], Some(file.path()))
        .unwrap_err()
        .to_string();
    let place = file.path().display();
    assert_eq!(
        error,
        format!("unknown key mqtt-url in {place}; did you mean mqtt_url?")
    );
}

#[test]
fn a_bad_file_stops_with_its_line_and_without_its_text() {
    let broken = file("log = 'info'\njwt_secret = 'hush\n");
    let error = Config::load(&Layer::new(), [], Some(broken.path()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("line 2: ") && !error.contains("hush"),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");

    let nested = file("[listen]\naddress = '127.0.0.1:1'\n");
    let error = Config::load(&Layer::new(), [], Some(nested.path()))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("listen in the configuration file: "),
        "{error}"
    );

    let missing = Path::new("no-such-folder/switchboard.toml");
    let error = Config::load(&Layer::new(), [], Some(missing))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("no-such-folder/switchboard.toml: "),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn an_environment_value_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let pair = (
        OsString::from("SWITCHBOARD_NODE"),
        OsString::from_vec(vec![0xff]),
    );
    let error = Config::load(&Layer::new(), [pair], None)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "SWITCHBOARD_NODE: the value is not UTF-8");
}

#[test]
fn one_address_cannot_be_listened_on_twice() {
    let error = from_environment(&[("SWITCHBOARD_LISTEN", "[::]:5,[::]:5")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SWITCHBOARD_LISTEN: [::]:5 is there twice"
    );
    assert!(from_environment(&[("SWITCHBOARD_LISTEN", "127.0.0.1:0,127.0.0.1:0")]).is_ok());
    let error = from_environment(&[("SWITCHBOARD_MQTT_LISTEN", "127.0.0.1:8080")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SWITCHBOARD_MQTT_LISTEN: 127.0.0.1:8080 is also in listen"
    );
}

#[test]
fn access_by_http_needs_an_address_and_takes_it_as_it_is() {
    let error = from_environment(&[("SWITCHBOARD_ACCESS", "http")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "SWITCHBOARD_ACCESS: http needs access_url"
    );
    let config = from_environment(&[
        ("SWITCHBOARD_ACCESS", "http"),
        ("SWITCHBOARD_ACCESS_URL", "https://example.org/rights/?v=1"),
        ("SWITCHBOARD_ACCESS_CACHE_MS", "0"),
    ]);
    let expected = AccessBackend {
        url: "https://example.org/rights/?v=1".to_owned(),
        key: None,
        timeout: Duration::from_secs(2),
        cache: Duration::ZERO,
    };
    assert_eq!(config.unwrap().access, AccessSource::Http(expected));
}

#[test]
fn origins_are_read_into_the_form_that_browsers_send() {
    let origins = |text| from_environment(&[("SWITCHBOARD_ALLOWED_ORIGINS", text)]);
    let read = origins("https://Example.org:443/, http://localhost:3000").unwrap();
    assert_eq!(
        read.allowed_origins,
        ["https://example.org", "http://localhost:3000"]
    );
    assert_eq!(origins("*").unwrap().allowed_origins, ["*"]);
    for bad in [
        "*,https://a.org",
        "https://a.org/path",
        "file:///",
        "null",
        "https://a.org,",
    ] {
        assert!(origins(bad).is_err(), "{bad}");
    }
}

#[test]
fn retention_zero_keeps_no_finals() {
    for text in ["0", "0s"] {
        assert_eq!(
            from_environment(&[("SWITCHBOARD_RETENTION", text)])
                .unwrap()
                .retention,
            None
        );
    }
    assert!(from_environment(&[("SWITCHBOARD_RETENTION", "11years")]).is_err());
}

#[test]
fn a_setting_prints_its_layer_and_masks_secrets() {
    let pairs = environment(&[
        ("SWITCHBOARD_JWT_SECRET", "0123456789abcdef0123456789abcdef"),
        ("SWITCHBOARD_MQTT_URL", "mqtt://ann:hush@broker"),
    ]);
    let settings = Settings::gather(&Layer::new(), pairs, None).unwrap();
    let shown = |name| settings.get(name).to_string();
    assert_eq!(shown("jwt_secret"), "jwt_secret = ***  (from env)");
    assert_eq!(
        shown("mqtt_url"),
        "mqtt_url = mqtt://ann:***@broker  (from env)"
    );
    assert_eq!(shown("refusal"), "refusal = connect_error  (from default)");
    assert_eq!(
        shown("llm_url"),
        "llm_url = unset: the extractive responder  (from default)"
    );
}

#[test]
fn the_documentation_lists_every_key_with_its_default() {
    let page = include_str!("../../docs/configuration.md");
    for key in KEYS {
        let default = match key.fallback {
            Fallback::Value(text) => format!("`{text}`"),
            Fallback::Computed(text) => text.to_owned(),
            Fallback::Unset(text) => format!("unset: {text}"),
        };
        let row = format!(
            "| `{}` | `--{}` | {default} | {} |",
            key.environment(),
            key.flag(),
            key.doc.replace('|', "\\|")
        );
        assert!(
            page.contains(&row),
            "docs/configuration.md lacks the row\n{row}"
        );
    }
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `SWITCHBOARD_"))
        .count();
    assert_eq!(rows, KEYS.len());
}
