//! Which of a room's frames make earlier ones worthless.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use switchboard_protocol::frame::Frame;

/// Names the frames of which only the latest counts: the partial lines of one segment, or of one translation of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream(pub(super) u64);

/// The fields by which transcribers tell apart lines that grow at the same time.
#[derive(Default, Deserialize, Hash)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    segment_id: Option<Raw<'a>>,
    #[serde(borrow)]
    target_lang: Option<Raw<'a>>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Raw<'a>(#[serde(borrow)] &'a RawValue);

/// A frame's event; one for recoverable sockets has an offset behind.
#[derive(Default, Deserialize)]
struct Event<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Line<'a>,
    #[serde(default)] IgnoredAny,
);

impl Hash for Raw<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.get().hash(state);
    }
}

impl Stream {
    /// The stream that `frame`, a partial line of `room`, belongs to. Without the fields that tell lines apart, all
    /// events of one name in a room are one stream.
    pub(super) fn of(room: u64, frame: &Frame) -> Self {
        let payload = frame.payload();
        let start = payload.iter().position(|byte| *byte == b'[');
        let event = start.map_or(&[][..], |start| &payload[start..]);
        // What is no object has no such fields.
        let Event(name, line, _) = serde_json::from_slice(event).unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        (room, name, line).hash(&mut hasher);
        Self(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(room: u64, event: &str) -> Stream {
        Stream::of(room, &Frame::text(format!("42{event}")))
    }

    #[test]
    fn partial_lines_of_a_room_are_one_stream_unless_their_segment_says_otherwise() {
        let plain = stream(1, r#"["partial",{"text":"a"}]"#);
        assert_eq!(plain, stream(1, r#"["partial",{"text":"a b","start":1}]"#));
        assert_ne!(plain, stream(2, r#"["partial",{"text":"a"}]"#));
        let first = stream(1, r#"["partial",{"segmentId":1,"text":"a"}]"#);
        assert_eq!(
            first,
            stream(1, r#"["partial",{"text":"b","segmentId":1}]"#)
        );
        assert_ne!(
            first,
            stream(1, r#"["partial",{"text":"b","segmentId":2}]"#)
        );
        assert_ne!(first, plain);
        let offset = r#"["partial",{"segmentId":1,"text":"a"},"5f-1"]"#;
        assert_eq!(first, stream(1, offset));
    }

    #[test]
    fn each_language_of_a_translation_is_a_stream() {
        let french = stream(1, r#"["translation",{"targetLang":"fr","segmentId":1}]"#);
        let german = stream(1, r#"["translation",{"targetLang":"de","segmentId":1}]"#);
        assert_ne!(french, german);
        assert_ne!(
            french,
            stream(1, r#"["partial",{"targetLang":"fr","segmentId":1}]"#)
        );
        assert_eq!(
            french,
            stream(
                1,
                r#"["translation",{"segmentId":1,"targetLang":"fr","text":"x"}]"#
            )
        );
    }

    #[test]
    fn what_is_no_object_is_of_a_stream_too() {
        assert_eq!(
            stream(1, r#"["partial","a"]"#),
            stream(1, r#"["partial",7]"#)
        );
        assert_ne!(
            stream(1, r#"["partial","a"]"#),
            stream(2, r#"["partial",7]"#)
        );
    }
}
