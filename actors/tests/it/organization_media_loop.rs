//! The loop that asks how far an organization's conversations are: when it asks, what it says, when it ends.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use serde_json::json;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::organization::RemoveMember;
use switchboard_actors::organization::media::{AddWatcher, MediaWatcher, Published};
use switchboard_actors::ports::TranscriptionState::{Done, Error, Processing};
use switchboard_actors::ports::{BoxFuture, Conversation, Media, Unavailable};
use switchboard_actors::testing::{FakeMedia, pass, paused, quiet};
use switchboard_protocol::ids::{ConversationId, OrganizationId};

use crate::organization_media::{UNWATCH, ask, item, list, start, told, watch, watcher};
use crate::support::{Socket, ended};

const PAUSE: Duration = Duration::from_secs(10);
/// More than a pause, and less than two.
const NEXT: Duration = Duration::from_secs(11);

#[test]
fn every_ten_seconds_watchers_hear_of_progress() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let clients = [
            watcher(&harness, "alice", "O").await,
            watcher(&harness, "bob", "O").await,
        ];
        harness.media.put("O", "a", Processing, 45);
        pass(NEXT).await;
        harness.media.put("O", "a", Processing, 90);
        pass(PAUSE).await;
        for client in clients {
            let expected = [10, 45, 90].map(|progress| list(&[item("a", Processing, progress)]));
            assert_eq!(told(&client), expected);
            client.hang_up();
        }
        harness.assert_nothing_left().await;
    });
}

#[test]
fn ends_are_told_once_each_by_id_before_the_list() {
    paused(async {
        let harness = start().await;
        for id in ["a", "b", "c"] {
            harness.media.put("O", id, Processing, 10);
        }
        let client = watcher(&harness, "alice", "O").await;
        let before = told(&client).len();
        harness.media.put("O", "a", Done, 100);
        harness.media.put("O", "b", Error, 10);
        pass(NEXT + PAUSE).await;
        let rest = list(&[item("c", Processing, 10)]);
        let expected = [
            json!(["conversation_processing_done", "a"]),
            json!(["conversation_processing_error", "b"]),
            rest.clone(),
            rest,
        ];
        assert_eq!(told(&client)[before..], expected);
        ended(&harness, client).await;
    });
}

#[test]
fn when_nothing_is_left_watchers_are_told_so_once() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let client = watcher(&harness, "alice", "O").await;
        harness.media.put("O", "a", Done, 100);
        pass(5 * NEXT).await;
        let end = json!(["conversation_processing_done", "a"]);
        assert_eq!(told(&client)[1..], [end, list(&[])]);
        ended(&harness, client).await;
    });
}

#[test]
fn a_conversation_that_is_gone_from_the_source_is_dropped_without_a_word() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        harness.media.put("O", "b", Processing, 10);
        let client = watcher(&harness, "alice", "O").await;
        harness.media.remove("a");
        pass(NEXT).await;
        assert_eq!(told(&client)[1..], [list(&[item("b", Processing, 10)])]);
        ended(&harness, client).await;
    });
}

#[test]
fn a_newcomer_neither_hurries_nor_delays_the_polls_of_others() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let client = watcher(&harness, "alice", "O").await;
        for n in 0..3 {
            pass(Duration::from_secs(3)).await;
            let newcomer = watcher(&harness, &format!("u{n}"), "O").await;
            assert_eq!(told(&newcomer).len(), 1);
            newcomer.hang_up();
        }
        assert_eq!(told(&client).len(), 1, "nine seconds have gone by");
        pass(Duration::from_secs(2)).await;
        assert_eq!(told(&client).len(), 2);
        ended(&harness, client).await;
    });
}

#[test]
fn what_a_newcomers_poll_finds_ended_everybody_is_told() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let clients = [watcher(&harness, "alice", "O").await];
        harness.media.put("O", "a", Done, 100);
        let newcomer = watcher(&harness, "bob", "O").await;
        let end = json!(["conversation_processing_done", "a"]);
        assert_eq!(told(&clients[0])[1..], *std::slice::from_ref(&end));
        assert_eq!(told(&newcomer), [end, list(&[])]);
        pass(NEXT).await;
        assert_eq!(
            told(&clients[0])[2..],
            [list(&[])],
            "it was shown something"
        );
        clients[0].hang_up();
        ended(&harness, newcomer).await;
    });
}

