//! What of a published session anybody may see: everything but secrets, which are known by their names.
//!
//! Publishers put provider keys and the addresses of audio ingest into the list. What is left out here is nowhere else.

use serde_json::{Map, Value};

/// A name that contains one of these, in any case and without separators, names a secret…
const SECRET_PARTS: [&str; 11] = [
    "apikey",
    "authorization",
    "credential",
    "ingest",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "streamendpoint",
    "token",
    "privatekey",
];
/// … and one that ends with one of these.
const SECRET_ENDS: [&str; 5] = ["key", "keys", "pwd", "psw", "salt"];
/// What is public of the configuration of a transcriber's profile, beside its languages.
const PROFILE_FIELDS: [&str; 4] = ["type", "name", "description", "region"];

/// Removes what is secret, at any depth.
pub fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => strip_fields(fields),
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn strip_fields(fields: &mut Map<String, Value>) {
    fields.retain(|name, value| {
        let name = plain(name);
        if is_secret(&name) {
            return false;
        }
        match name.starts_with("transcriberprofile") {
            true => strip_profiles(value),
            false => strip(value),
        }
        true
    });
}

/// The name in small letters, without separators.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

fn is_secret(name: &str) -> bool {
    SECRET_PARTS.iter().any(|part| name.contains(part))
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
}

/// One profile, or several. An id alone says nothing.
fn strip_profiles(value: &mut Value) {
    match value {
        Value::Object(profile) => *value = Value::Object(public_profile(profile)),
        Value::Array(profiles) => profiles.iter_mut().for_each(strip_profiles),
        _ => {}
    }
}

/// Providers' settings differ and change, so that of a profile only what is known to be public is kept.
fn public_profile(profile: &Map<String, Value>) -> Map<String, Value> {
    let mut public = Map::new();
    if let Some(id) = profile.get("id").filter(|id| is_plain(id)) {
        public.insert("id".to_owned(), id.clone());
    }
    let Some(config) = profile.get("config").and_then(Value::as_object) else {
        return public;
    };
    let kept = PROFILE_FIELDS
        .iter()
        .filter_map(|name| config.get_key_value(*name));
    let kept = kept.filter(|(_, value)| is_plain(value));
    let mut public_config: Map<_, _> = kept.map(|(n, v)| (n.clone(), v.clone())).collect();
    if let Some(languages) = config.get("languages").and_then(Value::as_array) {
        let languages = languages.iter().filter_map(public_language).collect();
        public_config.insert("languages".to_owned(), languages);
    }
    public.insert("config".to_owned(), public_config.into());
    public
}

/// A language tag, or `{candidate, translations}`.
fn public_language(language: &Value) -> Option<Value> {
    let fields = match language {
        Value::String(_) => return Some(language.clone()),
        Value::Object(fields) => fields,
        _ => return None,
    };
    let mut public = Map::new();
    if let Some(candidate) = fields.get("candidate").filter(|c| c.is_string()) {
        public.insert("candidate".to_owned(), candidate.clone());
    }
    if let Some(translations) = fields.get("translations").and_then(Value::as_array) {
        let tags = translations.iter().filter(|tag| tag.is_string()).cloned();
        public.insert("translations".to_owned(), tags.collect());
    }
    Some(public.into())
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stripped(mut value: Value) -> Value {
        strip(&mut value);
        value
    }

    #[test]
    fn ingest_addresses_are_removed_at_any_depth() {
        let endpoints = json!({"srt": "srt://ingest:1?passphrase=x", "rtmp": "y", "ws": "z"});
        let session = json!({
            "id": "S",
            "streamEndpoints": endpoints,
            "channels": [{"id": 1, "streamEndpoints": endpoints, "a": {"b": [{"streamEndpoints": 1}]}}],
        });
        let expected = json!({"id": "S", "channels": [{"id": 1, "a": {"b": [{}]}}]});
        assert_eq!(stripped(session), expected);
    }

    #[test]
    fn of_a_transcribers_profile_only_what_is_known_to_be_public_is_kept() {
        let profile = json!({
            "id": 7,
            "config": {
                "type": "azure",
                "name": "N",
                "description": "D",
                "region": "eu",
                "languages": ["fr", {"candidate": "en", "translations": ["de", {"key": 1}], "endpoint": "e"}, 5, ["x"]],
                "key": "provider-key",
                "endpoint": "https://provider",
                "availableTranslations": ["x"],
            },
            "meta": {"a": 1},
        });
        let expected = json!({
            "id": 7,
            "config": {
                "type": "azure",
                "name": "N",
                "description": "D",
                "region": "eu",
                "languages": ["fr", {"candidate": "en", "translations": ["de"]}],
            },
        });
        for name in [
            "transcriberProfile",
            "TranscriberProfile",
            "transcriber_profile",
        ] {
            let session = json!({"channels": [{name: profile.clone()}]});
            let public = stripped(session);
            assert_eq!(public, json!({"channels": [{name: expected.clone()}]}));
        }
        let several = json!({"transcriberProfiles": [profile]});
        assert_eq!(
            stripped(several),
            json!({"transcriberProfiles": [expected]})
        );
    }

    #[test]
    fn a_profile_of_another_shape_hides_nothing() {
        for (profile, expected) in [
            (json!({}), json!({})),
            (json!({"id": {"key": 1}, "config": "key"}), json!({})),
            (
                json!({"config": {"name": {"key": 1}, "languages": "key"}}),
                json!({"config": {}}),
            ),
            (
                json!({"config": {"languages": [{"candidate": {"key": 1}, "translations": "key"}]}}),
                json!({"config": {"languages": [{}]}}),
            ),
            (json!(null), json!(null)),
        ] {
            let session = json!({"transcriberProfile": profile});
            assert_eq!(stripped(session), json!({"transcriberProfile": expected}));
        }
    }

    #[test]
    fn what_is_named_like_a_secret_is_removed_whatever_its_case_and_separators() {
        for name in [
            "key",
            "KEY",
            "keys",
            "apiKey",
            "api_key",
            "api-key",
            "API KEY",
            "x-Api-Key",
            "password",
            "Pass_Word",
            "passwordHash",
            "userPassword",
            "secret",
            "clientSecret",
            "token",
            "access_token",
            "tokenId",
            "psw",
            "SESSION_PSW_SALT",
            "privateKey",
            "credentials",
            "Authorization",
            "stream_endpoints",
            "ingestUrl",
        ] {
            let session = json!({"id": "S", name: "x", "a": [{name: {"b": 1}}]});
            assert_eq!(stripped(session), json!({"id": "S", "a": [{}]}), "{name}");
        }
    }

    #[test]
    fn what_only_looks_like_a_secret_is_kept() {
        let session = json!({
            "id": "S", "name": "key", "keepAudio": true, "keywords": ["token"], "passed": 1, "streamStatus": "active",
            "scheduleOn": null, "owner": "me", "translations": ["fr"], "index": 0, "diarization": false,
        });
        assert_eq!(stripped(session.clone()), session);
    }
}
