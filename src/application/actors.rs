//! Starts the actors that live as long as the program and joins them to one another.

use std::sync::Arc;

use actix::prelude::*;
use switchboard_actors::broker::{BrokerActor, BrokerStatus, Publish, Router};
use switchboard_actors::captions::Captions;
use switchboard_actors::chat::answers::{AnswerRegistry, Desk};
use switchboard_actors::chat::family::Chat;
use switchboard_actors::chat::projects::ProjectRegistry;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::mqtt_client::{Links, Load, MqttSettings};
use switchboard_actors::organization::family::Organizations;
use switchboard_actors::organization::registry::{OrganizationRegistry, Sources};
use switchboard_actors::ports::{Access, Authenticator, Recoverables};
use switchboard_actors::recovery::{Recovery, RecoveryKeeper, RecoveryMode};
use switchboard_actors::registry::RoomRegistry;
use switchboard_actors::rights::{Holdings, Rights, RightsKeeper};
use switchboard_actors::root::{RefusalMode, Root};
use tokio::sync::watch;

use crate::config::{self, Config, Refusal};
use crate::recording::Recording;
use crate::session_commands::SessionCommands;
use crate::store::Store;

/// What the rest of the program needs of the actors.
pub(super) struct Actors {
    /// The root namespace's service.
    pub(super) root: Root,
    /// Knows every socket and room.
    pub(super) rooms: Addr<RoomRegistry>,
    /// Keeps sockets that may come back.
    pub(super) recovery: Addr<RecoveryKeeper>,
    /// Knows who is in which project's room.
    pub(super) projects: Addr<ProjectRegistry>,
    /// Runs answers.
    pub(super) answers: Addr<AnswerRegistry>,
    /// Keeps finals; none without retention.
    pub(super) recording: Option<Recording>,
    /// Serves sessions' management by MQTT; ends when dropped.
    pub(super) commands: SessionCommands,
    /// Publishes.
    pub(super) events: Recipient<Publish>,
    /// Whether the broker is up.
    pub(super) broker: watch::Receiver<BrokerStatus>,
    /// What they count.
    pub(super) metrics: Metrics,
    /// What is on its way from the broker.
    pub(super) load: Load,
}

/// Starts them. Rooms, watchers and further delivery links are spread over `threads`.
pub(super) fn start(
    config: &Config,
    mqtt: &MqttSettings,
    store: &Store,
    authenticator: Arc<dyn Authenticator>,
    access: Arc<dyn Access>,
    desk: Desk,
    threads: &[ArbiterHandle],
) -> Actors {
    let metrics = Metrics::default();
    let (router, feeds) = Router::new(metrics.clone());
    let (links, load) = Links::start(mqtt, threads, router, &metrics);
    let (broker, status) = BrokerActor::new(links, metrics.clone());
    let broker = broker.start();
    let events = broker.clone().recipient();
    let rooms = RoomRegistry::new(broker, status.clone(), threads.to_vec(), metrics.clone());
    let (rooms, recording) = match config.retention {
        Some(retention) => {
            let (rooms, recording) = Recording::start(rooms, store, retention, &metrics);
            (rooms, Some(recording))
        }
        None => (rooms.start(), None),
    };
    let organizations = OrganizationRegistry::new(
        feeds.organization,
        Sources {
            directory: Arc::new(store.clone()),
            media: Arc::new(store.clone()),
            media_poll: config.media_poll,
        },
        threads.to_vec(),
        metrics.clone(),
    )
    .start();
    let projects = ProjectRegistry::new(feeds.project, threads.to_vec(), metrics.clone()).start();
    let answers = AnswerRegistry::new(desk.clone(), threads.to_vec(), metrics.clone()).start();
    let storage = config.retention.is_some();
    let recovery = RecoveryKeeper::new(
        config.recovery_window,
        vec![
            rooms.clone().recipient(),
            organizations.clone().recipient(),
            projects.clone().recipient(),
            answers.clone().recipient(),
        ],
        storage.then(|| Arc::new(store.clone()) as Arc<dyn Recoverables>),
        metrics.clone(),
    )
    .start();
    let holdings = Holdings {
        rooms: rooms.clone(),
        organizations: organizations.clone(),
        projects: projects.clone(),
        access: Arc::clone(&access),
    };
    let rights = RightsKeeper::new(feeds.access, holdings, config.recheck, metrics.clone());
    let rights = rights.start();
    let keeper = rights.clone();
    let changes = move |change| keeper.do_send(change);
    let commands = SessionCommands::start(store.clone(), feeds.session, changes, metrics.clone());
    let root = Root {
        authenticator,
        access,
        refusal: match config.refusal {
            Refusal::ConnectError => RefusalMode::ConnectError,
            Refusal::Unauthorized => RefusalMode::Unauthorized,
        },
        captions: Captions {
            registry: rooms.clone(),
        },
        organizations: Organizations {
            registry: organizations,
        },
        chat: Chat {
            projects: projects.clone(),
            answers: answers.clone(),
            chats: desk.chats,
            model: desk.model,
        },
        anonymous_chat: config.anonymous_chat,
        recovery: Recovery {
            mode: match config.recovery {
                config::Recovery::Ask => RecoveryMode::Ask,
                config::Recovery::On => RecoveryMode::On,
                config::Recovery::Off => RecoveryMode::Off,
            },
            keeper: recovery.clone(),
            metrics: metrics.clone(),
        },
        rights: Rights::new(rights),
        metrics: metrics.clone(),
    };
    Actors {
        root,
        rooms,
        recovery,
        projects,
        answers,
        recording,
        commands,
        events,
        broker: status,
        metrics,
        load,
    }
}
