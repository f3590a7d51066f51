//! Clients that come back: in time, too late, to another switchboard, with somebody else's key.

mod rights;
mod storage;

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::testing::{Client, Harness, pass, paused, quiet};
use switchboard_protocol::topics::SESSION_STATUSES;

use crate::support::{closed, ended, recovered};

const FINAL: &str = "transcriber/out/S/1/final";
const PARTIAL: &str = "transcriber/out/S/1/partial";
const HOUR: Duration = Duration::from_secs(3600);

/// What a client of Socket.IO remembers of its socket.
#[derive(Clone, Default)]
struct Memory {
    sid: String,
    pid: String,
    offset: Option<String>,
}

impl Memory {
    /// What it knows after all that `client` heard.
    fn of(client: &Client, before: &Self) -> Self {
        let mut memory = before.clone();
        for packet in client.heard() {
            if let Some(ids) = packet.strip_prefix("40") {
                let ids: Value = serde_json::from_str(ids).unwrap();
                memory.sid = ids["sid"].as_str().unwrap_or_default().to_owned();
                memory.pid = ids["pid"].as_str().unwrap_or_default().to_owned();
            } else if let Some(event) = packet.strip_prefix("42") {
                let event: Vec<Value> = serde_json::from_str(event).unwrap();
                let offset = event.last().and_then(Value::as_str).map(str::to_owned);
                memory.offset = offset.or(memory.offset);
            }
        }
        memory
    }
}

/// Connects as `user`, who asks for recovery and remembers `memory`.
async fn connect(harness: &Harness, user: &str, memory: &Memory) -> Client {
    let client = come_back(harness, user, memory);
    client.hears(r#"40{"sid":"#).await;
    quiet().await;
    client
}

/// As `connect`, without waiting for an answer.
fn come_back(harness: &Harness, user: &str, memory: &Memory) -> Client {
    let mut auth = json!({ "token": format!("user:{user}"), "recovery": true });
    if !memory.pid.is_empty() {
        auth["pid"] = memory.pid.clone().into();
    }
    if let Some(offset) = &memory.offset {
        auth["offset"] = offset.clone().into();
    }
    let client = harness.client();
    client.say(&format!("40{auth}"));
    client
}

/// A new client in the room `S/1`.
async fn joined(harness: &Harness, user: &str) -> Client {
    let client = connect(harness, user, &Memory::default()).await;
    client.join("S/1").await;
    client
}

async fn publish(harness: &Harness, topic: &str, numbers: std::ops::Range<usize>) {
    for number in numbers {
        harness.broker.publish(&[(topic, &number.to_string())]);
        if number % 50 == 49 {
            quiet().await;
        }
    }
    quiet().await;
}

/// The numbers that a client heard as finals.
fn finals(client: &Client) -> Vec<usize> {
    let number = |packet: &String| {
        let event = packet.strip_prefix(r#"42["final","#)?;
        event.split(',').next()?.parse().ok()
    };
    client.heard().iter().filter_map(number).collect()
}

fn run(numbers: std::ops::Range<usize>) -> Vec<usize> {
    numbers.collect()
}

/// All leave for good, and nothing is left of them.
async fn all_leave(harness: &Harness, clients: impl IntoIterator<Item = Client>) {
    for client in clients {
        client.say("41");
        quiet().await;
        client.hang_up();
    }
    harness.assert_nothing_left().await;
}

#[test]
fn a_client_that_comes_back_is_who_it_was_and_misses_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..3).await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        publish(&harness, FINAL, 3..6).await;
        let second = connect(&harness, "alice", &memory).await;
        let again = Memory::of(&second, &Memory::default());
        assert_eq!((&again.sid, &again.pid), (&memory.sid, &memory.pid));
        assert_eq!(finals(&second), run(3..6));
        publish(&harness, FINAL, 6..8).await;
        assert_eq!(finals(&second), run(3..8));
        assert_eq!(recovered(&harness.metrics, "memory"), 1);
        drop(first);
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn what_was_sent_and_never_arrived_comes_again() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..2).await;
        let memory = Memory::of(&first, &Memory::default());
        // Written to a link that is dead already.
        publish(&harness, FINAL, 2..4).await;
        first.hang_up();
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(finals(&second), run(2..4));
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn a_client_that_saw_no_event_yet_comes_back_too() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        let memory = Memory::of(&first, &Memory::default());
        assert_eq!(memory.offset, None);
        first.hang_up();
        publish(&harness, FINAL, 0..2).await;
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(Memory::of(&second, &Memory::default()).sid, memory.sid);
        assert_eq!(finals(&second), run(0..2));
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn an_idle_hour_changes_nothing() {
    paused(async {
        let harness = Harness::start().await;
        harness.tokens.add_user("user:alice", "alice", 2 * HOUR);
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..2).await;
        let memory = Memory::of(&first, &Memory::default());
        for _ in 0..144 {
            pass(Duration::from_secs(25)).await;
            first.say("3");
            quiet().await;
        }
        first.hang_up();
        publish(&harness, FINAL, 2..3).await;
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(
            (finals(&second), recovered(&harness.metrics, "memory")),
            (run(2..3), 1)
        );
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn a_string_as_last_argument_does_not_pass_for_an_offset() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        harness.broker.publish(&[(FINAL, "\"a line of text\"")]);
        quiet().await;
        let memory = Memory::of(&first, &Memory::default());
        assert_ne!(memory.offset.as_deref(), Some("a line of text"));
        first.hang_up();
        publish(&harness, FINAL, 7..8).await;
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(finals(&second), [7]);
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn partial_lines_carry_offsets_and_are_not_said_again() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..1).await;
        publish(&harness, PARTIAL, 1..2).await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        publish(&harness, PARTIAL, 2..3).await;
        publish(&harness, FINAL, 3..4).await;
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(
            (finals(&second), second.times("42[\"partial\"")),
            (run(3..4), 0)
        );
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn a_half_open_connection_loses_its_socket_to_the_newer_one() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        publish(&harness, FINAL, 0..2).await;
        let memory = Memory::of(&first, &Memory::default());
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(first.times("close 1008 replaced"), 1);
        assert_eq!(closed(&harness.metrics, "replaced"), 1);
        publish(&harness, FINAL, 2..4).await;
        assert_eq!((finals(&first), finals(&second)), (run(0..2), run(2..4)));
        first.hang_up();
        pass(Duration::from_secs(26)).await;
        second.say("3");
        quiet().await;
        assert_eq!(
            harness.metrics.sockets.get(),
            1,
            "the old end ended nothing"
        );
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn a_private_id_is_good_once_at_a_time_and_the_newest_has_it() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        let [second, third] = [0, 1].map(|_| come_back(&harness, "alice", &memory));
        quiet().await;
        publish(&harness, FINAL, 0..1).await;
        let heard = [finals(&second).len(), finals(&third).len()];
        assert_eq!(heard.iter().sum::<usize>(), 1, "{heard:?}");
        assert_eq!(closed(&harness.metrics, "replaced"), 1);
        second.hang_up();
        all_leave(&harness, [third]).await;
    });
}

