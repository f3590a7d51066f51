//! The conversation with the server, apart from the connection that carries it: Engine.IO 4 and Socket.IO 5 as text.
//!
//! It reads only what it must: the first bytes of each packet, and the mark of each publication.

use anyhow::{Context as _, Result, bail, ensure};
use memchr::{memchr, memmem, memrchr};

use crate::payload::Mark;
use crate::tally::{Line, Tally};

/// How far a viewer has come; each step waits for the server's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The Engine.IO handshake comes next.
    Opening,
    /// The token is sent; the Socket.IO welcome comes next.
    Connecting,
    /// The room is asked for; its ack comes next.
    Joining,
    /// In the room.
    Joined,
}

/// The conversation of one viewer.
pub struct Talk {
    /// How far it has come.
    pub phase: Phase,
    /// The number of the room.
    pub room: u16,
    /// How its two topics stand: partials, finals.
    lines: [Line; 2],
    /// What it has to say and has not sent yet.
    pub says: Vec<String>,
    /// The CONNECT packet.
    connect: String,
    /// The wish to join.
    join: String,
    /// What it must know to come back; of viewers that will.
    memory: Option<Box<Memory>>,
}

/// What a viewer with connection state recovery remembers.
#[derive(Default)]
struct Memory {
    /// The CONNECT packet, to be said again.
    connect: String,
    /// Its private id; empty before the first welcome.
    pid: String,
    /// The offset of the last event.
    offset: String,
}

impl Talk {
    /// A viewer of `room` who connects with the packet `connect`, asks for the room by `join`, and has to get what
    /// `lines` still expect.
    pub fn new(room: u16, lines: [Line; 2], connect: String, join: String) -> Self {
        Self {
            phase: Phase::Opening,
            room,
            lines,
            says: Vec::new(),
            connect,
            join,
            memory: None,
        }
    }

    /// The same, ready to come back after its connection is lost.
    pub fn recoverable(mut self) -> Self {
        self.memory = Some(Box::new(Memory {
            connect: self.connect.clone(),
            ..Memory::default()
        }));
        self
    }

    /// Begins anew after a lost connection, where it left off.
    ///
    /// # Errors
    /// When it is not recoverable, or has not got far enough to be.
    pub fn come_back(&mut self) -> Result<()> {
        let memory = self.memory.as_ref().context("a viewer without memory")?;
        ensure!(
            !memory.pid.is_empty() && !memory.offset.is_empty(),
            "the server has given no private id, or no offset"
        );
        let auth = memory.connect.trim_end_matches('}');
        let (pid, offset) = (&memory.pid, &memory.offset);
        self.connect = format!("{auth},\"pid\":\"{pid}\",\"offset\":\"{offset}\"}}");
        self.phase = Phase::Opening;
        self.says.clear();
        Ok(())
    }

    /// How many of the first `published` partials and finals it has not got, and has to.
    pub fn lost(&self, published: [u32; 2]) -> u64 {
        let both = self.lines.iter().zip(published);
        both.map(|(line, count)| line.lost(count)).sum()
    }

    /// Hears one packet, at `now` nanoseconds, and notes a delivery in `tally`.
    ///
    /// # Errors
    /// When the server refuses, or speaks out of turn.
    pub fn text(&mut self, text: &[u8], now: u64, tally: &mut Tally) -> Result<()> {
        match text {
            [b'4', b'2', ..] => self.event(text, now, tally)?,
            [b'2', ..] => self.says.push("3".to_owned()),
            [b'0', ..] => self.step(Phase::Opening, Phase::Connecting)?,
            [b'4', b'0', welcome @ ..] => {
                self.step(Phase::Connecting, Phase::Joining)?;
                self.remember(welcome)?;
            }
            [b'4', b'3', b'0', answer @ ..] => {
                if memmem::find(answer, br#""ok":true"#).is_none() {
                    bail!("join refused: {}", String::from_utf8_lossy(answer));
                }
                self.step(Phase::Joining, Phase::Joined)?;
            }
            [b'4', b'4' | b'1', ..] | [b'1', ..] => {
                let reason = String::from_utf8_lossy(text);
                bail!("refused while {:?}: {reason}", self.phase);
            }
            _ => {}
        }
        Ok(())
    }

    /// Goes from one phase to the next and says what that phase asks for.
    fn step(&mut self, from: Phase, to: Phase) -> Result<()> {
        if self.phase != from {
            bail!("the server's word for {from:?} came while {:?}", self.phase);
        }
        self.phase = to;
        match to {
            Phase::Connecting => self.says.push(std::mem::take(&mut self.connect)),
            Phase::Joining => self.says.push(std::mem::take(&mut self.join)),
            Phase::Opening | Phase::Joined => {}
        }
        Ok(())
    }

