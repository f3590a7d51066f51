//! What the viewers of a run want: each a room's captions, or an organization's sessions.

use anyhow::Result;

use crate::token::Signer;

/// What viewers ask for once they are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// The room of a session's first channel, as guests of that session.
    Rooms,
    /// An organization's sessions, as one of its members.
    Organizations,
}

impl Crowd {
    /// The token of viewer `number`, who wants the session or organization called `name`.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(self, signer: &Signer, name: &str, number: usize) -> Result<String> {
        match self {
            Self::Rooms => signer.guest(name, number),
            Self::Organizations => signer.watcher(number),
        }
    }

    /// The event that asks for `name`, with an acknowledgement.
    pub fn wish(self, name: &str) -> String {
        match self {
            Self::Rooms => format!("420[\"join_room\",\"{name}/1\"]"),
            Self::Organizations => format!("420[\"watch_organization_session\",\"{name}\"]"),
        }
    }
}