#[test]
fn who_stays_away_too_long_is_gone_and_its_room_with_it() {
    paused(async {
        let harness = Harness::start().await;
        let first = joined(&harness, "alice").await;
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        quiet().await;
        assert_eq!(harness.metrics.members.get(), 1);
        pass(Duration::from_secs(122)).await;
        harness.assert_nothing_left().await;
        assert_eq!(harness.metrics.sockets_away.get(), 0);
        let second = connect(&harness, "alice", &memory).await;
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn who_leaves_for_good_does_not_stay_in_its_rooms() {
    paused(async {
        let harness = Harness::start().await;
        let client = joined(&harness, "alice").await;
        let memory = Memory::of(&client, &Memory::default());
        all_leave(&harness, [client]).await;
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(recovered(&harness.metrics, "unknown"), 1);
        all_leave(&harness, [second]).await;
    });
}

#[test]
fn who_does_not_ask_for_it_gets_no_offsets() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        publish(&harness, FINAL, 0..1).await;
        assert_eq!(client.times("42[\"final\",0]"), 1);
        assert_eq!(Memory::of(&client, &Memory::default()).pid, "");
        ended(&harness, client).await;
    });
}

#[test]
fn events_of_organizations_are_recovered_with_the_rest() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.inject(&[(SESSION_STATUSES, "[]")]);
        let first = connect(&harness, "alice", &Memory::default()).await;
        let watched = first.ask("watch_organization_session", "\"o1\"").await;
        assert_eq!(watched["ok"], true);
        let memory = Memory::of(&first, &Memory::default());
        first.hang_up();
        quiet().await;
        let list = r#"[{"id":"S","organizationId":"o1","name":"n"}]"#;
        harness.broker.inject(&[(SESSION_STATUSES, list)]);
        quiet().await;
        let second = connect(&harness, "alice", &memory).await;
        assert_eq!(second.times("42[\"orga_o1_session_update\""), 1);
        all_leave(&harness, [second]).await;
    });
}
