//! What the actors need from outside, as traits: who a token belongs to, and who may join what.
//!
//! The standalone program implements them over JWT and SQL; an embedder brings its own.

use std::time::SystemTime;

use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};

/// A boxed future that owns everything it needs, so that an actor can spawn it.
pub type BoxFuture<T> = futures_util::future::BoxFuture<'static, T>;

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person with an account.
    User {
        /// The token's subject.
        id: UserId,
        /// Whether the token carries `role: "admin"` (REST administration).
        admin: bool,
    },
    /// A viewer of one public session.
    Guest {
        /// The session whose guest this is.
        session: SessionId,
        /// That session's organization, where the token names it.
        organization: Option<OrganizationId>,
    },
}

/// A principal and how long its token vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub principal: Principal,
    /// When the token ends (its `exp`).
    pub expires_at: SystemTime,
}

/// A token that vouches for nobody. Deliberately without a reason: clients learn `Invalid token`, logs get the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid token")]
pub struct InvalidToken;

/// Reads tokens.
pub trait Authenticator: Send + Sync + 'static {
    /// Returns who the compact JWT `token` belongs to.
    fn authenticate(&self, token: &str) -> Result<Identity, InvalidToken>;
}

/// The rights' source could not be asked (database down, backend away).
#[derive(Clone, Debug, thiserror::Error)]
#[error("access cannot be checked now: {0}")]
pub struct AccessUnavailable(pub String);

/// Decides who may have what.
pub trait Access: Send + Sync + 'static {
    /// Whether `who` may join the rooms of `session`. An unknown session is `Ok(false)`: existence is not revealed.
    fn may_join(
        &self,
        who: Principal,
        session: SessionId,
    ) -> BoxFuture<Result<bool, AccessUnavailable>>;
}
