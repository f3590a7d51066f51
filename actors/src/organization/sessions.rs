//! The SessionWatcher: those who follow the sessions of one organization.
//!
//! Owned by the OrganizationRegistry, which alone decides who is a member, and told by it what changes. An event is
//! encoded once for all members, and once for all guests of a session. A member's first picture is in its
//! acknowledgement; what changes after that waits until the acknowledgement is out. Never asks anything, never waits.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use switchboard_protocol::events;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::{OrganizationId, SessionId};
use switchboard_protocol::socketio::Namespace;
use tokio::sync::oneshot;

use super::audience::Audience;
use super::registry::Watcher;
use super::statuses::{Change, Session};
use super::{Begin, RemoveMember};
use crate::SocketId;
use crate::outbox::WayOut;

/// Makes a socket a member and answers with the present picture; one that is a member already gets a fresh one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AddMember {
    /// Whose socket it is.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// The one session that a guest may see; `None`: all of them.
    pub only: Option<SessionId>,
    /// Gets the picture.
    pub watched: oneshot::Sender<Watched>,
}

/// A new member's first picture. Changes to it are held back until the watcher is told to [`Begin`].
#[derive(Debug)]
pub struct Watched {
    /// The sessions that it may see: a JSON array.
    pub sessions: Bytes,
    /// Who sends the changes.
    pub watcher: Addr<SessionWatcher>,
}

/// Sessions of this organization have changed.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SessionsChanged(pub Vec<Change>);

/// See the module's documentation.
pub struct SessionWatcher {
    /// The event that carries changes.
    event: String,
    /// The organization's sessions as they are now.
    picture: BTreeMap<SessionId, Arc<Session>>,
    /// `picture` as JSON, while it is true.
    encoded: Option<Bytes>,
    /// Members by what they may see: one session, or all of them.
    audiences: HashMap<Option<SessionId>, Audience>,
    /// Where each member is found in `audiences`.
    members: HashMap<SocketId, Option<SessionId>>,
}

impl SessionWatcher {
    /// A watcher without members, and what it knows at first.
    pub fn new(organization: OrganizationId, picture: BTreeMap<SessionId, Arc<Session>>) -> Self {
        Self {
            event: events::session_update(&organization),
            picture,
            encoded: None,
            audiences: HashMap::new(),
            members: HashMap::new(),
        }
    }

    /// The sessions that a member may see, as a JSON array.
    fn sessions(&mut self, only: Option<&SessionId>) -> Bytes {
        match only {
            Some(session) => {
                let session = self.picture.get(session);
                array(session.filter(|s| s.is_open).into_iter().map(|s| &**s))
            }
            None => {
                let encode = || array(self.picture.values().map(|s| &**s));
                self.encoded.get_or_insert_with(encode).clone()
            }
        }
    }

    fn frame(&self, changes: &[Change]) -> Frame {
        Frame::event(&Namespace::root(), &self.event, &[&update(changes)])
    }

    fn remove(&mut self, socket: SocketId) {
        let Some(only) = self.members.remove(&socket) else {
            return;
        };
        if let Some(audience) = self.audiences.get_mut(&only) {
            audience.remove(socket);
            if audience.is_empty() {
                self.audiences.remove(&only);
            }
        }
    }
}

/// `[…]` of sessions that are JSON already.
fn array<'a>(sessions: impl Iterator<Item = &'a Session>) -> Bytes {
    let mut json = vec![b'['];
    for session in sessions {
        if json.len() > 1 {
            json.push(b',');
        }
        json.extend_from_slice(session.json.as_bytes());
    }
    json.push(b']');
    json.into()
}

/// `{"added":[…],"removed":[…],"updated":[…]}`; a removed session is told as it was.
fn update(changes: &[Change]) -> Vec<u8> {
    let of_kind = |is_meant: fn(&Change) -> Option<&Arc<Session>>| {
        array(changes.iter().filter_map(is_meant).map(|s| &**s))
    };
    let added = of_kind(|c| c.new.as_ref().filter(|_| c.old.is_none()));
    let removed = of_kind(|c| c.old.as_ref().filter(|_| c.new.is_none()));
    let updated = of_kind(|c| c.new.as_ref().filter(|_| c.old.is_some()));
    [
        &b"{\"added\":"[..],
        &added,
        b",\"removed\":",
        &removed,
        b",\"updated\":",
        &updated,
        b"}",
    ]
    .concat()
}

impl Actor for SessionWatcher {
    type Context = Context<Self>;
}

impl Watcher for SessionWatcher {
    const INTEREST: &'static str = "sessions";
}

impl Handler<AddMember> for SessionWatcher {
    type Result = ();

    fn handle(&mut self, add: AddMember, ctx: &mut Self::Context) {
        let AddMember {
            socket,
            outbox,
            only,
            watched,
        } = add;
        // A socket's holder never changes, and with it what it may see; but nothing rests on that.
        self.remove(socket);
        let sessions = self.sessions(only.as_ref());
        let audience = self.audiences.entry(only.clone()).or_default();
        audience.add(socket, outbox);
        self.members.insert(socket, only);
        // Its session may have gone; the registry then removes the member.
        let _ = watched.send(Watched {
            sessions,
            watcher: ctx.address(),
        });
    }
}

impl Handler<Begin> for SessionWatcher {
    type Result = ();

    fn handle(&mut self, Begin(socket): Begin, _: &mut Self::Context) {
        if let Some(only) = self.members.get(&socket)
            && let Some(audience) = self.audiences.get_mut(only)
        {
            audience.begin(socket);
        }
    }
}

impl Handler<RemoveMember> for SessionWatcher {
    type Result = ();

    fn handle(&mut self, RemoveMember { socket, done }: RemoveMember, _: &mut Self::Context) {
        self.remove(socket);
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

impl Handler<SessionsChanged> for SessionWatcher {
    type Result = ();

    fn handle(&mut self, SessionsChanged(changes): SessionsChanged, _: &mut Self::Context) {
        self.encoded = None;
        for change in &changes {
            match &change.new {
                Some(session) => self.picture.insert(session.id.clone(), Arc::clone(session)),
                None => self.picture.remove(change.id()),
            };
            let guests = Some(change.id().clone());
            if self.audiences.contains_key(&guests)
                && let Some(seen) = change.seen_by_guests()
            {
                let frame = self.frame(&[seen]);
                if let Some(audience) = self.audiences.get_mut(&guests) {
                    audience.send(&frame);
                }
            }
        }
        if self.audiences.contains_key(&None) {
            let frame = self.frame(&changes);
            if let Some(audience) = self.audiences.get_mut(&None) {
                audience.send(&frame);
            }
        }
    }
}
