//! Tokens and rights that tests decide.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::sync::oneshot;

use crate::ports::{
    Access, Action, Authenticator, BoxFuture, Directory, Identity, InvalidToken, Principal,
    Unavailable,
};
use switchboard_protocol::ids::{OrganizationId, SessionId};

/// Knows the tokens that it was told, and two kinds by their look.
///
/// `user:alice` is the user `alice` and `guest:S@O` (or `guest:S`) a guest of the session `S` of the organization
/// `O`, both for an hour.
#[derive(Default)]
pub struct FakeTokens(Mutex<HashMap<String, Identity>>);

impl FakeTokens {
    /// Makes `token` one of the user `id` that ends after `lifetime`.
    pub fn add_user(&self, token: &str, id: &str, lifetime: Duration) {
        let identity = Identity {
            principal: user(id),
            expires_at: Some(SystemTime::now() + lifetime),
            token: None,
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
            Some(("guest", of)) => {
                let (session, organization) = match of.split_once('@') {
                    Some((session, organization)) => (session, Some(organization)),
                    None => (of, None),
                };
                let organization = organization.map(str::parse).transpose();
                Principal::Guest {
                    session: session.parse().map_err(|_| InvalidToken)?,
                    organization: organization.map_err(|_| InvalidToken)?,
                }
            }
            _ => return Err(InvalidToken),
        };
        let expires_at = Some(SystemTime::now() + Duration::from_secs(3600));
        Ok(Identity {
            principal,
            expires_at,
            token: None,
        })
    }
}

fn user(id: &str) -> Principal {
    let id = id.parse().expect("a test's user id is valid");
    Principal::User { id, admin: false }
}

type Answer = Result<bool, Unavailable>;

/// Lets everybody in, but where it was told otherwise.
///
/// A session is named by its id, what is asked of an organization by a word and its id: `sessions:O`, `media:O`,
/// `jobs:O`, `projects:O`, `manage-sessions:O`, `manage-media:O`, `manage-projects:O`.
#[derive(Default)]
pub struct FakeAccess(Mutex<Rights>);

#[derive(Default)]
struct Rights {
    denied: HashSet<String>,
    is_away: bool,
    /// What is named here waits.
    held: HashSet<String>,
    waiting: Vec<(String, oneshot::Sender<Answer>)>,
    asked: Vec<(Principal, Action)>,
    expected: Vec<Vec<Action>>,
}

impl FakeAccess {
    /// Denies `resource` from now on.
    pub fn deny(&self, resource: &str) {
        lock(&self.0).denied.insert(resource.to_owned());
    }

    /// Denies `resource` to the user `id` alone from now on.
    pub fn deny_to(&self, id: &str, resource: &str) {
        self.deny(&format!("{resource} {id}"));
    }

    /// From now on, whether no right can be checked at all.
    pub fn set_away(&self, is_away: bool) {
        lock(&self.0).is_away = is_away;
    }

    /// Keeps every check for `resource` waiting until it is released.
    pub fn hold(&self, resource: &str) {
        lock(&self.0).held.insert(resource.to_owned());
    }

    /// Answers the checks for `resource` that wait with `allowed`, and lets later ones through.
    pub fn release(&self, resource: &str, allowed: bool) {
        let mut rights = lock(&self.0);
        rights.held.remove(resource);
        let ready = rights.waiting.extract_if(.., |(held, _)| held == resource);
        for (_, waiting) in ready {
            // Whoever asked may have gone.
            let _ = waiting.send(Ok(allowed));
        }
    }

    /// Who asked for what, in order.
    pub fn asked(&self) -> Vec<(Principal, Action)> {
        lock(&self.0).asked.clone()
    }

    /// What was to be expected together, in order.
    pub fn expected(&self) -> Vec<Vec<Action>> {
        lock(&self.0).expected.clone()
    }

    /// How many checks wait.
    pub fn waiting(&self) -> usize {
        lock(&self.0).waiting.len()
    }
}

