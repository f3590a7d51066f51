//! The Answer: one question, from its storage to that of its answer.
//!
//! Owned by the AnswerRegistry. Stores the question, asks for sources and for what was said before, then tells the socket
//! each piece of the model's answer as it comes. However it ends, what was said is stored before the end is told, and
//! the chat is free again by then. Dropping the model's stream stops the model's work.

use std::time::Duration;

use actix::prelude::*;
use serde_json::{Value, json};
use switchboard_protocol::ids::MessageId;
use tokio::sync::oneshot;

use super::telling::Telling;
use super::{Ask, Desk, End, count_outcome};
use crate::limits::{
    ANSWER_BYTES, ANSWER_STORE_PAUSE, ANSWER_STORE_TRIES, Limit, RETRIEVAL_DEADLINE, TURNS_TOLD,
};
use crate::metrics::Metrics;
use crate::ports::{ModelError, NewMessage, Prompt, Source, Speaker, Turn, Unavailable};
use crate::service::Failure;

/// Ends the answer; what was said so far is kept. Why, as a metric's label.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Stop(pub(super) &'static str);

/// How an answer ends.
enum How {
    Complete,
    /// By somebody's wish; the metric's label.
    Stopped(&'static str),
    Failed(Failure),
}

/// See the module's documentation.
pub(super) struct Answer {
    ask: Ask,
    desk: Desk,
    /// Told once the question is stored, or why it is not.
    stored: Option<oneshot::Sender<Result<MessageId, Failure>>>,
    /// From when the question is stored.
    telling: Option<Telling>,
    sources: Vec<Source>,
    said: String,
    /// What is waited for and may be given up: sources, or the model.
    waiting: Option<SpawnHandle>,
    /// Asked to stop before it could.
    stop: Option<&'static str>,
    is_ending: bool,
    /// Shared with the future that says it.
    end: Option<End>,
    metrics: Metrics,
}

impl Answer {
    pub(super) fn new(
        ask: Ask,
        stored: oneshot::Sender<Result<MessageId, Failure>>,
        desk: Desk,
        end: End,
        metrics: Metrics,
    ) -> Self {
        Self {
            ask,
            desk,
            stored: Some(stored),
            telling: None,
            sources: Vec::new(),
            said: String::new(),
            waiting: None,
            stop: None,
            is_ending: false,
            end: Some(end),
            metrics,
        }
    }

    /// The question is stored, or cannot be.
    fn begun(&mut self, stored: Result<Option<MessageId>, Unavailable>, ctx: &mut Context<Self>) {
        let chat = self.ask.chat;
        let stored = match stored {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(Failure::invalid("UNKNOWN_CHAT", "there is no such chat").about(chat)),
            Err(_) => Err(unavailable("the question cannot be stored now, try again").about(chat)),
        };
        if let Ok(message) = stored {
            let telling = Telling {
                socket: self.ask.socket.clone(),
                chat,
                message,
            };
            telling.received();
            self.telling = Some(telling);
        }
        let is_stored = stored.is_ok();
        if let Some(waiting) = self.stored.take() {
            // Its session may have gone.
            let _ = waiting.send(stored);
        }
        match self.stop {
            _ if !is_stored => {
                count_outcome(&self.metrics, "not_stored");
                ctx.stop();
            }
            Some(why) => self.finish(How::Stopped(why), ctx),
            None => self.consult(ctx),
        }
    }

    /// Asks for what the answer is to be based on.
    fn consult(&mut self, ctx: &mut Context<Self>) {
        let Some(telling) = &self.telling else { return };
        let question = self.ask.question.clone();
        let found = self.desk.retrieval.search(self.ask.project, question);
        let before = match self.ask.with_history {
            true => self
                .desk
                .chats
                .before(self.ask.chat, telling.message, TURNS_TOLD),
            false => Box::pin(std::future::ready(Ok(Vec::new()))),
        };
        let both = async {
            let both = futures_util::future::try_join(found, before);
            let late = |_| Err(Unavailable("too late".to_owned()));
            tokio::time::timeout(RETRIEVAL_DEADLINE, both)
                .await
                .unwrap_or_else(late)
        };
        self.waiting = Some(ctx.spawn(both.into_actor(self).map(|both, answer, ctx| {
            answer.waiting = None;
            match both {
                Ok((sources, history)) => answer.answer(sources, history, ctx),
                Err(_) => {
                    let failure = unavailable("the documents cannot be searched now, try again");
                    answer.finish(How::Failed(failure), ctx);
                }
            }
        })));
    }

    fn answer(&mut self, sources: Vec<Source>, history: Vec<Turn>, ctx: &mut Context<Self>) {
        if let Some(telling) = &self.telling {
            telling.sources(&sources);
        }
        self.sources = sources.clone();
        let answer = self.desk.model.answer(Prompt {
            settled: self.ask.settled.clone(),
            sources,
            history,
            question: self.ask.question.clone(),
        });
        self.waiting = Some(ctx.add_stream(answer));
    }

