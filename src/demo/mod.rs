//! What `switchboard demo` adds to the server: an organization with two live sessions, a transcriber that publishes
//! what is said in them, and the tokens to look at them with.
//!
//! The sessions' texts are in lecture.txt and council.txt, read by `script`.

mod script;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use switchboard_protocol::ids::{OrganizationId, RoomId, SessionId, UserId};
use tokio::task::JoinHandle;

use crate::config::{MqttUrl, reachable};
use crate::store::{Channel, NewSession, Role, SessionChange, Store, StoreError, Visibility};
use crate::tokens::TokenIssuer;
use crate::transcript::{BrokerLink, LinkError, Recording, Run, Utterance, play, timeline};

/// How long the tokens are good for that the command prints.
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// How long a page's token is good for; the page fetches a new one when it ends.
const PAGE_TOKEN_LIFE: Duration = Duration::from_secs(3_600);
/// How long the broker may take to accept the transcriber.
const BROKER_DEADLINE: Duration = Duration::from_secs(5);
/// Pause before the transcriber tries the broker again.
const RETRY: Duration = Duration::from_secs(1);
/// Silence before a text begins again.
const BETWEEN_RUNS: Duration = Duration::from_secs(3);

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
const USER: &str = "demo-user";
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

fn user() -> UserId {
    USER.parse().expect("a user id")
}

/// Puts the demo's organization, its user (a maintainer) and its sessions into `store`, whether or not they were
/// there.
pub async fn seed(store: &Store) -> Result<(), StoreError> {
    let organization = organization();
    store
        .put_organization(&organization, "Demonstration")
        .await?;
    store
        .put_member(&organization, &user(), Role::Maintainer)
        .await?;
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
    Ok(())
}

/// Starts the transcriber: publishes the sessions' captions to `broker`, at speaking pace, again and again, until the
/// task is aborted. `ca` is as in the configuration.
pub fn feed(broker: MqttUrl, ca: Option<PathBuf>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let [lecture, council] = &SESSIONS;
        tokio::join!(speak(lecture, &broker, &ca), speak(council, &broker, &ca));
    })
}

/// Speaks one session's text for ever.
async fn speak(session: &DemoSession, broker: &MqttUrl, ca: &Option<PathBuf>) {
    let recordings = session.recordings();
    let mut first_segment = 0;
    loop {
        let ended = speak_until_lost(&recordings, &mut first_segment, broker, ca).await;
        if let Err(error) = ended {
            log::warn!("demo transcriber of {}: {error}", session.id);
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn speak_until_lost(
    recordings: &[(RoomId, Recording)],
    first_segment: &mut u64,
    broker: &MqttUrl,
    ca: &Option<PathBuf>,
) -> Result<(), LinkError> {
    let link = BrokerLink::connect(broker, ca.as_deref(), BROKER_DEADLINE).await?;
    loop {
        let run = Run {
            started: SystemTime::now(),
            first_segment: *first_segment,
        };
        let rooms = recordings.iter();
        let rooms = rooms.map(|(room, recording)| (room.clone(), recording.publications(run)));
        play(&link, &timeline(rooms.collect()), 1.0, |_, _| ()).await?;
        let segments = recordings.iter().map(|(_, recording)| recording.segments());
        *first_segment += segments.max().unwrap_or_default();
        tokio::time::sleep(BETWEEN_RUNS).await;
    }
}

/// What the page learns, as JSON, at its address `demo.json`. Holds guest tokens only, fresh at each call: whoever can
/// reach the page can read it.
#[derive(Clone, Debug, Serialize)]
pub struct DemoInfo {
    /// The organization's id.
    pub organization: String,
    /// Its sessions.
    pub sessions: Vec<SessionInfo>,
}

/// A session that the page can show.
#[derive(Clone, Debug, Serialize)]
pub struct SessionInfo {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: String,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// A guest token for it.
    pub token: String,
}

impl DemoInfo {
    /// Makes the page's information, with fresh tokens.
    pub fn issue(issuer: &TokenIssuer) -> Self {
        let session = |session: &DemoSession| SessionInfo {
            id: session.id.to_owned(),
            name: session.name.to_owned(),
            description: session.description.to_owned(),
            channels: session.channels(),
            token: issuer.issue_guest(&session.id(), &organization(), PAGE_TOKEN_LIFE),
        };
        Self {
            organization: ORGANIZATION.to_owned(),
            sessions: SESSIONS.iter().map(session).collect(),
        }
    }
}

/// Returns what the command prints: the page's address, and a token of each kind as a plain JWT, a line each.
/// `listening` is the first address of the server; one that means all interfaces is shown as this machine's own.
pub fn announcement(listening: SocketAddr, issuer: &TokenIssuer) -> String {
    let page = reachable(listening);
    let user = issuer.issue_user(&user(), TOKEN_LIFE);
    let guest = issuer.issue_guest(&SESSIONS[0].id(), &organization(), TOKEN_LIFE);
    let admin = issuer.issue_admin(TOKEN_LIFE);
    format!("page: http://{page}/\nuser token: {user}\nguest token: {guest}\nadmin token: {admin}")
}
