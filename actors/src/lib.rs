//! The actors of switchboard.
//!
//! | actor | owns | hears | says | bound | dies when |
//! | --- | --- | --- | --- | --- | --- |
//! | [`session::Session`] | one client connection, its timers and sockets | packets, its transport | frames into its outbox; joins and leaves | 64 packets waiting, then it stops reading | its transport ends |
//! | [`registry::RoomRegistry`] | sockets, memberships, rooms | sessions; the broker's state | members to rooms; wanted rooms to the BrokerActor | 100 rooms a socket | the program stops |
//! | [`room::Room`] | one room's members, its last finals | the registry; publications, by the [`broker::Router`] | frames into outboxes; finals to the Recorder | 64 MiB of publications under way; 256 finals | nobody is in it and nobody records it |
//! | [`recorder::Recorder`] | finals that wait to be stored | rooms | batches to storage | 20,000 finals, 32 MiB; then the oldest are dropped | the program stops |
//! | [`broker::BrokerActor`] | wanted and granted filters | the registry; the MQTT clients | subscriptions; to the Router where rooms are | 1 packet unanswered a link | the program stops |
//! | [`organization::registry::OrganizationRegistry`] | watches, the board of all sessions | sessions; the Router's organization feed | members and changes to watchers | 50 organizations a socket; 8 MiB a list | the program stops |
//! | [`organization::sessions::SessionWatcher`] | those who watch one organization's sessions | the OrganizationRegistry | frames into outboxes | 256 frames held for an acknowledgement | its last watcher ends |
//! | [`organization::media::MediaWatcher`] | those who watch one organization's media, what is known of them | the OrganizationRegistry; polls | frames into outboxes | 1 poll at a time; 1,000 conversations | its last watcher ends |
//! | [`organization::jobs::JobFollowers`] | those who follow one organization's LLM jobs | the OrganizationRegistry | frames into outboxes | 100 conversations a follower | its last follower ends |
//! | [`chat::projects::ProjectRegistry`] | which socket is in which project's room | the chat family; the Router's project feed | members and publications to rooms | 1 project a socket | the program stops |
//! | [`chat::room::ProjectRoom`] | those who are in one project's room | the ProjectRegistry | frames into outboxes | 256 KiB an event | its last member leaves |
//! | [`chat::answers::AnswerRegistry`] | which answers run | the chat family; ends of sockets | to answers that they are to stop | 1 a chat, 8 a socket, 1,000 in all | the program stops |
//! | `chat::answers::Answer` | one question and what is said to it | the AnswerRegistry; storage, retrieval, the model | frames into its asker's outbox | 256 KiB | its answer has ended |
//! | [`rights::RightsKeeper`] | which sockets there are, and whose | sockets; that rights may have changed; the clock | to sessions what to ask again | 64 sockets at a time | the program stops |
//! | [`recovery::RecoveryKeeper`] | recoverable sockets, here and away | CONNECTs, leases | `SocketClosed` to the registries; what storage is to remember | 20,000 away, 512 KiB of events each | the program stops |
//! | [`mqtt_client::MqttClient`] ×3 and more | one MQTT connection | the BrokerActor; its polling task | what the broker answers; publications to the Router | 1,024 requests | the program stops |
//!
//! No HTTP, no SQL, no environment here: [`ports`] and [`outbox::Wire`] are the seams.

pub mod broker;
pub mod bucket;
pub mod captions;
pub mod chat;
pub mod failure;
pub mod limits;
pub mod metrics;
pub mod mqtt_client;
pub mod organization;
pub mod outbox;
mod packets;
pub mod ports;
pub mod project_events;
pub mod recorder;
pub mod recovery;
pub mod registry;
pub mod rights;
pub mod room;
pub mod root;
pub mod service;
pub mod session;
pub mod stamp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a socket in this process: a client in a namespace. Never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// Gives out [`SocketId`]s.
#[derive(Clone, Debug, Default)]
pub struct SocketIds(Arc<AtomicU64>);

impl SocketIds {
    /// The next id.
    pub fn next(&self) -> SocketId {
        SocketId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// An unguessable id of 20 characters (120 bits), for sessions and sockets.
pub fn random_id() -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 15]>())
}
