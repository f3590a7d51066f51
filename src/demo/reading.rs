//! The project of the demo: notes about the lecture, and a chat in which anybody may ask what they say.

use bytes::Bytes;
use switchboard_protocol::ids::ProjectId;

use super::organization;
use crate::documents::DocumentKind;
use crate::store::{NewDocument, NewProject, Store, StoreError};

/// What people call it.
pub(super) const NAME: &str = "The river that keeps a diary: reader’s notes";
/// Says what there is to ask.
pub(super) const DESCRIPTION: &str =
    "Ask the notes of a lecture, for example: how often does a storm come?";
/// The document.
const FILE: &str = "readers-notes.txt";
const NOTES: &str = include_str!("notes.txt");
/// The chat that is there from the beginning.
const CHAT: &str = "What the mud remembers";

/// Its id.
pub(super) fn project() -> ProjectId {
    1.try_into().expect("a project id")
}

/// Puts the project, its document and its chat into `store`, each unless it is there.
pub(super) async fn seed(store: &Store) -> Result<(), StoreError> {
    let project = project();
    let new = NewProject {
        id: Some(project),
        organization: organization(),
        name: NAME.to_owned(),
    };
    match store.create_project(new).await {
        Err(StoreError::ProjectExists(_)) => {}
        created => drop(created?),
    }
    if store.documents_of(project, None, 1).await?.is_empty() {
        let notes = NewDocument {
            project,
            filename: FILE.to_owned(),
            kind: DocumentKind::Text,
            charset: Some("utf-8".to_owned()),
            content: Bytes::from_static(NOTES.as_bytes()),
        };
        store.create_document(notes).await?;
    }
    if store.chats_of(project, None, 1).await?.is_empty() {
        store.create_chat(project, Some(CHAT.to_owned())).await?;
    }
    Ok(())
}
