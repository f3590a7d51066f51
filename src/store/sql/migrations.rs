//! The schema's history, compiled in. Two processes may bring one database up to date at the same time, and a newer
//! program may have been here before: an older one goes on with a schema that has more (migrations/README.md).

use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};

use super::Database;
use super::engine::{Engine, Kind};
use crate::store::error::StoreError;

impl Database {
    /// Brings the schema up to date.
    pub(in crate::store) async fn migrate(&self) -> Result<(), StoreError> {
        let mut tries = history(self.engine.kind()).iter().len() + 1;
        loop {
            let failed = match run(&self.engine).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            // PostgreSQL is locked meanwhile, a SQLite file is not. Whoever comes second there fails at what the first
            // has just done; it is all or nothing, so that the next try finds one migration less to do.
            if self.engine.kind() == Kind::Postgres || tries == 0 {
                return Err(failed);
            }
            tries -= 1;
        }
    }

    /// Fails with [`StoreError::SchemaBehind`] unless the schema is up to date.
    pub(in crate::store) async fn check_schema(&self) -> Result<(), StoreError> {
        let failed = |error| StoreError::query("read the schema's version", error);
        let tables: i64 = sqlx::query_scalar(table_of_versions(self.engine.kind()))
            .fetch_one(&self.reader)
            .await
            .map_err(failed)?;
        if tables == 0 {
            return Err(StoreError::SchemaBehind);
        }
        let query = "SELECT version FROM _sqlx_migrations WHERE success";
        let applied: Vec<i64> = sqlx::query_scalar(query)
            .fetch_all(&self.reader)
            .await
            .map_err(failed)?;
        let complete = history(self.engine.kind())
            .iter()
            .all(|migration| applied.contains(&migration.version));
        complete.then_some(()).ok_or(StoreError::SchemaBehind)
    }
}

/// Runs what is missing, on a connection of its own: large tables take longer than other operations may.
async fn run(engine: &Engine) -> Result<(), StoreError> {
    let mut connection = engine.connect().await?;
    let done = history(engine.kind()).run(&mut connection).await;
    let closed = connection.close().await.map_err(MigrateError::from);
    done.and(closed).map_err(StoreError::migrate)
}

fn history(kind: Kind) -> Migrator {
    let mut history = match kind {
        Kind::Sqlite => sqlx::migrate!("./migrations/sqlite"),
        Kind::Postgres => sqlx::migrate!("./migrations/postgres"),
    };
    history.set_ignore_missing(true);
    history
}

/// Counts the tables in which the driver keeps what ran: none before the first migration.
fn table_of_versions(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'",
        Kind::Postgres => {
            "SELECT count(*) FROM pg_tables \
             WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_history() {
        let steps = |kind| {
            let history = history(kind);
            let step = |m: &sqlx::migrate::Migration| (m.version, m.description.to_string());
            history.iter().map(step).collect::<Vec<_>>()
        };
        assert!(!steps(Kind::Sqlite).is_empty());
        assert_eq!(steps(Kind::Sqlite), steps(Kind::Postgres));
    }
}
