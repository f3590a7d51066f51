//! Session management over MQTT: `session/in/{id}/{create|update|delete}` into the store, with the bodies of the
//! REST routes. One task takes the commands strictly in order. Several switchboards on one broker and one
//! database all apply each command, so that each is made to be applied again: creating what exists replaces it.
//! What cannot be applied changes nothing, is counted by reason, and is logged once for each reason.

mod command;
mod retry;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use switchboard_actors::broker::Fed;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::rights::AccessChanged;
use switchboard_protocol::ids::SessionId;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use crate::store::{NewSession, SessionChange, Store, StoreError};
use command::{Command, Refusal};

/// The task; ends when dropped, or with the feed.
pub struct SessionCommands(JoinHandle<()>);

impl SessionCommands {
    /// Applies to `store` what comes from `feed`, on this thread of the actix system. What waits there is bounded by
    /// its sender's credit. Tells `changes` of sessions whose viewers may have lost their rights; the other
    /// switchboards hear the command themselves.
    pub fn start(
        store: Store,
        feed: UnboundedReceiver<Fed>,
        changes: impl Fn(AccessChanged) + 'static,
        metrics: Metrics,
    ) -> Self {
        Self(actix_rt::spawn(run(
            store,
            feed,
            Box::new(changes),
            metrics,
        )))
    }
}

impl Drop for SessionCommands {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(
    store: Store,
    mut feed: UnboundedReceiver<Fed>,
    changes: Box<dyn Fn(AccessChanged)>,
    metrics: Metrics,
) {
    let mut worker = Worker {
        store,
        changes,
        metrics,
        logged: HashSet::new(),
    };
    while let Some(fed) = feed.recv().await {
        // The credit in `fed` is held until the command is done.
        if let Err(refusal) = worker.handle(&fed).await {
            worker.refuse(&fed.topic, refusal);
        }
    }
}

/// A command that only the database is needed for; can be tried again.
#[derive(Clone)]
enum Operation {
    Create(NewSession),
    Update(SessionId, SessionChange),
    Delete(SessionId),
}

struct Worker {
    store: Store,
    /// Told of the sessions that were written.
    changes: Box<dyn Fn(AccessChanged)>,
    metrics: Metrics,
    /// Reasons that the log has been told.
    logged: HashSet<&'static str>,
}

impl Worker {
    async fn handle(&self, fed: &Fed) -> Result<(), Refusal> {
        let command = Command::parse(&fed.topic, &fed.payload)?;
        let session = command.session().clone();
        let operation = self.prepare(command).await.map_err(Refusal::store)?;
        let attempt = async || self.apply(operation.clone()).await;
        let answers = async || self.store.ping().await.is_ok();
        let applied = retry::until_answered(attempt, answers)
            .await
            .map_err(Refusal::store)?;
        // Also of one that is not there: another switchboard may have deleted it by the same command.
        (self.changes)(AccessChanged::Session(session));
        applied
    }

    /// Hashes passwords, once for all attempts.
    async fn prepare(&self, command: Command) -> Result<Operation, StoreError> {
        Ok(match command {
            Command::Create(id, body) => Operation::Create(body.into_new(id, &self.store).await?),
            Command::Update(id, body) => {
                Operation::Update(id, body.into_change(&self.store).await?)
            }
            Command::Delete(id) => Operation::Delete(id),
        })
    }

    /// Writes. The outer error is the database's, the inner one the command's.
    async fn apply(&self, operation: Operation) -> Result<Result<(), Refusal>, StoreError> {
        let found = match operation {
            Operation::Create(new) => return self.create(new).await,
            Operation::Update(id, change) => {
                self.store.update_session(&id, change).await?.is_some()
            }
            Operation::Delete(id) => self.store.delete_session(&id).await?,
        };
        Ok(found.then_some(()).ok_or(Refusal::unknown_session()))
    }

    /// Creates, or replaces what is there. A session never changes its organization.
    async fn create(&self, new: NewSession) -> Result<Result<(), Refusal>, StoreError> {
        match self.store.create_session(new.clone()).await {
            Ok(_) => return Ok(Ok(())),
            Err(StoreError::SessionExists(_)) => {}
            Err(error) => return Err(error),
        }
        let there = self.store.session(&new.id).await?;
        if there.is_some_and(|there| there.organization != new.organization) {
            return Ok(Err(Refusal::other_organization()));
        }
        let id = new.id.clone();
        let updated = self.store.update_session(&id, replacing(new)).await?;
        Ok(updated.map(drop).ok_or(Refusal::unknown_session()))
    }

    fn refuse(&mut self, topic: &str, refusal: Refusal) {
        let Refusal { reason, detail } = refusal;
        self.metrics.drop_publication(reason);
        if self.logged.insert(reason) {
            log::warn!(
                "a session command is refused, such ones are counted topic={topic:?} reason={reason} detail={detail:?}"
            );
        }
    }
}

/// The change that makes a session what `new` says.
fn replacing(new: NewSession) -> SessionChange {
    SessionChange {
        name: Some(new.name),
        visibility: Some(new.visibility),
        owner: Some(new.owner),
        password: Some(new.password),
        record: Some(new.record),
        channels: Some(new.channels),
    }
}
