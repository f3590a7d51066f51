//! What those in a project's room are told of its documents and chats. Published to the broker, so that every switchboard
//! passes it on.

use serde::Serialize;
use serde_json::{Value, json};
use switchboard_actors::broker::Publish;
use switchboard_protocol::ids::{ChatId, DocumentId, ProjectId};
use switchboard_protocol::{events, topics};

use crate::store::DocumentStatus;

/// How far a document is. One that waits is told as one that is processed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    document_id: DocumentId,
    status: DocumentStatus,
    progress: u8,
    /// Why it failed: a sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Progress {
    /// It is being processed, and so many percent are done.
    pub(crate) fn processing(document: DocumentId, progress: u8) -> Self {
        Self::of(document, DocumentStatus::Processing, progress, None)
    }

    /// It is searched from here on.
    pub(crate) fn completed(document: DocumentId) -> Self {
        Self::of(document, DocumentStatus::Completed, 100, None)
    }

    /// It failed, for this reason.
    pub(crate) fn failed(document: DocumentId, error: &str) -> Self {
        Self::of(document, DocumentStatus::Failed, 0, Some(error.to_owned()))
    }

    fn of(
        document_id: DocumentId,
        status: DocumentStatus,
        progress: u8,
        error: Option<String>,
    ) -> Self {
        Self {
            document_id,
            status,
            progress,
            error,
        }
    }

    /// Tells it in the room of `project`.
    pub(crate) fn publish(&self, project: ProjectId) -> Publish {
        let data = serde_json::to_value(self).expect("it is numbers and texts");
        publish(project, events::DOCUMENT_STATUS, &data)
    }
}

/// What has changed in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update<'a> {
    /// A document was put there.
    DocumentAdded(DocumentId, &'a str),
    /// A document was deleted.
    DocumentDeleted(DocumentId),
    /// A chat was begun, with or without a title.
    ChatCreated(ChatId, Option<&'a str>),
    /// A chat was deleted.
    ChatDeleted(ChatId),
}

impl Update<'_> {
    /// Tells it in the room of `project`.
    pub(crate) fn publish(self, project: ProjectId) -> Publish {
        let (kind, data) = match self {
            Self::DocumentAdded(id, filename) => (
                "document_added",
                json!({"project_id": project, "document_id": id, "filename": filename}),
            ),
            Self::DocumentDeleted(id) => (
                "document_deleted",
                json!({"project_id": project, "document_id": id}),
            ),
            Self::ChatCreated(id, title) => (
                "chat_created",
                json!({"project_id": project, "chat_id": id, "title": title}),
            ),
            Self::ChatDeleted(id) => (
                "chat_deleted",
                json!({"project_id": project, "chat_id": id}),
            ),
        };
        let data = json!({"type": kind, "data": data});
        publish(project, events::PROJECT_UPDATE, &data)
    }
}

fn publish(project: ProjectId, event: &str, data: &Value) -> Publish {
    Publish {
        topic: topics::project_event(project, event),
        payload: data.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use switchboard_actors::project_events;

    use super::*;

    #[test]
    fn what_is_told_has_the_documented_fields_and_is_passed_on_by_every_switchboard() {
        let (project, document) = (7.try_into().unwrap(), 5.try_into().unwrap());
        let chat = 9.try_into().unwrap();
        let told = |publish: Publish| {
            let (_, event) = topics::parse_project_event(&publish.topic).expect("its topic");
            assert_eq!(project_events::check(event, &publish.payload), Ok(()));
            let data: Value = serde_json::from_slice(&publish.payload).expect("JSON");
            (event.to_owned(), data)
        };
        for (publish, event, data) in [
            (
                Progress::processing(document, 30).publish(project),
                "document_status",
                json!({"document_id": 5, "status": "processing", "progress": 30}),
            ),
            (
                Progress::completed(document).publish(project),
                "document_status",
                json!({"document_id": 5, "status": "completed", "progress": 100}),
            ),
            (
                Progress::failed(document, "it is empty").publish(project),
                "document_status",
                json!({"document_id": 5, "status": "failed", "progress": 0, "error": "it is empty"}),
            ),
            (
                Update::DocumentAdded(document, "a.txt").publish(project),
                "project_update",
                json!({"type": "document_added", "data": {"project_id": 7, "document_id": 5, "filename": "a.txt"}}),
            ),
            (
                Update::DocumentDeleted(document).publish(project),
                "project_update",
                json!({"type": "document_deleted", "data": {"project_id": 7, "document_id": 5}}),
            ),
            (
                Update::ChatCreated(chat, None).publish(project),
                "project_update",
                json!({"type": "chat_created", "data": {"project_id": 7, "chat_id": 9, "title": null}}),
            ),
            (
                Update::ChatDeleted(chat).publish(project),
                "project_update",
                json!({"type": "chat_deleted", "data": {"project_id": 7, "chat_id": 9}}),
            ),
        ] {
            assert_eq!(told(publish), (event.to_owned(), data));
        }
    }
}
