//! What a stored final says, as far as its payload can be understood: who, what, when.

use std::time::SystemTime;

use serde_json::{Map, Value};

/// Later than this, in milliseconds, is no time of a recording: ten years.
const LATEST_MS: f64 = 10.0 * 366.0 * 86_400_000.0;

/// Something that was said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Spoken {
    /// Who said it, in one line.
    pub speaker: Option<String>,
    /// What was said: lines without blank ones between, at least one.
    pub text: Vec<String>,
    /// Beginning and end in milliseconds since the transcript's beginning, the end after the beginning.
    pub times: Option<(u64, u64)>,
}

/// Reads payloads of one transcript, in order.
#[derive(Default)]
pub(super) struct Reader {
    /// The first `astart`, in milliseconds since the epoch: the transcript's beginning.
    origin: Option<f64>,
}

impl Reader {
    /// What `payload` says; none for one without text.
    pub(super) fn read(&mut self, payload: &[u8]) -> Option<Spoken> {
        let fields: Map<String, Value> = serde_json::from_slice(payload).ok()?;
        let text = lines(fields.get("text")?.as_str()?);
        if text.is_empty() {
            return None;
        }
        let name = |field| {
            let name = lines(fields.get(field)?.as_str()?).join(" ");
            Some(name).filter(|name| !name.is_empty())
        };
        Some(Spoken {
            speaker: name("speaker").or_else(|| name("locutor")),
            text,
            times: self.times(&fields),
        })
    }

    /// `start` and `end`: seconds after `astart` where that is present, else milliseconds.
    fn times(&mut self, fields: &Map<String, Value>) -> Option<(u64, u64)> {
        let (start, end) = (fields.get("start")?.as_f64()?, fields.get("end")?.as_f64()?);
        let (base, unit) = match fields.get("astart").and_then(Value::as_str) {
            Some(astart) => {
                let astart = epoch_ms(astart)?;
                (astart - *self.origin.get_or_insert(astart), 1000.0)
            }
            None => (0.0, 1.0),
        };
        let [start, end] = [start, end].map(|time| (base + time * unit).max(0.0));
        if start.max(end) > LATEST_MS {
            return None;
        }
        let start = start.round() as u64;
        Some((start, (end.round() as u64).max(start + 1)))
    }
}

/// The lines of a text, trimmed, without blank ones and control characters.
fn lines(text: &str) -> Vec<String> {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let clean = |line: &str| {
        let line: String = line
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        line.trim().to_owned()
    };
    let lines = text.split(is_break).map(clean);
    lines.filter(|line| !line.is_empty()).collect()
}

/// Milliseconds since the epoch of an ISO time; one without an offset is in UTC.
fn epoch_ms(text: &str) -> Option<f64> {
    let (time, offset_minutes) = split_offset(text);
    let time = humantime::parse_rfc3339_weak(time).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_millis() as f64 - f64::from(offset_minutes) * 60_000.0)
}

/// Takes `+02:00` off the end of a time.
fn split_offset(text: &str) -> (&str, i32) {
    let split = || {
        let (time, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
        let sign = match offset.as_bytes()[0] {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = offset[1..].split_once(':')?;
        let number = |text: &str| text.parse::<u8>().ok().map(i32::from);
        Some((time, sign * (number(hours)? * 60 + number(minutes)?)))
    };
    split().unwrap_or((text, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(payloads: &[&str]) -> Vec<Option<(u64, u64)>> {
        let mut reader = Reader::default();
        let read = |payload: &&str| reader.read(payload.as_bytes()).unwrap().times;
        payloads.iter().map(read).collect()
    }

    #[test]
    fn times_are_seconds_after_astart_or_else_milliseconds() {
        let with = |astart: &str, start: f64, end: f64| {
            format!(r#"{{"text":"a","astart":"{astart}","start":{start},"end":{end}}}"#)
        };
        let payloads = [
            with("2026-01-31T20:15:00.250Z", 1.5, 2.25),
            with("2026-01-31T20:15:10.250Z", 0.0, 1.0),
            with("2026-01-31T22:15:10.25+02:00", 0.0, 1.0),
            with("2026-01-31T18:15:10.250-02:00", 0.0, 1.0),
            with("2026-01-31T20:15:10.250", 0.0, 1.0),
            // Another one began to record earlier.
            with("2026-01-31T20:14:00.250Z", 1.0, 62.0),
        ];
        let payloads = payloads.each_ref().map(String::as_str);
        let later = Some((10_000, 11_000));
        let expected = [
            Some((1_500, 2_250)),
            later,
            later,
            later,
            later,
            Some((0, 2_000)),
        ];
        assert_eq!(times(&payloads), expected);
        let plain = r#"{"text":"a","start":1500,"end":2250.4}"#;
        assert_eq!(times(&[plain]), [Some((1_500, 2_250))]);
    }

    #[test]
    fn times_are_never_negative_and_an_end_never_comes_before_its_beginning() {
        let payloads = [
            r#"{"text":"a","start":-5,"end":10}"#,
            r#"{"text":"a","start":-5,"end":-1}"#,
            r#"{"text":"a","start":20,"end":10}"#,
            r#"{"text":"a","start":20,"end":20}"#,
        ];
        let expected = [Some((0, 10)), Some((0, 1)), Some((20, 21)), Some((20, 21))];
        assert_eq!(times(&payloads), expected);
    }

    #[test]
    fn what_is_no_time_is_none() {
        let payloads = [
            r#"{"text":"a"}"#,
            r#"{"text":"a","start":1}"#,
            r#"{"text":"a","start":"1","end":2}"#,
            r#"{"text":"a","start":1,"end":1e300}"#,
            r#"{"text":"a","start":1,"end":2,"astart":"yesterday"}"#,
            r#"{"text":"a","start":1,"end":2,"astart":"1969-01-01T00:00:00Z"}"#,
        ];
        assert_eq!(times(&payloads), [None; 6]);
        // Without an `astart` that is a text, they are milliseconds.
        let payload = r#"{"text":"a","start":1,"end":2,"astart":null}"#;
        assert_eq!(times(&[payload]), [Some((1, 2))]);
    }

    #[test]
    fn what_has_no_text_says_nothing() {
        for payload in [
            "1",
            "null",
            "[]",
            "{}",
            "\"text\"",
            r#"{"text":5}"#,
            r#"{"text":" \n\t"}"#,
            r#"{"text":"a","start":1e999}"#,
            "{",
            "",
        ] {
            let spoken = Reader::default().read(payload.as_bytes());
            assert_eq!(spoken, None, "{payload}");
        }
    }

    #[test]
    fn text_is_lines_without_blank_ones_and_speakers_are_one_line() {
        let payload = r#"{"text":" a \r\n\r\n\u2028b\u0000c\r","speaker":" ","locutor":"A\nnn"}"#;
        let spoken = Reader::default().read(payload.as_bytes()).unwrap();
        assert_eq!(spoken.text, ["a", "b c"]);
        assert_eq!(spoken.speaker.as_deref(), Some("A nn"));
        let payload = r#"{"text":"a","speaker":"Bob","locutor":"Ann"}"#;
        let spoken = Reader::default().read(payload.as_bytes()).unwrap();
        assert_eq!(spoken.speaker.as_deref(), Some("Bob"));
        let payload = r#"{"text":"a","speaker":null,"locutor":7}"#;
        let spoken = Reader::default().read(payload.as_bytes()).unwrap();
        assert_eq!(spoken.speaker, None);
    }
}
