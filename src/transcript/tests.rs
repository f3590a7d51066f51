//! Reading recordings.

mod link;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use switchboard_protocol::topics::CaptionKind;

use super::*;

const RUN: Run = Run {
    started: SystemTime::UNIX_EPOCH,
    first_segment: 7,
};
const LONG: Duration = Duration::from_secs(20);

fn lines(text: &str) -> Result<Vec<Publication>, RecordingError> {
    Ok(Recording::parse(Format::JsonLines, text)?.publications(RUN))
}

fn shape(publications: &[Publication]) -> Vec<(u128, CaptionKind)> {
    let shape = publications
        .iter()
        .map(|one| (one.at.as_millis(), one.kind));
    shape.collect()
}

fn speech(text: &str) -> Vec<Utterance> {
    match Recording::parse(Format::Subtitles, text).unwrap() {
        Recording::Speech(utterances) => utterances,
        Recording::Payloads(_) => panic!("subtitles are speech"),
    }
}

fn json(publication: &Publication) -> Value {
    serde_json::from_slice(&publication.payload).unwrap()
}

#[test]
fn recorded_lines_keep_their_payload_byte_for_byte() {
    let text = concat!(
        "\u{feff}{\"at_ms\":10,\"kind\":\"partial\",\"payload\":{\"x\" : 1.50, \"é\":\"\\u00e9\"}}\r\n",
        "\n",
        "{\"kind\":\"final\",\"payload\":[ 1 ],\"at_ms\":2500.5}\n",
        "{\"at_ms\":2600,\"kind\":\"translation\",\"payload\":{\"final\":false}}\n",
        "{\"at_ms\":2700,\"kind\":\"translation\",\"payload\":{}}",
    );
    let read = lines(text).unwrap();
    let kinds = [
        (10, CaptionKind::Partial),
        (2500, CaptionKind::Final),
        (2600, CaptionKind::PartialTranslation),
        (2700, CaptionKind::FinalTranslation),
    ];
    assert_eq!(shape(&read), kinds);
    assert_eq!(read[0].payload, r#"{"x" : 1.50, "é":"\u00e9"}"#);
    assert_eq!(read[1].payload, "[ 1 ]");
}

#[test]
fn plain_lines_are_payloads_published_at_their_end() {
    let text = r#"{"text":"a","start":5000,"end":6000,"final":false}
        {"text":"a b","start":5000,"end":7000}
        {"text":"bot marker"}
        {"text":"c","start":7500,"isFinal":false}
        {"text":"d","end":8000,"targetLang":"fr"}"#;
    let read = lines(text).unwrap();
    let expected = [
        (1000, CaptionKind::Partial),
        (2000, CaptionKind::Final),
        (2000, CaptionKind::Final),
        (2500, CaptionKind::Partial),
        (3000, CaptionKind::FinalTranslation),
    ];
    assert_eq!(shape(&read), expected);
    assert_eq!(read[2].payload, r#"{"text":"bot marker"}"#);
}

#[test]
fn times_beside_astart_are_seconds_after_it() {
    let text = r#"{"astart":"2026-01-31T20:15:00Z","start":1.5,"end":2.25}
        {"astart":"2026-01-31T20:15:10.500Z","start":0,"end":1}"#;
    assert_eq!(
        shape(&lines(text).unwrap()),
        [(750, CaptionKind::Final), (10_000, CaptionKind::Final)]
    );
}

#[test]
fn the_order_of_the_lines_is_kept_when_times_go_back() {
    let text = r#"{"at_ms":500,"kind":"final","payload":1}
        {"at_ms":100,"kind":"final","payload":2}
        {"at_ms":-5,"kind":"final","payload":3}"#;
    let read = lines(text).unwrap();
    let payloads: Vec<&[u8]> = read.iter().map(|one| &one.payload[..]).collect();
    assert_eq!(payloads, [b"1", b"2", b"3"]);
    assert!(read.iter().all(|one| one.at == Duration::from_millis(500)));
}

#[test]
fn a_bad_line_is_named() {
    for bad in [
        "nonsense",
        "[1]",
        "{\"start\":\"soon\"}",
        "{\"at_ms\":1,\"kind\":\"shout\",\"payload\":{}}",
        "{\"at_ms\":1,\"payload\":{}}",
        "{\"at_ms\":1e300,\"kind\":\"final\",\"payload\":{}}",
        "{\"astart\":\"yesterday\",\"start\":1}",
        "{\"start\":1",
    ] {
        let text = format!("{{\"start\":0}}\n\n{bad}\n");
        let error = lines(&text).unwrap_err();
        assert!(error.to_string().starts_with("line 3: "), "{bad}: {error}");
    }
    assert_eq!(lines(" \n\n"), Err(RecordingError::Empty));
}

#[test]
fn a_payload_that_no_viewer_would_get_is_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let recorded = |depth| {
        let payload = nested(depth);
        lines(&format!(
            r#"{{"at_ms":0,"kind":"final","payload":{payload}}}"#
        ))
    };
    assert_eq!(recorded(127).map(|all| all.len()), Ok(1));
    let plain = lines(&format!(r#"{{"text":{}}}"#, nested(127)));
    for refused in [recorded(128), plain] {
        let reason = "JSON nested too deep".to_owned();
        assert_eq!(refused, Err(RecordingError::Line { line: 1, reason }));
    }
}

#[test]
fn subrip_cues_are_read() {
    let text = "1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Good</i> {\\an8}morning,\r\neverybody.\r\n\r\n\
                2\r\n01:00:03,5 --> 01:00:04,000\r\na < b {sic}\r\n\r\n3\r\n00:00:09,000 --> 00:00:10,000\r\n\r\n";
    let read = speech(text);
    let said = |one: &Utterance| {
        let words: Vec<&str> = one.words.iter().map(|word| word.said.as_str()).collect();
        words.join(" ")
    };
    assert_eq!(read.len(), 2);
    assert_eq!(said(&read[0]), "Good morning, everybody.");
    assert_eq!(read[0].start, Duration::from_millis(1000));
    assert_eq!(read[0].end, Duration::from_millis(2500));
    assert_eq!(said(&read[1]), "a < b {sic}");
    assert_eq!(read[1].start, Duration::from_millis(3_603_500));
}

#[test]
fn webvtt_voices_name_the_speaker_and_comments_are_passed_over() {
    let text = "WEBVTT Kind: captions\n\nNOTE\n00:01.000 --> 00:02.000\nnot this\n\nSTYLE\n::cue {}\n\n\
                intro\n00:01.000 --> 00:02.000 align:start\n<v.loud Ann &amp; Bo>Tea &amp;lt; coffee</v>\n";
    let read = speech(text);
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].speaker.as_deref(), Some("Ann & Bo"));
    let words: Vec<&str> = read[0]
        .words
        .iter()
        .map(|word| word.said.as_str())
        .collect();
    assert_eq!(words, ["Tea", "&lt;", "coffee"]);
}

#[test]
fn a_bad_cue_is_named() {
    for bad in [
        "00:00:02,000 --> 00:00:01,000\nx",
        "0:61 --> 0:62\nx",
        "-->",
        "1:-2:3 --> 1:2:3\nx",
        "00:00:01,0000 --> 00:00:02,000\nx",
    ] {
        let error = Recording::parse(Format::Subtitles, &format!("WEBVTT\n\n{bad}\n")).unwrap_err();
        assert!(error.to_string().starts_with("line 3: "), "{bad}: {error}");
    }
    let nothing = Recording::parse(Format::Subtitles, "WEBVTT\n\nhello\n");
    assert_eq!(nothing, Err(RecordingError::Empty));
}

#[test]
fn a_cue_grows_word_by_word_and_ends_in_a_final_with_words() {
    let text = "00:01.000 --> 00:03.000\n<v Ann>One two, three.\n";
    let recording = Recording::parse(Format::Subtitles, text).unwrap();
    let out = recording.publications(RUN);
    let kinds: Vec<CaptionKind> = out.iter().map(|one| one.kind).collect();
    assert_eq!(
        kinds,
        [
            CaptionKind::Partial,
            CaptionKind::Partial,
            CaptionKind::Final
        ]
    );
    let texts: Vec<Value> = out.iter().map(|one| json(one)["text"].clone()).collect();
    assert_eq!(texts, ["One", "One two", "One two, three."]);
    let last = json(&out[2]);
    assert_eq!(out[2].at, Duration::from_millis(3000));
    assert_eq!(last["segmentId"], 7);
    assert_eq!(last["astart"], "1970-01-01T00:00:00.000Z");
    assert_eq!(
        (&last["start"], &last["end"]),
        (&Value::from(1.0), &Value::from(3.0))
    );
    assert_eq!(last["locutor"], "Ann");
    assert_eq!(last["words"][0]["start"], 1.0);
    assert_eq!(last["words"][2]["word"], "three.");
    assert_eq!(last["words"][2]["end"], 3.0);
}

#[test]
fn a_misheard_word_is_put_right_while_the_line_grows() {
    let mut said = Utterance::new(
        Duration::ZERO,
        Duration::from_secs(4),
        None,
        "the tide turns at six",
    );
    said.words[1].misheard = Some("tied".to_owned());
    let out = Recording::Speech(vec![said]).publications(RUN);
    let texts: Vec<Value> = out.iter().map(|one| json(one)["text"].clone()).collect();
    let expected = [
        "the",
        "the tied",
        "the tied turns",
        "the tide turns at",
        "the tide turns at six",
    ];
    assert_eq!(texts, expected);
}

#[test]
fn a_long_utterance_has_a_bounded_number_of_partials() {
    let text = "w ".repeat(5_000);
    let said = Utterance::new(Duration::ZERO, Duration::from_secs(60), None, &text);
    assert!(Recording::Speech(vec![said]).publications(RUN).len() <= 65);
}

#[test]
fn rooms_share_one_time_line_and_keep_their_order() {
    let publication = |ms, payload: &'static str| Publication {
        at: Duration::from_millis(ms),
        kind: CaptionKind::Final,
        payload: Bytes::from_static(payload.as_bytes()),
    };
    let items = timeline(vec![
        (
            "s/1".parse().unwrap(),
            vec![publication(5, "a"), publication(9, "b")],
        ),
        (
            "s/2".parse().unwrap(),
            vec![publication(5, "c"), publication(7, "d")],
        ),
    ]);
    let seen: Vec<(&str, &[u8])> = items
        .iter()
        .map(|item| (item.topic.as_str(), &item.payload[..]))
        .collect();
    let (one, two) = ("transcriber/out/s/1/final", "transcriber/out/s/2/final");
    assert_eq!(
        seen,
        [(one, &b"a"[..]), (two, b"c"), (two, b"d"), (one, b"b")]
    );
}