    /// Keeps the private id of the first welcome; a later one must have the same, and the room need not be asked for.
    fn remember(&mut self, welcome: &[u8]) -> Result<()> {
        let Some(memory) = &mut self.memory else {
            return Ok(());
        };
        let pid = string_after(welcome, br#""pid":""#).context("a welcome without a pid")?;
        if memory.pid.is_empty() {
            memory.pid = pid;
            return Ok(());
        }
        ensure!(memory.pid == pid, "not recovered");
        self.says.clear();
        self.phase = Phase::Joined;
        Ok(())
    }

    fn event(&mut self, text: &[u8], now: u64, tally: &mut Tally) -> Result<()> {
        let Some(mark) = Mark::find(text) else {
            return outcome(text, tally);
        };
        if mark.topic / 2 != self.room {
            tally.faults.stray += 1;
            return Ok(());
        }
        if let Some(memory) = &mut self.memory
            && let Some(offset) = last_string(text)
        {
            offset.clone_into(&mut memory.offset);
        }
        let line = &mut self.lines[usize::from(mark.topic % 2)];
        let age = now.saturating_sub(mark.published);
        tally.note(self.room, line, mark.sequence, age);
        Ok(())
    }
}

/// What an event without a mark says of an answer, if anything.
fn outcome(event: &[u8], tally: &mut Tally) -> Result<()> {
    let is_complete = event.starts_with(br#"42["message_complete""#);
    let is_partial = memmem::find(event, br#""partial":true"#).is_some();
    if event.starts_with(br#"42["error""#) || (is_complete && is_partial) {
        bail!("no answer: {}", String::from_utf8_lossy(event));
    }
    tally.answers += usize::from(is_complete);
    Ok(())
}

/// What stands in `text` between `start` and the next quotation mark.
fn string_after(text: &[u8], start: &[u8]) -> Option<String> {
    let rest = &text[memmem::find(text, start)? + start.len()..];
    let end = memchr(b'"', rest)?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

/// The string that ends an event's list of arguments: its offset, where it has one.
fn last_string(event: &[u8]) -> Option<&str> {
    let rest = event.strip_suffix(b"\"]")?;
    let start = memrchr(b'"', rest)? + 1;
    str::from_utf8(&rest[start..]).ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::payload::PARTIAL_BYTES;

    pub fn talk() -> Talk {
        let lines = [Line::from(0), Line::from(0)];
        Talk::new(3, lines, "40{\"token\":\"t\"}".into(), "420[]".into())
    }

    fn hear(talk: &mut Talk, text: &str, tally: &mut Tally) -> Result<()> {
        talk.text(text.as_bytes(), 5_000_000, tally)
    }

    fn partial(topic: u16, sequence: u32, end: &str) -> String {
        let mut text = b"42[\"partial\",".to_vec();
        let mark = Mark {
            topic,
            sequence,
            published: 1_000_000,
        };
        mark.write_payload(PARTIAL_BYTES, &mut text);
        text.extend_from_slice(end.as_bytes());
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_viewer_joins_step_by_step_and_answers_pings() {
        let (mut talk, mut tally) = (talk(), Tally::new());
        for (text, phase) in [
            ("0{}", Phase::Connecting),
            ("2", Phase::Connecting),
            ("40{\"sid\":\"x\"}", Phase::Joining),
            ("430[{\"ok\":true}]", Phase::Joined),
        ] {
            hear(&mut talk, text, &mut tally).unwrap();
            assert_eq!(talk.phase, phase);
        }
        assert_eq!(talk.says, ["40{\"token\":\"t\"}", "3", "420[]"]);
    }

    #[test]
    fn a_refusal_is_told_with_its_reason() {
        let (mut talk, mut tally) = (talk(), Tally::new());
        talk.phase = Phase::Connecting;
        let error = hear(&mut talk, "44{\"message\":\"Invalid token\"}", &mut tally).unwrap_err();
        assert!(error.to_string().contains("Invalid token"), "{error}");
        talk.phase = Phase::Joining;
        assert!(hear(&mut talk, "430[{\"ok\":false}]", &mut tally).is_err());
    }

    #[test]
    fn a_delivery_of_another_room_is_stray() {
        let (mut talk, mut tally) = (talk(), Tally::new());
        for topic in [6, 7, 8] {
            hear(&mut talk, &partial(topic, 0, "]"), &mut tally).unwrap();
        }
        assert_eq!((tally.deliveries, tally.faults.stray), (2, 1));
        assert!((3_990..=4_010).contains(&tally.latency().p50));
    }

    #[test]
    fn a_recoverable_viewer_comes_back_where_it_left_off_and_need_not_join() {
        let (mut talk, mut tally) = (talk().recoverable(), Tally::new());
        let welcome = "40{\"sid\":\"s\",\"pid\":\"p\"}";
        for text in ["0{}", welcome, "430[{\"ok\":true}]"] {
            hear(&mut talk, text, &mut tally).unwrap();
        }
        assert!(talk.come_back().is_err(), "no offset yet");
        hear(&mut talk, &partial(6, 0, ",\"1f-2\"]"), &mut tally).unwrap();
        talk.come_back().unwrap();
        for text in ["0{}", welcome] {
            hear(&mut talk, text, &mut tally).unwrap();
        }
        assert_eq!(talk.phase, Phase::Joined);
        assert!(talk.says.is_empty(), "the welcome brings nothing to say");
        assert_eq!(talk.lost([2, 0]), 1);
        hear(&mut talk, &partial(6, 1, ",\"1f-3\"]"), &mut tally).unwrap();
        assert_eq!(talk.lost([2, 0]), 0);
    }

    #[test]
    fn a_viewer_that_was_forgotten_is_told_so() {
        let (mut talk, mut tally) = (talk().recoverable(), Tally::new());
        hear(&mut talk, "0{}", &mut tally).unwrap();
        hear(&mut talk, "40{\"pid\":\"p\"}", &mut tally).unwrap();
        hear(&mut talk, &partial(6, 0, ",\"1f-2\"]"), &mut tally).unwrap();
        talk.come_back().unwrap();
        hear(&mut talk, "0{}", &mut tally).unwrap();
        assert_eq!(
            talk.says,
            ["40{\"token\":\"t\",\"pid\":\"p\",\"offset\":\"1f-2\"}"]
        );
        assert!(hear(&mut talk, "40{\"pid\":\"q\"}", &mut tally).is_err());
    }
}
