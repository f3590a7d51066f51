//! The forms of a transcript, written final by final.

use switchboard_protocol::ids::SessionId;
use switchboard_protocol::json;
use utoipa::ToSchema;

use super::spoken::{Reader, Spoken};

/// A transcript's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub(in crate::http::api) enum Format {
    /// The payloads as they were published.
    Json,
    /// One line a final.
    Txt,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
}

impl Format {
    /// Reads the query's word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "json" => Self::Json,
            "txt" => Self::Txt,
            "srt" => Self::Srt,
            "vtt" => Self::Vtt,
            _ => return None,
        })
    }

    /// The `Content-Type` header.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Txt => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }
}

/// Writes one transcript.
pub(super) struct Writer {
    format: Format,
    reader: Reader,
    /// Finals written so far.
    count: u64,
}

impl Writer {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            reader: Reader::default(),
            count: 0,
        }
    }

    /// Writes what stands before all finals.
    pub(super) fn begin(&self, session: &SessionId, channel: u16, out: &mut String) {
        match self.format {
            Format::Json => {
                // A session's id holds nothing that JSON escapes.
                let head = format!(r#"{{"session":"{session}","channel":{channel},"items":["#);
                out.push_str(&head);
            }
            Format::Vtt => out.push_str("WEBVTT\n\n"),
            Format::Txt | Format::Srt => {}
        }
    }

    /// Writes a final; one that says nothing in this form is passed over.
    pub(super) fn write(&mut self, payload: &[u8], out: &mut String) {
        if self.format == Format::Json {
            // A row that somebody has spoiled must not spoil the others.
            let Ok(payload) = json::validate(payload) else {
                return;
            };
            if self.count > 0 {
                out.push(',');
            }
            out.push_str(payload);
            self.count += 1;
            return;
        }
        let Some(spoken) = self.reader.read(payload) else {
            return;
        };
        let written = match (self.format, spoken.times) {
            (Format::Txt, _) => line(&spoken),
            (_, None) => return,
            (Format::Vtt, Some(times)) => vtt_cue(&spoken, times),
            (_, Some(times)) => srt_cue(self.count + 1, &spoken, times),
        };
        self.count += 1;
        out.push_str(&written);
    }

    /// Writes what stands after all finals; `next` is where to go on, if there is more.
    pub(super) fn end(&self, next: Option<u64>, out: &mut String) {
        if self.format != Format::Json {
            return;
        }
        let next = next.map_or("null".to_owned(), |next| next.to_string());
        out.push_str(&format!(r#"],"next":{next}}}"#));
    }
}

fn line(spoken: &Spoken) -> String {
    let text = spoken.text.join(" ");
    match &spoken.speaker {
        Some(speaker) => format!("{speaker}: {text}\n"),
        None => format!("{text}\n"),
    }
}

fn srt_cue(number: u64, spoken: &Spoken, (start, end): (u64, u64)) -> String {
    let (start, end) = (timestamp(start, ','), timestamp(end, ','));
    let speaker = spoken.speaker.as_ref();
    let speaker = speaker.map_or(String::new(), |name| format!("{name}: "));
    // SubRip has no escapes.
    let text = format!("{speaker}{}", spoken.text.join("\n")).replace("-->", "→");
    format!("{number}\n{start} --> {end}\n{text}\n\n")
}

fn vtt_cue(spoken: &Spoken, (start, end): (u64, u64)) -> String {
    let (start, end) = (timestamp(start, '.'), timestamp(end, '.'));
    let speaker = spoken.speaker.as_ref();
    let speaker = speaker.map_or(String::new(), |name| format!("<v {}>", escape(name)));
    let text = escape(&spoken.text.join("\n"));
    format!("{start} --> {end}\n{speaker}{text}\n\n")
}

/// As WebVTT wants it; without `>` there is no arrow either.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// `01:02:03,004`.
fn timestamp(ms: u64, point: char) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format, payloads: &[&str], next: Option<u64>) -> String {
        let (mut writer, mut out) = (Writer::new(format), String::new());
        writer.begin(&"S".parse().unwrap(), 1, &mut out);
        for payload in payloads {
            writer.write(payload.as_bytes(), &mut out);
        }
        writer.end(next, &mut out);
        out
    }

    const SAID: [&str; 6] = [
        r#"{"text":"Good evening.","speaker":"Ann","start":0,"end":1500}"#,
        r#"{"text":"no times"}"#,
        r#"{"start":1,"end":2}"#,
        "5",
        r#"{"text":"<b> a --> b & c\n\n--->d","locutor":"A>B\n-->","start":3723004,"end":3723005}"#,
        "not JSON",
    ];

    #[test]
    fn json_holds_the_payloads_byte_for_byte_and_nothing_that_is_none() {
        let payloads = [r#"{ "a" : 1.50 }"#, "not JSON", "1],[2", r#""\u00e9""#];
        let expected = r#"{"session":"S","channel":1,"items":[{ "a" : 1.50 },"\u00e9"],"next":7}"#;
        assert_eq!(written(Format::Json, &payloads, Some(7)), expected);
        let empty = r#"{"session":"S","channel":1,"items":[],"next":null}"#;
        assert_eq!(written(Format::Json, &[], None), empty);
    }

    #[test]
    fn text_is_one_line_a_final_with_its_speaker_before_it() {
        let expected = "Ann: Good evening.\nno times\nA>B -->: <b> a --> b & c --->d\n";
        assert_eq!(written(Format::Txt, &SAID, None), expected);
    }

    #[test]
    fn subrip_cues_are_numbered_and_what_is_said_cannot_end_or_time_one() {
        let expected = "1\n00:00:00,000 --> 00:00:01,500\nAnn: Good evening.\n\n\
             2\n01:02:03,004 --> 01:02:03,005\nA>B →: <b> a → b & c\n-→d\n\n";
        assert_eq!(written(Format::Srt, &SAID, None), expected);
        assert_eq!(written(Format::Srt, &[], None), "");
    }

    #[test]
    fn webvtt_escapes_what_is_said_and_names_the_speaker() {
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v Ann>Good evening.\n\n\
             01:02:03.004 --> 01:02:03.005\n<v A&gt;B --&gt;>&lt;b&gt; a --&gt; b &amp; c\n---&gt;d\n\n";
        assert_eq!(written(Format::Vtt, &SAID, None), expected);
        assert_eq!(written(Format::Vtt, &[], None), "WEBVTT\n\n");
    }
}
