//! The events `watch_organization_media` and `unwatch_organization_media`.

use switchboard_protocol::socketio::Event;
use tokio::sync::oneshot;

use super::{Organizations, organization_argument, watch_refused};
use crate::organization::registry::{UnwatchMedia, WatchMedia};
use crate::ports::{Action, Principal};
use crate::root::Client;
use crate::service::Outcome;

impl Organizations {
    /// `watch_organization_media`: the organization's id. What is in processing follows as an event.
    pub async fn watch_media(&self, client: &Client, event: &Event) -> Outcome {
        let organization = match organization_argument(event) {
            Ok(organization) => organization,
            Err(failure) => return Outcome::Failed(failure),
        };
        match client.may(Action::WatchMedia(organization.clone())).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Denied,
            Err(failure) => return Outcome::Failed(failure),
        }
        if client.is_closed() {
            // Asked now, the registry would hear of the watch after the socket's end.
            return Outcome::stopping();
        }
        let watch = WatchMedia {
            socket: client.socket.id,
            outbox: client.socket.outbox.clone(),
            user: match client.principal() {
                Principal::User { id, .. } => Some(id),
                Principal::Guest { .. } | Principal::Anonymous => None,
            },
            organization: organization.clone(),
        };
        match self.registry.send(watch).await {
            Ok(Ok(())) => {
                client.note(|lease| lease.follows(Action::WatchMedia(organization)));
                Outcome::ok()
            }
            Ok(Err(refused)) => watch_refused(refused),
            Err(_) => Outcome::stopping(),
        }
    }

    /// `unwatch_organization_media`: the organization's id. Nothing follows its acknowledgement.
    pub async fn unwatch_media(&self, client: &Client, event: &Event) -> Outcome {
        let organization = match organization_argument(event) {
            Ok(organization) => organization,
            Err(failure) => return Outcome::Failed(failure),
        };
        client.note(|lease| lease.unfollows(&Action::WatchMedia(organization.clone())));
        let (done, is_done) = oneshot::channel();
        self.registry.do_send(UnwatchMedia {
            socket: client.socket.id,
            organization,
            done,
        });
        // Told or dropped: nothing more is sent.
        let _ = is_done.await;
        Outcome::ok()
    }
}
