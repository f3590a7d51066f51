//! Who may join a session's rooms, decided from what the store knows (contract: seed 000).

use switchboard_actors::ports::{Access, AccessUnavailable, BoxFuture, Principal};
use switchboard_protocol::ids::{SessionId, UserId};

use crate::store::{Role, Session, Store, StoreError, Visibility};

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

    async fn decide(&self, who: &Principal, id: &SessionId) -> Result<bool, StoreError> {
        let Some(session) = self.store.session(id).await? else {
            return Ok(false);
        };
        match decide(&session, who) {
            Decision::Settled(allowed) => Ok(allowed),
            Decision::MembersOnly(user) => {
                let role = self.store.member_role(&session.organization, user).await?;
                Ok(role.is_some_and(|role| role >= Role::Member))
            }
        }
    }
}

impl Access for StoreAccess {
    fn may_join(
        &self,
        who: Principal,
        session: SessionId,
    ) -> BoxFuture<Result<bool, AccessUnavailable>> {
        let access = self.clone();
        Box::pin(async move {
            let decided = access.decide(&who, &session).await;
            decided.map_err(|error| AccessUnavailable(error.to_string()))
        })
    }
}

/// A decision without the store, or what it still needs from it.
#[derive(Debug, PartialEq, Eq)]
enum Decision<'a> {
    /// Known from the session alone.
    Settled(bool),
    /// Allowed if this user is a member of the session's organization, whatever the visibility.
    MembersOnly(&'a UserId),
}

/// Decides as far as the session alone allows. The rules grant and never take away, so that the owner, who
/// costs no query, can come before the members. An admin's token administers; it does not join.
fn decide<'a>(session: &Session, who: &'a Principal) -> Decision<'a> {
    let public = session.visibility == Visibility::Public;
    if public && session.password.is_none() {
        return Decision::Settled(true);
    }
    match who {
        // Whoever holds the session's own guest token has given its password.
        Principal::Guest { session: own, .. } => Decision::Settled(public && *own == session.id),
        Principal::User { id, .. } => {
            let private = session.visibility == Visibility::Private;
            match private && session.owner.as_ref() == Some(id) {
                true => Decision::Settled(true),
                false => Decision::MembersOnly(id),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::NewSession;

    fn user(id: &str) -> Principal {
        Principal::User {
            id: id.parse().unwrap(),
            admin: id == "admin",
        }
    }

    fn guest(session: &str) -> Principal {
        let organization = Some("acme".parse().unwrap());
        Principal::Guest {
            session: session.parse().unwrap(),
            organization,
        }
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
                let allowed = access
                    .may_join(who.clone(), id.parse().unwrap())
                    .await
                    .unwrap();
                assert_eq!(allowed, expected, "{who:?} joins {id}");
            }
        }
    }

    #[tokio::test]
    async fn a_member_who_leaves_the_organization_is_denied_from_then_on() {
        let (_folder, access) = access().await;
        let id: SessionId = "organization".parse().unwrap();
        assert!(access.may_join(user("member"), id.clone()).await.unwrap());
        let acme = "acme".parse().unwrap();
        access
            .store
            .delete_member(&acme, &"member".parse().unwrap())
            .await
            .unwrap();
        assert!(!access.may_join(user("member"), id).await.unwrap());
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_is_not_a_denial() {
        let (_folder, access) = access().await;
        access.store.close().await;
        assert!(
            access
                .may_join(user("member"), "organization".parse().unwrap())
                .await
                .is_err()
        );
    }
}
