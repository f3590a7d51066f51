//! The JobFollowers: those who follow the LLM jobs of one organization.
//!
//! Owned by the OrganizationRegistry, which alone decides who is a member; it is here, however, that a member is in
//! the organization's room and in rooms of conversations. A job is told once to whoever is in any room that it
//! concerns. Guests are in the organization's room alone and are told no job's result. Never asks, never waits.

use std::collections::{HashMap, HashSet};

use actix::prelude::*;
use switchboard_protocol::ids::{ConversationId, OrganizationId};
use tokio::sync::oneshot;

use super::RemoveMember;
use super::events::{self, JobStatement, Refusals};
use super::media::Published;
use super::registry::Watcher;
use crate::SocketId;
use crate::limits::CONVERSATIONS_PER_FOLLOWER;
use crate::metrics::Metrics;
use crate::outbox::WayOut;

/// Puts a socket into the organization's room and, unless it is a guest's, into a conversation's.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Follow {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// Whether it is a guest's.
    pub is_guest: bool,
    /// The conversation, where one is named.
    pub conversation: Option<ConversationId>,
    /// Told whether the socket may be in one more conversation's room; it is in the organization's anyway.
    pub followed: oneshot::Sender<bool>,
}

/// Takes a socket out of the organization's room and a conversation's.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LeaveConversation {
    /// The socket.
    pub socket: SocketId,
    /// The conversation.
    pub conversation: ConversationId,
    /// Told whether the socket is still in another conversation's room.
    pub stays: oneshot::Sender<bool>,
}

struct Follower {
    outbox: WayOut,
    is_guest: bool,
    /// Whether it is in the organization's room.
    in_organization: bool,
    /// The conversations whose rooms it is in.
    conversations: HashSet<ConversationId>,
}

impl Follower {
    fn is_concerned(&self, conversation: Option<&ConversationId>) -> bool {
        self.in_organization || conversation.is_some_and(|c| self.conversations.contains(c))
    }
}

/// See the module's documentation.
pub struct JobFollowers {
    organization: OrganizationId,
    followers: HashMap<SocketId, Follower>,
    refusals: Refusals,
    metrics: Metrics,
}

impl JobFollowers {
    /// An organization without followers.
    pub fn new(organization: OrganizationId, metrics: Metrics) -> Self {
        Self {
            organization,
            followers: HashMap::new(),
            refusals: Refusals::default(),
            metrics,
        }
    }

    fn tell(&self, job: &JobStatement) {
        let mut delivered = 0;
        for follower in self.followers.values() {
            if !follower.is_concerned(job.conversation.as_ref()) {
                continue;
            }
            let frame = match follower.is_guest {
                true => &job.for_guests,
                false => &job.full,
            };
            follower.outbox.send(frame.clone());
            delivered += 1;
        }
        self.metrics.organization_events_delivered.inc_by(delivered);
    }
}

impl Actor for JobFollowers {
    type Context = Context<Self>;
}

impl Watcher for JobFollowers {
    const INTEREST: &'static str = "jobs";
}

impl Handler<Follow> for JobFollowers {
    type Result = ();

    fn handle(&mut self, follow: Follow, _: &mut Self::Context) {
        let follower = self.followers.entry(follow.socket);
        let follower = follower.or_insert_with(|| Follower {
            outbox: follow.outbox,
            is_guest: follow.is_guest,
            in_organization: true,
            conversations: HashSet::new(),
        });
        follower.in_organization = true;
        let has_room = match follow.conversation {
            Some(_) if follow.is_guest => true,
            Some(conversation) if follower.conversations.len() < CONVERSATIONS_PER_FOLLOWER => {
                follower.conversations.insert(conversation);
                true
            }
            Some(conversation) => follower.conversations.contains(&conversation),
            None => true,
        };
        // Its session may have gone; the registry then removes the member.
        let _ = follow.followed.send(has_room);
    }
}

impl Handler<LeaveConversation> for JobFollowers {
    type Result = ();

    fn handle(&mut self, leave: LeaveConversation, _: &mut Self::Context) {
        let follower = self.followers.get_mut(&leave.socket);
        let stays = follower.is_some_and(|follower| {
            follower.in_organization = false;
            follower.conversations.remove(&leave.conversation);
            !follower.conversations.is_empty()
        });
        // Its session may have gone; the registry then removes the member.
        let _ = leave.stays.send(stays);
    }
}

impl Handler<RemoveMember> for JobFollowers {
    type Result = ();

    fn handle(&mut self, RemoveMember { socket, done }: RemoveMember, _: &mut Self::Context) {
        self.followers.remove(&socket);
        if let Some(done) = done {
            // Its session may have gone; then nobody waits.
            let _ = done.send(());
        }
    }
}

impl Handler<Published> for JobFollowers {
    type Result = ();

    fn handle(&mut self, published: Published, _: &mut Self::Context) {
        match events::job(&self.organization, &published.payload) {
            Ok(job) => self.tell(&job),
            Err(refused) => self
                .refusals
                .count(&self.organization, refused, &self.metrics),
        }
    }
}
