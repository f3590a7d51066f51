//! Recorded transcripts: read from `.jsonl`, `.srt` and `.vtt`, and published at their real times.
//!
//! A `.jsonl` recording holds payloads and goes out byte for byte (see `jsonl`). Subtitles hold what was said;
//! each cue becomes growing partials, word by word, and then a final (see `speech`). Shared by `replay` and `demo`.

mod broker_link;
mod cues;
mod jsonl;
mod player;
mod speech;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use switchboard_protocol::topics::CaptionKind;

pub(crate) use broker_link::client_options;
pub use broker_link::{BrokerLink, LinkError, tls_config};
pub use player::{Item, play, timeline};
pub use speech::{Translation, Utterance, Word};

/// Largest recording that is read, in bytes.
const LARGEST_FILE: u64 = 64 << 20;

/// One payload and when it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// Time since the beginning of the recording.
    pub at: Duration,
    /// Which of the room's topics it goes to.
    pub kind: CaptionKind,
    /// The payload, JSON.
    pub payload: Bytes,
}

/// A recording is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingError {
    /// The file cannot be read.
    #[error("{0}")]
    File(String),
    /// A line says nothing usable.
    #[error("line {line}: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing in it.
    #[error("nothing to publish in it")]
    Empty,
}

/// The form of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// SubRip or WebVTT subtitles.
    Subtitles,
}

/// A recording in memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Recording {
    /// Payloads, kept as they are.
    Payloads(Vec<Publication>),
    /// What was said; payloads are made for each run.
    Speech(Vec<Utterance>),
}

/// What differs between two runs of one recording.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// When it begins; `astart` of the payloads.
    pub started: SystemTime,
    /// The `segmentId` of the first utterance.
    pub first_segment: u64,
}

impl Recording {
    /// Reads the file at `path`; its name's ending says what it is.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let format = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("jsonl") => Format::JsonLines,
            Some("srt" | "vtt") => Format::Subtitles,
            _ => {
                let reason = "the name ends neither in .jsonl nor .srt nor .vtt";
                return Err(RecordingError::File(reason.to_owned()));
            }
        };
        let file = |error: std::io::Error| RecordingError::File(error.to_string());
        if std::fs::metadata(path).map_err(file)?.len() > LARGEST_FILE {
            let reason = format!("larger than {LARGEST_FILE} bytes");
            return Err(RecordingError::File(reason));
        }
        let text = std::fs::read_to_string(path).map_err(file)?;
        Self::parse(format, &text)
    }

    /// Reads `text`.
    pub fn parse(format: Format, text: &str) -> Result<Self, RecordingError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (recording, empty) = match format {
            Format::JsonLines => {
                let payloads = jsonl::parse(text)?;
                let empty = payloads.is_empty();
                (Self::Payloads(payloads), empty)
            }
            Format::Subtitles => {
                let utterances = cues::parse(text)?;
                let empty = utterances.is_empty();
                (Self::Speech(utterances), empty)
            }
        };
        if empty {
            return Err(RecordingError::Empty);
        }
        Ok(recording)
    }

    /// Returns what one run publishes, in order.
    pub fn publications(&self, run: Run) -> Vec<Publication> {
        match self {
            Self::Payloads(payloads) => payloads.clone(),
            Self::Speech(utterances) => speech::publications(utterances, run),
        }
    }

    /// Returns by how much the `segmentId`s of the next run must be higher.
    pub fn segments(&self) -> u64 {
        match self {
            Self::Payloads(_) => 0,
            Self::Speech(utterances) => utterances.len() as u64,
        }
    }
}
