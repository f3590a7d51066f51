//! Everything the program keeps: organizations, members, sessions, conversations, finals, recoverable sockets, projects,
//! chats and documents. One [`Store`] for the whole program; its clones share the connections and the cache. No SQL outside this
//! folder.

mod chat_model;
mod chat_port;
mod chats;
mod document_model;
mod documents;
mod error;
mod media;
mod model;
mod password;
mod presence;
mod recoverables;
mod sql;
mod transcripts;
mod vectors;

use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::ports::{BoxFuture, Directory, Unavailable};
use switchboard_actors::rights::AccessChanged;
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};
use tokio::sync::watch;

use crate::cache::ReadCache;
use password::Passwords;
use sql::Database;

pub use chat_model::{Chat, Message, NewProject, Project};
pub use document_model::{
    ChunkText, Document, DocumentStatus, FoundChunk, Frequencies, Lease, MAX_CHUNKS, NewChunk,
    NewDocument,
};
pub use error::StoreError;
pub use model::{
    Channel, ConversationChange, NewSession, Role, Session, SessionChange, SessionRights,
    Visibility, Written,
};
pub use password::PasswordHash;
pub use sql::Trial;

/// How long a session or a role is answered from memory: another process' change is seen after this at the
/// latest, this process' own at once.
const CACHE_TTL: Duration = Duration::from_secs(2);
/// Cached sessions, unknown ids included.
const CACHED_SESSIONS: usize = 4_096;
/// Cached roles, absent ones included.
const CACHED_ROLES: usize = 16_384;
/// Items in a page at most.
const MAX_PAGE: u32 = 500;

/// A cached `Option<Arc<Session>>`: `None` is an unknown id.
type SessionCache = ReadCache<SessionId, Option<Arc<Session>>, StoreError>;
/// A cached `Option<Arc<SessionRights>>`: `None` is an unknown id.
type RightsCache = ReadCache<SessionId, Option<Arc<SessionRights>>, StoreError>;
/// A cached `Option<Role>`: `None` is no member.
type RoleCache = ReadCache<(OrganizationId, UserId), Option<Role>, StoreError>;

/// The program's database.
#[derive(Clone)]
pub struct Store {
    database: Database,
    passwords: Passwords,
    sessions: SessionCache,
    rights: RightsCache,
    roles: RoleCache,
    /// Told of every session written by this process.
    session_changes: watch::Sender<()>,
}

