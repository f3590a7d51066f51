//! Ids and topics: what is parsed can be shown and parsed again, and is safe in a topic, a path and a log line.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use switchboard_protocol::ids::{
    ChannelId, ConversationId, InvalidId, OrganizationId, RoomId, SessionId, UserId,
};
use switchboard_protocol::topics::{self, CaptionKind, SessionCommand};

/// A text, as each kind of id.
pub fn ids(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for (is_id, most) in [
        (round_trip::<SessionId>(text), 128),
        (round_trip::<OrganizationId>(text), 128),
        (round_trip::<ConversationId>(text), 128),
        (round_trip::<ChannelId>(text), 64),
    ] {
        let is_safe = text.bytes().all(|b| b.is_ascii_graphic())
            && !text.contains(['/', '+', '#', '\\', '$', '%', '"', '\''])
            && !text.contains("..");
        assert!(!is_id || (is_safe && (1..=most).contains(&text.len())));
    }
    if round_trip::<UserId>(text) {
        assert!((1..=256).contains(&text.len()) && !text.contains(char::is_control));
    }
    if round_trip::<RoomId>(text) {
        room(&text.parse().expect("it has just been parsed"));
    }
}

/// Whether the text is such an id; if so, it is the same as text and as JSON.
fn round_trip<T>(text: &str) -> bool
where
    T: FromStr<Err = InvalidId> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let json = serde_json::to_string(text).expect("texts are JSON");
    let Ok(id) = text.parse::<T>() else {
        assert!(serde_json::from_str::<T>(&json).is_err());
        return false;
    };
    assert_eq!(id.to_string(), text);
    assert_eq!(serde_json::to_string(&id).expect("an id is a text"), json);
    assert_eq!(serde_json::from_str::<T>(&json).expect("a valid id"), id);
    true
}

fn room(room: &RoomId) {
    assert_eq!(&RoomId::new(&room.session(), &room.channel()), room);
    let parts = [room.session_str(), room.channel_str()];
    assert_eq!(parts.join("/"), room.as_str());
    for (filter, kind) in topics::room_filters(room).iter().zip(CaptionKind::ALL) {
        assert!(!filter.contains(['+', '#', '\0']), "a wildcard");
        assert_eq!(
            topics::parse_transcript(filter),
            Some((room.as_str(), kind))
        );
    }
}

/// A topic that a publication came with.
pub fn topics(input: &[u8]) {
    let Ok(topic) = std::str::from_utf8(input) else {
        return;
    };
    let transcript = topics::parse_transcript(topic);
    if let Some((key, kind)) = transcript {
        assert!(topic.contains(key));
        if let Ok(room) = key.parse::<RoomId>() {
            assert_eq!(topics::transcript(&room, kind), topic);
        }
    }
    let command = topics::parse_session_command(topic);
    if let Some((session, command)) = command {
        let word = match command {
            SessionCommand::Create => "create",
            SessionCommand::Update => "update",
            SessionCommand::Delete => "delete",
        };
        assert_eq!(format!("session/in/{session}/{word}"), topic);
    }
    let event = topics::parse_organization_event(topic);
    if let Some((organization, event)) = event {
        assert!(!event.contains('/'));
        if let Ok(id) = organization.parse() {
            assert_eq!(topics::organization_event(&id, event), topic);
        }
    }
    let meanings = [transcript.is_some(), command.is_some(), event.is_some()];
    assert!(
        meanings.iter().filter(|is| **is).count() <= 1,
        "two meanings"
    );
}