#[test]
fn the_loop_ends_with_the_last_watcher_whether_it_unwatches_or_goes() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let (first, last) = (
            watcher(&harness, "alice", "O").await,
            watcher(&harness, "bob", "O").await,
        );
        ask(&first, UNWATCH, "O").await;
        let polls = harness.media.polls().len();
        pass(NEXT).await;
        assert_eq!(harness.media.polls().len(), polls + 1, "somebody watches");
        assert_eq!((told(&first).len(), told(&last).len()), (1, 2));
        ask(&last, UNWATCH, "O").await;
        pass(Duration::from_secs(25)).await;
        assert_eq!(harness.media.polls().len(), polls + 1);
        watch(&last, "O").await;
        last.hang_up();
        pass(Duration::from_secs(25)).await;
        assert_eq!(
            harness.media.polls().len(),
            polls + 2,
            "the one of the last watch"
        );
        ended(&harness, first).await;
    });
}

#[test]
fn an_answer_after_the_last_watcher_is_ignored_and_two_loops_never_run() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let client = harness.connected("alice").await;
        harness.media.hold();
        for _ in 0..3 {
            watch(&client, "O").await;
            ask(&client, UNWATCH, "O").await;
        }
        assert!(!harness.media.release(), "nobody waits for the answers");
        watch(&client, "O").await;
        let polls = harness.media.polls().len();
        assert_eq!((polls, told(&client).len()), (4, 1));
        pass(NEXT + 2 * PAUSE).await;
        assert_eq!(harness.media.polls().len(), polls + 3);
        assert_eq!(told(&client).len(), 4);
        ended(&harness, client).await;
    });
}

#[test]
fn a_failed_poll_changes_nothing_but_a_counter() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        let client = watcher(&harness, "alice", "O").await;
        harness.media.set_away(true);
        pass(NEXT + PAUSE).await;
        assert_eq!(harness.metrics.media_polls_failed.get(), 2);
        assert_eq!(told(&client), [list(&[item("a", Processing, 10)])]);
        harness.media.set_away(false);
        harness.media.put("O", "a", Done, 100);
        pass(PAUSE).await;
        let end = json!(["conversation_processing_done", "a"]);
        assert_eq!(told(&client)[1..], [end, list(&[])]);
        assert_eq!(harness.metrics.media_polls_failed.get(), 2);
        ended(&harness, client).await;
    });
}

#[test]
fn a_poll_without_an_answer_is_given_up_after_five_seconds_and_the_loop_goes_on() {
    paused(async {
        let harness = start().await;
        harness.media.put("O", "a", Processing, 10);
        harness.media.hold();
        let client = watcher(&harness, "alice", "O").await;
        pass(Duration::from_secs(4)).await;
        assert_eq!(harness.metrics.media_polls_failed.get(), 0);
        pass(Duration::from_secs(1)).await;
        assert_eq!(harness.metrics.media_polls_failed.get(), 1);
        assert!(!harness.media.release(), "nobody waits for the late answer");
        pass(NEXT).await;
        let shown = [list(&[item("a", Processing, 10)])];
        assert_eq!(told(&client), shown, "the newcomer is owed its list");
        assert_eq!(harness.metrics.media_polls.get(), 2);
        ended(&harness, client).await;
    });
}

#[test]
fn a_newcomer_whose_poll_fails_is_told_by_the_next_even_that_there_is_nothing() {
    paused(async {
        let harness = start().await;
        harness.media.set_away(true);
        let client = watcher(&harness, "alice", "O").await;
        harness.media.set_away(false);
        assert_eq!(told(&client), Vec::<serde_json::Value>::new());
        pass(NEXT).await;
        assert_eq!(told(&client), [list(&[])]);
        ended(&harness, client).await;
    });
}

