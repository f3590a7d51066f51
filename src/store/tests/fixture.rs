//! A database for one test: a SQLite file in a folder of its own, or a database of its own on the PostgreSQL server
//! of `SWITCHBOARD_TEST_POSTGRES` (tests/run starts one).

use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use url::Url;
use uuid::Uuid;

use crate::store::Store;

/// Holds the URL of an administrator's database.
const SERVER: &str = "SWITCHBOARD_TEST_POSTGRES";

/// A database that nobody else uses.
pub(super) struct Fixture {
    pub(super) url: String,
    home: Home,
}

/// What there is to be removed in the end.
enum Home {
    Folder { _folder: TempDir },
    Server { administrator: String, name: String },
}

impl Fixture {
    /// An empty SQLite database.
    pub(super) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            url: format!("sqlite://{}", folder.path().join("test.db").display()),
            home: Home::Folder { _folder: folder },
        }
    }

    /// An empty PostgreSQL database, or none, and a line on stderr, where no server is given.
    pub(super) async fn postgres() -> Option<Self> {
        let Ok(administrator) = std::env::var(SERVER) else {
            eprintln!("skipped: {SERVER} is not set");
            return None;
        };
        let name = format!("t_{}", Uuid::new_v4().simple());
        execute(&administrator, format!("CREATE DATABASE {name}")).await;
        let mut url = Url::parse(&administrator).unwrap();
        url.set_path(&name);
        Some(Self {
            url: url.to_string(),
            home: Home::Server {
                administrator,
                name,
            },
        })
    }

    /// A store with an up-to-date schema. Another one sees the same database as another process would.
    pub(super) async fn store(&self) -> Store {
        let store = Store::connect(&self.url).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// Whether it is a PostgreSQL database.
    pub(super) fn is_postgres(&self) -> bool {
        matches!(self.home, Home::Server { .. })
    }

    /// Runs a statement that the store has no operation for.
    pub(super) async fn execute(&self, statement: &str) {
        execute(&self.url, statement.to_owned()).await;
    }

    /// Removes the database, whoever is still connected to it.
    pub(super) async fn end(self) {
        if let Home::Server {
            administrator,
            name,
        } = self.home
        {
            execute(&administrator, format!("DROP DATABASE {name} (FORCE)")).await;
        }
    }
}

async fn execute(url: &str, statement: String) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}
