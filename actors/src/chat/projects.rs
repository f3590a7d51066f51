//! The ProjectRegistry: which socket is in which project's room, and the only one who knows that a room is empty.
//!
//! Hears the chat family (`Enter`, `Leave`, `Asked`), the ends of sockets (`SocketClosed`) and, as a stream, what the
//! broker says about projects. A socket is in one room at a time. Starts a ProjectRoom for the first member and lets it go
//! after the last one. Never waits for anybody.

use std::collections::HashMap;

use actix::prelude::*;
use serde::Serialize;
use switchboard_protocol::ids::{ChatId, OrganizationId, ProjectId};
use switchboard_protocol::topics;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::room::{AddMember, ProjectRoom, Published, RemoveMember};
use crate::SocketId;
use crate::broker::Fed;
use crate::metrics::Metrics;
use crate::outbox::WayOut;
use crate::ports::Action;
use crate::registry::SocketClosed;
use crate::threads::Threads;

/// A socket that may enters a project's room, and leaves the one that it was in. The answer is that one's organization.
#[derive(Message)]
#[rtype(result = "Option<OrganizationId>")]
pub struct Enter {
    /// The socket.
    pub socket: SocketId,
    /// When its client connected, in milliseconds since the epoch.
    pub connected_at: u64,
    /// Its way out.
    pub outbox: WayOut,
    /// The project.
    pub project: ProjectId,
    /// That project's organization.
    pub organization: OrganizationId,
}

/// A socket leaves a project's room; one that is not in it stays where it is. The answer is the organization of the room
/// that was left.
#[derive(Message)]
#[rtype(result = "Option<OrganizationId>")]
pub struct Leave {
    /// The socket.
    pub socket: SocketId,
    /// The project.
    pub project: ProjectId,
    /// Told, or dropped, once nothing more is sent.
    pub done: oneshot::Sender<()>,
}

/// A socket asks something in a chat.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Asked {
    /// The socket.
    pub socket: SocketId,
    /// When its client connected, in milliseconds since the epoch.
    pub connected_at: u64,
    /// The chat.
    pub chat: ChatId,
}

/// Asks what a socket holds, as what it once asked to do.
#[derive(Message)]
#[rtype(result = "Option<Action>")]
pub struct GetHeld(pub SocketId);

/// Asks for a page of the sockets that chat: those after this one, and no more than `limit`.
#[derive(Message)]
#[rtype(result = "Chatting")]
pub struct GetChatting {
    /// The last of the page before.
    pub after: Option<SocketId>,
    /// How many.
    pub limit: usize,
}

/// Sockets that chat.
#[derive(Debug, PartialEq, MessageResponse)]
pub struct Chatting {
    /// All of them.
    pub count: usize,
    /// A page, by ascending socket.
    pub page: Vec<(SocketId, InChat)>,
}

/// A socket that has used the chat, until it ends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InChat {
    /// When its client connected, in milliseconds since the epoch.
    pub connected_at: u64,
    /// The project whose room it is in.
    pub project_id: Option<ProjectId>,
    /// The chat that it last asked in.
    pub chat_id: Option<ChatId>,
    #[serde(skip)]
    organization: Option<OrganizationId>,
}

impl InChat {
    fn new(connected_at: u64) -> Self {
        Self {
            connected_at,
            project_id: None,
            chat_id: None,
            organization: None,
        }
    }
}

struct Entry {
    room: Addr<ProjectRoom>,
    members: usize,
}

/// See the module's documentation.
pub struct ProjectRegistry {
    sockets: HashMap<SocketId, InChat>,
    rooms: HashMap<ProjectId, Entry>,
    /// Members over all rooms.
    members: usize,
    /// Taken when the actor starts.
    feed: Option<mpsc::UnboundedReceiver<Fed>>,
    threads: Threads,
    metrics: Metrics,
}

impl ProjectRegistry {
    /// A registry without members that reads `feed` ([`Feeds::project`](crate::broker::Feeds)). Rooms run on
    /// `threads` in turn, or on the registry's own.
    pub fn new(
        feed: mpsc::UnboundedReceiver<Fed>,
        threads: Vec<ArbiterHandle>,
        metrics: Metrics,
    ) -> Self {
        Self {
            sockets: HashMap::new(),
            rooms: HashMap::new(),
            members: 0,
            feed: Some(feed),
            threads: Threads::new(threads),
            metrics,
        }
    }

    fn socket(&mut self, socket: SocketId, connected_at: u64) -> &mut InChat {
        let entry = self.sockets.entry(socket);
        entry.or_insert_with(|| InChat::new(connected_at))
    }