impl Store {
    /// Opens the database of `url`: `sqlite://FILE`, creating the file if need be, or `postgres://…`. Fails if it
    /// cannot be reached now; later it may be away, and is found again. Does not touch its schema.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self {
            database: Database::open(url).await?,
            passwords: Passwords::new(),
            sessions: ReadCache::new(CACHED_SESSIONS, CACHE_TTL),
            rights: ReadCache::new(CACHED_SESSIONS, CACHE_TTL),
            roles: ReadCache::new(CACHED_ROLES, CACHE_TTL),
            session_changes: watch::Sender::new(()),
        })
    }

    /// Brings the schema up to date with the migrations that this program carries.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.database.migrate().await
    }

    /// Fails with [`StoreError::SchemaBehind`] unless every migration that this program carries is applied. More
    /// of them are no fault: a newer program may have been here.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        self.database.in_time(self.database.check_schema()).await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.in_time(self.database.ping()).await
    }

    /// Whether `url` names a SQLite file that [`connect`](Self::connect) would make.
    pub fn is_missing_file(url: &str) -> Result<bool, StoreError> {
        Database::is_missing_file(url)
    }

    /// Writes a row, reads it back and takes it away again. Needs the schema.
    pub async fn try_out(&self) -> Result<Trial, StoreError> {
        self.database.in_time(self.database.try_out()).await
    }

    /// Whether the last operation found the database there.
    pub fn is_there(&self) -> bool {
        self.database.is_there()
    }

    /// Waits for running statements, then closes. Later operations fail.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// Creates an organization or renames it.
    pub async fn put_organization(
        &self,
        id: &OrganizationId,
        name: &str,
    ) -> Result<Written, StoreError> {
        self.database
            .in_time(self.database.put_organization(id, name))
            .await
    }

    /// Makes `user` a member with this role, or changes the role. Fails with
    /// [`StoreError::UnknownOrganization`].
    pub async fn put_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        role: Role,
    ) -> Result<Written, StoreError> {
        let written = self
            .database
            .in_time(self.database.put_member(organization, user, role))
            .await;
        self.roles.invalidate(&(organization.clone(), user.clone()));
        written
    }

    /// Ends a membership; `false` if there was none.
    pub async fn delete_member(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<bool, StoreError> {
        let deleted = self
            .database
            .in_time(self.database.delete_member(organization, user))
            .await;
        self.roles.invalidate(&(organization.clone(), user.clone()));
        deleted
    }

    /// The role of `user` in `organization`, if it is a member. Cached.
    pub async fn member_role(
        &self,
        organization: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Role>, StoreError> {
        let key = (organization.clone(), user.clone());
        let read = || {
            let (database, (organization, user)) = (self.database.clone(), key.clone());
            async move {
                database
                    .in_time(database.member_role(&organization, &user))
                    .await
            }
        };
        self.roles.get(key.clone(), read).await
    }

    /// Creates a session. Fails with [`StoreError::UnknownOrganization`] or [`StoreError::SessionExists`].
    pub async fn create_session(&self, new: NewSession) -> Result<Session, StoreError> {
        let id = new.id.clone();
        let created = self
            .database
            .in_time(self.database.create_session(new))
            .await;
        self.session_written(&id);
        created
    }

    /// The session of this id. Cached, unknown ids too.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Arc<Session>>, StoreError> {
        let read = || {
            let (database, id) = (self.database.clone(), id.clone());
            async move { Ok(database.in_time(database.session(&id)).await?.map(Arc::new)) }
        };
        self.sessions.get(id.clone(), read).await
    }

    /// What decides who may join the session of this id. Cached, unknown ids too.
    pub async fn session_rights(
        &self,
        id: &SessionId,
    ) -> Result<Option<Arc<SessionRights>>, StoreError> {
        let read = || {
            let (database, id) = (self.database.clone(), id.clone());
            async move {
                let read = database.in_time(database.session_rights(&[id])).await?;
                Ok(read.into_iter().next().flatten().map(Arc::new))
            }
        };
        self.rights.get(id.clone(), read).await
    }

    /// Reads what decides who may join these sessions, as far as it is not in memory, by few statements, so that it is
    /// soon answered from there.
    pub async fn expect_session_rights(&self, ids: Vec<SessionId>) {
        let read = |ids: Vec<SessionId>| {
            let database = self.database.clone();
            async move {
                let read = database.in_time(database.session_rights(&ids)).await?;
                Ok(read.into_iter().map(|one| one.map(Arc::new)).collect())
            }
        };
        self.rights.expect(ids, read).await;
    }

    /// Changes a session and returns it as it is now, or `None` if there is none of this id.
    pub async fn update_session(
        &self,
        id: &SessionId,
        change: SessionChange,
    ) -> Result<Option<Session>, StoreError> {
        let updated = self
            .database
            .in_time(self.database.update_session(id, change))
            .await;
        self.session_written(id);
        updated
    }

    /// Deletes a session with its channels and its finals; `false` if there was none.
    pub async fn delete_session(&self, id: &SessionId) -> Result<bool, StoreError> {
        let deleted = self
            .database
            .in_time(self.database.delete_session(id))
            .await;
        self.session_written(id);
        deleted
    }

    /// Changes whenever this process creates, changes or deletes a session.
    pub fn session_changes(&self) -> watch::Receiver<()> {
        self.session_changes.subscribe()
    }

    /// Reads anew what another process may have changed.
    pub fn forget(&self, change: &AccessChanged) {
        match change {
            AccessChanged::Session(session) => {
                self.sessions.invalidate(session);
                self.rights.invalidate(session);
            }
            AccessChanged::Member(organization, user) => {
                self.roles.invalidate(&(organization.clone(), user.clone()));
            }
            AccessChanged::Organization(_) => {
                self.sessions.clear();
                self.rights.clear();
                self.roles.clear();
            }
        }
    }

    fn session_written(&self, id: &SessionId) {
        self.sessions.invalidate(id);
        self.rights.invalidate(id);
        self.session_changes.send_replace(());
    }

    /// A page of an organization's sessions by ascending id, those after the id `after`: at most `limit`,
    /// and never more than 500. An empty page is the end.
    pub async fn sessions_of(
        &self,
        organization: &OrganizationId,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.sessions_of(organization, after, limit))
            .await
    }

    /// A page of all sessions with [`Session::record`], by ascending id, as [`sessions_of`](Self::sessions_of).
    pub async fn recorded_sessions(
        &self,
        after: Option<&SessionId>,
        limit: u32,
    ) -> Result<Vec<Session>, StoreError> {
        let limit = limit.min(MAX_PAGE);
        self.database
            .in_time(self.database.recorded_sessions(after, limit))
            .await
    }

    /// Hashes a password for [`NewSession::password`] or [`SessionChange::password`]; takes some 20 ms of a
    /// core, on a thread of its own.
    pub async fn hash_password(&self, password: String) -> Result<PasswordHash, StoreError> {
        self.passwords.hash(password).await
    }

    /// Whether `password` is the one that was hashed.
    pub async fn check_password(
        &self,
        hash: &PasswordHash,
        password: String,
    ) -> Result<bool, StoreError> {
        self.passwords.check(hash.clone(), password).await
    }
}

impl Directory for Store {
    fn organization_of(
        &self,
        session: SessionId,
    ) -> BoxFuture<Result<Option<OrganizationId>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let rights = store.session_rights(&session).await.map_err(unavailable)?;
            Ok(rights.map(|rights| rights.organization.clone()))
        })
    }
}

/// What the actors are told of a failure.
fn unavailable(error: StoreError) -> Unavailable {
    Unavailable(error.to_string())
}

#[cfg(test)]
mod tests;
