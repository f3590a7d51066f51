//! Who may do what, decided from what the store knows (contract: seed 000, sections 2 to 4).

use switchboard_actors::ports::{Access, Action, BoxFuture, Identity, Principal, Unavailable};
use switchboard_actors::rights::AccessChanged;
use switchboard_protocol::ids::{OrganizationId, SessionId};

use crate::store::{Role, SessionRights, Store, StoreError, Visibility};

/// Access by the store's sessions and members.
#[derive(Clone)]
pub struct StoreAccess {
    store: Store,
}

impl StoreAccess {
    /// Decides by what `store` holds.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    async fn decide(&self, who: &Principal, action: &Action) -> Result<bool, StoreError> {
        match action {
            Action::JoinSession(session) => self.may_join(who, session).await,
            Action::WatchSessions(organization) | Action::FollowJobs(organization) => match who {
                Principal::Guest {
                    organization: own, ..
                } => Ok(own.as_ref() == Some(organization)),
                Principal::User { .. } => self.has_role(who, organization, Role::Member).await,
                Principal::Anonymous => Ok(false),
            },
            Action::WatchMedia(organization) | Action::UseProjects(organization) => {
                self.has_role(who, organization, Role::Member).await
            }
            Action::ManageSessions(organization) => {
                self.administers(who, organization, Role::MeetingManager)
                    .await
            }
            Action::ManageMedia(organization) => {
                self.administers(who, organization, Role::Uploader).await
            }
            Action::ManageProjects(organization) => {
                self.administers(who, organization, Role::Maintainer).await
            }
        }
    }

    /// Administrators may, and members with this role or a higher one.
    async fn administers(
        &self,
        who: &Principal,
        organization: &OrganizationId,
        least: Role,
    ) -> Result<bool, StoreError> {
        match who {
            Principal::User { admin: true, .. } => Ok(true),
            _ => self.has_role(who, organization, least).await,
        }
    }

    async fn has_role(
        &self,
        who: &Principal,
        organization: &OrganizationId,
        least: Role,
    ) -> Result<bool, StoreError> {
        match who {
            Principal::User { id, .. } => {
                let role = self.store.member_role(organization, id).await?;
                Ok(role.is_some_and(|role| role >= least))
            }
            Principal::Guest { .. } | Principal::Anonymous => Ok(false),
        }
    }

    async fn may_join(&self, who: &Principal, id: &SessionId) -> Result<bool, StoreError> {
        let Some(session) = self.store.session_rights(id).await? else {
            return Ok(false);
        };
        match decide(id, &session, who) {
            Decision::Settled(allowed) => Ok(allowed),
            Decision::MembersOnly => {
                self.has_role(who, &session.organization, Role::Member)
                    .await
            }
        }
    }
}

impl Access for StoreAccess {
    fn may(&self, who: Identity, action: Action) -> BoxFuture<Result<bool, Unavailable>> {
        let access = self.clone();
        Box::pin(async move {
            let decided = access.decide(&who.principal, &action).await;
            decided.map_err(|error| Unavailable(error.to_string()))
        })
    }

    fn expect(&self, actions: Vec<Action>) -> BoxFuture<()> {
        let store = self.store.clone();
        let sessions = actions.into_iter().filter_map(|action| match action {
            Action::JoinSession(session) => Some(session),
            _ => None,
        });
        let sessions = sessions.collect();
        Box::pin(async move { store.expect_session_rights(sessions).await })
    }

    fn forget(&self, change: &AccessChanged) {
        self.store.forget(change);
    }
}

/// A decision without the store, or what it still needs from it.
#[derive(Debug, PartialEq, Eq)]
enum Decision {
    /// Known from the session alone.
    Settled(bool),
    /// Allowed if this user is a member of the session's organization, whatever the visibility.
    MembersOnly,
}

