//! A real Mosquitto on a free loopback port, with a configuration of its own, stopped when dropped. It can
//! be killed, started again on its port, and held up, as brokers are in bad nights.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long Mosquitto may take to accept connections.
const START_DEADLINE: Duration = Duration::from_secs(10);

/// How it is set up.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// The only user name and password that are let in.
    pub credentials: Option<(&'a str, &'a str)>,
    /// Certificate and key, in PEM: its port then speaks TLS.
    pub tls: Option<(&'a str, &'a str)>,
    /// The authority, in PEM, whose certificates clients must show.
    pub client_authority: Option<&'a str>,
}

/// A running Mosquitto.
pub struct Mosquitto {
    child: Child,
    program: PathBuf,
    address: SocketAddr,
    /// Configuration and passwords; removed when dropped.
    folder: PathBuf,
}

impl Mosquitto {
    /// Starts one that admits everybody, or only these credentials (user name, password).
    ///
    /// `None`, and a line on stderr, when Mosquitto is not installed. Panics when it does not start.
    pub fn start(credentials: Option<(&str, &str)>) -> Option<Self> {
        Self::start_with(Options {
            credentials,
            ..Options::default()
        })
    }

    /// As [`start`](Self::start), with TLS too.
    pub fn start_with(options: Options<'_>) -> Option<Self> {
        let Some(program) = installed("mosquitto") else {
            eprintln!("skipped: mosquitto is not installed");
            return None;
        };
        // The free port may be taken by somebody else before Mosquitto binds it: try again then.
        let started = (0..5).find_map(|_| Self::try_start(&program, options));
        Some(started.expect("mosquitto exited at once on each of five ports"))
    }

    fn try_start(program: &Path, options: Options<'_>) -> Option<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("switchboard-mosquitto-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for mosquitto's configuration");
        let address = free_address();
        fs::write(
            folder.join("mosquitto.conf"),
            settings(address, &folder, options),
        )
        .expect("mosquitto's configuration is written");
        let mut mosquitto = Self {
            child: spawn(program, &folder),
            program: program.to_owned(),
            address,
            folder,
        };
        mosquitto.accepts().then_some(mosquitto)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kills it: its connections end without a word from it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, which it does at once, closing its connections.
    pub fn end(&mut self) {
        self.signal("TERM");
        let _ = self.child.wait();
    }

    /// Starts it again on its port, after [`kill`](Self::kill) or [`end`](Self::end).
    pub fn start_again(&mut self) {
        self.child = spawn(&self.program, &self.folder);
        assert!(
            self.accepts(),
            "mosquitto does not start again on {}",
            self.address
        );
    }

    /// Holds it up: the kernel still accepts connections for it, and nothing is answered.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").arg("-c").arg(&command).status();
        assert!(sent.is_ok_and(|status| status.success()), "{command}");
    }

    /// Waits until it accepts connections; false when it exited instead.
    fn accepts(&mut self) -> bool {
        let deadline = Instant::now() + START_DEADLINE;
        while self
            .child
            .try_wait()
            .expect("mosquitto's state is known")
            .is_none()
        {
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            assert!(
                Instant::now() < deadline,
                "mosquitto does not accept on {}",
                self.address
            );
            std::thread::yield_now();
        }
        false
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // By its own process id, and reaped; it may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where a program is: on PATH, or in the folder where Debian puts servers.
fn installed(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener
        .local_addr()
        .expect("a bound listener has an address")
}

fn spawn(program: &Path, folder: &Path) -> Child {
    Command::new(program)
        .arg("-c")
        .arg(folder.join("mosquitto.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("mosquitto is started")
}

/// Queues without limit, because its default of 1,000 drops QoS 1 messages of a burst. Keeps its user, because
/// what it gives root up for cannot read the folder.
fn settings(address: SocketAddr, folder: &Path, options: Options<'_>) -> String {
    let mut lines = vec![
        "user root".to_owned(),
        format!("listener {} {}", address.port(), address.ip()),
        "persistence false".to_owned(),
        "max_queued_messages 0".to_owned(),
        "set_tcp_nodelay true".to_owned(),
        "log_dest none".to_owned(),
        format!("allow_anonymous {}", options.credentials.is_none()),
    ];
    if let Some((user, password)) = options.credentials {
        let passwords = folder.join("passwords");
        fs::write(&passwords, format!("{user}:{password}\n")).expect("passwords are written");
        let tool = installed("mosquitto_passwd").expect("mosquitto_passwd comes with mosquitto");
        let hashed = Command::new(tool).arg("-U").arg(&passwords).status();
        assert!(
            hashed.expect("mosquitto_passwd runs").success(),
            "passwords are hashed"
        );
        lines.push(format!("password_file {}", passwords.display()));
    }
    if let Some((certificate, key)) = options.tls {
        for (name, pem, setting) in [
            ("certificate.pem", certificate, "certfile"),
            ("key.pem", key, "keyfile"),
        ] {
            let file = folder.join(name);
            fs::write(&file, pem).expect("the certificate is written");
            lines.push(format!("{setting} {}", file.display()));
        }
    }
    if let Some(authority) = options.client_authority {
        let file = folder.join("clients.pem");
        fs::write(&file, authority).expect("the certificate is written");
        lines.push(format!("cafile {}", file.display()));
        lines.push("require_certificate true".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}
