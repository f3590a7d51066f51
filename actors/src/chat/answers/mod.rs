//! The AnswerRegistry: the answers that run, one at a time in a chat.
//!
//! Hears the chat family (`Ask`, `Cancel`), the ends of sockets (`SocketClosed`) and of answers. Starts an Answer for each
//! question and refuses a second one in the same chat until it has ended. Never waits for anybody.

mod answer;
mod telling;

use std::collections::HashMap;
use std::sync::Arc;

use actix::prelude::*;
use switchboard_protocol::ids::{ChatId, MessageId, ProjectId};
use tokio::sync::oneshot;

use crate::SocketId;
use crate::limits::{ANSWERS, ANSWERS_PER_SOCKET, Limit};
use crate::metrics::{Metrics, Reason};
use crate::ports::{Chats, LanguageModel, Retrieval, Settled};
use crate::registry::SocketClosed;
use crate::service::{Failure, Socket};
use crate::threads::Threads;
use answer::{Answer, Stop};

/// What answers are made with.
#[derive(Clone)]
pub struct Desk {
    /// Where chats are kept.
    pub chats: Arc<dyn Chats>,
    /// What documents say.
    pub retrieval: Arc<dyn Retrieval>,
    /// Who answers.
    pub model: Arc<dyn LanguageModel>,
}

/// A question of a socket that may ask it. The receiver is told the message's id once the question is stored.
#[derive(Message)]
#[rtype(result = "Result<oneshot::Receiver<Result<MessageId, Failure>>, Failure>")]
pub struct Ask {
    /// Who asks, and is told the answer.
    pub socket: Socket,
    /// The chat.
    pub chat: ChatId,
    /// Its project.
    pub project: ProjectId,
    /// The question.
    pub question: String,
    /// Who answers.
    pub settled: Settled,
    /// Whether the model is told what was said before.
    pub with_history: bool,
}

/// Stops a chat's answer. The answer to this is false where none runs.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct Cancel(pub ChatId);

/// Stops all answers. The receiver is told, or dropped, once what was said of them is stored.
#[derive(Message)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct StopAll;

/// An answer has ended; a second time changes nothing.
#[derive(Clone, Copy, Message)]
#[rtype(result = "()")]
struct Ended {
    chat: ChatId,
    /// Tells it from others of the same chat.
    number: u64,
}

struct Running {
    number: u64,
    socket: SocketId,
    answer: Addr<Answer>,
}

/// See the module's documentation.
pub struct AnswerRegistry {
    running: HashMap<ChatId, Running>,
    /// Numbers answers.
    last: u64,
    /// Whether no question is taken any more.
    is_stopping: bool,
    /// Waits for the last of them.
    stopped: Option<oneshot::Sender<()>>,
    desk: Desk,
    threads: Threads,
    metrics: Metrics,
}

impl AnswerRegistry {
    /// A registry without answers. They run on `threads` in turn, or on the registry's own.
    pub fn new(desk: Desk, threads: Vec<ArbiterHandle>, metrics: Metrics) -> Self {
        Self {
            running: HashMap::new(),
            last: 0,
            is_stopping: false,
            stopped: None,
            desk,
            threads: Threads::new(threads),
            metrics,
        }
    }

    fn refusal(&self, ask: &Ask) -> Option<Failure> {
        let refused = |code, message: String| Failure::unavailable(code, message).about(ask.chat);
        if self.is_stopping {
            return Some(refused("STOPPING", "the server is stopping".to_owned()));
        }
        if self.running.contains_key(&ask.chat) {
            let message = "an answer is running in this chat: wait for it, or cancel_message";
            return Some(refused("CHAT_BUSY", message.to_owned()));
        }
        let of_socket = self.running.values().filter(|r| r.socket == ask.socket.id);
        if of_socket.count() >= ANSWERS_PER_SOCKET {
            let message = format!("a socket may wait for {ANSWERS_PER_SOCKET} answers at most");
            return Some(refused("TOO_MANY_ANSWERS", message).at(Limit::AnswersPerSocket));
        }
        if self.running.len() >= ANSWERS {
            let message = "too many answers are running, try again".to_owned();
            return Some(refused("TOO_MANY_ANSWERS", message).at(Limit::Answers));
        }
        None
    }

    fn count(&self) {
        self.metrics.answers_running.set(self.running.len() as i64);
    }
}

impl Actor for AnswerRegistry {
    type Context = Context<Self>;
}

impl Handler<Ask> for AnswerRegistry {
    type Result = Result<oneshot::Receiver<Result<MessageId, Failure>>, Failure>;

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) -> Self::Result {
        if let Some(failure) = self.refusal(&ask) {
            return Err(failure);
        }
        self.last += 1;
        let (chat, socket) = (ask.chat, ask.socket.id);
        let ended = Ended {
            chat,
            number: self.last,
        };
        let end = End {
            ended,
            registry: ctx.address(),
        };
        let (stored, receiver) = oneshot::channel();
        let answer = Answer::new(ask, stored, self.desk.clone(), end, self.metrics.clone());
        let running = Running {
            number: self.last,
            socket,
            answer: self.threads.start(answer),
        };
        self.running.insert(chat, running);
        self.count();
        Ok(receiver)
    }
}

impl Handler<Cancel> for AnswerRegistry {
    type Result = bool;

    fn handle(&mut self, Cancel(chat): Cancel, _: &mut Self::Context) -> bool {
        let running = self.running.get(&chat);
        running
            .map(|running| running.answer.do_send(Stop("cancelled")))
            .is_some()
    }
}

impl Handler<SocketClosed> for AnswerRegistry {
    type Result = ();

    fn handle(&mut self, SocketClosed(socket): SocketClosed, _: &mut Self::Context) {
        for running in self.running.values().filter(|r| r.socket == socket) {
            running.answer.do_send(Stop("disconnected"));
        }
    }
}

impl Handler<StopAll> for AnswerRegistry {
    type Result = MessageResult<StopAll>;

    fn handle(&mut self, _: StopAll, _: &mut Self::Context) -> Self::Result {
        let (stopped, receiver) = oneshot::channel();
        for running in self.running.values() {
            running.answer.do_send(Stop("stopping"));
        }
        self.is_stopping = true;
        // Dropped where nothing runs.
        self.stopped = Some(stopped).filter(|_| !self.running.is_empty());
        MessageResult(receiver)
    }
}

impl Handler<Ended> for AnswerRegistry {
    type Result = ();

    fn handle(&mut self, ended: Ended, _: &mut Self::Context) {
        let is_it = |running: &Running| running.number == ended.number;
        if !self.running.get(&ended.chat).is_some_and(is_it) {
            return;
        }
        self.running.remove(&ended.chat);
        self.count();
        if self.running.is_empty()
            && let Some(stopped) = self.stopped.take()
        {
            // Nobody may wait any more.
            let _ = stopped.send(());
        }
    }
}

/// Says once that an answer has ended, at the latest when it is dropped: also an actor that has panicked leaves its chat.
struct End {
    ended: Ended,
    registry: Addr<AnswerRegistry>,
}

impl End {
    /// Resolves when the chat is free for the next question.
    async fn say(&self) {
        // The registry is gone only with the whole program.
        let _ = self.registry.send(self.ended).await;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.registry.do_send(self.ended);
    }
}

fn count_outcome(metrics: &Metrics, reason: &'static str) {
    metrics.answers.get_or_create(&Reason { reason }).inc();
}
