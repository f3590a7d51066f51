//! What is being processed, as tests decide.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use switchboard_protocol::ids::{ConversationId, OrganizationId};
use tokio::sync::oneshot;

use crate::ports::{BoxFuture, Conversation, Media, TranscriptionState, Unavailable};

type Answer = Result<Vec<Conversation>, Unavailable>;

/// Answers as a store would, from what it was told. Nothing is stored at first.
#[derive(Default)]
pub struct FakeMedia(Mutex<State>);

#[derive(Default)]
struct State {
    stored: BTreeMap<String, Conversation>,
    is_away: bool,
    /// Whether answers are kept.
    is_holding: bool,
    kept: Vec<(oneshot::Sender<Answer>, Answer)>,
    polls: Vec<(OrganizationId, Vec<ConversationId>)>,
}

impl State {
    fn answer(&self, organization: &OrganizationId, tracked: &[ConversationId]) -> Answer {
        if self.is_away {
            return Err(Unavailable("told so".to_owned()));
        }
        let of_interest = |c: &&Conversation| {
            c.organization == *organization && (!c.state.is_over() || tracked.contains(&c.id))
        };
        Ok(self.stored.values().filter(of_interest).cloned().collect())
    }
}

impl FakeMedia {
    /// Stores a conversation of `organization`, named as its id, or changes it.
    pub fn put(&self, organization: &str, id: &str, state: TranscriptionState, progress: u8) {
        let conversation = Conversation {
            id: id.parse().expect("a test's id is valid"),
            name: id.to_owned(),
            organization: organization.parse().expect("a test's id is valid"),
            state,
            progress,
        };
        self.lock().stored.insert(id.to_owned(), conversation);
    }

    /// Forgets a conversation.
    pub fn remove(&self, id: &str) {
        self.lock().stored.remove(id);
    }

    /// From now on, whether polls fail.
    pub fn set_away(&self, is_away: bool) {
        self.lock().is_away = is_away;
    }

    /// Keeps the answers to polls from now on; each is what was stored when it was asked for.
    pub fn hold(&self) {
        self.lock().is_holding = true;
    }

    /// Answers the polls that are kept, and those to come at once; false when nobody waits for an answer any more.
    pub fn release(&self) -> bool {
        let mut state = self.lock();
        state.is_holding = false;
        state
            .kept
            .drain(..)
            .all(|(waiting, answer)| waiting.send(answer).is_ok())
    }

    /// The polls so far: of which organization, and what was asked about beyond what is in processing.
    pub fn polls(&self) -> Vec<(OrganizationId, Vec<ConversationId>)> {
        self.lock().polls.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Media for FakeMedia {
    fn poll(
        &self,
        organization: OrganizationId,
        tracked: Vec<ConversationId>,
    ) -> BoxFuture<Answer> {
        let mut state = self.lock();
        let answer = state.answer(&organization, &tracked);
        state.polls.push((organization, tracked));
        if !state.is_holding {
            return std::future::ready(answer).boxed();
        }
        let (sender, receiver) = oneshot::channel();
        state.kept.push((sender, answer));
        async { receiver.await.unwrap_or(Ok(Vec::new())) }.boxed()
    }
}
