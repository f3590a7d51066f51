//! The MQTT topics that switchboard reads and writes, built from checked ids and taken apart without
//! allocation. Ids hold neither `/` nor wildcards, so that a topic built here means what it says.

use crate::events;
use crate::ids::{OrganizationId, ProjectId, RoomId};

/// The retained list of all sessions.
pub const SESSION_STATUSES: &str = "system/out/sessions/statuses";
/// The filter of all session management commands.
pub const SESSION_COMMANDS: &str = "session/in/+/#";
/// The filter of all organizations' events.
pub const ORGANIZATION_EVENTS: &str = "switchboard/organizations/+/events/+";
/// The filter of all projects' events.
pub const PROJECT_EVENTS: &str = "switchboard/projects/+/events/+";

/// What a transcriber publishes for a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptionKind {
    /// A line still being spoken.
    Partial,
    /// A finished line.
    Final,
    /// A translation of a line still being spoken.
    PartialTranslation,
    /// A translation of a finished line.
    FinalTranslation,
}

impl CaptionKind {
    /// All four, in the order of [`room_filters`].
    pub const ALL: [Self; 4] = [
        Self::Partial,
        Self::Final,
        Self::PartialTranslation,
        Self::FinalTranslation,
    ];

    /// Whether a later one of the same line makes it worthless.
    pub fn is_partial(self) -> bool {
        matches!(self, Self::Partial | Self::PartialTranslation)
    }

    /// The event that members of the room get.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Partial => events::PARTIAL,
            Self::Final => events::FINAL,
            Self::PartialTranslation | Self::FinalTranslation => events::TRANSLATION,
        }
    }

    /// What follows the room in the topic.
    fn suffix(self) -> &'static str {
        match self {
            Self::Partial => "/partial",
            Self::Final => "/final",
            Self::PartialTranslation => "/partial/translations",
            Self::FinalTranslation => "/final/translations",
        }
    }
}

/// What to do with a session, by the last level of `session/in/{session}/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionCommand {
    /// A new session.
    Create,
    /// A change to one.
    Update,
    /// Its end.
    Delete,
}

/// Takes a transcript's topic apart: the room's key (`S/1`, a slice of the topic) and what it carries.
/// `None` for any other topic. The key is not checked as an id: it is for looking up a room that is.
pub fn parse_transcript(topic: &str) -> Option<(&str, CaptionKind)> {
    let rest = topic.strip_prefix("transcriber/out/")?;
    let suffixed = |kind: CaptionKind| Some((rest.strip_suffix(kind.suffix())?, kind));
    let (room, kind) = CaptionKind::ALL.into_iter().find_map(suffixed)?;
    let (session, channel) = room.split_once('/')?;
    let is_room = !session.is_empty() && !channel.is_empty() && !channel.contains('/');
    is_room.then_some((room, kind))
}

/// The topic of one kind of captions of a room.
pub fn transcript(room: &RoomId, kind: CaptionKind) -> String {
    format!("transcriber/out/{room}{}", kind.suffix())
}

/// The four topics of a room, to be subscribed while it has a member.
pub fn room_filters(room: &RoomId) -> [String; 4] {
    CaptionKind::ALL.map(|kind| transcript(room, kind))
}

/// Takes `session/in/{session}/{create|update|delete}` apart: the session's id, unchecked, and the command.
pub fn parse_session_command(topic: &str) -> Option<(&str, SessionCommand)> {
    let (session, command) = topic.strip_prefix("session/in/")?.split_once('/')?;
    let command = match command {
        "create" => SessionCommand::Create,
        "update" => SessionCommand::Update,
        "delete" => SessionCommand::Delete,
        _ => return None,
    };
    (!session.is_empty()).then_some((session, command))
}

/// The topic of an organization's event.
pub fn organization_event(organization: &OrganizationId, event: &str) -> String {
    format!("switchboard/organizations/{organization}/events/{event}")
}

/// Takes `switchboard/organizations/{id}/events/{event}` apart: the organization's id, unchecked, and the
/// event's name.
pub fn parse_organization_event(topic: &str) -> Option<(&str, &str)> {
    let (organization, rest) = topic
        .strip_prefix("switchboard/organizations/")?
        .split_once('/')?;
    let event = rest.strip_prefix("events/")?;
    let is_event = !organization.is_empty() && !event.is_empty() && !event.contains('/');
    is_event.then_some((organization, event))
}

/// The topic of a project's event.
pub fn project_event(project: ProjectId, event: &str) -> String {
    format!("switchboard/projects/{project}/events/{event}")
}

