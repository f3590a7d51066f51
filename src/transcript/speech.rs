//! What was said, and the payloads that a live transcriber would have published while it was said.
//!
//! Each utterance gives a partial a word and then a final with the words' times; all carry its `segmentId`.
//! Times in payloads are seconds after `astart`. A word may first be misheard, so that partials rewrite themselves.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;
use switchboard_protocol::topics::CaptionKind;

use super::{Publication, Run};

/// Most partials of one utterance; a longer one grows by several words at a time.
const MOST_PARTIALS: usize = 64;
/// Words after which a misheard one is put right.
const CORRECTED_AFTER: usize = 2;
/// How long a translation takes.
const TRANSLATING: Duration = Duration::from_millis(400);
/// How far an interpreter is behind the speaker.
const INTERPRETING: Duration = Duration::from_millis(1500);

/// Something that one speaker said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// When it begins, after the beginning of the recording.
    pub start: Duration,
    /// When it ends.
    pub end: Duration,
    /// Who spoke, where known.
    pub speaker: Option<String>,
    /// Language tag, where known.
    pub language: Option<String>,
    /// What was said.
    pub words: Vec<Word>,
    /// The same in another language.
    pub translation: Option<Translation>,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word with its punctuation.
    pub said: String,
    /// What the first partials say in its place.
    pub misheard: Option<String>,
}

/// An utterance in another language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// Language tag.
    pub language: String,
    /// The whole of it.
    pub text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Caption<'a> {
    segment_id: u64,
    astart: &'a str,
    text: String,
    start: f64,
    end: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lang: Option<&'a str>,
    locutor: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<TimedWord<'a>>,
}

#[derive(Serialize)]
struct TimedWord<'a> {
    word: &'a str,
    start: f64,
    end: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TranslatedCaption<'a> {
    segment_id: u64,
    astart: &'a str,
    text: String,
    start: f64,
    end: f64,
    source_lang: Option<&'a str>,
    target_lang: &'a str,
    locutor: Option<&'a str>,
    #[serde(rename = "final")]
    is_final: bool,
    mode: &'static str,
}

impl Utterance {
    /// An utterance of the words of `text`.
    pub fn new(start: Duration, end: Duration, speaker: Option<String>, text: &str) -> Self {
        let word = |said: &str| Word {
            said: said.to_owned(),
            misheard: None,
        };
        Self {
            start,
            end,
            speaker,
            language: None,
            words: text.split_whitespace().map(word).collect(),
            translation: None,
        }
    }

    /// Returns what an interpreter makes of it: the translation, spoken a little later. None without one.
    pub fn interpreted(&self) -> Option<Self> {
        let translation = self.translation.as_ref()?;
        let (start, end) = (self.start + INTERPRETING, self.end + INTERPRETING);
        let mut utterance = Self::new(start, end, self.speaker.clone(), &translation.text);
        utterance.language = Some(translation.language.clone());
        Some(utterance)
    }

    /// Returns the end of each word: longer words take longer.
    fn word_ends(&self) -> Vec<Duration> {
        let length = |word: &Word| word.said.chars().count() as u32 + 2;
        let total: u32 = self.words.iter().map(length).sum();
        let whole = self.end.saturating_sub(self.start);
        let mut so_far = 0;
        let ends = self.words.iter().map(|word| {
            so_far += length(word);
            self.start + whole.mul_f64(f64::from(so_far) / f64::from(total.max(1)))
        });
        ends.collect()
    }

    /// Returns the first `count` words as they are heard at that moment.
    fn heard(&self, count: usize) -> String {
        let heard = self.words.iter().take(count).enumerate();
        let heard: Vec<&str> = heard
            .map(|(index, word)| match &word.misheard {
                Some(wrong) if index + CORRECTED_AFTER >= count => wrong,
                _ => word.said.as_str(),
            })
            .collect();
        let text = heard.join(" ");
        text.trim_end_matches(['.', ',', ';', ':', '!', '?'])
            .trim_end()
            .to_owned()
    }

    fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.said.as_str()).collect();
        words.join(" ")
    }
}

/// Returns all payloads of `utterances`, by time.
pub(super) fn publications(utterances: &[Utterance], run: Run) -> Vec<Publication> {
    let astart = timestamp(run.started);
    let mut publications = Vec::new();
    for (index, utterance) in utterances.iter().enumerate() {
        let segment = run.first_segment + index as u64;
        captions(utterance, segment, &astart, &mut publications);
        translations(utterance, segment, &astart, &mut publications);
    }
    // Speakers overlap, and translations come late.
    publications.sort_by_key(|publication| publication.at);
    publications
}

fn captions(said: &Utterance, segment_id: u64, astart: &str, out: &mut Vec<Publication>) {
    let ends = said.word_ends();
    let caption = |text, end: Duration, words| Caption {
        segment_id,
        astart,
        text,
        start: seconds(said.start),
        end: seconds(end),
        lang: said.language.as_deref(),
        locutor: said.speaker.as_deref(),
        words,
    };
    let step = ends.len().div_ceil(MOST_PARTIALS).max(1);
    for count in (1..ends.len()).step_by(step) {
        let end = ends[count - 1];
        let partial = caption(said.heard(count), end, Vec::new());
        push(out, end, CaptionKind::Partial, &partial);
    }
    let mut start = said.start;
    let words = said.words.iter().zip(&ends).map(|(word, end)| {
        let from = std::mem::replace(&mut start, *end);
        TimedWord {
            word: &word.said,
            start: seconds(from),
            end: seconds(*end),
        }
    });
    let last = caption(said.text(), said.end, words.collect());
    push(out, said.end, CaptionKind::Final, &last);
}

fn translations(said: &Utterance, segment_id: u64, astart: &str, out: &mut Vec<Publication>) {
    let Some(translation) = &said.translation else {
        return;
    };
    let words: Vec<&str> = translation.text.split_whitespace().collect();
    let half = said.start + said.end.saturating_sub(said.start) / 2;
    let steps = [
        (words.len() / 2, half, false),
        (words.len(), said.end, true),
    ];
    for (count, end, is_final) in steps {
        let caption = TranslatedCaption {
            segment_id,
            astart,
            text: words[..count].join(" "),
            start: seconds(said.start),
            end: seconds(end),
            source_lang: said.language.as_deref(),
            target_lang: &translation.language,
            locutor: said.speaker.as_deref(),
            is_final,
            mode: "discrete",
        };
        let kind = match is_final {
            true => CaptionKind::FinalTranslation,
            false => CaptionKind::PartialTranslation,
        };
        push(out, end + TRANSLATING, kind, &caption);
    }
}

fn push(out: &mut Vec<Publication>, at: Duration, kind: CaptionKind, payload: &impl Serialize) {
    let payload = serde_json::to_vec(payload).expect("texts and finite numbers are JSON");
    out.push(Publication {
        at,
        kind,
        payload: Bytes::from(payload),
    });
}

/// Returns whole milliseconds as seconds.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

fn timestamp(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
