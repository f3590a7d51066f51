//! A language model that says marks: each token has its place in the answer and the time at which it was written.
//!
//! It speaks OpenAI's chat completions. What it is to say stands in the last line of the question, see [`Order`]. A thread for each
//! answer keeps the pace by the clock, so that a late token delays none behind it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::clock;
use crate::payload::Mark;

/// The longest question, in bytes.
const MAX_QUESTION: usize = 1024 * 1024;

/// What to say, as a line of a question: `say TOPIC FIRST COUNT PER_SECOND`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order {
    /// The topic of the marks.
    pub topic: u16,
    /// The first one's place.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// How many in a second.
    pub pace: f64,
}

impl Order {
    /// As it is written in a question.
    pub fn line(self) -> String {
        let Self {
            topic,
            first,
            count,
            pace,
        } = self;
        format!("say {topic} {first} {count} {pace}")
    }

    fn read(question: &str) -> Result<Self> {
        let line = question.lines().last().unwrap_or_default();
        let words: Vec<_> = line.split(' ').collect();
        let ["say", topic, first, count, pace] = words[..] else {
            bail!("no order: {line:?}");
        };
        Ok(Self {
            topic: topic.parse()?,
            first: first.parse()?,
            count: count.parse()?,
            pace: pace.parse()?,
        })
    }
}

/// Serves for ever, once it has said where.
///
/// # Errors
/// When it cannot listen.
pub fn serve(listen: SocketAddr) -> Result<()> {
    let listener = TcpListener::bind(listen).context("listening")?;
    println!("listening on http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream.context("accepting")?;
        thread::spawn(move || {
            // Whoever hung up knows that it did.
            if let Err(error) = answer(stream) {
                eprintln!("{error:#}");
            }
        });
    }
    Ok(())
}

fn answer(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let order = Order::read(&question(&stream)?)?;
    stream.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
    )?;
    let (start, interval) = (Instant::now(), Duration::from_secs_f64(1.0 / order.pace));
    for number in 0..order.count {
        let due = start + interval * number;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(&event(order.topic, order.first + number))?;
    }
    let finish = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    stream.write_all(finish.as_bytes()).context("the end")
}

/// One token, written now.
fn event(topic: u16, sequence: u32) -> Vec<u8> {
    let mut event = Vec::from(
        "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\",\
         \"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
    );
    let mark = Mark {
        topic,
        sequence,
        published: clock::nanos(),
    };
    mark.write_token(&mut event);
    event.extend_from_slice(b" \"},\"finish_reason\":null}]}\n\n");
    event
}

/// The last message of the request.
fn question(stream: &TcpStream) -> Result<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        ensure!(reader.read_line(&mut line)? > 0, "no request");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    ensure!(length <= MAX_QUESTION, "a question of {length} bytes");
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body)?;
    let messages = body["messages"].as_array().context("no messages")?;
    let last = messages
        .last()
        .and_then(|message| message["content"].as_str());
    Ok(last.context("no question")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_from_the_last_line_of_a_question() {
        let order = Order {
            topic: 398,
            first: 25,
            count: 250,
            pace: 50.0,
        };
        let question = format!("What was said before\n\n{}", order.line());
        assert_eq!(Order::read(&question).unwrap(), order);
        assert!(Order::read("What is this?").is_err());
    }

    #[test]
    fn a_token_carries_its_place_and_the_time() {
        let before = clock::nanos();
        let event = String::from_utf8(event(6, 7)).unwrap();
        let data: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
        let token = data["choices"][0]["delta"]["content"].as_str().unwrap();
        let mark = Mark::find(format!("\"token\":\"{token}\"").as_bytes()).unwrap();
        assert_eq!((mark.topic, mark.sequence), (6, 7));
        assert!((before..=clock::nanos()).contains(&mark.published));
    }
}
