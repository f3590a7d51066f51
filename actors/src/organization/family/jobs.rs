//! The events `llm:join` and `llm:leave`: `{organizationId, conversationId?}`.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_protocol::events::LLM_JOB_ERROR;
use switchboard_protocol::ids::{ConversationId, OrganizationId};
use switchboard_protocol::socketio::Event;
use tokio::sync::oneshot;

use super::{Organizations, watch_refused};
use crate::limits::{CONVERSATIONS_PER_FOLLOWER, Limit};
use crate::organization::registry::{FollowJobs, LeaveJobs, UnfollowJobs};
use crate::ports::{Action, Principal};
use crate::root::Client;
use crate::service::{Failure, Outcome};

/// Whose jobs are meant.
struct Followed {
    organization: OrganizationId,
    conversation: Option<ConversationId>,
}

impl Organizations {
    /// `llm:join`. Who may not is told so by the event `llm:job:error`, and stays.
    pub async fn join_jobs(&self, client: &Client, event: &Event) -> Outcome {
        let followed = match argument(event) {
            Ok(followed) => followed,
            Err(failure) => return Outcome::Failed(failure),
        };
        let action = Action::FollowJobs(followed.organization.clone());
        match client.may(action.clone()).await {
            Ok(true) => {}
            Ok(false) => return deny(client),
            Err(failure) => return Outcome::Failed(failure),
        }
        if client.is_closed() {
            // Asked now, the registry would hear of the socket after its end.
            return Outcome::stopping();
        }
        let follow = FollowJobs {
            socket: client.socket.id,
            outbox: client.socket.outbox.clone(),
            is_guest: !matches!(client.principal(), Principal::User { .. }),
            organization: followed.organization,
            conversation: followed.conversation,
        };
        let has_room = match self.registry.send(follow).await {
            Ok(Ok(followed)) => followed.await,
            Ok(Err(refused)) => return watch_refused(refused),
            Err(_) => return Outcome::stopping(),
        };
        match has_room {
            Ok(true) => {
                // One that leaves a conversation may follow others: it counts until the socket's end.
                client.note(|lease| lease.follows(action));
                Outcome::ok()
            }
            Ok(false) => {
                let message = format!(
                    "a socket may follow {CONVERSATIONS_PER_FOLLOWER} conversations of an organization at most"
                );
                Outcome::Failed(
                    Failure::invalid("WATCH_REFUSED", message).at(Limit::ConversationsPerFollower),
                )
            }
            Err(_) => Outcome::stopping(),
        }
    }

    /// `llm:leave`: leaves the organization's room and the conversation's; where none is named, those of all the
    /// organization's conversations. No job is told of after its acknowledgement.
    pub async fn leave_jobs(&self, client: &Client, event: &Event) -> Outcome {
        let followed = match argument(event) {
            Ok(followed) => followed,
            Err(failure) => return Outcome::Failed(failure),
        };
        let socket = client.socket.id;
        if let Some(conversation) = followed.conversation {
            let (stays, answer) = oneshot::channel();
            self.registry.do_send(LeaveJobs {
                socket,
                organization: followed.organization.clone(),
                conversation,
                stays,
            });
            if answer.await == Ok(true) {
                return Outcome::ok();
            }
        }
        let (done, is_done) = oneshot::channel();
        self.registry.do_send(UnfollowJobs {
            socket,
            organization: followed.organization,
            done,
        });
        // Told or dropped: nothing more is sent.
        let _ = is_done.await;
        Outcome::ok()
    }
}

/// `llm:job:error` `{error}`, and the error acknowledgement where one was asked for.
fn deny(client: &Client) -> Outcome {
    const MESSAGE: &str = "access denied";
    let error = json!({ "error": MESSAGE }).to_string();
    client.socket.emit(LLM_JOB_ERROR, &[error.as_bytes()]);
    let answer = json!({ "ok": false, "error": MESSAGE, "code": "DENIED" });
    Outcome::Done(vec![Bytes::from(answer.to_string())])
}

fn argument(event: &Event) -> Result<Followed, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Argument {
        organization_id: Value,
        conversation_id: Option<Value>,
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let argument = event
        .args
        .first()
        .and_then(|arg| serde_json::from_str::<Argument>(arg.get()).ok());
    let Some(argument) = argument else {
        let message = format!("{} takes {{organizationId, conversationId?}}", event.name);
        return Err(Failure::invalid("INVALID_ORGANIZATION", message));
    };
    let organization = text(&argument.organization_id).parse();
    let conversation = argument.conversation_id.map(|id| text(&id).parse());
    Ok(Followed {
        organization: organization
            .map_err(|e| Failure::invalid("INVALID_ORGANIZATION", format!("{e}")))?,
        conversation: conversation
            .transpose()
            .map_err(|e| Failure::invalid("INVALID_CONVERSATION", format!("{e}")))?,
    })
}
