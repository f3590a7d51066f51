//! What a socket watches of organizations, for whoever sees to it that it may.

use actix::prelude::*;

use super::OrganizationRegistry;
use crate::SocketId;
use crate::ports::Action;

/// Asks what a socket watches, each as what it once asked to do.
#[derive(Message)]
#[rtype(result = "Vec<Action>")]
pub struct GetWatched(pub SocketId);

impl Handler<GetWatched> for OrganizationRegistry {
    type Result = MessageResult<GetWatched>;

    fn handle(&mut self, GetWatched(socket): GetWatched, _: &mut Self::Context) -> Self::Result {
        let sessions = self.sessions.watched_by(socket).map(Action::WatchSessions);
        let media = self.media.watched_by(socket).map(Action::WatchMedia);
        let jobs = self.jobs.watched_by(socket).map(Action::FollowJobs);
        MessageResult(sessions.chain(media).chain(jobs).collect())
    }
}
