//! Recorded transcripts, in every form: what one run publishes is in order, and JSON that viewers will get.

use std::time::{Duration, SystemTime};

use switchboard::transcript::{Format, Recording, Run};
use switchboard_protocol::json;

/// The latest time that a line or cue can name: 168 hours, and less than one more.
const LATEST: Duration = Duration::from_secs(169 * 3600);
/// Payloads of one line: the partials of a cue and its final.
const PER_LINE: usize = 65;

/// A recording, read as lines of JSON and as subtitles.
pub fn recording(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    for format in [Format::JsonLines, Format::Subtitles] {
        match Recording::parse(format, text) {
            Ok(recording) => check(&recording, text),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn check(recording: &Recording, text: &str) {
    let run = Run {
        started: SystemTime::UNIX_EPOCH,
        first_segment: 7,
    };
    let publications = recording.publications(run);
    assert!(!publications.is_empty());
    assert!(publications.len() <= PER_LINE * text.lines().count());
    assert!(publications.is_sorted_by_key(|publication| publication.at));
    for publication in &publications {
        assert!(publication.at <= LATEST);
        assert!(
            json::validate(&publication.payload).is_ok(),
            "viewers do not get it"
        );
        let payload = std::str::from_utf8(&publication.payload).expect("JSON is UTF-8");
        let as_it_came = matches!(recording, Recording::Payloads(_));
        assert!(
            !as_it_came || text.contains(payload),
            "its bytes have changed"
        );
    }
    assert_eq!(
        publications,
        recording.publications(run),
        "each run is the same"
    );
}
