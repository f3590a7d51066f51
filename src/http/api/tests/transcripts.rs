//! The transcript route.

use actix_web::body::to_bytes;
use bytes::Bytes;
use switchboard_actors::ports::{Final, Transcripts};

use super::*;

const PATH: &str = "/sessions/s/channels/1/transcript";

/// A transcript as it came.
struct Text {
    status: u16,
    content_type: String,
    body: String,
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Api<S> {
    /// Stores finals of `room` with these payloads, numbered from 1.
    async fn store_finals(&self, room: &str, payloads: impl IntoIterator<Item = String>) {
        let numbered = (1..).zip(payloads).map(|(number, payload)| Final {
            room: room.parse().unwrap(),
            number,
            occurrence: number as u32,
            payload: Bytes::from(payload),
        });
        self.store.append(numbered.collect()).await.unwrap();
    }

    fn request(&self, path: &str, token: &str) -> Request {
        test::TestRequest::get()
            .uri(&route(path))
            .insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
            .to_request()
    }

    async fn transcript(&self, query: &str) -> Text {
        let request = self.request(&format!("{PATH}{query}"), &self.user("mia"));
        let response = test::call_service(&self.service, request).await;
        let content_type = response.headers().get(header::CONTENT_TYPE).unwrap();
        let content_type = content_type.to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        Text {
            status,
            content_type,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

/// The interface with the session `s` and `count` finals of its channel 1.
async fn api_with_finals(
    count: u64,
) -> Api<impl Service<Request, Response = ServiceResponse, Error = Error>> {
    let api = api().await.with_people().await;
    api.session("s", json!({})).await;
    let said = |n: u64| {
        let (start, end) = (n * 1000, n * 1000 + 900);
        format!(r#"{{"text":"Line {n}.","speaker":"Ann", "start":{start}, "end":{end}}}"#)
    };
    api.store_finals("s/1", (1..=count).map(said)).await;
    api
}

#[actix_web::test]
async fn a_transcript_comes_whole_in_all_four_forms_however_long_it_is() {
    let api = api_with_finals(250).await;
    let json = api.transcript("").await;
    assert_eq!(
        (json.status, json.content_type.as_str()),
        (200, "application/json")
    );
    let read: Value = serde_json::from_str(&json.body).unwrap();
    assert_eq!(
        (&read["session"], &read["channel"]),
        (&json!("s"), &json!(1))
    );
    assert_eq!(read["items"].as_array().unwrap().len(), 250);
    assert_eq!(read["items"][249]["text"], "Line 250.");
    assert_eq!(read["next"], Value::Null);
    let first = r#""items":[{"text":"Line 1.","speaker":"Ann", "start":1000, "end":1900},"#;
    assert!(json.body.contains(first), "byte for byte");
    assert_eq!(api.transcript("?format=json").await.body, json.body);

    let txt = api.transcript("?format=txt").await;
    assert_eq!(txt.content_type, "text/plain; charset=utf-8");
    assert_eq!(txt.body.lines().count(), 250);
    assert!(txt.body.starts_with("Ann: Line 1.\nAnn: Line 2.\n"));

    let srt = api.transcript("?format=srt").await;
    assert_eq!(srt.content_type, "application/x-subrip; charset=utf-8");
    let last = "250\n00:04:10,000 --> 00:04:10,900\nAnn: Line 250.\n\n";
    assert!(srt.body.starts_with("1\n00:00:01,000 -->") && srt.body.ends_with(last));

    let vtt = api.transcript("?format=vtt").await;
    assert_eq!(vtt.content_type, "text/vtt; charset=utf-8");
    assert!(
        vtt.body
            .starts_with("WEBVTT\n\n00:00:01.000 --> 00:00:01.900\n<v Ann>Line 1.\n\n")
    );
    assert_eq!(vtt.body.matches(" --> ").count(), 250);
}

#[actix_web::test]
async fn our_own_players_read_the_subtitles_back() {
    use crate::transcript::{Format, Recording};
    let api = api_with_finals(120).await;
    for format in ["srt", "vtt"] {
        let text = api.transcript(&format!("?format={format}")).await.body;
        let Recording::Speech(said) = Recording::parse(Format::Subtitles, &text).unwrap() else {
            panic!("subtitles are speech");
        };
        assert_eq!(said.len(), 120, "{format}");
        assert_eq!(said[99].start, Duration::from_secs(100));
    }
}

#[actix_web::test]
async fn an_empty_transcript_is_empty_in_every_form() {
    let api = api_with_finals(0).await;
    let empty = r#"{"session":"s","channel":1,"items":[],"next":null}"#;
    assert_eq!(api.transcript("").await.body, empty);
    for (format, body) in [("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n\n")] {
        let text = api.transcript(&format!("?format={format}")).await;
        assert_eq!((text.status, text.body.as_str()), (200, body));
    }
    // Many finals that say nothing in a form, and one that does.
    let nothing = (0..130).map(|n| format!("{{\"n\":{n}}}"));
    let said = r#"{"text":"a","start":0,"end":1000}"#.to_owned();
    api.store_finals("s/1", nothing.chain([said])).await;
    assert_eq!(api.transcript("?format=txt").await.body, "a\n");
    let cue = "1\n00:00:00,000 --> 00:00:01,000\na\n\n";
    assert_eq!(api.transcript("?format=srt").await.body, cue);
}

#[actix_web::test]
async fn a_transcript_is_read_part_by_part_without_gap_or_repeat() {
    let api = api_with_finals(250).await;
    for limit in [1, 7, 100, 101, 125, 250, 1000] {
        let (mut texts, mut after) = (Vec::new(), Some(0));
        while let Some(number) = after {
            let query = format!("?after={number}&limit={limit}");
            let part: Value = serde_json::from_str(&api.transcript(&query).await.body).unwrap();
            let items = part["items"].as_array().unwrap();
            assert!((1..=limit).contains(&items.len()), "{query}");
            texts.extend(items.iter().map(|item| item["text"].clone()));
            after = part["next"].as_u64();
        }
        let expected: Vec<Value> = (1..=250).map(|n| json!(format!("Line {n}."))).collect();
        assert_eq!(texts, expected, "limit {limit}");
    }
    let end = api.transcript("?after=250").await.body;
    assert_eq!(end, r#"{"session":"s","channel":1,"items":[],"next":null}"#);
}

#[actix_web::test]
async fn what_cannot_be_asked_is_refused_in_the_documented_shape() {
    let api = api_with_finals(1).await;
    for query in [
        "format=pdf",
        "format=JSON",
        "format=",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "after=-1",
        "after=1.5",
        "after=18446744073709551616",
        "before=1",
        "format=srt&limit=5",
        "format=txt&after=1",
        "limit=1&limit=2",
    ] {
        let path = format!("{PATH}?{query}");
        let answer = api
            .call(Method::GET, &path, &api.user("mia"), Value::Null)
            .await;
        assert_eq!(answer.fault(), (400, "malformed"), "{query}");
        assert!(answer.body["error"]["message"].is_string());
    }
    let posted = api
        .call(Method::POST, PATH, &api.user("mia"), Value::Null)
        .await;
    assert_eq!(posted.fault(), (405, "method_not_allowed"));
}

#[actix_web::test]
async fn a_transcript_is_for_those_who_may_join_and_to_all_others_there_is_none() {
    let api = api_with_finals(1).await;
    let read = async |path: &str, token: &str| {
        let answer = api.call(Method::GET, path, token, Value::Null).await;
        (answer.status, answer.fault().1.to_owned())
    };
    for token in [api.user("mia"), api.user("boss")] {
        assert_eq!(read(PATH, &token).await.0, 200);
    }
    assert_eq!(read(PATH, "").await.0, 401);
    let nothing = (404, "not_found".to_owned());
    for token in [api.user("eve"), api.user("nobody"), api.guest("s")] {
        assert_eq!(read(PATH, &token).await, nothing);
    }
    let mia = api.user("mia");
    for path in [
        "/sessions/unknown/channels/1/transcript",
        "/sessions/s/channels/2/transcript",
        "/sessions/s/channels/01/transcript",
        "/sessions/s/channels/+1/transcript",
        "/sessions/s/channels/%23/transcript",
        "/sessions/s/channels/65536/transcript",
        "/sessions/s/channels/x%2F1/transcript",
    ] {
        assert_eq!(read(path, &mia).await, nothing, "{path}");
    }
    // A guest of a public session may join it.
    let public = json!({"visibility": "public"});
    api.call(Method::PATCH, "/sessions/s", &api.admin(), public)
        .await;
    assert_eq!(read(PATH, &api.guest("s")).await.0, 200);
    assert_eq!(read("/sessions/s/channels/0/transcript", &mia).await.0, 200);
}

#[actix_web::test]
async fn with_the_database_gone_a_transcript_fails_and_one_under_way_is_cut_off() {
    let api = api_with_finals(250).await;
    let mia = api.user("mia");
    let request = api.request(PATH, &mia);
    let under_way = test::call_service(&api.service, request).await;
    assert_eq!(under_way.status(), 200);
    api.store.close().await;
    assert!(to_bytes(under_way.into_body()).await.is_err());
    let answer = api.call(Method::GET, PATH, &mia, Value::Null).await;
    assert_eq!(answer.fault(), (503, "unavailable"));
}
