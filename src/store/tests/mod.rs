//! The store's promises, each kept on SQLite and on PostgreSQL, with a database of its own.

mod chats;
mod cutting_off;
mod documents;
mod fixture;
mod leases;
mod meaning;
mod media;
mod opening;
mod processing;
mod recoverables;
mod search;
mod sessions;
mod transcripts;
mod vectors;

use fixture::Fixture;

use super::*;

/// Makes two tests of each promise: `sqlite::…`, and `postgres::…`, which is skipped where there is no server.
macro_rules! on_both_databases {
    ($($promise:ident)*) => {
        mod sqlite {
            use crate::store::tests::fixture::Fixture;
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&Fixture::sqlite()).await;
            })*
        }
        mod postgres {
            use crate::store::tests::fixture::Fixture;
            $(#[tokio::test]
            async fn $promise() {
                if let Some(database) = Fixture::postgres().await {
                    super::$promise(&database).await;
                    database.end().await;
                }
            })*
        }
    };
}
use on_both_databases;

fn organization(id: &str) -> OrganizationId {
    id.parse().unwrap()
}

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn channel(index: u16) -> Channel {
    Channel {
        index,
        name: format!("Channel {index}"),
        language: "en".into(),
    }
}

fn new_session(id: &str, organization: &str) -> NewSession {
    NewSession {
        id: id.parse().unwrap(),
        name: "Weekly".into(),
        organization: organization.parse().unwrap(),
        visibility: Visibility::Private,
        owner: Some(user("owner")),
        password: None,
        record: false,
        channels: vec![channel(2), channel(0)],
    }
}
