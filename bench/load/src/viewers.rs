//! All viewers of a run: dialled, counted by room, and told apart by number.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::IpBindAddressNoPort;
use socket2::{Domain, Socket, Type};

use crate::client::{Arriving, Client, Phase, Talk};
use crate::crowd::Crowd;
use crate::publisher::Publisher;
use crate::tally::{Faults, Tally};
use crate::token::Signer;

/// How many loopback addresses the viewers come from, so that none runs out of ports.
const SOURCES: usize = 8;

/// The viewers of one server.
pub struct Viewers {
    /// What they received.
    pub tally: Tally,
    server: SocketAddr,
    /// The rooms, or the organizations; viewers ask for them in turn.
    names: Vec<String>,
    tokens: Signer,
    crowd: Crowd,
    /// The one room that newcomers go to; `None`: all rooms in turn.
    seated_in: Option<usize>,
    /// By number; `None` once gone.
    clients: Vec<Option<Client>>,
    /// Viewers that were cut off and may come back, with their numbers.
    away: Vec<(usize, Talk)>,
    /// Viewers in each room.
    members: Vec<u64>,
    /// All of them.
    joined: usize,
    /// Viewers that have begun, and not joined yet.
    on_the_way: usize,
    /// Viewers that were refused or thrown out.
    gone: usize,
    /// Why the first of them went.
    reason: Option<String>,
}

impl Viewers {
    /// Nobody yet.
    pub fn new(server: SocketAddr, names: Vec<String>, tokens: Signer, crowd: Crowd) -> Self {
        Self {
            tally: Tally::new(),
            server,
            members: vec![0; names.len()],
            joined: 0,
            names,
            tokens,
            crowd,
            seated_in: None,
            clients: Vec::new(),
            away: Vec::new(),
            on_the_way: 0,
            gone: 0,
            reason: None,
        }
    }

    /// The tokens of the next `count` viewers, signed beforehand so that a connect storm does not pay.
    ///
    /// # Errors
    /// When signing fails.
    pub fn next_tokens(&self, count: usize) -> Result<Vec<String>> {
        let born = self.clients.len();
        let name = |number: usize| &self.names[self.room_of(number)];
        (born..born + count)
            .map(|n| self.crowd.token(&self.tokens, name(n), n))
            .collect()
    }

    /// From now on newcomers go to `room` instead of to all rooms in turn.
    pub fn seat_in(&mut self, room: usize) {
        self.seated_in = Some(room);
    }

    /// The room of a viewer who comes now and gets this number.
    fn room_of(&self, number: usize) -> usize {
        self.seated_in.unwrap_or(number % self.names.len())
    }

    /// Dials one more viewer, who misses nothing that `publisher` publishes from `now` on, and returns how many older
    /// publications it is to get.
    ///
    /// # Errors
    /// When no socket can be had.
    pub fn add(
        &mut self,
        token: &str,
        publisher: &Publisher,
        registry: &Registry,
        now: u64,
    ) -> Result<u64> {
        let number = self.clients.len();
        let room = self.room_of(number);
        let published = publisher.next_of(room);
        let talk = self.crowd.talk(room, &self.names[room], token, published);
        self.clients.push(None);
        self.dial(number, talk, published, registry, now)
    }

    /// Dials one of those that were cut off and returns how many publications it has missed; `None` once all are dialled.
    ///
    /// # Errors
    /// When no socket can be had, or the viewer cannot come back.
    pub fn bring_back(
        &mut self,
        publisher: &Publisher,
        registry: &Registry,
        now: u64,
    ) -> Result<Option<u64>> {
        let Some((number, mut talk)) = self.away.pop() else {
            return Ok(None);
        };
        talk.come_back()?;
        let published = publisher.next_of(usize::from(talk.room));
        let missed = self.dial(number, talk, published, registry, now)?;
        Ok(Some(missed))
    }

