//! Bytes to answers, in both forms, cut and broken in every way.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use switchboard_actors::ports::{ModelError, ModelStage};
use tokio::time::Instant;

use super::super::stream::Answering;
use crate::config::LlmProvider::{self, Anthropic, OpenAi};

/// Longest time without a token.
const PATIENCE: Duration = Duration::from_secs(30);

const OPENAI: &str = "\u{feff}: a comment\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n\
id: 1\ndata: {\"choices\":[{\"delta\":{\"content\":\"Größe: \"}}],\"error\":null}\n\n\
data:{\"choices\":[{\"delta\":{\"content\":\"日本\"},\ndata:\"finish_reason\":null}]}\r\rdata: {\"choices\":[]}\n\n\
data: {\"choices\":[{\"delta\":{\"content\":\"🦀\\n\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n\
data: [DONE]\n\ndata: not read any more\n\n";
const ANTHROPIC: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n\
event: ping\r\ndata: {\"type\":\"ping\"}\r\n\r\n\
event: content_block_delta\rdata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Größe: \"}}\r\r\
data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"x\"}}\n\n\
data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n\
event: new_in_2030\ndata: {\"type\":\"new_in_2030\",\"text\":\"?\"}\n\n\
data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"日本\"}}\n\n\
data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"🦀\\n\"}}\n\n\
event: message_stop\ndata: {\"type\":\"message_stop\"}\n\ndata: not read any more\n\n";
/// What both say.
const PIECES: [&str; 3] = ["Größe: ", "日本", "🦀\n"];

/// The pieces, and the error after them.
type Answer = (Vec<String>, Option<ModelError>);

async fn read(provider: LlmProvider, bytes: BoxStream<'static, Result<Bytes, String>>) -> Answer {
    let mut answering = Answering::new(provider, bytes, PATIENCE);
    let mut pieces = Vec::new();
    loop {
        match answering.piece().await {
            Ok(Some(piece)) => pieces.push(piece),
            Ok(None) => return (pieces, None),
            Err(fault) => return (pieces, Some(fault.error)),
        }
    }
}

/// The bytes that come, cut as they are given.
fn parts(parts: Vec<Vec<u8>>) -> BoxStream<'static, Result<Bytes, String>> {
    stream::iter(parts.into_iter().map(|part| Ok(Bytes::from(part)))).boxed()
}

async fn read_text(provider: LlmProvider, text: &str) -> Answer {
    read(provider, parts(vec![text.as_bytes().to_vec()])).await
}

fn whole() -> Answer {
    (PIECES.map(ToOwned::to_owned).to_vec(), None)
}

#[tokio::test]
async fn u38_deltas_come_in_order_and_the_answer_ends_at_done() {
    assert_eq!(read_text(OpenAi, OPENAI).await, whole());
}

#[tokio::test]
async fn u40_of_anthropics_events_only_the_text_of_content_deltas_is_the_answer() {
    assert_eq!(read_text(Anthropic, ANTHROPIC).await, whole());
}

#[tokio::test]
async fn u39_the_text_is_the_same_wherever_the_stream_is_cut() {
    for (provider, text) in [(OpenAi, OPENAI), (Anthropic, ANTHROPIC)] {
        for at in 0..=text.len() {
            let (one, other) = text.as_bytes().split_at(at);
            let cut = parts(vec![one.to_vec(), other.to_vec()]);
            assert_eq!(read(provider, cut).await, whole(), "cut at {at}");
        }
        let bytes = text.bytes().map(|byte| vec![byte]).collect();
        assert_eq!(
            read(provider, parts(bytes)).await,
            whole(),
            "cut at every byte"
        );
    }
}

#[tokio::test]
async fn an_answer_may_end_by_a_finish_reason_without_done() {
    let text =
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}]}\n\n";
    assert_eq!(read_text(OpenAi, text).await, (vec!["a".to_owned()], None));
}

#[tokio::test]
async fn an_empty_answer_is_one() {
    assert_eq!(read_text(OpenAi, "data: [DONE]\n\n").await, (vec![], None));
    let stop = "data: {\"type\":\"message_stop\"}\n\n";
    assert_eq!(read_text(Anthropic, stop).await, (vec![], None));
}

#[tokio::test]
async fn a_stream_without_its_end_broke_off() {
    for (provider, text) in [(OpenAi, OPENAI), (Anthropic, ANTHROPIC)] {
        let at = text.find("🦀").unwrap();
        let (pieces, error) = read_text(provider, &text[..at]).await;
        assert_eq!(pieces, PIECES[..2]);
        assert_eq!(error, Some(ModelError::BrokeOff));
        let nothing = read_text(provider, "").await;
        assert_eq!(nothing, (vec![], Some(ModelError::BrokeOff)));
    }
}

