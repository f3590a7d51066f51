//! Which organization a session belongs to, from what the store knows.

use switchboard_actors::ports::{BoxFuture, Directory, Unavailable};
use switchboard_protocol::ids::{OrganizationId, SessionId};

use crate::store::Store;

/// The store's sessions.
#[derive(Clone)]
pub struct StoreDirectory(pub Store);

impl Directory for StoreDirectory {
    fn organization_of(
        &self,
        session: SessionId,
    ) -> BoxFuture<Result<Option<OrganizationId>, Unavailable>> {
        let store = self.0.clone();
        Box::pin(async move {
            let found = store.session(&session).await;
            let found = found.map_err(|error| Unavailable(error.to_string()))?;
            Ok(found.map(|session| session.organization.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{NewSession, Visibility};

    #[tokio::test]
    async fn stored_sessions_are_found_and_a_closed_store_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::connect(&url).await.unwrap();
        store.migrate().await.unwrap();
        let acme: OrganizationId = "acme".parse().unwrap();
        store.put_organization(&acme, "Acme").await.unwrap();
        let new = NewSession {
            id: "S".parse().unwrap(),
            name: "S".into(),
            organization: acme.clone(),
            visibility: Visibility::Private,
            owner: None,
            password: None,
            record: false,
            channels: Vec::new(),
        };
        store.create_session(new).await.unwrap();
        let directory = StoreDirectory(store.clone());
        let ask = |id: &str| directory.organization_of(id.parse().unwrap());
        assert_eq!(ask("S").await.unwrap(), Some(acme));
        assert_eq!(ask("T").await.unwrap(), None);
        store.close().await;
        assert!(ask("another").await.is_err());
    }
}
