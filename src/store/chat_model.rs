//! What the store keeps of chats: projects, the chats in them, and what was said. Parsed when read, trusted after.

use serde::Serialize;
use serde_json::Value;
use switchboard_protocol::ids::{ChatId, MessageId, OrganizationId, ProjectId};
use utoipa::ToSchema;

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

/// Who said something in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// A person.
    User,
    /// The language model, or what answers in its place.
    Assistant,
}

impl Speaker {
    /// The word stored in the database, which is also its name in JSON.
    pub(super) fn stored(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    /// Reads the stored word.
    pub(super) fn from_stored(word: &str) -> Option<Self> {
        Some(match word {
            "user" => Self::User,
            "assistant" => Self::Assistant,
            _ => return None,
        })
    }
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

/// A message to store.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// The chat it is said in; must exist.
    pub chat: ChatId,
    /// Who says it.
    pub speaker: Speaker,
    /// The words. A NUL, which no database takes, is stored as U+FFFD.
    pub content: String,
    /// Whether it is an answer that was stopped.
    pub partial: bool,
    /// What an answer is based on.
    pub sources: Option<Value>,
    /// What else is known of it, such as the model.
    pub metadata: Option<Value>,
}

impl NewMessage {
    /// What a chat without a title is called after this message: its first line with words, cut; nothing after an
    /// answer.
    pub(super) fn title(&self) -> Option<String> {
        if self.speaker != Speaker::User {
            return None;
        }
        let words = |line: &str| -> String {
            let plain = line.chars().filter(|c| !c.is_control());
            plain.collect::<String>().trim().to_owned()
        };
        let mut lines = self.content.lines().map(words);
        let line = lines.find(|line| !line.is_empty())?;
        let cut: String = line.chars().take(TITLE_CHARACTERS).collect();
        Some(cut.trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(content: &str) -> Option<String> {
        let said = NewMessage {
            chat: 1.try_into().unwrap(),
            speaker: Speaker::User,
            content: content.to_owned(),
            partial: false,
            sources: None,
            metadata: None,
        };
        said.title()
    }

    #[test]
    fn a_title_is_the_first_line_with_words_in_fifty_characters() {
        assert_eq!(title("Why?\nBecause."), Some("Why?".to_owned()));
        assert_eq!(
            title(" \r\n\t What \u{7}now \n"),
            Some("What now".to_owned())
        );
        assert_eq!(title(&"é".repeat(51)), Some("é".repeat(50)));
        let cut_at_a_space = format!("{} b", "a".repeat(49));
        assert_eq!(title(&cut_at_a_space), Some("a".repeat(49)));
        assert_eq!(title(" \n\0\n"), None);
    }
}