    fn piece(&mut self, piece: &str, ctx: &mut Context<Self>) {
        if self.said.len() + piece.len() > ANSWER_BYTES {
            self.metrics.limit_reached(Limit::AnswerBytes);
            return self.finish(How::Failed(model_failure(&ModelError::TooLong)), ctx);
        }
        self.said.push_str(piece);
        self.metrics.answer_tokens.inc();
        if let Some(telling) = &self.telling {
            telling.token(piece);
        }
    }

    /// Stores what was said, then tells how it ended.
    fn finish(&mut self, how: How, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.is_ending, true) {
            return;
        }
        if let Some(waiting) = self.waiting.take() {
            ctx.cancel_future(waiting);
        }
        let is_partial = !matches!(how, How::Complete);
        let metadata = self.metadata(is_partial);
        let said = (!is_partial || !self.said.is_empty()).then(|| NewMessage {
            chat: self.ask.chat,
            speaker: Speaker::Assistant,
            content: self.said.clone(),
            partial: is_partial,
            sources: serde_json::to_value(&self.sources).ok(),
            metadata: Some(metadata.clone()),
        });
        let (chats, end) = (self.desk.chats.clone(), self.end.take());
        let stored = async move {
            let stored = store(&*chats, said).await;
            if let Some(end) = end {
                end.say().await;
            }
            stored
        };
        ctx.spawn(stored.into_actor(self).map(move |stored, answer, ctx| {
            answer.tell_end(how, stored, &metadata);
            ctx.stop();
        }));
    }

    fn tell_end(&self, how: How, stored: Result<Option<MessageId>, Unavailable>, metadata: &Value) {
        let Some(telling) = &self.telling else { return };
        let outcome = match (how, stored) {
            (How::Failed(failure), _) => {
                let code = failure.code;
                telling.failed(failure);
                code
            }
            (_, Err(_)) => {
                let failure = unavailable("the answer cannot be stored now, ask again later");
                telling.failed(failure);
                "not_stored"
            }
            (How::Complete, Ok(answer)) => {
                telling.complete(answer, metadata);
                "complete"
            }
            (How::Stopped(why), Ok(answer)) => {
                telling.complete(answer, metadata);
                why
            }
        };
        count_outcome(&self.metrics, outcome);
    }

    /// As it is stored and told: `{model, sources_count, partial?}`.
    fn metadata(&self, is_partial: bool) -> Value {
        let (model, sources) = (&self.ask.settled.model, self.sources.len());
        let mut metadata = json!({ "model": model, "sources_count": sources });
        if is_partial {
            metadata["partial"] = true.into();
        }
        metadata
    }
}

fn unavailable(message: &str) -> Failure {
    Failure::unavailable("CHATS_UNAVAILABLE", format!("Chat error: {message}"))
}

fn model_failure(error: &ModelError) -> Failure {
    Failure {
        retryable: error.is_retryable(),
        ..Failure::invalid(error.code(), format!("Chat error: {error}"))
    }
}

/// Tries a few times: an answer that took a minute is not thrown away because the database was away for a moment.
async fn store(
    chats: &dyn crate::ports::Chats,
    said: Option<NewMessage>,
) -> Result<Option<MessageId>, Unavailable> {
    let Some(said) = said else { return Ok(None) };
    let mut tries = 1;
    loop {
        match chats.append(said.clone()).await {
            Err(error) if tries < ANSWER_STORE_TRIES => {
                log::debug!(
                    "an answer cannot be stored, tried again reason={:?}",
                    error.0
                );
                tries += 1;
                tokio::time::sleep(pause(tries)).await;
            }
            stored => return stored,
        }
    }
}

fn pause(tries: u32) -> Duration {
    ANSWER_STORE_PAUSE * tries
}

impl Actor for Answer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let question = NewMessage {
            chat: self.ask.chat,
            speaker: Speaker::User,
            content: self.ask.question.clone(),
            partial: false,
            sources: None,
            metadata: None,
        };
        let stored = self.desk.chats.append(question).into_actor(self);
        ctx.spawn(stored.map(|stored, answer, ctx| answer.begun(stored, ctx)));
    }
}

impl StreamHandler<Result<String, ModelError>> for Answer {
    fn handle(&mut self, piece: Result<String, ModelError>, ctx: &mut Self::Context) {
        match piece {
            _ if self.is_ending => {}
            Ok(piece) => self.piece(&piece, ctx),
            Err(error) => self.finish(How::Failed(model_failure(&error)), ctx),
        }
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        self.finish(How::Complete, ctx);
    }
}

impl Handler<Stop> for Answer {
    type Result = ();

    fn handle(&mut self, Stop(why): Stop, ctx: &mut Self::Context) {
        match self.telling {
            Some(_) => self.finish(How::Stopped(why), ctx),
            // What is being stored is waited for.
            None => self.stop = Some(why),
        }
    }
}
