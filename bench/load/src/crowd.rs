//! What the viewers of a run want: each a room's captions, or an organization's sessions.

use anyhow::Result;

use crate::rooms;
use crate::token::Signer;

/// What viewers ask for once they are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// A room, as guests of its session.
    Rooms,
    /// An organization's sessions, as one of its members.
    Organizations,
}

impl Crowd {
    /// The token of viewer `number`, who wants the room or organization called `name`.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(self, signer: &Signer, name: &str, number: usize) -> Result<String> {
        match self {
            Self::Rooms => signer.guest(rooms::session_of(name), number),
            Self::Organizations => signer.watcher(number),
        }
    }

    /// The event that asks for `name`, with an acknowledgement.
    pub fn wish(self, name: &str) -> String {
        match self {
            Self::Rooms => format!("420[\"join_room\",\"{name}\"]"),
            Self::Organizations => format!("420[\"watch_organization_session\",\"{name}\"]"),
        }
    }
}
