//! What the store keeps of chats: projects, the chats in them, and what was said. Parsed when read, trusted after.

use switchboard_actors::ports::{NewMessage, Speaker};
use switchboard_protocol::ids::{ChatId, MessageId, OrganizationId, ProjectId};

/// Characters of a title that is taken from a message.
const TITLE_CHARACTERS: usize = 50;

/// What an organization chats about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its id, unique over all organizations.
    pub id: ProjectId,
    /// The organization it belongs to; never changes.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// When it was created, in milliseconds since the epoch.
    pub created_at_ms: u64,
}

/// A project to create.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its id; one that was never given before if absent.
    pub id: Option<ProjectId>,
    /// See [`Project::organization`]; must exist.
    pub organization: OrganizationId,
    /// See [`Project::name`].
    pub name: String,
}

/// A chat of a project, shared by the members of its organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// Its id, unique over all projects and never given twice.
    pub id: ChatId,
    /// The project it belongs to; never changes.
    pub project: ProjectId,
    /// What people call it; if nobody has named it, the beginning of the first question, if there is one.
    pub title: Option<String>,
    /// When it was created, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When something was last said, in milliseconds since the epoch.
    pub updated_at_ms: u64,
}

/// What was said in a chat.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id; later messages of a chat have greater ones.
    pub id: MessageId,
    /// When it was stored, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// What was said.
    pub said: NewMessage,
}

/// What a chat without a title is called after this message: its first line with words, cut; nothing after an answer.
pub(super) fn title(said: &NewMessage) -> Option<String> {
    if said.speaker != Speaker::User {
        return None;
    }
    let words = |line: &str| -> String {
        let plain = line.chars().filter(|c| !c.is_control());
        plain.collect::<String>().trim().to_owned()
    };
    let mut lines = said.content.lines().map(words);
    let line = lines.find(|line| !line.is_empty())?;
    let cut: String = line.chars().take(TITLE_CHARACTERS).collect();
    Some(cut.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titled(content: &str) -> Option<String> {
        let said = NewMessage {
            chat: 1.try_into().unwrap(),
            speaker: Speaker::User,
            content: content.to_owned(),
            partial: false,
            sources: None,
            metadata: None,
        };
        title(&said)
    }

    #[test]
    fn a_title_is_the_first_line_with_words_in_fifty_characters() {
        assert_eq!(titled("Why?\nBecause."), Some("Why?".to_owned()));
        assert_eq!(
            titled(" \r\n\t What \u{7}now \n"),
            Some("What now".to_owned())
        );
        assert_eq!(titled(&"é".repeat(51)), Some("é".repeat(50)));
        let cut_at_a_space = format!("{} b", "a".repeat(49));
        assert_eq!(titled(&cut_at_a_space), Some("a".repeat(49)));
        assert_eq!(titled(" \n\0\n"), None);
    }
}