/// Takes `switchboard/projects/{id}/events/{event}` apart: the project's id and the event's name, unchecked.
pub fn parse_project_event(topic: &str) -> Option<(ProjectId, &str)> {
    let (project, rest) = topic
        .strip_prefix("switchboard/projects/")?
        .split_once('/')?;
    let event = rest.strip_prefix("events/")?;
    let is_event = !event.is_empty() && !event.contains('/');
    Some((project.parse().ok()?, event)).filter(|_| is_event)
}

/// The retained topic on which a node says whether it is up.
pub fn status(node: &str) -> String {
    format!("switchboard/status/{node}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> RoomId {
        "S-1/0".parse().expect("a room")
    }

    #[test]
    fn the_four_filters_of_a_room_lead_back_to_it() {
        let filters = room_filters(&room());
        assert_eq!(
            filters,
            [
                "transcriber/out/S-1/0/partial",
                "transcriber/out/S-1/0/final",
                "transcriber/out/S-1/0/partial/translations",
                "transcriber/out/S-1/0/final/translations",
            ]
        );
        for (filter, kind) in filters.iter().zip(CaptionKind::ALL) {
            assert_eq!(parse_transcript(filter), Some(("S-1/0", kind)));
        }
    }

    #[test]
    fn other_topics_are_no_transcripts() {
        for topic in [
            "",
            "transcriber/out/",
            "transcriber/out/S/final",
            "transcriber/out/S//final",
            "transcriber/out//1/final",
            "transcriber/out/S/1/2/final",
            "transcriber/out/S/1/",
            "transcriber/out/S/1/finally",
            "transcriber/out/S/1/final/",
            "transcriber/out/S/1/translations",
            "transcriber/out/S/1/final/translations/more",
            "transcriber/in/S/1/final",
            "x/transcriber/out/S/1/final",
            "system/out/sessions/statuses",
        ] {
            assert_eq!(parse_transcript(topic), None, "{topic}");
        }
    }

    #[test]
    fn a_session_named_like_a_kind_is_still_a_session() {
        let found = Some(("partial/final", CaptionKind::Final));
        assert_eq!(
            parse_transcript("transcriber/out/partial/final/final"),
            found
        );
    }

    #[test]
    fn kinds_have_their_event_names() {
        let names = CaptionKind::ALL.map(CaptionKind::event_name);
        assert_eq!(names, ["partial", "final", "translation", "translation"]);
    }

    #[test]
    fn session_commands_are_read_from_their_topics() {
        for (topic, command) in [
            ("session/in/S/create", Some(("S", SessionCommand::Create))),
            ("session/in/S/update", Some(("S", SessionCommand::Update))),
            ("session/in/S/delete", Some(("S", SessionCommand::Delete))),
            ("session/in/S/other", None),
            ("session/in/S/create/more", None),
            ("session/in//create", None),
            ("session/in/S", None),
            ("session/out/S/create", None),
        ] {
            assert_eq!(parse_session_command(topic), command, "{topic}");
        }
    }

    #[test]
    fn a_projects_events_have_its_number_in_their_topic() {
        let project = "7".parse().expect("an id");
        let topic = project_event(project, "document_status");
        assert_eq!(topic, "switchboard/projects/7/events/document_status");
        assert_eq!(
            parse_project_event(&topic),
            Some((project, "document_status"))
        );
        for topic in [
            "switchboard/projects/07/events/a",
            "switchboard/projects/x/events/a",
            "switchboard/projects/7/events/",
            "switchboard/projects/7/events/a/b",
            "switchboard/projects/7/a",
            "switchboard/organizations/7/events/a",
        ] {
            assert_eq!(parse_project_event(topic), None, "{topic}");
        }
    }

    #[test]
    fn organization_events_lead_back_to_their_organization() {
        let organization = "O1".parse().expect("an id");
        let topic = organization_event(&organization, "llm:job:update");
        assert_eq!(topic, "switchboard/organizations/O1/events/llm:job:update");
        assert_eq!(
            parse_organization_event(&topic),
            Some(("O1", "llm:job:update"))
        );
        for topic in [
            "switchboard/organizations/O1/events/",
            "switchboard/organizations//events/x",
            "switchboard/organizations/O1/events/x/y",
            "switchboard/organizations/O1/x",
            "switchboard/status/n",
        ] {
            assert_eq!(parse_organization_event(topic), None, "{topic}");
        }
        assert_eq!(status("n1"), "switchboard/status/n1");
    }
}
