//! What may be published on `switchboard/projects/{id}/events/{event}`: what other services tell those who are in a
//! project's room.
//!
//! Pure. Refused are names that clients rely on hearing from switchboard alone, or in an organization's own way, with
//! the checks that belong there.

use switchboard_protocol::events;

use crate::organization::events::{Refused, check_name, check_payload};

/// Names of the chat family that are said by whoever works on a project's documents.
const OF_PROJECTS: [&str; 2] = [events::DOCUMENT_STATUS, events::PROJECT_UPDATE];

/// Begins the names of organizations' events.
const OF_ORGANIZATIONS: [&str; 3] = ["conversation_", "folder", "llm:"];

/// Refuses what would not be passed on to a project's room. The payload is empty, or one JSON value.
pub fn check(event: &str, payload: &[u8]) -> Result<(), Refused> {
    if !OF_PROJECTS.contains(&event) {
        check_name(event)?;
    }
    if OF_ORGANIZATIONS
        .iter()
        .any(|begin| event.starts_with(begin))
    {
        return Err(Refused::ReservedName);
    }
    check_payload(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_events_are_its_own_and_those_that_nobody_else_has() {
        for event in [
            "document_status",
            "project_update",
            "custom_event",
            "a.b:c-d_0",
        ] {
            assert_eq!(check(event, b"{\"a\":1}"), Ok(()), "{event}");
            assert_eq!(check(event, b""), Ok(()), "{event}");
        }
        for event in [
            "message_token",
            "project_joined",
            "unauthorized",
            "final",
            "error",
            "audio-chunk",
            "conversation_created",
            "folders_refresh",
            "llm:job:complete",
            "orga_acme_session_update",
            "connect",
            "newListener",
        ] {
            assert_eq!(check(event, b""), Err(Refused::ReservedName), "{event}");
        }
        for event in ["", "A", "a b", "a/b", "+", "é"] {
            assert_eq!(check(event, b""), Err(Refused::Name), "{event:?}");
        }
    }

    #[test]
    fn a_payload_is_one_json_value_or_none() {
        for payload in ["{", "1 2", "\"\u{0}\"", "nul"] {
            let refused = check("own", payload.as_bytes());
            assert_eq!(refused, Err(Refused::NotJson), "{payload:?}");
        }
    }
}
