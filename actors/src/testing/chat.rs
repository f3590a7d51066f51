//! Chats in memory, sources that a test names, and a model that says what a test tells it to say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::prelude::*;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use switchboard_protocol::ids::{ChatId, MessageId, OrganizationId, ProjectId};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::broker::Fed;
use crate::chat::answers::{AnswerRegistry, Desk};
use crate::chat::family::Chat;
use crate::chat::projects::ProjectRegistry;
use crate::metrics::Metrics;
use crate::ports::{
    BoxFuture, ChatPlace, Chats, LanguageModel, ModelError, NewMessage, Prompt, Retrieval, Settled,
    Source, Turn, Unavailable, WishRefused, Wishes,
};

/// The chat's actors over fakes.
pub struct ChatStage {
    /// Who is in which project's room.
    pub projects: Addr<ProjectRegistry>,
    /// The answers that run.
    pub answers: Addr<AnswerRegistry>,
    /// What was said.
    pub chats: Arc<FakeChats>,
    /// What documents say: nothing, at first.
    pub retrieval: Arc<FakeRetrieval>,
    /// Who answers.
    pub model: Arc<FakeModel>,
}

impl ChatStage {
    /// Starts them; they hear `feed`.
    pub fn start(
        feed: mpsc::UnboundedReceiver<Fed>,
        threads: Vec<ArbiterHandle>,
        metrics: Metrics,
    ) -> Self {
        let chats = Arc::new(FakeChats::default());
        let retrieval = Arc::new(FakeRetrieval::default());
        retrieval.set(Some(Vec::new()));
        let model = Arc::new(FakeModel::default());
        let desk = Desk {
            chats: chats.clone(),
            retrieval: retrieval.clone(),
            model: model.clone(),
        };
        Self {
            projects: ProjectRegistry::new(feed, threads.clone(), metrics.clone()).start(),
            answers: AnswerRegistry::new(desk, threads, metrics).start(),
            chats,
            retrieval,
            model,
        }
    }

    /// The family of events over them.
    pub fn family(&self) -> Chat {
        Chat {
            projects: self.projects.clone(),
            answers: self.answers.clone(),
            chats: self.chats.clone(),
            model: self.model.clone(),
        }
    }
}

type Answer<T> = Result<T, Unavailable>;

/// Chats in memory: chat `N` is of project `N`, unless a test says otherwise; projects are of the organization `acme`,
/// those from 100 on of `other`, and those from 1000 on are not there.
#[derive(Default)]
pub struct FakeChats(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    said: Vec<NewMessage>,
    /// How many operations fail from now on.
    failing: u32,
    places: HashMap<ChatId, ProjectId>,
}

impl FakeChats {
    /// Everything that was stored, in order.
    pub fn said(&self) -> Vec<NewMessage> {
        self.kept().said.clone()
    }

    /// The next `count` operations fail.
    pub fn fail(&self, count: u32) {
        self.kept().failing = count;
    }

    /// Puts a chat into a project.
    pub fn place(&self, chat: u64, project: u64) {
        let (chat, project) = (chat.try_into(), project.try_into());
        let project = project.expect("a test's id is valid");
        self.kept()
            .places
            .insert(chat.expect("a test's id is valid"), project);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&mut Kept) -> T,
    ) -> BoxFuture<Answer<T>> {
        let mut kept = self.kept();
        let answer = match kept.failing {
            0 => Ok(answer(&mut kept)),
            _ => {
                kept.failing -= 1;
                Err(Unavailable("told so".to_owned()))
            }
        };
        std::future::ready(answer).boxed()
    }
}

fn organization(project: ProjectId) -> Option<OrganizationId> {
    let name = match project.get() {
        ..100 => "acme",
        100..1000 => "other",
        _ => return None,
    };
    Some(name.parse().expect("a name"))
}

impl Chats for FakeChats {
    fn organization_of(&self, project: ProjectId) -> BoxFuture<Answer<Option<OrganizationId>>> {
        self.answer(|_| organization(project))
    }

    fn place_of(&self, chat: ChatId) -> BoxFuture<Answer<Option<ChatPlace>>> {
        self.answer(|kept| {
            let own = ProjectId::try_from(chat.get()).expect("the same numbers");
            let project = kept.places.get(&chat).copied().unwrap_or(own);
            let organization = organization(project)?;
            Some(ChatPlace {
                project,
                organization,
            })
        })
    }

    fn append(&self, said: NewMessage) -> BoxFuture<Answer<Option<MessageId>>> {
        self.answer(|kept| {
            kept.said.push(said);
            MessageId::try_from(kept.said.len() as u64).ok()
        })
    }

    fn before(&self, chat: ChatId, message: MessageId, limit: u32) -> BoxFuture<Answer<Vec<Turn>>> {
        self.answer(|kept| {
            let before = kept.said[..message.get() as usize - 1].iter();
            let turns = before.filter(|said| said.chat == chat).map(|said| Turn {
                speaker: said.speaker,
                content: said.content.clone(),
            });
            let turns: Vec<Turn> = turns.collect();
            turns[turns.len().saturating_sub(limit as usize)..].to_vec()
        })
    }
}

/// Finds what a test put there.
#[derive(Default)]
pub struct FakeRetrieval(Mutex<Option<Vec<Source>>>);

impl FakeRetrieval {
    /// From now on these are found; none: nothing can be searched.
    pub fn set(&self, found: Option<Vec<Source>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }
}

impl Retrieval for FakeRetrieval {
    fn search(&self, _: ProjectId, _: String) -> BoxFuture<Answer<Vec<Source>>> {
        let found = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = found.clone().ok_or(Unavailable("told so".to_owned()));
        std::future::ready(found).boxed()
    }
}

/// The model's side of an answer.
type Speech = mpsc::UnboundedSender<Result<String, ModelError>>;

/// Says what a test tells it to.
#[derive(Default)]
pub struct FakeModel(Mutex<Vec<(Prompt, Speech)>>);

impl FakeModel {
    /// How many answers were asked for.
    pub fn asked(&self) -> usize {
        self.answers().len()
    }

    /// The prompt of the `index`-th answer.
    pub fn prompt(&self, index: usize) -> Prompt {
        self.answers()[index].0.clone()
    }

    /// Says something in the `index`-th answer; false where nobody listens any more.
    pub fn say(&self, index: usize, said: Result<&str, ModelError>) -> bool {
        self.answers()[index]
            .1
            .send(said.map(str::to_owned))
            .is_ok()
    }

    /// Ends the `index`-th answer.
    pub fn end(&self, index: usize) {
        self.answers()[index].1 = mpsc::unbounded_channel().0;
    }

    fn answers(&self) -> MutexGuard<'_, Vec<(Prompt, Speech)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LanguageModel for FakeModel {
    fn settle(&self, wishes: &Wishes) -> Result<Settled, WishRefused> {
        let temperature = wishes.temperature.unwrap_or(0.7);
        if !(0.0..=2.0).contains(&temperature) {
            return Err(WishRefused("temperature must be 0 to 2".to_owned()));
        }
        Ok(Settled {
            model: wishes.model.clone().unwrap_or_else(|| "fake".to_owned()),
            temperature,
        })
    }

    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<String, ModelError>> {
        let (speech, pieces) = mpsc::unbounded_channel();
        self.answers().push((prompt, speech));
        UnboundedReceiverStream::new(pieces).boxed()
    }
}
