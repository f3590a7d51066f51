//! Asking the directory for the organizations of sessions whose list does not name them.

use actix::prelude::*;
use switchboard_protocol::ids::{OrganizationId, SessionId};
use tokio::time::Instant;

use super::OrganizationRegistry;
use crate::limits::LOOKUP_DEADLINE;
use crate::organization::statuses::Found;
use crate::ports::Unavailable;

type Answer = Result<Option<OrganizationId>, Unavailable>;

impl OrganizationRegistry {
    /// After a list: asks for what it leaves open.
    pub(super) fn look_up_unplaced(&mut self, ctx: &mut Context<Self>) {
        self.lookups.listed(self.board.unplaced(), Instant::now());
        self.look_up(ctx);
    }

    /// Asks what is due now, and comes back when more is.
    fn look_up(&mut self, ctx: &mut Context<Self>) {
        while let Some(session) = self.lookups.next(Instant::now()) {
            let asked = self.sources.directory.organization_of(session.clone());
            let asked = tokio::time::timeout(LOOKUP_DEADLINE, asked);
            ctx.spawn(
                asked
                    .into_actor(self)
                    .map(move |answer, actor: &mut Self, ctx| {
                        let late = |_| Err(Unavailable("no answer in time".to_owned()));
                        actor.looked_up(&session, answer.unwrap_or_else(late), ctx);
                    }),
            );
        }
        if let Some(timer) = self.lookup_timer.take() {
            ctx.cancel_future(timer);
        }
        self.lookup_timer = self.lookups.wake_at().map(|at| {
            let pause = at.saturating_duration_since(Instant::now());
            ctx.run_later(pause, |actor, ctx| {
                actor.lookup_timer = None;
                actor.look_up(ctx);
            })
        });
    }

    fn looked_up(&mut self, session: &SessionId, answer: Answer, ctx: &mut Context<Self>) {
        let found = match answer {
            Ok(Some(organization)) => {
                self.directory_warned = false;
                let changes = self.board.place(session, organization);
                self.announce(changes);
                Found::Yes
            }
            Ok(None) => Found::Unknown,
            Err(error) => {
                self.metrics.organization_lookups_failed.inc();
                if !std::mem::replace(&mut self.directory_warned, true) {
                    log::warn!(
                        "the organization of a session cannot be looked up, it is tried again session={session} reason={:?}",
                        error.to_string()
                    );
                }
                Found::Failed
            }
        };
        self.lookups.answered(session, found, Instant::now());
        self.look_up(ctx);
    }
}
