//! Subtitles, `.srt` and `.vtt`: timed cues of text. One reader for both, as lenient as players are.
//!
//! Markup is taken off; a voice tag (`<v Ann>`) names the speaker. Cue numbers, headers, notes and styles are
//! passed over.

use std::time::Duration;

use super::RecordingError;
use super::speech::Utterance;

/// Longest text of a cue in bytes; what is longer is no subtitle.
const LONGEST_CUE: usize = 4096;
/// Most hours in a time.
const MOST_HOURS: u64 = 168;

/// Reads all cues, by start.
pub(super) fn parse(text: &str) -> Result<Vec<Utterance>, RecordingError> {
    let mut utterances = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let block: Vec<&str> = match line.split_once("-->") {
            None if is_comment(line) => {
                lines
                    .by_ref()
                    .take_while(|(_, line)| !line.trim().is_empty())
                    .for_each(drop);
                continue;
            }
            None => continue,
            Some(_) => {
                let block = lines.by_ref().map(|(_, line)| line.trim());
                block.take_while(|line| !line.is_empty()).collect()
            }
        };
        let fault = |reason: &str| RecordingError::Line {
            line: index + 1,
            reason: reason.to_owned(),
        };
        let (start, end) = times(line).ok_or_else(|| fault("no time such as 00:01:02.500"))?;
        if end < start {
            return Err(fault("the cue ends before it begins"));
        }
        let text = block.join(" ");
        if text.len() > LONGEST_CUE {
            return Err(fault("the cue's text is too long"));
        }
        let (speaker, text) = plain(&text);
        let utterance = Utterance::new(start, end, speaker, &text);
        if !utterance.words.is_empty() {
            utterances.push(utterance);
        }
    }
    utterances.sort_by_key(|utterance| utterance.start);
    Ok(utterances)
}

/// Whether a WebVTT block of this first line is for no reader.
fn is_comment(line: &str) -> bool {
    let word = line.split_whitespace().next();
    matches!(word, Some("NOTE" | "STYLE" | "REGION"))
}

fn times(line: &str) -> Option<(Duration, Duration)> {
    let (start, rest) = line.split_once("-->")?;
    // WebVTT settings may follow the end.
    let end = rest.split_whitespace().next()?;
    Some((time(start.trim())?, time(end)?))
}

/// Reads `HH:MM:SS,mmm`, `HH:MM:SS.mmm` or `MM:SS.mmm`.
fn time(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let parts: Vec<u64> = whole.split(':').map(number).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (hours, minutes, seconds),
        [minutes, seconds] => (0, minutes, seconds),
        _ => return None,
    };
    if hours > MOST_HOURS || minutes > 59 || seconds > 59 || fraction.len() > 3 {
        return None;
    }
    let scale = 10_u64.pow(3 - fraction.len() as u32);
    let millis = number(fraction)? * scale;
    Some(Duration::from_millis(
        ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis,
    ))
}

/// Reads decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Takes the markup off; returns the speaker of the first voice tag and the text.
fn plain(text: &str) -> (Option<String>, String) {
    let mut speaker = None;
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let close = if tag.starts_with('<') { '>' } else { '}' };
        let is_tag = tag.starts_with('<') || tag.starts_with("{\\");
        match tag.find(close).filter(|_| is_tag) {
            Some(end) => {
                speaker = speaker.or_else(|| voice(&tag[1..end]));
                rest = &tag[end + 1..];
            }
            None => {
                plain.push_str(&tag[..1]);
                rest = &tag[1..];
            }
        }
    }
    plain.push_str(rest);
    (speaker, entities(&plain))
}

/// Returns the name in `v Ann` or `v.loud Ann`.
fn voice(tag: &str) -> Option<String> {
    let (kind, name) = tag.split_once(char::is_whitespace)?;
    let is_voice = kind == "v" || kind.starts_with("v.");
    (is_voice && !name.trim().is_empty()).then(|| entities(name.trim()))
}

fn entities(text: &str) -> String {
    // `&amp;` last, so that what it yields is not read again.
    let table = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&lrm;", ""),
        ("&rlm;", ""),
    ];
    let decoded = table
        .iter()
        .fold(text.to_owned(), |text, (name, character)| {
            text.replace(name, character)
        });
    decoded.replace("&amp;", "&")
}
