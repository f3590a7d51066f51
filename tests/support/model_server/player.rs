//! Plays a script to one client, and notices when that hangs up.

use std::future::pending;
use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::script::Act;
use super::wire::{Form, head};
use super::{Ending, Script, Steps};

/// Answers by `script`, then closes the connection.
pub(super) async fn play(stream: TcpStream, script: Script, form: Form) -> Ending {
    let (reader, writer) = stream.into_split();
    let mut stage = Stage {
        writer,
        form,
        steps: script.steps.clone(),
        is_cut_at_every_byte: script.is_cut_at_every_byte,
    };
    tokio::select! {
        // What was sent counts as sent, even if the client went at once.
        biased;
        played = stage.play(&script) => match played {
            Ok(()) => Ending::Played,
            Err(_) => Ending::HungUp,
        },
        () = gone(reader) => Ending::HungUp,
    }
}

/// Waits until the client has closed its connection.
async fn gone(mut reader: OwnedReadHalf) {
    let mut bytes = [0; 64];
    while reader.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}

struct Stage {
    writer: OwnedWriteHalf,
    form: Form,
    steps: Option<Steps>,
    is_cut_at_every_byte: bool,
}

impl Stage {
    async fn play(&mut self, script: &Script) -> io::Result<()> {
        for act in &script.acts {
            match act {
                Act::Head => self.writer.write_all(&head(script)).await?,
                Act::Stall => pending().await,
                Act::Reset => return Ok(()),
                Act::Raw(bytes) => self.body(bytes).await?,
                Act::Token(_) => {
                    self.step().await;
                    self.body(&self.form.render(act)).await?;
                }
                act => self.body(&self.form.render(act)).await?,
            }
        }
        self.writer.write_all(b"0\r\n\r\n").await
    }

    async fn step(&self) {
        if let Some(Steps(steps)) = &self.steps {
            let step = steps.acquire().await;
            step.expect("never closed").forget();
        }
    }

    /// A part of the body, in one chunk or in one for each byte.
    async fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        let most = match self.is_cut_at_every_byte {
            true => 1,
            false => bytes.len().max(1),
        };
        for part in bytes.chunks(most) {
            let size = format!("{:x}\r\n", part.len());
            let chunk = [size.as_bytes(), part, b"\r\n"].concat();
            self.writer.write_all(&chunk).await?;
        }
        Ok(())
    }
}
