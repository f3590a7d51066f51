//! Who follows an organization's media and its LLM jobs, and the way of its events to them.

use std::sync::Arc;

use actix::prelude::*;
use switchboard_protocol::ids::{ConversationId, OrganizationId, UserId};
use switchboard_protocol::topics;
use tokio::sync::oneshot;

use super::{OrganizationRegistry, WatchRefused};
use crate::SocketId;
use crate::broker::Fed;
use crate::organization::events::is_job;
use crate::organization::jobs::{Follow, JobFollowers, LeaveConversation};
use crate::organization::media::{AddWatcher, MediaWatcher, Published};
use crate::outbox::WayOut;

/// A socket that may follows what an organization has in processing; a second time it is only told afresh.
#[derive(Message)]
#[rtype(result = "Result<(), WatchRefused>")]
pub struct WatchMedia {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// Whose it is, where it is a user's.
    pub user: Option<UserId>,
    /// What it follows.
    pub organization: OrganizationId,
}

/// A socket no longer follows an organization's media; it is no error if it does not.
#[derive(Message)]
#[rtype(result = "()")]
pub struct UnwatchMedia {
    /// The socket.
    pub socket: SocketId,
    /// What it followed.
    pub organization: OrganizationId,
    /// Told, or dropped, once nothing more is sent.
    pub done: oneshot::Sender<()>,
}

/// A socket that may follows an organization's jobs and, where one is named, those of a conversation. It is told
/// whether it may be in one more conversation's room.
#[derive(Message)]
#[rtype(result = "Result<oneshot::Receiver<bool>, WatchRefused>")]
pub struct FollowJobs {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// Whether it is a guest's.
    pub is_guest: bool,
    /// Whose jobs it follows.
    pub organization: OrganizationId,
    /// Which conversation's, too.
    pub conversation: Option<ConversationId>,
}

/// A socket no longer follows an organization's jobs, whatever conversation they are for.
#[derive(Message)]
#[rtype(result = "()")]
pub struct UnfollowJobs {
    /// The socket.
    pub socket: SocketId,
    /// Whose jobs it followed.
    pub organization: OrganizationId,
    /// Told, or dropped, once nothing more is sent.
    pub done: oneshot::Sender<()>,
}

/// A socket leaves an organization's room and a conversation's; it is told whether it is in another conversation's.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LeaveJobs {
    /// The socket.
    pub socket: SocketId,
    /// Whose jobs.
    pub organization: OrganizationId,
    /// Which conversation's.
    pub conversation: ConversationId,
    /// Told, or dropped where nobody follows the organization's jobs.
    pub stays: oneshot::Sender<bool>,
}

impl OrganizationRegistry {
    /// Hands an organization's event to those who follow what it is about. False when it is none.
    pub(super) fn pass_event(&self, fed: &Fed) -> bool {
        let Some((organization, event)) = topics::parse_organization_event(&fed.topic) else {
            return false;
        };
        let published = Published {
            event: event.to_owned(),
            payload: fed.payload.clone(),
            credit: fed.credit.clone(),
        };
        // What nobody follows is not even parsed.
        if is_job(event) {
            if let Some(followers) = self.jobs.watcher(organization) {
                followers.do_send(published);
            }
        } else if let Some(watcher) = self.media.watcher(organization) {
            watcher.do_send(published);
        }
        true
    }
}

impl Handler<WatchMedia> for OrganizationRegistry {
    type Result = Result<(), WatchRefused>;

    fn handle(&mut self, watch: WatchMedia, _: &mut Self::Context) -> Self::Result {
        let (sources, metrics) = (&self.sources, &self.metrics);
        let make = || {
            MediaWatcher::new(
                watch.organization.clone(),
                Arc::clone(&sources.media),
                sources.media_poll,
                metrics.clone(),
            )
        };
        let threads = &mut self.threads;
        let watcher = self
            .media
            .watch(watch.socket, &watch.organization, threads, make)?;
        watcher.do_send(AddWatcher {
            socket: watch.socket,
            outbox: watch.outbox,
            user: watch.user,
        });
        Ok(())
    }
}

impl Handler<UnwatchMedia> for OrganizationRegistry {
    type Result = ();

    fn handle(&mut self, unwatch: UnwatchMedia, _: &mut Self::Context) {
        self.media
            .unwatch(unwatch.socket, &unwatch.organization, unwatch.done);
    }
}

impl Handler<FollowJobs> for OrganizationRegistry {
    type Result = Result<oneshot::Receiver<bool>, WatchRefused>;

    fn handle(&mut self, follow: FollowJobs, _: &mut Self::Context) -> Self::Result {
        let metrics = &self.metrics;
        let make = || JobFollowers::new(follow.organization.clone(), metrics.clone());
        let threads = &mut self.threads;
        let followers = self
            .jobs
            .watch(follow.socket, &follow.organization, threads, make)?;
        let (followed, receiver) = oneshot::channel();
        followers.do_send(Follow {
            socket: follow.socket,
            outbox: follow.outbox,
            is_guest: follow.is_guest,
            conversation: follow.conversation,
            followed,
        });
        Ok(receiver)
    }
}

impl Handler<UnfollowJobs> for OrganizationRegistry {
    type Result = ();

    fn handle(&mut self, unfollow: UnfollowJobs, _: &mut Self::Context) {
        self.jobs
            .unwatch(unfollow.socket, &unfollow.organization, unfollow.done);
    }
}

impl Handler<LeaveJobs> for OrganizationRegistry {
    type Result = ();

    fn handle(&mut self, leave: LeaveJobs, _: &mut Self::Context) {
        if let Some(followers) = self.jobs.watcher(&leave.organization) {
            followers.do_send(LeaveConversation {
                socket: leave.socket,
                conversation: leave.conversation,
                stays: leave.stays,
            });
        }
    }
}
