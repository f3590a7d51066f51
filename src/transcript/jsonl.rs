//! `.jsonl` recordings: one JSON object a line, blank lines left out. Two forms, which may be mixed:
//!
//! - recorded: `{"at_ms":1234,"kind":"partial","payload":{…}}`, `kind` being `partial`, `final` or
//!   `translation`, `at_ms` counted from the beginning; `payload` is published byte for byte;
//! - plain: the line is itself the payload, published byte for byte at its `end` (else `start`; without both, with
//!   the line before). Those are seconds after `astart` where that is present, else milliseconds; the first line's
//!   `start` is the beginning. With `targetLang` it is a translation, with `final: false` (or `isFinal`) a
//!   partial, else a final.
//!
//! The order of the lines is kept: a line that says an earlier time than the one before goes out together with it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use switchboard_protocol::json::validate;
use switchboard_protocol::topics::CaptionKind;

use super::{Publication, RecordingError};

/// Longest recording.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Tells the two forms apart.
#[derive(Deserialize)]
struct Form {
    at_ms: Option<IgnoredAny>,
    payload: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Recorded<'a> {
    at_ms: f64,
    kind: Kind,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Partial,
    Final,
    Translation,
}

/// What of a payload matters to its publication; all of it is optional.
#[derive(Deserialize)]
struct Plain {
    start: Option<f64>,
    end: Option<f64>,
    astart: Option<String>,
    #[serde(rename = "final", alias = "isFinal")]
    is_final: Option<bool>,
    #[serde(rename = "targetLang")]
    target_lang: Option<String>,
}

/// Reads all lines.
pub(super) fn parse(text: &str) -> Result<Vec<Publication>, RecordingError> {
    let mut publications: Vec<Publication> = Vec::new();
    let mut origin = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let latest = publications.last().map_or(Duration::ZERO, |last| last.at);
        let read = publication(line, latest, &mut origin);
        let publication = read.map_err(|reason| RecordingError::Line {
            line: index + 1,
            reason,
        })?;
        publications.push(publication);
    }
    Ok(publications)
}

fn publication(
    line: &str,
    latest: Duration,
    origin: &mut Option<f64>,
) -> Result<Publication, String> {
    if !line.starts_with('{') {
        return Err("no JSON object".to_owned());
    }
    let form: Form = json(line)?;
    let (at, kind, payload) = if form.at_ms.is_some() && form.payload.is_some() {
        let recorded: Recorded = json(line)?;
        let payload = recorded.payload.get();
        let kind = match recorded.kind {
            Kind::Partial => CaptionKind::Partial,
            Kind::Final => CaptionKind::Final,
            Kind::Translation => translation(json::<Plain>(payload)?.is_final),
        };
        (duration(recorded.at_ms)?, kind, payload)
    } else {
        let plain: Plain = json(line)?;
        let kind = match (&plain.target_lang, plain.is_final) {
            (Some(_), is_final) => translation(is_final),
            (None, Some(false)) => CaptionKind::Partial,
            (None, _) => CaptionKind::Final,
        };
        (plain_time(&plain, origin, latest)?, kind, line)
    };
    // What is nested deeper than this would be published, and be delivered to nobody.
    validate(payload.as_bytes()).map_err(|fault| fault.to_string())?;
    Ok(Publication {
        at: at.max(latest),
        kind,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    })
}

fn json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn translation(is_final: Option<bool>) -> CaptionKind {
    if is_final.unwrap_or(true) {
        CaptionKind::FinalTranslation
    } else {
        CaptionKind::PartialTranslation
    }
}

/// Returns when a plain line is published; the first line's start becomes the origin.
fn plain_time(
    plain: &Plain,
    origin: &mut Option<f64>,
    latest: Duration,
) -> Result<Duration, String> {
    let (Some(first), Some(last)) = (plain.start.or(plain.end), plain.end.or(plain.start)) else {
        return Ok(latest);
    };
    let (base, unit) = match &plain.astart {
        Some(text) => (epoch_ms(text)?, 1000.0),
        None => (0.0, 1.0),
    };
    let origin = *origin.get_or_insert(base + first * unit);
    duration(base + last * unit - origin)
}

fn epoch_ms(text: &str) -> Result<f64, String> {
    let wanted = |_| "astart is no time such as 2026-01-31T20:15:00.250Z".to_owned();
    let time = humantime::parse_rfc3339_weak(text).map_err(wanted)?;
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Ok(since.as_millis() as f64)
}

/// Returns a time in milliseconds as a duration; before the beginning is at the beginning.
fn duration(ms: f64) -> Result<Duration, String> {
    match Duration::try_from_secs_f64(ms.max(0.0) / 1000.0) {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => Err("more than seven days after the beginning".to_owned()),
    }
}
