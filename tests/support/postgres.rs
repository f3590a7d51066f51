//! A real PostgreSQL on a free loopback port, with files of its own, stopped when dropped. It can be stopped and
//! started again on its port, as databases are in bad nights. It has TLS, by a certificate of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rcgen::CertifiedKey;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// How long the server may take to answer.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Where Debian puts servers of every version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Its only user, and the password.
const USER: &str = "switchboard";
const PASSWORD: &str = "correct-horse";

/// A running server.
pub struct Postgres {
    programs: Programs,
    child: Child,
    port: u16,
    /// Its files; removed after it.
    folder: TempDir,
}

impl Postgres {
    /// Starts one; `None`, and a line on stderr, when PostgreSQL is not installed. Panics when it does not start.
    pub fn start() -> Option<Self> {
        let Some(programs) = Programs::find() else {
            eprintln!("skipped: postgres is not installed");
            return None;
        };
        let folder = programs.initialize();
        // The free port may be taken by somebody else before PostgreSQL binds it: try again then.
        let started = (0..5).find_map(|_| {
            let port = free_port();
            let child = programs.serve(folder.path(), port)?;
            Some((child, port))
        });
        let (child, port) = started.expect("postgres exited at once on each of five ports");
        Some(Self {
            programs,
            child,
            port,
            folder,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The `postgres://…` of a fresh, empty database.
    pub fn database(&self) -> String {
        static CREATED: AtomicU32 = AtomicU32::new(0);
        let name = format!("it{}", CREATED.fetch_add(1, Ordering::Relaxed));
        let mut create = self.programs.client("createdb", self.port);
        let created = create.arg(&name).status().expect("createdb runs");
        assert!(created.success(), "createdb {name}");
        self.url(&self.address().to_string(), &name)
    }

    /// The URL of a database at `place`, a host and a port.
    pub fn url(&self, place: &str, name: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{place}/{name}")
    }

    /// Its certificate, as a file in PEM. It names `localhost`.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("server.crt")
    }

    /// Stops it, ending its connections.
    pub fn stop(&mut self) {
        signal(&self.child, Signal::INT);
        self.child.wait().expect("it is ours");
    }

    /// Starts it again on its port, after [`stop`](Self::stop).
    pub fn start_again(&mut self) {
        let child = self.programs.serve(self.folder.path(), self.port);
        self.child = child.expect("postgres starts again on its port");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // By its own process id; it may have exited already.
        if let Ok(None) = self.child.try_wait() {
            signal(&self.child, Signal::QUIT);
            let _ = self.child.wait();
        }
    }
}

/// Where PostgreSQL's programs are, and who runs the server: its programs refuse root.
struct Programs {
    folder: PathBuf,
    /// The user and group `postgres`, for root alone.
    user: Option<(u32, u32)>,
}

impl Programs {
    fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
        // Where the file itself is, not a link to it: its companions are beside it.
        let server = versions
            .map(|version| version.path().join("bin"))
            .chain(std::env::split_paths(&path))
            .find_map(|folder| folder.join("postgres").canonicalize().ok())?;
        let folder = server.parent()?.to_owned();
        let user = match geteuid().is_root() {
            true => Some((id_of_postgres("-u")?, id_of_postgres("-g")?)),
            false => None,
        };
        Some(Self { folder, user })
    }

    /// Makes a server's files.
    fn initialize(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder for postgres");
        let home = folder.path();
        fs::write(home.join("password"), PASSWORD).expect("the password is written");
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]);
        let CertifiedKey { cert, signing_key } = certificate.expect("a certificate");
        fs::write(home.join("server.crt"), cert.pem()).expect("the certificate is written");
        let key = home.join("server.key");
        fs::write(&key, signing_key.serialize_pem()).expect("the key is written");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
        if let Some((user, group)) = self.user {
            for owned in ["", "password", "server.crt", "server.key"] {
                let given = std::os::unix::fs::chown(home.join(owned), Some(user), Some(group));
                given.expect("root may give files away");
            }
        }
        let made = self
            .command("initdb", home)
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale"])
            .args(["--no-sync", "--pwfile=password", "--pgdata=data"])
            .arg(format!("--username={USER}"))
            .output()
            .expect("initdb runs");
        let complaint = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{complaint}");
        folder
    }

    /// Starts a server and waits until it answers; `None` when it exits instead.
    fn serve(&self, home: &Path, port: u16) -> Option<Child> {
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", home.display()),
            "fsync=off".to_owned(),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", home.join("server.crt").display()),
            format!("ssl_key_file={}", home.join("server.key").display()),
        ];
        let settings = settings.iter().flat_map(|setting| ["-c", setting]);
        let mut child = self
            .command("postgres", home)
            .arg("-D")
            .arg(home.join("data"))
            .args(settings)
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres is started");
        let deadline = Instant::now() + START_DEADLINE;
        while child.try_wait().expect("its state is known").is_none() {
            let ready = self.client("pg_isready", port).status();
            if ready.expect("pg_isready runs").success() {
                return Some(child);
            }
            assert!(Instant::now() < deadline, "postgres does not answer");
        }
        None
    }

    fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.current_dir(home).stdout(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// A program that talks to the server.
    fn client(&self, program: &str, port: u16) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", USER]);
        command.env("PGPASSWORD", PASSWORD).stdout(Stdio::null());
        command
    }
}

/// What `id` says of the user `postgres`, whom Debian's package brings along.
fn id_of_postgres(which: &str) -> Option<u32> {
    let said = Command::new("id").args([which, "postgres"]).output().ok()?;
    String::from_utf8(said.stdout).ok()?.trim().parse().ok()
}

fn signal(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process has an id"), signal).expect("it is ours");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound listener");
    address.port()
}
