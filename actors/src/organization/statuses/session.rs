//! One session of the list, as those who watch it may see it.

use serde_json::Value;
use switchboard_protocol::ids::{OrganizationId, SessionId};

use super::Fault;
use super::public;

/// A session's public part. Two are equal if their values are: neither the order of keys nor that of channels counts.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Its organization, where the list names it (`organizationId`, or `organization`).
    pub organization: Option<OrganizationId>,
    /// Whether its guests may see it: its visibility is `public`, or the list does not say.
    pub is_open: bool,
    /// What is sent: JSON without secrets, its channels in the publisher's order.
    pub json: String,
    /// What is compared: the same with its channels sorted.
    value: Value,
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Session {
    /// Reads one object of the list.
    pub fn parse(raw: &[u8]) -> Result<Self, Fault> {
        // Its recursion limit bounds the depth.
        let mut value: Value = serde_json::from_slice(raw).map_err(|_| Fault::NotJson)?;
        let id = value.get("id").and_then(Value::as_str);
        let id = id.and_then(|id| id.parse().ok()).ok_or(Fault::InvalidId)?;
        let organization = organization(&value)?;
        let is_open = match value.get("visibility") {
            None | Some(Value::Null) => true,
            Some(visibility) => visibility == "public",
        };
        public::strip(&mut value);
        let json = value.to_string();
        sort_channels(&mut value);
        Ok(Self {
            id,
            organization,
            is_open,
            json,
            value,
        })
    }
}

fn organization(session: &Value) -> Result<Option<OrganizationId>, Fault> {
    let named = ["organizationId", "organization"]
        .into_iter()
        .find_map(|name| session.get(name).filter(|value| !value.is_null()));
    let Some(named) = named else { return Ok(None) };
    let id = named.as_str().and_then(|id| id.parse().ok());
    id.map(Some).ok_or(Fault::InvalidOrganization)
}

/// Sorts the channels by `id`, or `index` for one without; those that have neither keep their order.
fn sort_channels(session: &mut Value) {
    let channels = session.get_mut("channels").and_then(Value::as_array_mut);
    let name = |channel: &Value| {
        let name = channel.get("id").or_else(|| channel.get("index"));
        name.map(Value::to_string)
    };
    if let Some(channels) = channels {
        channels.sort_by_cached_key(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Session, Fault> {
        Session::parse(json.as_bytes())
    }

    fn equal(a: &str, b: &str) -> bool {
        parse(a).unwrap() == parse(b).unwrap()
    }

    #[test]
    fn a_session_is_known_by_id_organization_and_visibility() {
        let session = parse(r#"{"id":"S","organizationId":"O","visibility":"private"}"#).unwrap();
        assert_eq!(session.id.as_str(), "S");
        assert_eq!(session.organization.unwrap().as_str(), "O");
        assert!(!session.is_open);
        let json: Value = session.json.parse().unwrap();
        let as_it_came = serde_json::json!(
            {"id": "S", "organizationId": "O", "visibility": "private"}
        );
        assert_eq!(json, as_it_came);
    }

    #[test]
    fn an_organization_may_be_missing_or_called_otherwise() {
        for (json, organization) in [
            (r#"{"id":"S"}"#, None),
            (r#"{"id":"S","organizationId":null}"#, None),
            (r#"{"id":"S","organization":"O"}"#, Some("O")),
            (
                r#"{"id":"S","organizationId":null,"organization":"O"}"#,
                Some("O"),
            ),
            (
                r#"{"id":"S","organizationId":"O","organization":"P"}"#,
                Some("O"),
            ),
        ] {
            let found = parse(json).unwrap().organization;
            assert_eq!(found.as_ref().map(OrganizationId::as_str), organization);
        }
    }

    #[test]
    fn guests_see_public_sessions_and_those_of_unknown_visibility() {
        for (visibility, is_open) in [
            ("null", true),
            ("\"public\"", true),
            ("\"organization\"", false),
            ("\"private\"", false),
            ("\"Public\"", false),
            ("1", false),
        ] {
            let json = format!(r#"{{"id":"S","visibility":{visibility}}}"#);
            assert_eq!(parse(&json).unwrap().is_open, is_open, "{visibility}");
        }
        assert!(parse(r#"{"id":"S"}"#).unwrap().is_open);
    }

    #[test]
    fn what_is_no_session_is_refused_with_its_reason() {
        for id in [
            "",
            r#""id":1"#,
            r#""id":null"#,
            r#""id":"""#,
            r#""id":"a/b""#,
            r##""id":"#""##,
        ] {
            assert_eq!(
                parse(&format!("{{{id}}}")).err(),
                Some(Fault::InvalidId),
                "{id}"
            );
        }
        for organization in ["1", "\"\"", "\"a/b\"", "\"+\"", "{}", "[]", "false"] {
            for name in ["organizationId", "organization"] {
                let json = format!(r#"{{"id":"S","{name}":{organization}}}"#);
                assert_eq!(
                    parse(&json).err(),
                    Some(Fault::InvalidOrganization),
                    "{json}"
                );
            }
        }
        let deep = format!(r#"{{"id":"S","a":{}{}}}"#, "[".repeat(127), "]".repeat(127));
        for json in [
            "{",
            r#"{"id":"S"]"#,
            r#"{"id":"\ud800"}"#,
            r#"{"id":"S",}"#,
            &deep,
        ] {
            assert_eq!(parse(json).err(), Some(Fault::NotJson), "{json}");
        }
    }

    #[test]
    fn the_order_of_keys_and_channels_is_no_difference() {
        let session = r#"{"id":"S","channels":[{"id":1,"a":1},{"id":2,"a":{"b":1,"c":2}}]}"#;
        let turned = r#"{"channels":[{"a":{"c":2,"b":1},"id":2},{"a":1,"id":1}],"id":"S"}"#;
        assert!(equal(session, turned));
        let by_index = r#"{"id":"S","channels":[{"index":1,"a":1},{"index":10}]}"#;
        let turned = r#"{"id":"S","channels":[{"index":10},{"index":1,"a":1}]}"#;
        assert!(equal(by_index, turned));
        let swapped = r#"{"id":"S","channels":[{"index":10,"a":1},{"index":1}]}"#;
        assert!(!equal(by_index, swapped));
    }

    #[test]
    fn any_other_difference_is_one() {
        let session = r#"{"id":"S","a":[1,2],"channels":[{"id":1},{"id":2}]}"#;
        for other in [
            r#"{"id":"S","a":[2,1],"channels":[{"id":1},{"id":2}]}"#,
            r#"{"id":"S","a":[1,2],"channels":[{"id":1}]}"#,
            r#"{"id":"S","a":[1,2],"channels":[{"id":1},{"id":2,"b":null}]}"#,
            r#"{"id":"S","a":[1,2],"channels":[{"id":1},{"id":2}],"c":""}"#,
        ] {
            assert!(!equal(session, other), "{other}");
        }
    }

    #[test]
    fn a_change_of_secrets_only_is_no_change() {
        let session =
            r#"{"id":"S","password":"a","channels":[{"id":1,"streamEndpoints":{"srt":"a"}}]}"#;
        let other = r#"{"id":"S","password":"b","channels":[{"streamEndpoints":null,"id":1}]}"#;
        assert!(equal(session, other));
    }

    #[test]
    fn channels_are_sent_in_the_publishers_order() {
        let session = parse(r#"{"id":"S","channels":[{"id":2},{"id":1}]}"#).unwrap();
        let json: Value = session.json.parse().unwrap();
        assert_eq!(json["channels"], serde_json::json!([{"id": 2}, {"id": 1}]));
    }
}
