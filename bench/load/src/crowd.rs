//! What the viewers of a run want, and how they come.

use anyhow::Result;

use crate::client::Talk;
use crate::rooms;
use crate::tally::Line;
use crate::token::Signer;

/// What viewers ask for once they are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// A room, as guests of its session.
    Rooms,
    /// The same; in each room, one viewer in ten polls, the others have WebSockets.
    Mixed,
    /// A room, and so many of its last finals before its live flow.
    History(u32),
    /// A room, with connection state recovery.
    Recoverable,
    /// An organization's sessions, as one of its members.
    Organizations,
    /// The project with this id, as a member of its organization; each viewer then has a chat of its own.
    Project(u64),
}

impl Crowd {
    /// The token of viewer `number`, who wants the room or organization called `name`.
    ///
    /// # Errors
    /// When signing fails.
    pub fn token(self, signer: &Signer, name: &str, number: usize) -> Result<String> {
        match self {
            Self::Organizations | Self::Project(_) => signer.watcher(number),
            _ => signer.guest(rooms::session_of(name), number),
        }
    }

    /// The conversation of a viewer with this token who wants the room called `name`, number `room`, of which so many
    /// partials and finals have been published.
    pub fn talk(self, room: usize, name: &str, token: &str, published: [u32; 2]) -> Talk {
        let [partials, finals] = published;
        let first = match self {
            Self::History(wanted) => finals.saturating_sub(wanted),
            _ => finals,
        };
        let wish = match self {
            Self::Organizations => format!("\"watch_organization_session\",\"{name}\""),
            Self::History(wanted) => {
                format!("\"join_room\",\"{name}\",{{\"history\":{wanted}}}")
            }
            Self::Project(id) => format!("\"join_project\",{{\"project_id\":{id}}}"),
            _ => format!("\"join_room\",\"{name}\""),
        };
        let recovery = match self {
            Self::Recoverable => ",\"recovery\":true",
            _ => "",
        };
        let connect = format!("40{{\"token\":\"{token}\"{recovery}}}");
        let lines = [Line::from(partials), Line::from(first)];
        let talk = Talk::new(room as u16, lines, connect, format!("420[{wish}]"));
        match self {
            Self::Recoverable => talk.recoverable(),
            _ => talk,
        }
    }

    /// Whether viewer `number` polls.
    pub fn polls(self, number: usize) -> bool {
        // Rooms are taken in turn: whole tens, so that the pollers are not all in one of ten rooms.
        self == Self::Mixed && number / 10 % 10 == 9
    }
}
