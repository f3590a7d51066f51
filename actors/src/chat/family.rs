//! The chat's events: `join_project`, `leave_project`, `send_message`, `cancel_message`, `ping`.
//!
//! Asks whether the socket may, then tells the registries; what is published of a project comes from its room, an answer
//! from its own actor. Another organization's project or chat looks like one that is not there, and the socket stays.

use std::sync::Arc;
use std::time::SystemTime;

use actix::Addr;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Value, json};
use switchboard_protocol::events;
use switchboard_protocol::ids::{ChatId, OrganizationId, ProjectId};
use switchboard_protocol::socketio::Event;
use tokio::sync::oneshot;

use super::answers::{AnswerRegistry, Ask, Cancel};
use super::arguments::Fields;
use super::projects::{Asked, Enter, Leave, ProjectRegistry};
use crate::ports::{Action, ChatPlace, Chats, LanguageModel, Unavailable};
use crate::registry::SocketClosed;
use crate::root::Client;
use crate::service::{Failure, Outcome};
use crate::stamp::epoch_millis;

/// The chat's family of events.
#[derive(Clone)]
pub struct Chat {
    /// Who is in which project's room.
    pub projects: Addr<ProjectRegistry>,
    /// The answers that run.
    pub answers: Addr<AnswerRegistry>,
    /// Where chats are kept.
    pub chats: Arc<dyn Chats>,
    /// Who answers.
    pub model: Arc<dyn LanguageModel>,
}

impl Chat {
    /// The socket is gone.
    pub fn closed(&self, client: &Client) {
        self.projects.do_send(SocketClosed(client.socket.id));
        self.answers.do_send(SocketClosed(client.socket.id));
    }

    /// `join_project`: `{project_id}`. The room that the socket was in is left.
    pub async fn join(&self, client: &Client, event: &Event) -> Outcome {
        outcome(self.try_join(client, event).await)
    }

    async fn try_join(&self, client: &Client, event: &Event) -> Result<Outcome, Failure> {
        let project: ProjectId = Fields::of(event)?.id("project_id")?;
        let organization = self.chats.organization_of(project).await;
        let organization = match organization.map_err(unavailable)? {
            Some(organization) if may(client, &organization).await? => organization,
            _ => {
                return Err(Failure::invalid(
                    "UNKNOWN_PROJECT",
                    "there is no such project",
                ));
            }
        };
        if client.is_closed() {
            // Asked now, the registry would hear of the member after the socket's end.
            return Ok(Outcome::stopping());
        }
        let enter = Enter {
            socket: client.socket.id,
            connected_at: client.connected_at,
            outbox: client.socket.outbox.clone(),
            project,
            organization: organization.clone(),
        };
        let Ok(left) = self.projects.send(enter).await else {
            return Ok(Outcome::stopping());
        };
        client.note(|lease| {
            if let Some(left) = left.filter(|left| *left != organization) {
                lease.unfollows(&Action::UseProjects(left));
            }
            lease.follows(Action::UseProjects(organization));
        });
        Ok(say(client, events::PROJECT_JOINED, project))
    }

    /// `leave_project`: `{project_id}`. It is no error to leave a room that the socket is not in; it stays in the one that it
    /// is in.
    pub async fn leave(&self, client: &Client, event: &Event) -> Outcome {
        outcome(self.try_leave(client, event).await)
    }

    async fn try_leave(&self, client: &Client, event: &Event) -> Result<Outcome, Failure> {
        let project: ProjectId = Fields::of(event)?.id("project_id")?;
        let (done, is_done) = oneshot::channel();
        let leave = Leave {
            socket: client.socket.id,
            project,
            done,
        };
        let Ok(left) = self.projects.send(leave).await else {
            return Ok(Outcome::stopping());
        };
        if let Some(left) = left {
            client.note(|lease| lease.unfollows(&Action::UseProjects(left)));
        }
        // Told or dropped: nothing more is sent.
        let _ = is_done.await;
        Ok(say(client, events::PROJECT_LEFT, project))
    }

