//! The one thread: viewers and publisher on one epoll, turned by whichever run is on.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use mio::{Events, Interest, Poll, Registry, Token};

use crate::clock;
use crate::crowd::Crowd;
use crate::publisher::Publisher;
use crate::tally::Faults;
use crate::token::Signer;
use crate::viewers::Viewers;

/// The publisher's place among the poll's tokens; viewers count from 0.
const PUBLISHER: Token = Token(usize::MAX);
/// Bytes read at a time.
const SCRATCH: usize = 64 * 1024;
/// How long opening may go without anyone getting in.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the last deliveries may take altogether.
const MAX_DRAIN: Duration = Duration::from_secs(30);

/// The viewers, the publisher, and what is on the way between them.
pub struct Driver {
    /// The viewers.
    pub viewers: Viewers,
    publisher: Publisher,
    poll: Poll,
    events: Events,
    scratch: Vec<u8>,
    /// Deliveries that there will have been, once everything published has arrived.
    expected: u64,
}

impl Driver {
    /// No viewer yet; viewers will ask for `names` (rooms, or a crowd's organizations) in turn.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub fn new(
        server: SocketAddr,
        broker: SocketAddr,
        names: Vec<String>,
        tokens: Signer,
        crowd: Crowd,
    ) -> Result<Self> {
        let poll = Poll::new().context("epoll")?;
        let mut publisher = Publisher::connect(broker, &names)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut publisher.stream, PUBLISHER, both)?;
        Ok(Self {
            viewers: Viewers::new(server, names, tokens, crowd),
            publisher,
            poll,
            events: Events::with_capacity(1_024),
            scratch: vec![0; SCRATCH],
            expected: 0,
        })
    }

    /// Adds `count` viewers, `in_flight` of them on the way at a time, and waits until all have joined.
    ///
    /// # Errors
    /// When the server refuses one, or nobody gets in for 15 seconds.
    pub fn open(&mut self, count: usize, in_flight: usize) -> Result<()> {
        let tokens = self.viewers.next_tokens(count)?;
        self.admit(tokens, in_flight)
    }

    /// The same for viewers with these tokens, which [`Viewers::next_tokens`] signed beforehand.
    ///
    /// # Errors
    /// As [`Driver::open`].
    pub fn admit(&mut self, tokens: Vec<String>, in_flight: usize) -> Result<()> {
        let count = tokens.len();
        let mut tokens = tokens.into_iter();
        self.let_in(count, in_flight, |viewers, publisher, registry, now| {
            let token = tokens.next();
            let add = |token: String| viewers.add(&token, publisher, registry, now);
            token.map(add).transpose()
        })
    }

    /// Brings back all viewers that were cut off, `in_flight` of them on the way at a time.
    ///
    /// # Errors
    /// As [`Driver::open`].
    pub fn bring_back(&mut self, in_flight: usize) -> Result<()> {
        let count = self.viewers.away();
        self.let_in(count, in_flight, Viewers::bring_back)
    }

    /// Lets `next` dial viewers until it has none, and waits until `count` have joined.
    fn let_in(
        &mut self,
        count: usize,
        in_flight: usize,
        mut next: impl FnMut(&mut Viewers, &Publisher, &Registry, u64) -> Result<Option<u64>>,
    ) -> Result<()> {
        let start = self.viewers.joined();
        let (mut joined, mut since) = (0, Instant::now());
        while joined < count {
            while self.viewers.on_the_way() < in_flight {
                let now = clock::nanos();
                let registry = self.poll.registry();
                let Some(older) = next(&mut self.viewers, &self.publisher, registry, now)? else {
                    break;
                };
                self.expected += older;
            }
            self.turn(Duration::from_millis(100))?;
            if let (_, Some(reason)) = self.viewers.gone() {
                bail!("a viewer failed after {joined} of {count} had joined: {reason}");
            }
            let now = self.viewers.joined() - start;
            if now > joined {
                (joined, since) = (now, Instant::now());
            } else if since.elapsed() > PATIENCE {
                bail!("stuck: {joined} of {count} have joined");
            }
        }
        Ok(())
    }

    /// Sends what was published, then handles what is ready, waiting for it at most `patience`.
    ///
    /// # Errors
    /// When the broker or the poll fails; viewers that fail are counted instead.
    pub fn turn(&mut self, patience: Duration) -> Result<()> {
        self.publisher.flush()?;
        match self.poll.poll(&mut self.events, Some(patience)) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Ok(()),
            polled => polled.context("epoll")?,
        }
        for event in &self.events {
            match event.token() {
                PUBLISHER => self.publisher.read(&mut self.scratch)?,
                Token(number) => {
                    let now = clock::nanos();
                    self.viewers.ready(number, event, &mut self.scratch, now);
                }
            }
        }
        Ok(())
    }

    /// Publishes once, to the room whose turn it is; the next turn sends it.
    pub fn publish(&mut self) {
        let now = clock::nanos();
        let room = self.publisher.publish(now);
        self.expected += self.viewers.members(room);
    }

    /// Publishes once to `room`; the next turn sends it.
    pub fn publish_to(&mut self, room: usize) {
        let now = clock::nanos();
        self.publisher.publish_to(room, now);
        self.expected += self.viewers.members(room);
    }

    /// Publishes `count` finals to each room and sends them; who is there gets them within `patience`.
    ///
    /// # Errors
    /// As [`Driver::turn`].
    pub fn publish_finals(&mut self, count: usize, patience: Duration) -> Result<()> {
        for _ in 0..count {
            for room in 0..self.viewers.names().len() {
                let now = clock::nanos();
                self.publisher.publish_final_to(room, now);
                self.expected += self.viewers.members(room);
            }
            self.turn(Duration::ZERO)?;
        }
        while self.publisher.is_busy() {
            self.turn(Duration::from_millis(20))?;
        }
        self.drain(patience)
    }

    /// From now on publishes the list of `count` sessions instead of captions.
    pub fn publish_statuses(&mut self, count: usize) {
        self.publisher.publish_statuses(self.viewers.names(), count);
    }

    /// Publications so far.
    pub fn published(&self) -> u64 {
        self.publisher.published
    }

    /// Deliveries that have been published and not received yet.
    pub fn outstanding(&self) -> u64 {
        self.expected.saturating_sub(self.viewers.tally.deliveries)
    }

    /// Stops waiting for outstanding deliveries, so that a lossy server is not waited for again.
    pub fn write_off(&mut self) {
        self.expected = self.viewers.tally.deliveries;
    }

    /// Turns until everything published has arrived, or nothing has for `patience`, or 30 seconds are over; what
    /// has not come by then is waited for no more.
    ///
    /// # Errors
    /// As [`Driver::turn`].
    pub fn drain(&mut self, patience: Duration) -> Result<()> {
        let (mut seen, mut since) = (self.viewers.tally.deliveries, Instant::now());
        let end = since + MAX_DRAIN;
        while self.outstanding() > 0 && since.elapsed() < patience && Instant::now() < end {
            self.turn(Duration::from_millis(20))?;
            if self.viewers.tally.deliveries > seen {
                (seen, since) = (self.viewers.tally.deliveries, Instant::now());
            }
        }
        self.write_off();
        Ok(())
    }

    /// What went wrong so far; exact once drained.
    pub fn faults(&self) -> Faults {
        self.viewers.faults(&self.publisher)
    }
}
