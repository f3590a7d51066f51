//! One organization's media watchers, and the loop that asks how far its conversations are.
//!
//! Owned by the OrganizationRegistry, which alone decides who watches. Polls [`ports::Media`](crate::ports::Media),
//! one question at a time, as long as somebody watches; says what ended before it says what goes on. Publications
//! about the organization pass through here to its watchers. A failed poll changes nothing.

#[cfg(test)]
mod tests;
mod tracker;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use switchboard_protocol::events::{CONVERSATION_PROCESSING_DONE, CONVERSATION_PROCESSING_ERROR};
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::{OrganizationId, UserId};
use tokio::sync::OwnedSemaphorePermit;

use super::RemoveMember;
use super::events::{self, Item, MediaStatement, Readers, Refusals, frame};
use super::registry::Watcher;
use crate::SocketId;
use crate::limits::{MEDIA_POLL_DEADLINE, MEDIA_POLLS_IN_A_ROW};
use crate::metrics::Metrics;
use crate::outbox::WayOut;
use crate::ports::{Conversation, Media, TranscriptionState, Unavailable};
use tracker::{Findings, Tracker};

/// A socket watches from now on; it is told at once what is being processed. A second time it is told again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AddWatcher {
    /// The socket.
    pub socket: SocketId,
    /// Its way out.
    pub outbox: WayOut,
    /// Whose it is, where it is a user's: private folders are for some only.
    pub user: Option<UserId>,
}

/// Something was published as an event of the organization.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Published {
    /// The event's name, as its topic has it.
    pub event: String,
    /// As it was published.
    pub payload: Bytes,
    /// Lets the link read on once this has been dealt with.
    pub credit: Option<Arc<OwnedSemaphorePermit>>,
}

struct Member {
    outbox: WayOut,
    user: Option<UserId>,
}

/// A poll whose answer is awaited.
struct Flight {
    task: SpawnHandle,
    /// Who waits for its first list.
    newcomers: BTreeSet<SocketId>,
    /// Whether the list is for everybody.
    for_all: bool,
}

/// See the module's documentation.
pub struct MediaWatcher {
    organization: OrganizationId,
    media: Arc<dyn Media>,
    /// From the end of a poll to the next.
    pause: Duration,
    metrics: Metrics,
    members: HashMap<SocketId, Member>,
    tracker: Tracker,
    refusals: Refusals,
    /// Who is owed a list of its own.
    newcomers: BTreeSet<SocketId>,
    /// A poll for everybody is due as soon as none is under way.
    due: bool,
    flight: Option<Flight>,
    timer: Option<SpawnHandle>,
    polls_in_a_row: u32,
    /// Whether the last poll failed: an outage is logged once.
    is_failing: bool,
    /// Whether somebody has been shown something in processing since all were shown nothing.
    shown: bool,
}

impl MediaWatcher {
    /// A watcher of `organization` without members, which asks `media` with this `pause` between polls.
    pub fn new(
        organization: OrganizationId,
        media: Arc<dyn Media>,
        pause: Duration,
        metrics: Metrics,
    ) -> Self {
        Self {
            organization,
            media,
            pause,
            metrics,
            members: HashMap::new(),
            tracker: Tracker::default(),
            refusals: Refusals::default(),
            newcomers: BTreeSet::new(),
            due: false,
            flight: None,
            timer: None,
            polls_in_a_row: 0,
            is_failing: false,
            shown: false,
        }
    }

    /// Asks, unless an answer is awaited: then again as soon as it is there.
    fn poll(&mut self, ctx: &mut Context<Self>) {
        if self.flight.is_some() {
            return;
        }
        self.polls_in_a_row += 1;
        self.metrics.media_polls.inc();
        let question = self.tracker.ask();
        let answer = self.media.poll(self.organization.clone(), question);
        let answer = tokio::time::timeout(MEDIA_POLL_DEADLINE, answer).into_actor(self);
        let task = ctx.spawn(answer.map(|answer, watcher: &mut Self, ctx| {
            let late = || Err(Unavailable(format!("no answer in {MEDIA_POLL_DEADLINE:?}")));
            watcher.polled(answer.unwrap_or_else(|_| late()), ctx);
        }));
        self.flight = Some(Flight {
            task,
            newcomers: std::mem::take(&mut self.newcomers),
            for_all: std::mem::take(&mut self.due),
        });
    }

    fn polled(&mut self, answer: Result<Vec<Conversation>, Unavailable>, ctx: &mut Context<Self>) {
        let flight = self.flight.take().expect("an answer has its poll");
        let is_asked_for = self.due || !self.newcomers.is_empty();
        let for_all = flight.for_all;
        let was_failing = std::mem::replace(&mut self.is_failing, answer.is_err());
        match answer {
            Ok(conversations) => self.tell(conversations, &flight),
            Err(error) => {
                self.metrics.media_polls_failed.inc();
                if !was_failing {
                    let organization = &self.organization;
                    log::warn!(
                        "a poll of media failed, it is tried again organization={organization} reason={:?}",
                        error.to_string()
                    );
                }
                // They are told by the next poll.
                self.newcomers.extend(flight.newcomers);
            }
        }
        // A newcomer's poll does not put off everybody's.
        if for_all || self.timer.is_none() {
            self.schedule(ctx);
        }
        if is_asked_for {
            self.poll(ctx);
        }
    }