    /// Takes a socket out of the room that it is in.
    fn leave(
        &mut self,
        socket: SocketId,
        done: Option<oneshot::Sender<()>>,
    ) -> Option<OrganizationId> {
        let place = self.sockets.get_mut(&socket)?;
        let project = place.project_id.take()?;
        let organization = place.organization.take();
        if let Some(entry) = self.rooms.get_mut(&project) {
            entry.room.do_send(RemoveMember { socket, done });
            entry.members -= 1;
            self.members -= 1;
            if entry.members == 0 {
                self.rooms.remove(&project);
            }
        }
        organization
    }

    fn count(&self) {
        self.metrics.project_rooms.set(self.rooms.len() as i64);
        self.metrics.project_members.set(self.members as i64);
        self.metrics.chat_sockets.set(self.sockets.len() as i64);
    }
}

impl Actor for ProjectRegistry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let feed = self.feed.take().expect("an actor starts once");
        ctx.add_stream(UnboundedReceiverStream::new(feed));
    }
}

impl StreamHandler<Fed> for ProjectRegistry {
    fn handle(&mut self, fed: Fed, _: &mut Self::Context) {
        let Some((project, event)) = topics::parse_project_event(&fed.topic) else {
            self.metrics.drop_publication("unknown_topic");
            return;
        };
        // What nobody hears is not even checked.
        if let Some(entry) = self.rooms.get(&project) {
            entry.room.do_send(Published {
                event: event.to_owned(),
                payload: fed.payload,
                credit: fed.credit,
            });
        }
    }

    // The BrokerActor is gone; the sockets that close are still heard of until the system stops.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl Handler<Enter> for ProjectRegistry {
    type Result = Option<OrganizationId>;

    fn handle(&mut self, enter: Enter, _: &mut Self::Context) -> Self::Result {
        let Enter {
            socket, project, ..
        } = enter;
        if self.socket(socket, enter.connected_at).project_id == Some(project) {
            return Some(enter.organization);
        }
        let left = self.leave(socket, None);
        let place = self.socket(socket, enter.connected_at);
        place.project_id = Some(project);
        place.organization = Some(enter.organization);
        let (threads, metrics) = (&mut self.threads, &self.metrics);
        let entry = self.rooms.entry(project).or_insert_with(|| Entry {
            room: threads.start(ProjectRoom::new(project, metrics.clone())),
            members: 0,
        });
        entry.members += 1;
        self.members += 1;
        let outbox = enter.outbox;
        entry.room.do_send(AddMember { socket, outbox });
        self.count();
        left
    }
}

impl Handler<Leave> for ProjectRegistry {
    type Result = Option<OrganizationId>;

    fn handle(&mut self, leave: Leave, _: &mut Self::Context) -> Self::Result {
        let place = self.sockets.get(&leave.socket)?;
        if place.project_id != Some(leave.project) {
            return None;
        }
        let left = self.leave(leave.socket, Some(leave.done));
        self.count();
        left
    }
}

impl Handler<Asked> for ProjectRegistry {
    type Result = ();

    fn handle(&mut self, asked: Asked, _: &mut Self::Context) {
        self.socket(asked.socket, asked.connected_at).chat_id = Some(asked.chat);
        self.count();
    }
}

impl Handler<SocketClosed> for ProjectRegistry {
    type Result = ();

    fn handle(&mut self, SocketClosed(socket): SocketClosed, _: &mut Self::Context) {
        self.leave(socket, None);
        if self.sockets.remove(&socket).is_some() {
            self.count();
        }
    }
}

impl Handler<GetHeld> for ProjectRegistry {
    type Result = Option<Action>;

    fn handle(&mut self, GetHeld(socket): GetHeld, _: &mut Self::Context) -> Self::Result {
        let organization = self.sockets.get(&socket)?.organization.clone();
        organization.map(Action::UseProjects)
    }
}

impl Handler<GetChatting> for ProjectRegistry {
    type Result = Chatting;

    fn handle(&mut self, asked: GetChatting, _: &mut Self::Context) -> Chatting {
        let is_behind = |socket: SocketId| asked.after.is_none_or(|after| socket > after);
        let behind = self.sockets.iter().filter(|(id, _)| is_behind(**id));
        let mut page: Vec<_> = behind.map(|(id, place)| (*id, place.clone())).collect();
        page.sort_by_key(|(id, _)| *id);
        page.truncate(asked.limit);
        Chatting {
            count: self.sockets.len(),
            page,
        }
    }
}
