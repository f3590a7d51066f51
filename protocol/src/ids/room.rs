//! Rooms: where a session and a channel meet.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ChannelId, IdFault, IdVisitor, InvalidId, SessionId, check_channel, check_session};

/// A room, one channel of one session: `session/channel`. It is what clients join, and the key of its
/// publications: a map of rooms can be looked up by the `&str` that
/// [`parse_transcript`](crate::topics::parse_transcript) cuts out of a topic.
#[derive(Clone)]
pub struct RoomId {
    /// Both ids and the slash, in one allocation.
    whole: Arc<str>,
    /// Where the slash is.
    slash: usize,
}

impl RoomId {
    /// The room of that channel.
    pub fn new(session: &SessionId, channel: &ChannelId) -> Self {
        let whole = Arc::from(format!("{session}/{channel}"));
        Self {
            whole,
            slash: session.as_str().len(),
        }
    }

    /// `session/channel`.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The session's id as text.
    pub fn session_str(&self) -> &str {
        &self.whole[..self.slash]
    }

    /// The channel's id as text.
    pub fn channel_str(&self) -> &str {
        &self.whole[self.slash + 1..]
    }

    /// The session's id. Allocates; compare by [`session_str`](Self::session_str).
    pub fn session(&self) -> SessionId {
        SessionId(Arc::from(self.session_str()))
    }

    /// The channel's id. Allocates; compare by [`channel_str`](Self::channel_str).
    pub fn channel(&self) -> ChannelId {
        ChannelId(Arc::from(self.channel_str()))
    }
}

impl FromStr for RoomId {
    type Err = InvalidId;

    fn from_str(room: &str) -> Result<Self, InvalidId> {
        let fault = |why| InvalidId { what: "room", why };
        let (session, channel) = room.split_once('/').ok_or(fault(IdFault::NotARoom))?;
        if channel.contains('/') {
            return Err(fault(IdFault::NotARoom));
        }
        check_session(session)
            .and_then(|()| check_channel(channel))
            .map_err(fault)?;
        Ok(Self {
            whole: Arc::from(room),
            slash: session.len(),
        })
    }
}

conversions!(RoomId, "room");

// Equality, order and hash are those of the text, as `Borrow<str>` demands.

impl PartialEq for RoomId {
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for RoomId {}

impl PartialOrd for RoomId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RoomId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.whole.cmp(&other.whole)
    }
}

impl Hash for RoomId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.whole.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_two_ids_with_one_slash() {
        let room: RoomId = "S/1".parse().expect("a room");
        assert_eq!(
            (room.as_str(), room.session_str(), room.channel_str()),
            ("S/1", "S", "1")
        );
        assert_eq!(
            (room.session().as_str(), room.channel().as_str()),
            ("S", "1")
        );
        assert_eq!(RoomId::new(&room.session(), &room.channel()), room);
        for (text, why) in [
            ("S", IdFault::NotARoom),
            ("", IdFault::NotARoom),
            ("S/1/2", IdFault::NotARoom),
            ("S//1", IdFault::NotARoom),
            ("/1", IdFault::Empty),
            ("S/", IdFault::Empty),
            ("+/+", IdFault::Character),
            ("S/#", IdFault::Character),
            ("../1", IdFault::Dots),
            ("S/..", IdFault::Dots),
        ] {
            assert_eq!(
                text.parse::<RoomId>().err().map(|error| error.why),
                Some(why),
                "{text}"
            );
        }
    }
}
