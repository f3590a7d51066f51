//! What `switchboard demo` adds to the server: an organization with two live sessions, a transcriber that publishes
//! what is said in them, and the tokens to look at them with.
//!
//! The sessions' texts are in lecture.txt and council.txt, read by `script`.

mod script;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use switchboard_protocol::ids::{OrganizationId, RoomId, SessionId, UserId};
use tokio::task::JoinHandle;

use crate::config::MqttUrl;
use crate::store::{Channel, NewSession, Role, SessionChange, Store, StoreError, Visibility};
use crate::tokens::TokenIssuer;
use crate::transcript::{BrokerLink, LinkError, Recording, Run, Utterance, play, timeline};

/// How long the demo's tokens are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(30 * 86_400);
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

    fn new_session(&self) -> NewSession {
        NewSession {
            id: self.id(),
            name: self.name.to_owned(),
            organization: organization(),
            visibility: Visibility::Public,
            owner: None,
            password: None,
            record: false,
            channels: self.channels(),
        }
    }

    /// What brings back a session that somebody changed.
    fn change(&self) -> SessionChange {
        SessionChange {
            name: Some(self.name.to_owned()),
            visibility: Some(Visibility::Public),
            password: Some(None),
            channels: Some(self.channels()),
            ..SessionChange::default()
        }
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

/// The demo beside a running server.
#[derive(Clone)]
pub struct Demo {
    issuer: TokenIssuer,
}

/// Puts the demo's organization, its user (a maintainer) and its public sessions into `store`, whether or not they
/// were there. `issuer` signs the demo's tokens.
pub async fn seed(store: &Store, issuer: &TokenIssuer) -> Result<Demo, StoreError> {
    let organization = organization();
    store
        .put_organization(&organization, "Demonstration")
        .await?;
    store
        .put_member(&organization, &user(), Role::Maintainer)
        .await?;
    for session in &SESSIONS {
        match store.create_session(session.new_session()).await {
            Err(StoreError::SessionExists(id)) => {
                store.update_session(&id, session.change()).await?;
            }
            created => drop(created?),
        }
    }
    Ok(Demo {
        issuer: issuer.clone(),
    })
}

impl Demo {
    /// Returns what the page learns, as JSON: `{organization, sessions: [{id, name, description, channels: [{index,
    /// name, language}], token}]}`. It holds guest tokens only: whoever can reach the page can read it.
    pub fn document(&self) -> String {
        let sessions: Vec<SessionInfo> = SESSIONS
            .iter()
            .map(|session| SessionInfo {
                id: session.id,
                name: session.name,
                description: session.description,
                channels: session.channels(),
                token: self.guest_token(session),
            })
            .collect();
        serde_json::json!({ "organization": ORGANIZATION, "sessions": sessions }).to_string()
    }

    /// Prints a token of each kind, a labelled line each.
    pub fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let user = self.issuer.issue_user(&user(), TOKEN_LIFE);
        writeln!(out, "user token: {user}")?;
        writeln!(out, "guest token: {}", self.guest_token(&SESSIONS[0]))?;
        let admin = self.issuer.issue_admin(TOKEN_LIFE);
        writeln!(out, "admin token: {admin}")
    }

    /// Starts the transcriber: it publishes the sessions' captions to `broker`, at speaking pace, again and again,
    /// until the returned guard is dropped.
    pub fn feed(&self, broker: &MqttUrl) -> Feed {
        let broker = broker.clone();
        Feed(tokio::spawn(async move {
            let [lecture, council] = &SESSIONS;
            tokio::join!(speak(lecture, &broker), speak(council, &broker));
        }))
    }

    fn guest_token(&self, session: &DemoSession) -> String {
        let (id, organization) = (session.id(), organization());
        self.issuer.issue_guest(&id, &organization, TOKEN_LIFE)
    }
}

/// A transcriber at work; dropping it ends its work.
pub struct Feed(JoinHandle<()>);

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A session as the page reads it.
#[derive(Serialize)]
struct SessionInfo {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    channels: Vec<Channel>,
    token: String,
}

/// Speaks one session's text for ever.
async fn speak(session: &DemoSession, broker: &MqttUrl) {
    let recordings = session.recordings();
    let mut first_segment = 0;
    loop {
        let ended = speak_until_lost(&recordings, &mut first_segment, broker).await;
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
) -> Result<(), LinkError> {
    let link = BrokerLink::connect(broker, BROKER_DEADLINE).await?;
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
