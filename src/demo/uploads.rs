//! Recordings that seem to be uploaded to the demo's organization and transcribed: each waits, makes progress, ends
//! well or not, is gone after a while, and comes again.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use switchboard_actors::ports::{Conversation, TranscriptionState};
use switchboard_protocol::events::{CONVERSATION_CREATED, CONVERSATION_DELETED};
use switchboard_protocol::ids::ConversationId;
use switchboard_protocol::topics;
use tokio::time::sleep;

use super::{Broker, RETRY, organization};
use crate::store::{ConversationChange, Store, StoreError};
use crate::transcript::{BrokerLink, LinkError};

/// From one step of progress to the next.
const TICK: Duration = Duration::from_secs(1);
/// How long an upload is in the queue, and then starting.
const QUEUED: Duration = Duration::from_secs(6);
const STARTING: Duration = Duration::from_secs(4);
/// How long it stays when it has ended.
const KEPT: Duration = Duration::from_secs(45);
/// How long it is away before it comes again.
const AWAY: Duration = Duration::from_secs(20);

/// An upload of the demo.
struct Upload {
    id: &'static str,
    name: &'static str,
    /// When it comes for the first time.
    after: Duration,
    /// Ticks that its transcription takes.
    ticks: u32,
    /// The percentage at which it fails; none: it ends well.
    fails_at: Option<u8>,
}

const UPLOADS: [Upload; 4] = [
    Upload {
        id: "demo-interview",
        name: "Interview with the harbour pilot",
        after: Duration::from_secs(0),
        ticks: 70,
        fails_at: None,
    },
    Upload {
        id: "demo-tape",
        name: "Old tape from the museum’s cellar",
        after: Duration::from_secs(8),
        ticks: 90,
        fails_at: Some(62),
    },
    Upload {
        id: "demo-reading",
        name: "Reading group, chapter nine",
        after: Duration::from_secs(20),
        ticks: 45,
        fails_at: None,
    },
    Upload {
        id: "demo-guide",
        name: "Audio guide, room four",
        after: Duration::from_secs(35),
        ticks: 60,
        fails_at: None,
    },
];

/// An upload cannot go on.
#[derive(Debug, thiserror::Error)]
enum UploadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Upload {
    fn id(&self) -> ConversationId {
        self.id.parse().expect("a conversation id")
    }

    /// The percentages on its way, a tick each, without the end.
    fn steps(&self) -> impl Iterator<Item = u8> {
        let last = u32::from(self.fails_at.unwrap_or(99));
        let step = move |tick| (tick * 100 / self.ticks) as u8;
        (1..=self.ticks)
            .map(step)
            .take_while(move |step| u32::from(*step) <= last)
    }

    /// Its last state, and percentage.
    fn end(&self) -> (TranscriptionState, u8) {
        match self.fails_at {
            Some(percent) => (TranscriptionState::Error, percent),
            None => (TranscriptionState::Done, 100),
        }
    }
}

/// Lets every upload come and go until dropped.
pub(super) async fn run(broker: &Broker, store: &Store) {
    let [interview, tape, reading, guide] = &UPLOADS;
    tokio::join!(
        repeat(interview, broker, store),
        repeat(tape, broker, store),
        repeat(reading, broker, store),
        repeat(guide, broker, store),
    );
}

async fn repeat(upload: &Upload, broker: &Broker, store: &Store) {
    sleep(upload.after).await;
    loop {
        if let Err(error) = come_and_go(upload, broker, store).await {
            log::warn!("demo upload {}: {error}", upload.id);
            sleep(RETRY).await;
        }
    }
}

/// One life of an upload. What an earlier run of the program left of it goes first.
async fn come_and_go(upload: &Upload, broker: &Broker, store: &Store) -> Result<(), UploadError> {
    let link = broker.link().await?;
    remove(upload, &link, store).await?;
    let conversation = Conversation {
        id: upload.id(),
        name: upload.name.to_owned(),
        organization: organization(),
        state: TranscriptionState::Pending,
        progress: 0,
    };
    store.create_conversation(conversation).await?;
    announce(&link, CONVERSATION_CREATED, created(upload)).await?;
    sleep(QUEUED).await;
    set(upload, store, TranscriptionState::Started, 0).await?;
    sleep(STARTING).await;
    for percent in upload.steps() {
        set(upload, store, TranscriptionState::Processing, percent).await?;
        sleep(TICK).await;
    }
    let (state, percent) = upload.end();
    set(upload, store, state, percent).await?;
    sleep(KEPT).await;
    remove(upload, &link, store).await?;
    sleep(AWAY).await;
    Ok(())
}

async fn set(
    upload: &Upload,
    store: &Store,
    state: TranscriptionState,
    percent: u8,
) -> Result<(), StoreError> {
    let change = ConversationChange {
        name: None,
        state: Some(state),
        progress: Some(percent),
    };
    store.update_conversation(&upload.id(), change).await?;
    Ok(())
}

/// Removes it and says so, if it is there.
async fn remove(upload: &Upload, link: &BrokerLink, store: &Store) -> Result<(), UploadError> {
    if store.delete_conversation(&upload.id()).await?.is_some() {
        let deleted = json!({"id": upload.id, "status": "deleted"});
        announce(link, CONVERSATION_DELETED, deleted).await?;
    }
    Ok(())
}

fn created(upload: &Upload) -> serde_json::Value {
    json!({
        "_id": upload.id,
        "name": upload.name,
        "organization": organization(),
        "jobs": {"transcription": {"state": TranscriptionState::Pending, "progress": 0}},
    })
}

async fn announce(
    link: &BrokerLink,
    event: &str,
    payload: serde_json::Value,
) -> Result<(), LinkError> {
    let topic = topics::organization_event(&organization(), event);
    link.publish(&topic, Bytes::from(payload.to_string())).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_rises_step_by_step_and_stays_below_the_end() {
        for upload in &UPLOADS {
            let steps: Vec<u8> = upload.steps().collect();
            assert!(steps.len() > 30, "{}", upload.id);
            assert!(steps.is_sorted(), "{}: {steps:?}", upload.id);
            let (_, end) = upload.end();
            assert!(
                steps.iter().all(|step| *step <= end && *step < 100),
                "{}",
                upload.id
            );
            upload.id();
        }
    }

    #[test]
    fn one_upload_of_several_fails() {
        let ends = UPLOADS.iter().map(|upload| upload.end().0);
        let failed = ends.filter(|state| *state == TranscriptionState::Error);
        assert_eq!(failed.count(), 1);
        assert!(UPLOADS.len() > 2);
    }

    #[test]
    fn a_new_upload_is_announced_with_the_documented_fields() {
        let expected = json!({
            "_id": "demo-interview", "name": "Interview with the harbour pilot", "organization": "demo",
            "jobs": {"transcription": {"state": "pending", "progress": 0}},
        });
        assert_eq!(created(&UPLOADS[0]), expected);
    }
}
