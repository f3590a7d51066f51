//! What actix 0.13 and tokio do that the design relies on, or has to live with.
//!
//! A test here that fails after an update says which part of the design to look at again.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::prelude::*;
use switchboard_actors::testing::{pass, paused, quiet};
use tokio::sync::oneshot;

/// What happened, in order.
type Diary = Arc<Mutex<Vec<String>>>;

struct Probe {
    diary: Diary,
    /// Another actor that it keeps alive.
    other: Option<Addr<Probe>>,
}

impl Probe {
    fn start_with(diary: &Diary, mailbox: usize) -> Addr<Self> {
        let diary = Arc::clone(diary);
        Self::create(move |ctx| {
            ctx.set_mailbox_capacity(mailbox);
            Self { diary, other: None }
        })
    }

    fn note(&self, what: impl ToString) {
        self.diary.lock().unwrap().push(what.to_string());
    }
}

impl Actor for Probe {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        self.note("stopped");
    }
}

#[derive(Message)]
#[rtype(result = "()")]
enum Do {
    Note(usize),
    Panic,
    PanicLater,
    After(Duration, usize),
    Every(Duration, usize),
    Know(Addr<Probe>),
    Await(oneshot::Receiver<()>, usize),
}

impl Handler<Do> for Probe {
    type Result = ();

    fn handle(&mut self, told: Do, ctx: &mut Self::Context) {
        match told {
            Do::Note(number) => self.note(number),
            Do::Panic => panic!("told so"),
            Do::PanicLater => {
                ctx.spawn(async { panic!("told so") }.into_actor(self));
            }
            Do::After(time, number) => {
                ctx.run_later(time, move |probe, _| probe.note(number));
            }
            Do::Every(time, number) => {
                ctx.run_interval(time, move |probe, _| probe.note(number));
            }
            Do::Know(other) => self.other = Some(other),
            Do::Await(done, number) => {
                let waits = done.into_actor(self);
                ctx.spawn(waits.map(move |_, probe, _| probe.note(number)));
            }
        }
    }
}

/// A message whose handler is a `ResponseActFuture`.
#[derive(Message)]
#[rtype(result = "()")]
struct Wait(oneshot::Receiver<()>, usize);

impl Handler<Wait> for Probe {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, Wait(done, number): Wait, _: &mut Self::Context) -> Self::Result {
        let waits = done.into_actor(self);
        Box::pin(waits.map(move |_, probe, _| probe.note(number)))
    }
}

fn diary() -> Diary {
    Diary::default()
}

fn read(diary: &Diary) -> Vec<String> {
    diary.lock().unwrap().clone()
}

#[test]
fn an_addr_bounds_its_own_sends_but_each_clone_starts_anew() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 4);
        quiet().await;
        let refused = (0..1_000).filter(|n| probe.try_send(Do::Note(*n)).is_err());
        assert!(refused.count() > 990);
        let through_clones = (0..1_000).filter(|n| probe.clone().try_send(Do::Note(*n)).is_ok());
        assert_eq!(through_clones.count(), 1_000);
    });
}

#[test]
fn do_send_ignores_the_bound() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 4);
        (0..1_000).for_each(|n| probe.do_send(Do::Note(n)));
        quiet().await;
        let all: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        assert_eq!(read(&diary), all, "and keeps the order");
    });
}

#[test]
fn stopped_runs_after_a_panic_and_others_live_on() {
    for panic in [|| Do::Panic, || Do::PanicLater] {
        paused(async {
            let (unlucky, bystander) = (diary(), diary());
            let other = Probe::start_with(&bystander, 16);
            let probe = Probe::start_with(&unlucky, 16);
            probe.do_send(panic());
            quiet().await;
            assert_eq!(read(&unlucky), ["stopped"]);
            assert!(!probe.connected());
            other.send(Do::Note(1)).await.unwrap();
            assert_eq!(read(&bystander), ["1"]);
        });
    }
}

#[test]
fn what_waits_in_the_mailbox_of_a_panicking_actor_is_lost_and_its_senders_learn_so() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 16);
        probe.do_send(Do::Panic);
        let waits = probe.send(Do::Note(1));
        assert_eq!(waits.await, Err(MailboxError::Closed));
        assert_eq!(read(&diary), ["stopped"]);
    });
}

#[test]
fn the_paused_clock_drives_the_timers_of_actors() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 16);
        probe.do_send(Do::Every(Duration::from_secs(60), 60));
        probe.do_send(Do::After(Duration::from_secs(90), 90));
        pass(Duration::from_secs(59)).await;
        assert_eq!(read(&diary), Vec::<String>::new());
        pass(Duration::from_secs(62)).await;
        assert_eq!(read(&diary), ["60", "90", "60"]);
    });
}

#[test]
fn what_an_actor_has_spawned_ends_with_it() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 16);
        let (done, waits) = oneshot::channel();
        probe.do_send(Do::Await(waits, 1));
        quiet().await;
        assert!(!done.is_closed());
        probe.do_send(Do::Panic);
        quiet().await;
        assert!(done.is_closed());
        assert_eq!(read(&diary), ["stopped"]);
    });
}

#[test]
fn handlers_that_return_futures_finish_out_of_order() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 16);
        let (first, waits_first) = oneshot::channel();
        let (second, waits_second) = oneshot::channel();
        probe.do_send(Wait(waits_first, 1));
        probe.do_send(Wait(waits_second, 2));
        second.send(()).unwrap();
        quiet().await;
        first.send(()).unwrap();
        quiet().await;
        assert_eq!(read(&diary), ["2", "1"]);
    });
}

#[test]
fn an_actor_stops_with_its_last_addr() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 16);
        let clone = probe.clone();
        drop(probe);
        quiet().await;
        assert_eq!(read(&diary), Vec::<String>::new());
        drop(clone);
        quiet().await;
        assert_eq!(read(&diary), ["stopped"]);
    });
}

#[test]
fn an_actor_that_waits_for_something_does_not_stop_with_its_last_addr() {
    paused(async {
        let diary = diary();
        let probe = Probe::start_with(&diary, 16);
        probe.do_send(Do::After(Duration::from_secs(60), 1));
        drop(probe);
        pass(Duration::from_secs(59)).await;
        assert_eq!(read(&diary), Vec::<String>::new());
        pass(Duration::from_secs(2)).await;
        assert_eq!(read(&diary), ["1", "stopped"]);
    });
}

#[test]
fn two_actors_that_hold_each_other_never_stop() {
    paused(async {
        let diary = diary();
        let (one, two) = (Probe::start_with(&diary, 16), Probe::start_with(&diary, 16));
        one.do_send(Do::Know(two.clone()));
        two.do_send(Do::Know(one.clone()));
        let weak = one.downgrade();
        drop((one, two));
        pass(Duration::from_secs(3600)).await;
        assert_eq!(read(&diary), Vec::<String>::new());
        assert!(weak.upgrade().is_some());
    });
}