#[tokio::test]
async fn a_connection_that_breaks_even_behind_a_finish_reason_broke_the_answer_off() {
    let finish = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let bytes = vec![Ok(Bytes::from(finish)), Err("reset".to_owned())];
    let answer = read(OpenAi, stream::iter(bytes).boxed()).await;
    assert_eq!(answer, (vec![], Some(ModelError::BrokeOff)));
}

#[tokio::test]
async fn what_cannot_be_read_is_garbled() {
    for data in [
        "{\"choices\":",
        "no json",
        "{}",
        "[]",
        "{\"choices\":[{\"delta\":{\"content\":7}}]}",
    ] {
        let (_, error) = read_text(OpenAi, &format!("data: {data}\n\n")).await;
        assert_eq!(error, Some(ModelError::Garbled), "{data}");
    }
    for data in [
        "{\"type\":",
        "no json",
        "{}",
        "{\"type\":\"content_block_delta\"}",
    ] {
        let (_, error) = read_text(Anthropic, &format!("data: {data}\n\n")).await;
        assert_eq!(error, Some(ModelError::Garbled), "{data}");
    }
    let no_text = b"data: \xff\xfe\n\n".to_vec();
    let (_, error) = read(OpenAi, parts(vec![no_text])).await;
    assert_eq!(error, Some(ModelError::Garbled));
}

#[tokio::test]
async fn u41_an_error_in_the_middle_of_the_stream_is_typed() {
    let limited = ModelError::RateLimited { retry_after: None };
    for (provider, data, expected) in [
        (
            OpenAi,
            "{\"error\":{\"message\":\"out of memory\"}}",
            ModelError::Failed,
        ),
        (OpenAi, "{\"error\":\"out of memory\"}", ModelError::Failed),
        (
            Anthropic,
            "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}",
            ModelError::Failed,
        ),
        (
            Anthropic,
            "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}",
            limited.clone(),
        ),
        (
            Anthropic,
            "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\"}}",
            limited,
        ),
    ] {
        let (_, error) = read_text(provider, &format!("event: error\ndata: {data}\n\n")).await;
        assert_eq!(error, Some(expected), "{data}");
    }
}

#[tokio::test]
async fn a_line_without_an_end_is_given_up_long_before_it_is_held() {
    let read_so_far = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&read_so_far);
    let bytes = stream::repeat_with(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Bytes::from_static(&[b'x'; 1024]))
    });
    let (_, error) = read(OpenAi, bytes.boxed()).await;
    assert_eq!(error, Some(ModelError::TooLong));
    assert_eq!(read_so_far.load(std::sync::atomic::Ordering::Relaxed), 257);
}

/// These events, then one more in every 20 s, for ever.
fn dripping(first: &'static str, then: &'static str) -> BoxStream<'static, Result<Bytes, String>> {
    let every = Duration::from_secs(20);
    let interval = tokio::time::interval_at(Instant::now() + every, every);
    let drops = stream::unfold(interval, move |mut interval| async move {
        interval.tick().await;
        Some((Ok(Bytes::from_static(then.as_bytes())), interval))
    });
    let first = stream::iter([Ok(Bytes::from_static(first.as_bytes()))]);
    first.chain(drops).boxed()
}

#[tokio::test(start_paused = true)]
async fn pings_are_no_tokens_and_do_not_keep_an_answer_waiting() {
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n: comment\n\n";
    let (_, error) = read(Anthropic, dripping(ping, ping)).await;
    assert_eq!(error, Some(ModelError::TimedOut(ModelStage::FirstToken)));
    let empty = "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n";
    let token = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let (pieces, error) = read(OpenAi, dripping(token, empty)).await;
    assert_eq!(pieces, ["a"]);
    assert_eq!(error, Some(ModelError::TimedOut(ModelStage::NextToken)));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_thinks_aloud_is_waited_for() {
    let thinking = [
        (
            OpenAi,
            "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n",
            OPENAI,
        ),
        (
            OpenAi,
            "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n",
            OPENAI,
        ),
        (
            Anthropic,
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n",
            ANTHROPIC,
        ),
    ];
    for (provider, thought, answer) in thinking {
        let answer = stream::iter([Ok(Bytes::from_static(answer.as_bytes()))]);
        let bytes = dripping("", thought).take(100).chain(answer);
        assert_eq!(read(provider, bytes.boxed()).await, whole());
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_that_a_receiver_takes_is_not_held_against_the_model() {
    let token = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    let mut answering = Answering::new(OpenAi, dripping(token, token), PATIENCE);
    for _ in 0..3 {
        assert_eq!(answering.piece().await.unwrap().as_deref(), Some("a"));
        tokio::time::advance(PATIENCE * 2).await;
    }
}
