//! What differs between SQLite and PostgreSQL: how a URL is read, how connections are opened and kept, and the few
//! statements that no text fits both. An engine never says its password, and never repeats a URL that it refuses.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection};
use url::Url;

use crate::store::error::StoreError;

/// Connections to a SQLite file that only read.
const READERS: u32 = 4;
/// Connections to PostgreSQL.
const CONNECTIONS: u32 = 10;
/// How long an operation waits for a connection of the pool, and opening a new one may take.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Between two tries to open a locked file.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// How long a connection may take to answer when it goes back to the pool.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// With WAL a power cut may lose the last commits, never the file's integrity. The driver itself turns foreign
/// keys on, and lets a statement wait 5 s for another process' write lock.
const WRITER: [&str; 2] = ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"];
const READER: [&str; 1] = ["PRAGMA query_only = ON"];

/// The parameters that a PostgreSQL URL may have. Others would be ignored, but logged with their values.
const PARAMETERS: [&str; 5] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
];

/// A database and how to reach it.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    kind: Kind,
    /// Where it is, without a password: a file, or `host:port/name`.
    place: String,
    options: AnyConnectOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

impl Engine {
    /// Reads a URL.
    pub(super) fn of(url: &str) -> Result<Self, StoreError> {
        // The drivers that `Any` chooses from; nothing happens after the first time.
        install_default_drivers();
        match url.split_once("://") {
            Some(("sqlite", rest)) => Self::sqlite(rest),
            Some(("postgres" | "postgresql", _)) => Self::postgres(url),
            _ => Err(refused("it must be sqlite://FILE or postgres://HOST/NAME")),
        }
    }

    fn sqlite(rest: &str) -> Result<Self, StoreError> {
        let (file, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // Before the first connection: one that is open already goes without.
        switchboard_sqlite_vectors::register()
            .map_err(|code| refused(&format!("SQLite takes no extension (code {code})")))?;
        if file.is_empty() || file == ":memory:" || parameters.contains("mode=memory") {
            // Every connection would have a database of its own.
            return Err(refused(
                "a database in memory is not supported, name a file: sqlite://FILE",
            ));
        }
        if !matches!(parameters, "" | "mode=rwc") {
            return Err(refused("sqlite://FILE takes no parameters"));
        }
        let decoded = percent_encoding::percent_decode_str(file).decode_utf8();
        let file = decoded.map_err(|_| refused("the file's name is not UTF-8"))?;
        let open = |source: std::io::Error| StoreError::open(&file, source.into());
        let path = absolute(Path::new(&*file)).map_err(open)?;
        let encoded = Url::from_file_path(&path).map_err(|()| refused("no file's name"))?;
        let url = format!("sqlite://{}?mode=rwc", encoded.path());
        Ok(Self {
            kind: Kind::Sqlite,
            place: path.display().to_string(),
            options: AnyConnectOptions::from_str(&url).map_err(unreadable)?,
        })
    }

    fn postgres(url: &str) -> Result<Self, StoreError> {
        let parsed = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
        let known = |name: &str| PARAMETERS.contains(&name);
        if !parsed.query_pairs().all(|(name, _)| known(&name)) {
            let known = PARAMETERS.join(", ");
            return Err(refused(&format!("the only parameters are {known}")));
        }
        let options = PgConnectOptions::from_url(&parsed).map_err(unreadable)?;
        let (host, port) = (options.get_host(), options.get_port());
        Ok(Self {
            kind: Kind::Postgres,
            place: format!(
                "{host}:{port}/{}",
                options.get_database().unwrap_or_default()
            ),
            options: AnyConnectOptions::from_url(&parsed).map_err(unreadable)?,
        })
    }

    /// Whether a SQLite file has yet to be made.
    pub(super) fn is_missing_file(&self) -> bool {
        self.kind == Kind::Sqlite && !Path::new(&self.place).exists()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Begins a transaction that writes. SQLite takes the write lock at once: a transaction that reads first and is
    /// refused the lock afterwards cannot wait for it (SQLITE_BUSY at once, whatever the timeout).
    pub(super) fn begin(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite => "BEGIN IMMEDIATE",
            Kind::Postgres => "BEGIN",
        }
    }

    /// Asks for what is always there, and not answered without the file or the server.
    pub(super) fn smallest_read(&self) -> &'static str {
        match self.kind {
            Kind::Sqlite => "SELECT count(*) FROM sqlite_schema",
            Kind::Postgres => "SELECT 1",
        }
    }