impl Access for FakeAccess {
    fn may(&self, who: Identity, action: Action) -> BoxFuture<Answer> {
        let mut rights = lock(&self.0);
        let resource = resource(&action);
        let of_user = match &who.principal {
            Principal::User { id, .. } => format!("{resource} {id}"),
            Principal::Guest { .. } | Principal::Anonymous => resource.clone(),
        };
        rights.asked.push((who.principal, action));
        let answer = match rights.is_away {
            true => Err(Unavailable("told so".to_owned())),
            false => Ok(![&resource, &of_user]
                .iter()
                .any(|r| rights.denied.contains(*r))),
        };
        if !rights.held.contains(&resource) {
            return std::future::ready(answer).boxed();
        }
        let (sender, receiver) = oneshot::channel();
        rights.waiting.push((resource, sender));
        async { receiver.await.unwrap_or(Ok(false)) }.boxed()
    }

    fn expect(&self, actions: Vec<Action>) -> BoxFuture<()> {
        lock(&self.0).expected.push(actions);
        std::future::ready(()).boxed()
    }
}

fn resource(action: &Action) -> String {
    match action {
        Action::JoinSession(session) => session.to_string(),
        Action::WatchSessions(organization) => format!("sessions:{organization}"),
        Action::WatchMedia(organization) => format!("media:{organization}"),
        Action::FollowJobs(organization) => format!("jobs:{organization}"),
        Action::ManageSessions(organization) => format!("manage-sessions:{organization}"),
        Action::ManageMedia(organization) => format!("manage-media:{organization}"),
        Action::UseProjects(organization) => format!("projects:{organization}"),
        Action::ManageProjects(organization) => format!("manage-projects:{organization}"),
    }
}

type Whereabouts = Result<Option<OrganizationId>, Unavailable>;

/// Knows the organizations of the sessions that it was told.
#[derive(Default)]
pub struct FakeDirectory(Mutex<Sessions>);

#[derive(Default)]
struct Sessions {
    organizations: HashMap<String, OrganizationId>,
    is_away: bool,
    /// Whether questions wait.
    is_holding: bool,
    waiting: Vec<(SessionId, oneshot::Sender<Whereabouts>)>,
    asked: Vec<String>,
}

impl Sessions {
    fn answer(&self, session: &SessionId) -> Whereabouts {
        match self.is_away {
            true => Err(Unavailable("told so".to_owned())),
            false => Ok(self.organizations.get(session.as_str()).cloned()),
        }
    }
}

impl FakeDirectory {
    /// From now on `session` is one of `organization`.
    pub fn add(&self, session: &str, organization: &str) {
        let organization = organization.parse().expect("a test's id is valid");
        let mut sessions = lock(&self.0);
        sessions
            .organizations
            .insert(session.to_owned(), organization);
    }

    /// From now on, whether nothing can be asked at all.
    pub fn set_away(&self, is_away: bool) {
        lock(&self.0).is_away = is_away;
    }

    /// Keeps every question waiting until they are released.
    pub fn hold(&self) {
        lock(&self.0).is_holding = true;
    }

    /// Answers all questions that wait with what is known now, and lets later ones through.
    pub fn release(&self) {
        let mut sessions = lock(&self.0);
        sessions.is_holding = false;
        for (session, waiting) in std::mem::take(&mut sessions.waiting) {
            // Whoever asked may have gone.
            let _ = waiting.send(sessions.answer(&session));
        }
    }

    /// What was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.0).asked.clone()
    }

    /// How many questions wait.
    pub fn waiting(&self) -> usize {
        lock(&self.0).waiting.len()
    }
}

impl Directory for FakeDirectory {
    fn organization_of(&self, session: SessionId) -> BoxFuture<Whereabouts> {
        let mut sessions = lock(&self.0);
        sessions.asked.push(session.to_string());
        if !sessions.is_holding {
            return std::future::ready(sessions.answer(&session)).boxed();
        }
        let (sender, receiver) = oneshot::channel();
        sessions.waiting.push((session, sender));
        async { receiver.await.unwrap_or(Ok(None)) }.boxed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
