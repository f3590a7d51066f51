//! What `switchboard demo` adds to the server: an organization with two live sessions, a transcriber that publishes
//! what is said in them (`speakers`) and who is live (`statuses`), recordings that seem to be transcribed (`uploads`), a project
//! whose document can be asked (`reading`), and the tokens to look at them with (`info`).
//!
//! The sessions' texts are in lecture.txt and council.txt, read by `script`; the document is notes.txt.

mod info;
mod reading;
mod script;
mod speakers;
mod statuses;
#[cfg(test)]
mod tests;
mod uploads;

use std::time::Duration;

use switchboard_protocol::ids::{OrganizationId, RoomId, SessionId, UserId};
use tokio::task::JoinHandle;

use crate::config::{MqttTls, MqttUrl};
use crate::store::{Channel, NewSession, Role, SessionChange, Store, StoreError, Visibility};
use crate::transcript::{BrokerLink, LinkError, Recording, Utterance};

pub use info::{DashboardInfo, DemoInfo, ProjectInfo, SessionInfo, announcement};

/// How long the broker may take to accept the transcriber.
const BROKER_DEADLINE: Duration = Duration::from_secs(5);
/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// A session of the demo.
struct DemoSession {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    /// Index, name, language. The first hears what is said, a second one its translation.
    channels: &'static [(u16, &'static str, &'static str)],
    script: &'static str,
}

const ORGANIZATION: &str = "demo";
const ORGANIZATION_NAME: &str = "Demonstration";
/// A maintainer, for whoever reads the command's output.
const USER: &str = "demo-user";
/// A plain member, for whoever can reach the page: may watch, add documents and chat, and change nothing else.
const VISITOR: &str = "demo-visitor";
const SESSIONS: [DemoSession; 2] = [
    DemoSession {
        id: "demo-lecture",
        name: "The river that keeps a diary",
        description: "A museum lecture, with its French interpretation beside it",
        channels: &[(1, "Floor", "en"), (2, "Interprétation", "fr")],
        script: include_str!("lecture.txt"),
    },
    DemoSession {
        id: "demo-council",
        name: "Town council",
        description: "Eight councillors, a ladder and a ferry",
        channels: &[(1, "Council chamber", "en")],
        script: include_str!("council.txt"),
    },
];

impl DemoSession {
    fn id(&self) -> SessionId {
        self.id.parse().expect("a session id")
    }

    fn channels(&self) -> Vec<Channel> {
        let channel = |&(index, name, language): &(u16, &str, &str)| Channel {
            index,
            name: name.to_owned(),
            language: language.to_owned(),
        };
        self.channels.iter().map(channel).collect()
    }

    /// Returns what each channel's room hears.
    fn recordings(&self) -> Vec<(RoomId, Recording)> {
        let floor = script::parse(self.script, "en", "fr");
        let heard = |position: usize| match position {
            0 => floor.clone(),
            _ => floor.iter().filter_map(Utterance::interpreted).collect(),
        };
        let rooms = self.channels.iter().enumerate();
        rooms
            .map(|(position, (index, ..))| {
                let room = format!("{}/{index}", self.id);
                (
                    room.parse().expect("a room"),
                    Recording::Speech(heard(position)),
                )
            })
            .collect()
    }
}

fn organization() -> OrganizationId {
    ORGANIZATION.parse().expect("an organization id")
}

fn user(id: &str) -> UserId {
    id.parse().expect("a user id")
}

/// Puts the demo's organization, its members, its sessions and its project into `store`, whether or not they were there.
pub async fn seed(store: &Store) -> Result<(), StoreError> {
    let organization = organization();
    store
        .put_organization(&organization, ORGANIZATION_NAME)
        .await?;
    for (id, role) in [(USER, Role::Maintainer), (VISITOR, Role::Member)] {
        store.put_member(&organization, &user(id), role).await?;
    }
    for session in &SESSIONS {
        let created = store
            .create_session(NewSession {
                id: session.id(),
                name: session.name.to_owned(),
                organization: organization.clone(),
                visibility: Visibility::Public,
                owner: None,
                password: None,
                record: false,
                channels: session.channels(),
            })
            .await;
        match created {
            Err(StoreError::SessionExists(id)) => {
                let change = SessionChange {
                    name: Some(session.name.to_owned()),
                    visibility: Some(Visibility::Public),
                    password: Some(None),
                    channels: Some(session.channels()),
                    ..SessionChange::default()
                };
                store.update_session(&id, change).await?;
            }
            other => drop(other?),
        }
    }
    reading::seed(store).await
}

/// Where the demo publishes.
#[derive(Clone)]
struct Broker {
    url: MqttUrl,
    tls: MqttTls,
}

impl Broker {
    async fn link(&self) -> Result<BrokerLink, LinkError> {
        BrokerLink::connect(&self.url, &self.tls, BROKER_DEADLINE).await
    }
}

/// Starts everything that goes on in the demo, until the task is aborted: publishes the sessions' captions and states
/// to `broker`, at speaking pace, again and again, and lets uploads go their way in `store`. `tls` is as in the
/// configuration.
pub fn feed(broker: MqttUrl, tls: MqttTls, store: Store) -> JoinHandle<()> {
    let broker = Broker { url: broker, tls };
    tokio::spawn(async move {
        let live = statuses::Live::default();
        let [lecture, council] = &SESSIONS;
        tokio::join!(
            speakers::speak(lecture, &broker, &live),
            speakers::speak(council, &broker, &live),
            statuses::publish(&broker, &live),
            uploads::run(&broker, &store),
        );
    })
}
