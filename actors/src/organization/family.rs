//! Organizations: the events `watch_organization_session` and `unwatch_organization_session`, and what its parts serve.
//!
//! Asks whether the socket may, tells the OrganizationRegistry; what is watched comes from the organizations' actors,
//! not from here.

mod jobs;
mod media;

use actix::Addr;
use bytes::Bytes;
use switchboard_protocol::ids::OrganizationId;
use switchboard_protocol::socketio::Event;
use tokio::sync::oneshot;

use super::Begin;
use super::registry::{OrganizationRegistry, UnwatchSessions, WatchRefused, WatchSessions};
use crate::limits::Limit;
use crate::ports::{Action, Principal};
use crate::registry::SocketClosed;
use crate::root::Client;
use crate::service::{Failure, Outcome};

/// The organizations' family of events.
#[derive(Clone)]
pub struct Organizations {
    /// Where watches go.
    pub registry: Addr<OrganizationRegistry>,
}

impl Organizations {
    /// The socket is gone.
    pub fn closed(&self, client: &Client) {
        self.registry.do_send(SocketClosed(client.socket.id));
    }

    /// `watch_organization_session`: the organization's id. The acknowledgement has the present picture.
    pub async fn watch_sessions(&self, client: &Client, event: &Event) -> Outcome {
        let organization = match organization_argument(event) {
            Ok(organization) => organization,
            Err(failure) => return Outcome::Failed(failure),
        };
        let action = Action::WatchSessions(organization.clone());
        match client.may(action.clone()).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Denied,
            Err(failure) => return Outcome::Failed(failure),
        }
        if client.is_closed() {
            // Asked now, the registry would hear of the watch after the socket's end.
            return Outcome::stopping();
        }
        let watch = WatchSessions {
            socket: client.socket.id,
            outbox: client.socket.outbox.clone(),
            organization,
            only: match client.principal() {
                Principal::Guest { session, .. } => Some(session),
                Principal::User { .. } | Principal::Anonymous => None,
            },
        };
        let watched = match self.registry.send(watch).await {
            Ok(Ok(watched)) => watched.await,
            Ok(Err(refused)) => return watch_refused(refused),
            Err(_) => return Outcome::stopping(),
        };
        let Ok(watched) = watched else {
            return Outcome::stopping();
        };
        client.note(|lease| lease.follows(action));
        let answer = [&b"{\"ok\":true,\"sessions\":"[..], &watched.sessions, b"}"].concat();
        let socket = client.socket.id;
        let begin = move || watched.watcher.do_send(Begin(socket));
        Outcome::DoneThen(vec![Bytes::from(answer)], Box::new(begin))
    }

    /// `unwatch_organization_session`: the organization's id. Nothing follows its acknowledgement.
    pub async fn unwatch_sessions(&self, client: &Client, event: &Event) -> Outcome {
        let organization = match organization_argument(event) {
            Ok(organization) => organization,
            Err(failure) => return Outcome::Failed(failure),
        };
        client.note(|lease| lease.unfollows(&Action::WatchSessions(organization.clone())));
        let (done, is_done) = oneshot::channel();
        self.registry.do_send(UnwatchSessions {
            socket: client.socket.id,
            organization,
            done,
        });
        // Told or dropped: nothing more is sent.
        let _ = is_done.await;
        Outcome::ok()
    }
}

fn watch_refused(refused: WatchRefused) -> Outcome {
    let failure = Failure::invalid("WATCH_REFUSED", refused.to_string());
    Outcome::Failed(failure.at(Limit::OrganizationsPerSocket))
}

/// The organization's id that is an event's first argument.
fn organization_argument(event: &Event) -> Result<OrganizationId, Failure> {
    let text = event
        .args
        .first()
        .and_then(|arg| serde_json::from_str::<String>(arg.get()).ok());
    let Some(text) = text else {
        let message = format!("{} takes an organization's id", event.name);
        return Err(Failure::invalid("INVALID_ORGANIZATION", message));
    };
    text.parse()
        .map_err(|e| Failure::invalid("INVALID_ORGANIZATION", format!("{e}")))
}