    fn dial(
        &mut self,
        number: usize,
        talk: Talk,
        published: [u32; 2],
        registry: &Registry,
        since: u64,
    ) -> Result<u64> {
        let stream = dial(self.server, number % SOURCES).context("connecting")?;
        let missed = talk.lost(published);
        let arriving = Arriving { since, published };
        let polls = self.crowd.polls(number);
        let mut client = Client::new(stream, self.server, polls, talk, arriving);
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut client.stream, Token(number), both)?;
        self.clients[number] = Some(client);
        self.on_the_way += 1;
        Ok(missed)
    }

    /// Lets each viewer say the packet that `packet` makes of the number of its room.
    ///
    /// # Errors
    /// When a connection has failed.
    pub fn say(&mut self, packet: impl Fn(usize) -> String) -> Result<()> {
        for client in self.clients.iter_mut().flatten() {
            let packet = packet(usize::from(client.talk.room));
            client.say(&packet)?;
        }
        Ok(())
    }

    /// Cuts every connection; the viewers remember where they stood.
    pub fn cut(&mut self) {
        let clients = self.clients.iter_mut().enumerate();
        let talks = clients.filter_map(|(number, client)| Some((number, client.take()?.talk)));
        self.away.extend(talks);
        self.close_all();
    }

    /// Lets viewer `number` write and read, as `event` says it can, at `now` nanoseconds.
    pub fn ready(&mut self, number: usize, event: &Event, scratch: &mut [u8], now: u64) {
        let Some(client) = self.clients[number].as_mut() else {
            return;
        };
        let room = usize::from(client.talk.room);
        let was_member = client.talk.phase == Phase::Joined;
        let mut done = if event.is_writable() {
            client.flush()
        } else {
            Ok(())
        };
        if done.is_ok() && event.is_readable() {
            done = client.read(scratch, now, &mut self.tally);
        }
        let is_member = client.talk.phase == Phase::Joined && done.is_ok();
        match (was_member, is_member) {
            (false, true) => {
                self.members[room] += 1;
                self.joined += 1;
                self.on_the_way -= 1;
            }
            (true, false) => {
                self.members[room] -= 1;
                self.joined -= 1;
            }
            (false, false) if done.is_err() => self.on_the_way -= 1,
            _ => {}
        }
        if let Err(error) = done {
            self.clients[number] = None;
            self.gone += 1;
            self.reason.get_or_insert_with(|| format!("{error:#}"));
        }
    }

    /// Closes every connection.
    pub fn close_all(&mut self) {
        self.clients.iter_mut().for_each(|client| *client = None);
        self.members.fill(0);
        self.joined = 0;
        self.on_the_way = 0;
    }

    /// What went wrong so far; exact once everything has arrived that will.
    pub fn faults(&self, publisher: &Publisher) -> Faults {
        let lost_of = |talk: &Talk| talk.lost(publisher.next_of(usize::from(talk.room)));
        let here = self.clients.iter().flatten().map(|client| &client.talk);
        let lost = here.map(lost_of).sum();
        Faults {
            lost,
            ..self.tally.faults
        }
    }

    /// What viewers ask for, by number of the room.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Viewers in `room`.
    pub fn members(&self, room: usize) -> u64 {
        self.members[room]
    }

    /// Viewers in their rooms.
    pub fn joined(&self) -> usize {
        self.joined
    }

    /// Viewers on the way to their rooms.
    pub fn on_the_way(&self) -> usize {
        self.on_the_way
    }

    /// Viewers that were cut off.
    pub fn away(&self) -> usize {
        self.away.len()
    }

    /// How many the server has refused or thrown out, and the reason of the first.
    pub fn gone(&self) -> (usize, Option<&str>) {
        (self.gone, self.reason.as_deref())
    }
}

/// Begins a connection to `server` from the loopback address with this number.
fn dial(server: SocketAddr, source: usize) -> Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if server.is_ipv4() {
        // The port is chosen at `connect`, among all that are free for this server: `bind` would look for one that no connection
        // uses at all, and so long, after some runs, that the kernel's search is all that is measured.
        setsockopt(&socket, IpBindAddressNoPort, &true)?;
        let address = Ipv4Addr::new(127, 0, 0, 1 + source as u8);
        socket.bind(&SocketAddr::from((address, 0)).into())?;
    }
    match socket.connect(&server.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => Err(error.into()),
        _ => Ok(TcpStream::from_std(socket.into())),
    }
}
