//! Tokens and rights that tests decide.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use switchboard_protocol::ids::SessionId;
use tokio::sync::oneshot;

use crate::ports::{
    Access, AccessUnavailable, Authenticator, BoxFuture, Identity, InvalidToken, Principal,
};

/// Knows the tokens that it was told, and two kinds by their look.
///
/// `user:alice` is the user `alice` and `guest:S` a guest of the session `S`, both for an hour.
#[derive(Default)]
pub struct FakeTokens(Mutex<HashMap<String, Identity>>);

impl FakeTokens {
    /// Makes `token` one of the user `id` that ends after `lifetime`.
    pub fn add_user(&self, token: &str, id: &str, lifetime: Duration) {
        let identity = Identity {
            principal: user(id),
            expires_at: SystemTime::now() + lifetime,
        };
        lock(&self.0).insert(token.to_owned(), identity);
    }
}

impl Authenticator for FakeTokens {
    fn authenticate(&self, token: &str) -> Result<Identity, InvalidToken> {
        if let Some(identity) = lock(&self.0).get(token) {
            return Ok(identity.clone());
        }
        let principal = match token.split_once(':') {
            Some(("user", id)) => user(id),
            Some(("guest", session)) => Principal::Guest {
                session: session.parse().map_err(|_| InvalidToken)?,
                organization: None,
            },
            _ => return Err(InvalidToken),
        };
        let expires_at = SystemTime::now() + Duration::from_secs(3600);
        Ok(Identity {
            principal,
            expires_at,
        })
    }
}

fn user(id: &str) -> Principal {
    let id = id.parse().expect("a test's user id is valid");
    Principal::User { id, admin: false }
}

type Answer = Result<bool, AccessUnavailable>;

/// Lets everybody in, but for the sessions of which it was told otherwise.
#[derive(Default)]
pub struct FakeAccess(Mutex<Rights>);

#[derive(Default)]
struct Rights {
    denied: HashSet<String>,
    is_away: bool,
    /// Sessions whose checks wait.
    held: HashSet<String>,
    waiting: Vec<(String, oneshot::Sender<Answer>)>,
    asked: Vec<(Principal, SessionId)>,
}

impl FakeAccess {
    /// Denies `session` from now on.
    pub fn deny(&self, session: &str) {
        lock(&self.0).denied.insert(session.to_owned());
    }

    /// From now on, whether no right can be checked at all.
    pub fn set_away(&self, is_away: bool) {
        lock(&self.0).is_away = is_away;
    }

    /// Keeps every check for `session` waiting until it is released.
    pub fn hold(&self, session: &str) {
        lock(&self.0).held.insert(session.to_owned());
    }

    /// Answers the checks for `session` that wait with `allowed`, and lets later ones through.
    pub fn release(&self, session: &str, allowed: bool) {
        let mut rights = lock(&self.0);
        rights.held.remove(session);
        let ready = rights.waiting.extract_if(.., |(held, _)| held == session);
        for (_, waiting) in ready {
            // Whoever asked may have gone.
            let _ = waiting.send(Ok(allowed));
        }
    }

    /// Who asked for which session, in order.
    pub fn asked(&self) -> Vec<(Principal, SessionId)> {
        lock(&self.0).asked.clone()
    }

    /// How many checks wait.
    pub fn waiting(&self) -> usize {
        lock(&self.0).waiting.len()
    }
}

impl Access for FakeAccess {
    fn may_join(&self, who: Principal, session: SessionId) -> BoxFuture<Answer> {
        let mut rights = lock(&self.0);
        rights.asked.push((who, session.clone()));
        let answer = match rights.is_away {
            true => Err(AccessUnavailable("told so".to_owned())),
            false => Ok(!rights.denied.contains(session.as_str())),
        };
        if !rights.held.contains(session.as_str()) {
            return std::future::ready(answer).boxed();
        }
        let (sender, receiver) = oneshot::channel();
        rights.waiting.push((session.as_str().to_owned(), sender));
        async { receiver.await.unwrap_or(Ok(false)) }.boxed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
