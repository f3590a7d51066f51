//! The server's side of reading a file: starts the process that does it, passes the file on, and takes its answer
//! within bounds of time and size. The process is gone before there is an answer, whatever it was.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use encoding_rs::Encoding;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::worker::Answer;
use super::{ExtractError, MAX_PAGES, MAX_TEXT_BYTES, Page};
use crate::documents::DocumentKind;

/// Files that are read at once; others wait for their turn.
const MAX_CHILDREN: usize = 2;
/// How long a file may be read, as the clock says.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longest answer: JSON writes some letters with two, and a few words around each page.
const MAX_ANSWER_BYTES: u64 = 2 * MAX_TEXT_BYTES as u64 + 64 * MAX_PAGES as u64;

/// Takes the text out of files, each in a process of its own; clones share the bound of how many at once.
#[derive(Clone, Debug)]
pub struct Extractor {
    program: Arc<Path>,
    permits: Arc<Semaphore>,
    deadline: Duration,
}

impl Extractor {
    /// Reads files with this program, which is switchboard itself. `/proc/self/exe` names it even after its file was
    /// replaced by another version.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program: program.into(),
            permits: Arc::new(Semaphore::new(MAX_CHILDREN)),
            deadline: DEADLINE,
        }
    }

    /// Reads files in this process, for tests that have no program to start.
    #[cfg(test)]
    pub(crate) fn in_process() -> Self {
        Self::new(PathBuf::new())
    }

    /// Takes the text out of a file's content, at most 16 MiB of it. `charset` is what its sender named; one that
    /// nobody knows counts as none. Dropping the future ends the process.
    pub async fn extract(
        &self,
        kind: DocumentKind,
        charset: Option<&str>,
        content: Bytes,
    ) -> Result<Vec<Page>, ExtractError> {
        #[cfg(test)]
        if self.program.as_os_str().is_empty() {
            return super::worker::read(kind, charset, content.into());
        }
        let permit = self.permits.acquire().await;
        let _permit = permit.expect("the semaphore is never closed");
        let mut child = self.start(kind, charset).map_err(unavailable)?;
        let answer = timeout(self.deadline, exchange(&mut child, content)).await;
        let Ok(answer) = answer else {
            child.kill().await.map_err(unavailable)?;
            return Err(ExtractError::TookTooLong);
        };
        let Some(answer) = answer.map_err(unavailable)? else {
            child.kill().await.map_err(unavailable)?;
            return Err(ExtractError::TooLarge);
        };
        // Its stdout is closed, so it ends at once, or was ended.
        let Ok(status) = timeout(self.deadline, child.wait()).await else {
            child.kill().await.map_err(unavailable)?;
            return Err(ExtractError::TookTooLong);
        };
        understand(status.map_err(unavailable)?, &answer)
    }

    fn start(&self, kind: DocumentKind, charset: Option<&str>) -> std::io::Result<Child> {
        let charset = charset.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
        let mut command = Command::new(&*self.program);
        command.args(["extract-text", "--kind", kind.as_str()]);
        if let Some(charset) = charset {
            command.args(["--charset", charset.name()]);
        }
        command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

/// Passes the content on and reads the answer; `None` when that is too long.
async fn exchange(child: &mut Child, content: Bytes) -> std::io::Result<Option<Vec<u8>>> {
    let mut stdin = child.stdin.take().expect("it is piped");
    let stdout = child.stdout.take().expect("it is piped");
    let write = async move {
        // A process that ended before it had read all says why by how it ended.
        let _ = stdin.write_all(&content).await;
    };
    let read = async move {
        let mut answer = Vec::new();
        let mut bounded = stdout.take(MAX_ANSWER_BYTES + 1);
        let read = bounded.read_to_end(&mut answer).await?;
        Ok((read as u64 <= MAX_ANSWER_BYTES).then_some(answer))
    };
    // The reader decides: nobody has to take the rest of the content from us.
    tokio::pin!(write, read);
    let mut is_written = false;
    loop {
        tokio::select! {
            () = &mut write, if !is_written => is_written = true,
            answer = &mut read => return answer,
        }
    }
}

fn understand(status: ExitStatus, answer: &[u8]) -> Result<Vec<Page>, ExtractError> {
    match (status.success(), status.signal()) {
        (true, _) => {}
        (_, Some(signal)) if signal == Signal::XCPU.as_raw() => {
            return Err(ExtractError::TookTooLong);
        }
        (_, Some(_)) => return Err(ExtractError::TooMuchMemory),
        // A panic, which is a fault in reading what nobody should have written.
        (false, None) => return Err(ExtractError::Damaged),
    }
    match serde_json::from_slice(answer) {
        Ok(Answer::Pages(pages)) => Ok(pages),
        Ok(Answer::Refused(why)) => Err(why),
        Err(error) => Err(ExtractError::Unavailable(error.to_string())),
    }
}

fn unavailable(error: std::io::Error) -> ExtractError {
    ExtractError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use tempfile::TempDir;

    use super::*;

    /// A program in the place of switchboard, which writes its process id first.
    struct Fake(TempDir);

    impl Fake {
        fn that(does: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (program, id) = (folder.path().join("program"), folder.path().join("id"));
            let script = format!("#!/bin/sh\necho $$ >'{}'\n{does}\n", id.display());
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
            Self(folder)
        }

        fn extractor(&self, deadline: Duration) -> Extractor {
            let mut extractor = Extractor::new(self.0.path().join("program"));
            extractor.deadline = deadline;
            extractor
        }

        async fn reads(&self, deadline: Duration) -> Result<Vec<Page>, ExtractError> {
            let content = Bytes::from(vec![b'x'; 1 << 20]);
            let extractor = self.extractor(deadline);
            extractor.extract(DocumentKind::Text, None, content).await
        }

        fn is_running(&self) -> bool {
            let id = std::fs::read_to_string(self.0.path().join("id")).unwrap_or_default();
            !id.trim().is_empty() && Path::new("/proc").join(id.trim()).exists()
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn the_answer_of_the_process_is_what_is_returned() {
        let answer = r#"cat >/dev/null; echo '{"pages":[{"number":2,"text":"hi"}]}'"#;
        let page = Page {
            number: Some(2),
            text: "hi".to_owned(),
        };
        assert_eq!(Fake::that(answer).reads(LONG).await, Ok(vec![page]));
        // It answers without having read everything.
        let refusal = r#"echo '{"refused":"encrypted"}'"#;
        assert_eq!(
            Fake::that(refusal).reads(LONG).await,
            Err(ExtractError::Encrypted)
        );
    }

    #[tokio::test]
    async fn a_process_that_ends_without_an_answer_says_why_by_its_end() {
        for (does, error) in [
            ("kill -s XCPU $$", ExtractError::TookTooLong),
            ("kill -s ABRT $$", ExtractError::TooMuchMemory),
            ("kill -s KILL $$", ExtractError::TooMuchMemory),
            ("exit 101", ExtractError::Damaged),
        ] {
            assert_eq!(Fake::that(does).reads(LONG).await, Err(error), "{does}");
        }
        let garbled = Fake::that("cat >/dev/null; echo '{'").reads(LONG).await;
        assert!(garbled.is_err_and(|error| error.is_retryable()));
    }

    #[tokio::test]
    async fn a_process_that_takes_too_long_is_ended() {
        let short = Duration::from_millis(500);
        for does in [
            "exec sleep 1000",
            "exec >&-; exec sleep 1000",
            "exec <&- sleep 1000",
        ] {
            let fake = Fake::that(does);
            assert_eq!(
                fake.reads(short).await,
                Err(ExtractError::TookTooLong),
                "{does}"
            );
            assert!(!fake.is_running(), "{does}");
        }
    }

    #[tokio::test]
    async fn a_process_that_says_too_much_is_ended() {
        let fake = Fake::that("exec cat /dev/zero");
        assert_eq!(fake.reads(LONG).await, Err(ExtractError::TooLarge));
        assert!(!fake.is_running());
    }

    #[tokio::test]
    async fn whoever_gives_up_ends_the_process() {
        let fake = Fake::that("exec sleep 1000");
        let extractor = fake.extractor(LONG);
        let reading = extractor.extract(DocumentKind::Text, None, Bytes::new());
        let begun = async {
            let deadline = Instant::now() + LONG;
            while !fake.is_running() {
                assert!(Instant::now() < deadline, "it never began");
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            read = reading => panic!("it ended: {read:?}"),
            () = begun => {}
        }
        let deadline = Instant::now() + LONG;
        while fake.is_running() {
            assert!(Instant::now() < deadline, "it goes on");
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_may_be_there_later() {
        let extractor = Extractor::new(PathBuf::from("/nowhere/switchboard"));
        let read = extractor
            .extract(DocumentKind::Text, None, Bytes::new())
            .await;
        assert!(read.is_err_and(|error| error.is_retryable()));
    }
}