/// The actor alone, with sockets that know no session.
struct Alone {
    watcher: Addr<MediaWatcher>,
    media: Arc<FakeMedia>,
}

impl Alone {
    fn start() -> Self {
        let media = Arc::new(FakeMedia::default());
        media.put("O", "a", Processing, 10);
        let watcher = alone(media.clone());
        Self { watcher, media }
    }

    async fn add(&self, socket: &Socket) {
        add(&self.watcher, socket).await;
    }

    async fn publish(&self, event: &str, payload: &'static str) {
        let published = Published {
            event: event.to_owned(),
            payload: payload.into(),
            credit: None,
        };
        self.watcher.send(published).await.unwrap();
        quiet().await;
    }
}

fn alone(media: Arc<dyn Media>) -> Addr<MediaWatcher> {
    let organization = "O".parse().unwrap();
    MediaWatcher::new(organization, media, PAUSE, Metrics::default()).start()
}

async fn add(watcher: &Addr<MediaWatcher>, socket: &Socket) {
    let add = AddWatcher {
        socket: socket.id,
        outbox: Arc::clone(&socket.outbox).into(),
        user: None,
    };
    watcher.send(add).await.unwrap();
    quiet().await;
}

#[test]
fn a_thousand_polls_in_a_row_and_no_more_counted_anew_at_each_watcher_and_conversation() {
    paused(async {
        let alone = Alone::start();
        alone.add(&Socket::new(1)).await;
        let a_thousand = 999 * PAUSE;
        pass(a_thousand).await;
        assert_eq!(alone.media.polls().len(), 1_000);
        pass(10 * PAUSE).await;
        assert_eq!(alone.media.polls().len(), 1_000);
        alone.add(&Socket::new(2)).await;
        pass(a_thousand + 10 * PAUSE).await;
        assert_eq!(alone.media.polls().len(), 2_000);
        alone.publish("tag_created", "1").await;
        pass(10 * PAUSE).await;
        assert_eq!(
            alone.media.polls().len(),
            2_000,
            "any other event changes nothing"
        );
        alone
            .publish("conversation_created", r#"{"_id":"b","name":"b"}"#)
            .await;
        pass(a_thousand + 10 * PAUSE).await;
        assert_eq!(alone.media.polls().len(), 3_000);
    });
}

#[test]
fn without_watchers_an_actor_that_nobody_holds_stops() {
    paused(async {
        let alone = Alone::start();
        let socket = Socket::new(1);
        alone.add(&socket).await;
        let remove = RemoveMember {
            socket: socket.id,
            done: None,
        };
        alone.watcher.send(remove).await.unwrap();
        alone
            .publish("conversation_created", r#"{"_id":"b","name":"b"}"#)
            .await;
        let weak = alone.watcher.downgrade();
        let Alone { watcher, media } = alone;
        drop(watcher);
        quiet().await;
        assert!(weak.upgrade().is_none());
        assert_eq!((media.polls().len(), Arc::strong_count(&media)), (1, 1));
    });
}

/// A source that mixes up organizations.
struct Muddled;

impl Media for Muddled {
    fn poll(
        &self,
        _: OrganizationId,
        _: Vec<ConversationId>,
    ) -> BoxFuture<Result<Vec<Conversation>, Unavailable>> {
        let conversation = |organization: &str| Conversation {
            id: organization.parse().unwrap(),
            name: "x".to_owned(),
            organization: organization.parse().unwrap(),
            state: Processing,
            progress: 0,
        };
        let answer = vec![conversation("P"), conversation("O")];
        Box::pin(std::future::ready(Ok(answer)))
    }
}

#[test]
fn what_a_source_says_of_another_organization_is_kept_back() {
    paused(async {
        let watcher = alone(Arc::new(Muddled));
        let socket = Socket::new(1);
        add(&watcher, &socket).await;
        let heard = socket.heard();
        assert_eq!(heard.len(), 1);
        assert!(heard[0].contains(r#""_id":"O""#) && !heard[0].contains(r#""_id":"P""#));
    });
}