/// Decides as far as the session alone allows. The rules grant and never take away, so that the owner, who
/// costs no query, can come before the members. An admin's token administers; it does not join.
fn decide(id: &SessionId, session: &SessionRights, who: &Principal) -> Decision {
    let public = session.visibility == Visibility::Public;
    if public && !session.has_password && *who != Principal::Anonymous {
        return Decision::Settled(true);
    }
    match who {
        // Whoever holds the session's own guest token has given its password.
        Principal::Guest { session: own, .. } => Decision::Settled(public && own == id),
        Principal::Anonymous => Decision::Settled(false),
        Principal::User { id: user, .. } => {
            let private = session.visibility == Visibility::Private;
            match private && session.owner.as_ref() == Some(user) {
                true => Decision::Settled(true),
                false => Decision::MembersOnly,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::store::NewSession;

    fn identity(principal: Principal) -> Identity {
        Identity {
            principal,
            expires_at: Some(SystemTime::now()),
            token: None,
        }
    }

    fn user(id: &str) -> Identity {
        identity(Principal::User {
            id: id.parse().unwrap(),
            admin: id == "admin",
        })
    }

    fn guest(session: &str) -> Identity {
        let organization = Some("acme".parse().unwrap());
        identity(Principal::Guest {
            session: session.parse().unwrap(),
            organization,
        })
    }

    fn join(session: &str) -> Action {
        Action::JoinSession(session.parse().unwrap())
    }

    /// A store with organization `acme`, its member `member`, and sessions of every kind owned by `owner`.
    async fn access() -> (tempfile::TempDir, StoreAccess) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::connect(&url).await.unwrap();
        store.migrate().await.unwrap();
        let acme = "acme".parse().unwrap();
        store.put_organization(&acme, "Acme").await.unwrap();
        store
            .put_organization(&"other".parse().unwrap(), "Other")
            .await
            .unwrap();
        store
            .put_member(&acme, &"member".parse().unwrap(), Role::Member)
            .await
            .unwrap();
        let (other, outsider) = ("other".parse().unwrap(), "outsider".parse().unwrap());
        store
            .put_member(&other, &outsider, Role::Admin)
            .await
            .unwrap();
        let hash = store.hash_password("secret".into()).await.unwrap();
        for (id, visibility, password) in [
            ("public", Visibility::Public, None),
            ("protected", Visibility::Public, Some(hash.clone())),
            ("organization", Visibility::Organization, None),
            ("private", Visibility::Private, None),
            ("private-protected", Visibility::Private, Some(hash)),
        ] {
            let new = NewSession {
                id: id.parse().unwrap(),
                name: id.into(),
                organization: "acme".parse().unwrap(),
                visibility,
                owner: Some("owner".parse().unwrap()),
                password,
                record: false,
                channels: Vec::new(),
            };
            store.create_session(new).await.unwrap();
        }
        (folder, StoreAccess::new(store))
    }

    #[tokio::test]
    async fn visibility_membership_ownership_and_guest_tokens_decide_who_joins() {
        let (_folder, access) = access().await;
        let people = [
            user("member"),
            user("owner"),
            user("outsider"),
            user("admin"),
        ];
        let table = [
            // session, member, owner, outsider, admin, its own guest, another session's guest
            ("public", [true, true, true, true, true, true]),
            ("protected", [true, false, false, false, true, false]),
            ("organization", [true, false, false, false, false, false]),
            ("private", [true, true, false, false, false, false]),
            (
                "private-protected",
                [true, true, false, false, false, false],
            ),
            ("unknown", [false, false, false, false, false, false]),
        ];
        for (id, expected) in table {
            let who = people
                .iter()
                .cloned()
                .chain([guest(id), guest("elsewhere")]);
            for (who, expected) in who.zip(expected) {
                let allowed = access.may(who.clone(), join(id)).await.unwrap();
                assert_eq!(allowed, expected, "{who:?} joins {id}");
            }
        }
    }

    #[tokio::test]
    async fn a_member_who_leaves_the_organization_is_denied_from_then_on() {
        let (_folder, access) = access().await;
        let id = join("organization");
        assert!(access.may(user("member"), id.clone()).await.unwrap());
        let acme = "acme".parse().unwrap();
        access
            .store
            .delete_member(&acme, &"member".parse().unwrap())
            .await
            .unwrap();
        assert!(!access.may(user("member"), id).await.unwrap());
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_is_not_a_denial() {
        let (_folder, access) = access().await;
        access.store.close().await;
        assert!(
            access
                .may(user("member"), join("organization"))
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn an_organization_is_watched_by_its_members_and_managed_by_role() {
        let (_folder, access) = access().await;
        let role = async |user: &str, role| {
            let (acme, user) = ("acme".parse().unwrap(), user.parse().unwrap());
            access.store.put_member(&acme, &user, role).await.unwrap();
        };
        role("uploader", Role::Uploader).await;
        role("manager", Role::MeetingManager).await;
        role("maintainer", Role::Maintainer).await;
        let acme: OrganizationId = "acme".parse().unwrap();
        let actions = [
            Action::WatchSessions(acme.clone()),
            Action::FollowJobs(acme.clone()),
            Action::WatchMedia(acme.clone()),
            Action::ManageMedia(acme.clone()),
            Action::ManageSessions(acme.clone()),
            Action::UseProjects(acme.clone()),
            Action::ManageProjects(acme),
        ];
        let table = [
            // who; watches sessions, follows jobs, watches media, manages media, manages sessions, uses projects,
            // manages projects
            (
                user("member"),
                [true, true, true, false, false, true, false],
            ),
            (
                user("uploader"),
                [true, true, true, true, false, true, false],
            ),
            (user("manager"), [true, true, true, true, true, true, false]),
            (user("maintainer"), [true; 7]),
            (user("outsider"), [false; 7]),
            (
                user("admin"),
                [false, false, false, true, true, false, true],
            ),
            (
                guest("public"),
                [true, true, false, false, false, false, false],
            ),
        ];
        for (who, expected) in table {
            for (action, expected) in actions.iter().zip(expected) {
                let allowed = access.may(who.clone(), action.clone()).await.unwrap();
                assert_eq!(allowed, expected, "{who:?}: {action:?}");
            }
        }
        let elsewhere = Action::WatchSessions("other".parse().unwrap());
        for who in [user("member"), guest("public")] {
            assert!(!access.may(who, elsewhere.clone()).await.unwrap());
        }
    }
}
