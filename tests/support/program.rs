//! The program itself as a process: started like an operator does, heard line by line.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use tokio::sync::mpsc;

use super::tokens::SECRET;
use super::{eventually, within};

/// A program that runs; killed when dropped.
pub struct Program {
    pub child: Child,
    /// Lines of stdout as they come.
    lines: mpsc::UnboundedReceiver<String>,
    /// Lines of stderr as they come.
    errors: mpsc::UnboundedReceiver<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(pipe: impl std::io::Read + Send + 'static) -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The settings of a server on free ports.
pub const FREE: [(&str, &str); 3] = [
    ("SWITCHBOARD_LISTEN", "127.0.0.1:0"),
    ("SWITCHBOARD_MQTT_LISTEN", "127.0.0.1:0"),
    ("SWITCHBOARD_JWT_SECRET", SECRET),
];

impl Program {
    /// Starts it in `folder`, with nothing in its environment but these.
    pub fn start(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .envs(environment.iter().copied())
            .env("HOME", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self {
            lines: lines_of(child.stdout.take().expect("piped")),
            errors: lines_of(child.stderr.take().expect("piped")),
            child,
        }
    }

    /// The next line of stdout.
    pub async fn line(&mut self) -> String {
        match within("a line on stdout", self.lines.recv()).await {
            Some(line) => line,
            None => panic!("stdout ended; stderr: {:?}", self.rest_of_errors().await),
        }
    }

    /// The address in a line that begins with `what`.
    pub async fn address(&mut self, what: &str) -> SocketAddr {
        let line = self.line().await;
        let address = line.strip_prefix(what).and_then(|rest| rest.parse().ok());
        address.unwrap_or_else(|| panic!("{what}ADDRESS, not {line:?}"))
    }

    pub fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").arg("-c").arg(&command).status();
        assert!(sent.is_ok_and(|status| status.success()), "{command}");
    }

    /// Waits until it has ended, which takes it at most 15 s.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut ended = None;
        let look = async || {
            ended = self.child.try_wait().expect("its state is known");
            ended
        };
        let deadline = std::time::Duration::from_secs(15);
        eventually("the end of the program", deadline, look, Option::is_some).await;
        ended.expect("just seen")
    }

    /// Reads stderr up to a line with this in it, and returns that line.
    pub async fn error_with(&mut self, part: &str) -> String {
        loop {
            match within(part, self.errors.recv()).await {
                Some(line) if line.contains(part) => return line,
                Some(_) => {}
                None => panic!("stderr ended without {part:?}"),
            }
        }
    }

    pub async fn rest_of_errors(&mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(line) = within("the end of stderr", self.errors.recv()).await {
            rest.push(line);
        }
        rest
    }

    pub async fn rest_of_lines(&mut self) -> Vec<String> {
        let mut rest = Vec::new();
        while let Some(line) = within("the end of stdout", self.lines.recv()).await {
            rest.push(line);
        }
        rest
    }
}
