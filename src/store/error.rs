//! What can go wrong at the database, naming the operation and the id. Cloneable, because callers that wait
//! for the same cached read share its failure.

use std::sync::Arc;
use std::time::Duration;

use switchboard_protocol::ids::{
    ChatId, ConversationId, DocumentId, OrganizationId, ProjectId, SessionId,
};
use tokio::task::JoinError;

use super::document_model::{MAX_DOCUMENTS, MAX_PROJECT_CHUNKS};

/// A failed store operation.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be used. One line for the operator; passwords are not in it.
    #[error("database URL: {0}")]
    Url(String),
    /// The database cannot be opened.
    #[error("cannot open the database {place}: {source}")]
    Open {
        /// The file, or `host:port/name`.
        place: String,
        /// The driver's reason.
        source: Arc<sqlx::Error>,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migrate(Arc<sqlx::migrate::MigrateError>),
    /// Migrations are missing, and this start may not apply them.
    #[error("the database's schema is not up to date: run `switchboard migrate`")]
    SchemaBehind,
    /// A statement failed: disk, lock timeout, closed pool.
    #[error("cannot {operation}: {source}")]
    Query {
        /// What was being done, and to what.
        operation: String,
        /// The driver's reason.
        source: Arc<sqlx::Error>,
    },
    /// A stored row is not what this version writes.
    #[error("cannot {operation}: stored {column} {value:?} is not valid")]
    Corrupt {
        /// What was being done, and to what.
        operation: String,
        /// The offending column.
        column: &'static str,
        /// Its value.
        value: String,
    },
    /// A session of this id exists already.
    #[error("session {0} exists already")]
    SessionExists(SessionId),
    /// A conversation of this id exists already.
    #[error("conversation {0} exists already")]
    ConversationExists(ConversationId),
    /// A project of this id exists already.
    #[error("project {0} exists already")]
    ProjectExists(ProjectId),
    /// There is no such project.
    #[error("project {0} is unknown")]
    UnknownProject(ProjectId),
    /// There is no such chat.
    #[error("chat {0} is unknown")]
    UnknownChat(ChatId),
    /// A project has no room for another document.
    #[error("project {0} has {MAX_DOCUMENTS} documents, and may have no more")]
    TooManyDocuments(ProjectId),
    /// A project has no room for the chunks of another document.
    #[error("project {0} has no room for this document: it may have {MAX_PROJECT_CHUNKS} chunks")]
    TooManyChunks(ProjectId),
    /// Somebody else processes the document, or it is gone.
    #[error("document {0} is not ours to process any more")]
    LeaseLost(DocumentId),
    /// The database has no vectors: PostgreSQL's reason.
    #[error("the database cannot keep vectors, it needs the extension pgvector: {0}")]
    NoVectors(String),
    /// There is no such organization.
    #[error("organization {0} is unknown")]
    UnknownOrganization(OrganizationId),
    /// The database did not answer in time; what was to be written may have been.
    #[error("the database did not answer within {0:?}")]
    TooLate(Duration),
    /// A password could not be hashed, or a stored hash not read.
    #[error("password hashing failed: {0}")]
    Password(String),
    /// The task that was reading ended early: the program stops, or a defect.
    #[error("a database read ended early: {0}")]
    Ended(String),
}

impl From<JoinError> for StoreError {
    fn from(error: JoinError) -> Self {
        Self::Ended(error.to_string())
    }
}

impl StoreError {
    /// Wraps what a database at `place` said when it was to be opened.
    pub(super) fn open(place: &str, source: sqlx::Error) -> Self {
        Self::Open {
            place: place.to_owned(),
            source: Arc::new(source),
        }
    }

    /// Whether the database itself failed: it is away, too slow, locked or broken. It answered to anything else.
    pub(crate) fn is_absence(&self) -> bool {
        match self {
            Self::Open { .. } | Self::TooLate(_) => true,
            // Closed by ourselves at the end.
            Self::Query { source, .. } => !matches!(**source, sqlx::Error::PoolClosed),
            _ => false,
        }
    }

    /// Wraps a failed migration.
    pub(super) fn migrate(source: sqlx::migrate::MigrateError) -> Self {
        Self::Migrate(Arc::new(source))
    }

    /// Wraps a driver error with what was being done.
    pub(super) fn query(operation: impl Into<String>, source: sqlx::Error) -> Self {
        Self::Query {
            operation: operation.into(),
            source: Arc::new(source),
        }
    }
}