    /// `send_message`: `{chat_id, message, model?, temperature?, include_history?}`. Acknowledged with the `message_id`
    /// of the question once it is stored; the answer follows in events of its own.
    pub async fn ask(&self, client: &Client, event: &Event) -> Outcome {
        outcome(self.try_ask(client, event).await)
    }

    async fn try_ask(&self, client: &Client, event: &Event) -> Result<Outcome, Failure> {
        let question = Fields::of(event)?.question()?;
        let chat = question.chat;
        let settled = self
            .model
            .settle(&question.wishes)
            .map_err(|refused| Failure::invalid("WISH_REFUSED", refused.to_string()).about(chat))?;
        let place = self.place(client, chat).await?;
        if client.is_closed() {
            return Ok(Outcome::stopping());
        }
        self.projects.do_send(Asked {
            socket: client.socket.id,
            connected_at: client.connected_at,
            chat,
        });
        let ask = Ask {
            socket: client.socket.clone(),
            chat,
            project: place.project,
            question: question.message,
            settled,
            with_history: question.with_history,
        };
        let Ok(asked) = self.answers.send(ask).await else {
            return Ok(Outcome::stopping());
        };
        let stored = asked?;
        let answered = async move {
            outcome(match stored.await {
                Ok(Ok(message)) => Ok(done(
                    json!({ "ok": true, "chat_id": chat, "message_id": message }),
                )),
                Ok(Err(failure)) => Err(failure),
                Err(_) => Ok(Outcome::stopping()),
            })
        };
        Ok(Outcome::Later(answered.boxed_local()))
    }

    /// `cancel_message`: `{chat_id}`. Whoever may use the chat may stop its answer; it is no error if none runs.
    pub async fn cancel(&self, client: &Client, event: &Event) -> Outcome {
        outcome(self.try_cancel(client, event).await)
    }

    async fn try_cancel(&self, client: &Client, event: &Event) -> Result<Outcome, Failure> {
        let chat: ChatId = Fields::of(event)?.id("chat_id")?;
        self.place(client, chat).await?;
        Ok(match self.answers.send(Cancel(chat)).await {
            Ok(was_running) => {
                done(json!({ "ok": true, "chat_id": chat, "was_running": was_running }))
            }
            Err(_) => Outcome::stopping(),
        })
    }

    /// `ping`: answered by `pong` with the server's time, beside any acknowledgement.
    pub fn ping(&self, client: &Client) -> Outcome {
        let pong = json!({ "timestamp": epoch_millis(SystemTime::now()) });
        client
            .socket
            .emit(events::PONG, &[pong.to_string().as_bytes()]);
        Outcome::ok()
    }

    /// Where a chat belongs that the socket may use.
    async fn place(&self, client: &Client, chat: ChatId) -> Result<ChatPlace, Failure> {
        let place = self.chats.place_of(chat).await;
        match place.map_err(|error| unavailable(error).about(chat))? {
            Some(place) if may(client, &place.organization).await? => Ok(place),
            _ => Err(Failure::invalid("UNKNOWN_CHAT", "there is no such chat").about(chat)),
        }
    }
}

async fn may(client: &Client, organization: &OrganizationId) -> Result<bool, Failure> {
    client.may(Action::UseProjects(organization.clone())).await
}

fn unavailable(_: Unavailable) -> Failure {
    Failure::unavailable("CHATS_UNAVAILABLE", "chats cannot be read now, try again")
}

fn outcome(tried: Result<Outcome, Failure>) -> Outcome {
    tried.unwrap_or_else(Outcome::Failed)
}

/// Says that the socket is in a project's room, or no more, and acknowledges it.
fn say(client: &Client, event: &str, project: ProjectId) -> Outcome {
    let said = json!({ "project_id": project, "status": "success" });
    client.socket.emit(event, &[said.to_string().as_bytes()]);
    done(json!({ "ok": true, "project_id": project }))
}

fn done(answer: Value) -> Outcome {
    Outcome::Done(vec![Bytes::from(answer.to_string())])
}
