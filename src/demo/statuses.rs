//! Who is live in the demo: the retained list of its sessions, published whenever somebody begins or stops to speak.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use switchboard_protocol::topics::SESSION_STATUSES;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Broker, DemoSession, ORGANIZATION, RETRY, SESSIONS};
use crate::transcript::LinkError;

/// The list is published again after this time without a change: a broker that was restarted may have lost it.
const AGAIN: Duration = Duration::from_secs(60);

/// Which sessions are spoken in, by id.
pub(super) struct Live(watch::Sender<BTreeSet<&'static str>>);

impl Default for Live {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeSet::new()))
    }
}

impl Live {
    /// Says whether somebody speaks in `session` now.
    pub(super) fn set(&self, session: &DemoSession, speaks: bool) {
        self.0.send_if_modified(|live| match speaks {
            true => live.insert(session.id),
            false => live.remove(session.id),
        });
    }
}

/// A session of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    id: &'static str,
    name: &'static str,
    status: &'static str,
    organization_id: &'static str,
    visibility: &'static str,
    channels: Vec<ChannelStatus>,
}

/// A channel of a session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelStatus {
    index: u16,
    name: &'static str,
    languages: [&'static str; 1],
    stream_status: &'static str,
}

/// Publishes the list until dropped.
pub(super) async fn publish(broker: &Broker, live: &Live) {
    loop {
        if let Err(error) = publish_until_lost(broker, live).await {
            log::warn!("demo sessions: {error}");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn publish_until_lost(broker: &Broker, live: &Live) -> Result<(), LinkError> {
    let link = broker.link().await?;
    let mut changes = live.0.subscribe();
    loop {
        let list = list(&changes.borrow_and_update());
        link.retain(SESSION_STATUSES, list).await?;
        // Changed, or time is up: the list is due either way. The sender outlives this task.
        let _ = timeout(AGAIN, changes.changed()).await;
    }
}

/// The list, when the sessions `live` are spoken in.
fn list(live: &BTreeSet<&'static str>) -> Bytes {
    let status = |session: &DemoSession| {
        let (status, stream_status) = match live.contains(session.id) {
            true => ("active", "active"),
            false => ("ready", "inactive"),
        };
        let channel =
            |&(index, name, language): &(u16, &'static str, &'static str)| ChannelStatus {
                index,
                name,
                languages: [language],
                stream_status,
            };
        Status {
            id: session.id,
            name: session.name,
            status,
            organization_id: ORGANIZATION,
            visibility: "public",
            channels: session.channels.iter().map(channel).collect(),
        }
    };
    let list: Vec<Status> = SESSIONS.iter().map(status).collect();
    let json = serde_json::to_vec(&list).expect("a list of plain fields");
    Bytes::from(json)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn streams(live: &Live) -> Vec<(String, Vec<String>)> {
        let list: Vec<Value> = serde_json::from_slice(&list(&live.0.borrow())).unwrap();
        let channels = |session: &Value| session["channels"].as_array().unwrap().clone();
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        list.iter()
            .map(|session| {
                let streams = channels(session);
                let streams = streams.iter().map(|channel| word(&channel["streamStatus"]));
                (word(&session["id"]), streams.collect())
            })
            .collect()
    }

    #[test]
    fn the_list_says_in_which_channels_somebody_speaks() {
        let live = Live::default();
        let streams_are = |lecture: &str, council: &str| {
            let lecture = vec![lecture.to_owned(); 2];
            let expected = [
                ("demo-lecture", lecture),
                ("demo-council", vec![council.to_owned()]),
            ];
            assert_eq!(
                streams(&live),
                expected.map(|(id, streams)| (id.to_owned(), streams))
            );
        };
        streams_are("inactive", "inactive");
        live.set(&SESSIONS[0], true);
        streams_are("active", "inactive");
        live.set(&SESSIONS[1], true);
        live.set(&SESSIONS[0], false);
        streams_are("inactive", "active");
    }

    #[test]
    fn only_a_change_makes_the_list_due() {
        let live = Live::default();
        let mut changes = live.0.subscribe();
        live.set(&SESSIONS[0], false);
        assert!(!changes.has_changed().unwrap());
        live.set(&SESSIONS[0], true);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        live.set(&SESSIONS[0], true);
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn a_listed_session_has_its_organization_its_names_and_its_languages() {
        let list: Vec<Value> = serde_json::from_slice(&list(&BTreeSet::new())).unwrap();
        let expected = json!({
            "id": "demo-council", "name": "Town council", "status": "ready", "organizationId": "demo",
            "visibility": "public",
            "channels": [{"index": 1, "name": "Council chamber", "languages": ["en"], "streamStatus": "inactive"}],
        });
        assert_eq!(list[1], expected);
    }
}