    /// Opens a connection outside the pools.
    pub(super) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let connect = async {
            loop {
                match self.try_connect().await {
                    // Two processes that create one file, or close it, do not always wait for each other in SQLite.
                    Err(error) if self.kind == Kind::Sqlite && is_busy(&error) => {
                        tokio::time::sleep(BUSY_PAUSE).await
                    }
                    tried => return tried,
                }
            }
        };
        let connected = tokio::time::timeout(ACQUIRE_TIMEOUT, connect).await;
        connected
            .unwrap_or_else(|_| Err(std::io::Error::from(ErrorKind::TimedOut).into()))
            .map_err(|error| StoreError::open(&self.place, error))
    }

    async fn try_connect(&self) -> sqlx::Result<AnyConnection> {
        let mut connection = self.options.connect().await?;
        if self.kind == Kind::Sqlite {
            prepare(&mut connection, &WRITER).await?;
        }
        Ok(connection)
    }

    /// Connects once, because a pool's first failure says less: it tries again until its time is over. Creates a
    /// SQLite file.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let closed = self.connect().await?.close().await;
        closed.map_err(|error| StoreError::open(&self.place, error))
    }

    /// The pool that reads and the one that writes. They connect when they are used.
    pub(super) fn pools(&self) -> (AnyPool, AnyPool) {
        let lazy = |options: AnyPoolOptions| options.connect_lazy_with(self.options.clone());
        match self.kind {
            // SQLite has one writer whatever we do: so they queue in memory instead of polling a lock.
            Kind::Sqlite => (
                lazy(file_pool(READERS, &READER)),
                lazy(file_pool(1, &WRITER)),
            ),
            Kind::Postgres => {
                let pool = lazy(server_pool());
                (pool.clone(), pool)
            }
        }
    }
}

fn file_pool(connections: u32, pragmas: &'static [&'static str]) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A connection to a file does not go stale; reopening one costs more than keeping it.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| Box::pin(prepare(connection, pragmas)))
}

fn server_pool() -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // What the server or the network ended meanwhile is replaced before anybody is given it.
        .test_before_acquire(true)
        // An operation that gave up leaves a connection behind that may never answer again; it is not to keep its
        // place in the pool until TCP notices, which takes minutes.
        .after_release(|connection, _| {
            Box::pin(async move {
                let answer = tokio::time::timeout(RELEASE_TIMEOUT, connection.ping()).await;
                answer
                    .map_err(|_| sqlx::Error::PoolTimedOut)?
                    .map(|()| true)
            })
        })
}

async fn prepare(connection: &mut AnyConnection, pragmas: &[&'static str]) -> sqlx::Result<()> {
    for pragma in pragmas {
        sqlx::query(*pragma).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The file from the root on. The URL that the driver wants has no room for anything else, and takes `..` away
/// without looking for links.
fn absolute(file: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(file)?;
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        _ => Ok(path),
    }
}

/// Whether SQLite says that the file is locked: code 5, or one of its kinds in the higher bits.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

fn refused(why: &str) -> StoreError {
    StoreError::Url(why.to_owned())
}

/// Says nothing of the error: it repeats what it does not know.
fn unreadable(_: sqlx::Error) -> StoreError {
    refused("its user, password, name or sslmode cannot be read")
}
