//! What is said when rights may have changed: `switchboard/organizations/{id}/events/access_changed`, from switchboard
//! to switchboard. Never passed on to a client.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use switchboard_protocol::events::ACCESS_CHANGED;
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};
use switchboard_protocol::topics;

use crate::broker::Publish;

/// Whose rights may be others from now on. What is asked after it was said must not be answered from before.
#[derive(Clone, Debug, PartialEq, Eq, actix::Message)]
#[rtype(result = "()")]
pub enum AccessChanged {
    /// Those of all who are in this session's rooms: it was changed or deleted.
    Session(SessionId),
    /// Those of this user in this organization: it is no member any more, or has another role.
    Member(OrganizationId, UserId),
    /// Anybody's: somebody else's backend says no more than that.
    Organization(OrganizationId),
}

/// The payload; both absent, and an empty payload, mean everybody.
#[derive(Default, Deserialize, Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
}

impl AccessChanged {
    /// Says it to every switchboard, as something of `organization`.
    pub fn publish(&self, organization: &OrganizationId) -> Publish {
        let body = match self {
            Self::Session(session) => Body {
                session: Some(session.clone()),
                user: None,
            },
            Self::Member(_, user) => Body {
                session: None,
                user: Some(user.clone()),
            },
            Self::Organization(_) => Body::default(),
        };
        let payload = serde_json::to_vec(&body).expect("ids are JSON");
        Publish {
            topic: topics::organization_event(organization, ACCESS_CHANGED),
            payload: Bytes::from(payload),
        }
    }

    /// Reads a publication; the error says in a word what is wrong with it.
    pub fn read(topic: &str, payload: &[u8]) -> Result<Self, &'static str> {
        let organization = topics::parse_organization_event(topic)
            .filter(|(_, event)| *event == ACCESS_CHANGED)
            .and_then(|(organization, _)| organization.parse().ok());
        let organization: OrganizationId = organization.ok_or("name")?;
        let body = match payload {
            [] => Body::default(),
            payload => serde_json::from_slice(payload).map_err(|_| "shape")?,
        };
        match body {
            Body {
                session: None,
                user: None,
            } => Ok(Self::Organization(organization)),
            Body {
                session: Some(session),
                user: None,
            } => Ok(Self::Session(session)),
            Body {
                session: None,
                user: Some(user),
            } => Ok(Self::Member(organization, user)),
            _ => Err("shape"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read_as_it_was_meant() {
        let acme: OrganizationId = "acme".parse().unwrap();
        for (change, payload) in [
            (
                AccessChanged::Session("S".parse().unwrap()),
                r#"{"session":"S"}"#,
            ),
            (
                AccessChanged::Member(acme.clone(), "ann".parse().unwrap()),
                r#"{"user":"ann"}"#,
            ),
            (AccessChanged::Organization(acme.clone()), "{}"),
        ] {
            let Publish { topic, payload: p } = change.publish(&acme);
            assert_eq!(p, payload);
            assert_eq!(AccessChanged::read(&topic, &p), Ok(change));
        }
    }

    #[test]
    fn an_empty_payload_means_everybody_and_nonsense_means_nothing() {
        let topic = "switchboard/organizations/acme/events/access_changed";
        let everybody = AccessChanged::Organization("acme".parse().unwrap());
        assert_eq!(AccessChanged::read(topic, b""), Ok(everybody));
        for payload in ["[", "[]", "7", r#"{"session":"a/b"}"#, r#"{"user":7}"#] {
            let read = AccessChanged::read(topic, payload.as_bytes());
            assert_eq!(read, Err("shape"), "{payload}");
        }
        let both = br#"{"session":"S","user":"ann"}"#;
        assert_eq!(AccessChanged::read(topic, both), Err("shape"));
        let other = "switchboard/organizations/a b/events/access_changed";
        assert_eq!(AccessChanged::read(other, b"{}"), Err("name"));
    }
}