    fn schedule(&mut self, ctx: &mut Context<Self>) {
        self.cancel_timer(ctx);
        if self.polls_in_a_row >= MEDIA_POLLS_IN_A_ROW {
            log::info!(
                "polls of media end, too many went by without news organization={}",
                self.organization
            );
            return;
        }
        self.timer = Some(ctx.run_later(self.pause, |watcher, ctx| {
            watcher.timer = None;
            watcher.due = true;
            watcher.poll(ctx);
        }));
    }

    fn cancel_timer(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
    }

    /// Says what an answer means: what ended to all, what goes on to whom it is due.
    fn tell(&mut self, conversations: Vec<Conversation>, flight: &Flight) {
        let ours = |c: &Conversation| c.organization == self.organization;
        let items = conversations.into_iter().filter(ours).map(Item::from);
        let Findings { over, active } = self.tracker.answered(items.collect());
        let ends: Vec<Frame> = over
            .iter()
            .map(|(id, state)| match state {
                TranscriptionState::Error => frame(CONVERSATION_PROCESSING_ERROR, id),
                _ => frame(CONVERSATION_PROCESSING_DONE, id),
            })
            .collect();
        for member in self.members.values() {
            member.outbox.send_all(&ends);
        }
        let list = events::list(&active);
        if flight.for_all && (self.shown || !active.is_empty()) {
            self.send_all(&list);
            self.shown = !active.is_empty();
            return;
        }
        self.shown |= !active.is_empty();
        let newcomers = flight.newcomers.iter();
        for member in newcomers.filter_map(|socket| self.members.get(socket)) {
            member.outbox.send(list.clone());
        }
    }

    fn send_all(&self, frame: &Frame) {
        for member in self.members.values() {
            member.outbox.send(frame.clone());
        }
    }

    /// Passes on what was published.
    fn say(&mut self, statement: MediaStatement, ctx: &mut Context<Self>) {
        match statement {
            MediaStatement::Created(id, frame) => {
                self.tracker.created(&id);
                self.shown = true;
                self.deliver(&frame, &Readers::All);
                self.polls_in_a_row = 0;
                self.due = true;
                self.poll(ctx);
            }
            MediaStatement::Deleted(id, frame) => {
                self.tracker.deleted(&id);
                self.deliver(&frame, &Readers::All);
            }
            MediaStatement::Over(id, frame) => {
                if self.tracker.over(&id) {
                    self.deliver(&frame, &Readers::All);
                }
            }
            MediaStatement::Processing(items) => {
                let was_empty = items.is_empty();
                let items = self.tracker.processing(items);
                self.shown |= !items.is_empty();
                if was_empty || !items.is_empty() {
                    self.deliver(&events::list(&items), &Readers::All);
                }
            }
            MediaStatement::Folder(readers, frame) => self.deliver(&frame, &readers),
            MediaStatement::Other(frame) => self.deliver(&frame, &Readers::All),
        }
    }

    fn deliver(&self, frame: &Frame, readers: &Readers) {
        let members = self.members.values();
        let readers = members.filter(|member| readers.include(member.user.as_ref()));
        let mut delivered = 0;
        for member in readers {
            member.outbox.send(frame.clone());
            delivered += 1;
        }
        self.metrics.organization_events_delivered.inc_by(delivered);
    }

    /// Nobody watches: nothing is asked, awaited or remembered any more.
    fn rest(&mut self, ctx: &mut Context<Self>) {
        self.cancel_timer(ctx);
        if let Some(flight) = self.flight.take() {
            ctx.cancel_future(flight.task);
        }
        self.newcomers.clear();
        self.due = false;
        self.shown = false;
        self.tracker = Tracker::default();
    }
}

impl Actor for MediaWatcher {
    type Context = Context<Self>;
}

impl Watcher for MediaWatcher {
    const INTEREST: &'static str = "media";
}

impl Handler<AddWatcher> for MediaWatcher {
    type Result = ();

    fn handle(&mut self, watch: AddWatcher, ctx: &mut Self::Context) {
        let AddWatcher {
            socket,
            outbox,
            user,
        } = watch;
        self.members.insert(socket, Member { outbox, user });
        self.newcomers.insert(socket);
        self.polls_in_a_row = 0;
        self.poll(ctx);
    }
}

impl Handler<RemoveMember> for MediaWatcher {
    type Result = ();

    fn handle(&mut self, RemoveMember { socket, done }: RemoveMember, ctx: &mut Self::Context) {
        self.members.remove(&socket);
        self.newcomers.remove(&socket);
        if self.members.is_empty() {
            self.rest(ctx);
        }
        if let Some(done) = done {
            // Its session may have gone; then nobody waits.
            let _ = done.send(());
        }
    }
}

impl Handler<Published> for MediaWatcher {
    type Result = ();

    fn handle(&mut self, published: Published, ctx: &mut Self::Context) {
        // What was on its way when the last watcher left concerns nobody.
        if self.members.is_empty() {
            return;
        }
        match events::media(&self.organization, &published.event, &published.payload) {
            Ok(statement) => self.say(statement, ctx),
            Err(refused) => self
                .refusals
                .count(&self.organization, refused, &self.metrics),
        }
    }
}
