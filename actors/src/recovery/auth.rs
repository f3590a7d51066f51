//! What a CONNECT says about recovery. Nothing of it can make a handshake fail: what is wrong asks for nothing.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::outbox::Offset;

/// A longer private id is none of ours.
const PID_BYTES: usize = 64;

/// The parts of the handshake's auth that recovery reads. Official clients add `pid` and `offset` by themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Returning {
    /// `recovery: true`.
    pub(super) asks: bool,
    /// The private id of the socket that comes back.
    pub(super) pid: Option<String>,
    /// The last event that it saw; none: it saw none.
    pub(super) offset: Option<Offset>,
}

#[derive(Default, Deserialize)]
struct Auth {
    #[serde(default)]
    recovery: Value,
    #[serde(default)]
    pid: Value,
    #[serde(default)]
    offset: Value,
}

impl Returning {
    pub(super) fn read(auth: Option<&RawValue>) -> Self {
        let auth = auth.and_then(|auth| serde_json::from_str::<Auth>(auth.get()).ok());
        let auth = auth.unwrap_or_default();
        let is_id = |pid: &&str| !pid.is_empty() && pid.len() <= PID_BYTES;
        let mut pid = auth.pid.as_str().filter(is_id);
        let offset = auth.offset.as_str().map(Offset::parse);
        if offset == Some(None) || !(auth.offset.is_null() || auth.offset.is_string()) {
            // Not an offset of ours: where the client stands is not known.
            pid = None;
        }
        Self {
            asks: auth.recovery == Value::Bool(true),
            pid: pid.map(str::to_owned),
            offset: offset.flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(auth: &str) -> Returning {
        let auth = RawValue::from_string(auth.to_owned()).unwrap();
        Returning::read(Some(&auth))
    }

    #[test]
    fn clients_ask_for_recovery_and_say_where_they_stand() {
        assert_eq!(Returning::read(None), Returning::default());
        assert_eq!(read(r#"{"token":"t"}"#), Returning::default());
        assert!(read(r#"{"recovery":true}"#).asks);
        let returning = read(r#"{"pid":"p","offset":"1f-2","recovery":true}"#);
        assert_eq!(returning.pid.as_deref(), Some("p"));
        assert_eq!(returning.offset, Offset::parse("1f-2"));
        assert_eq!(read(r#"{"pid":"p"}"#).pid.as_deref(), Some("p"));
    }

    #[test]
    fn what_is_wrong_asks_for_nothing() {
        let long = format!(r#"{{"pid":"{}"}}"#, "p".repeat(65));
        for auth in [
            "[]",
            "7",
            r#"{"recovery":"true"}"#,
            r#"{"pid":7}"#,
            r#"{"pid":""}"#,
            &long,
            r#"{"pid":"p","offset":7}"#,
            r#"{"pid":"p","offset":"'; DROP"}"#,
            r#"{"pid":["p"],"offset":{}}"#,
        ] {
            assert_eq!(read(auth), Returning::default(), "{auth}");
        }
    }
}
