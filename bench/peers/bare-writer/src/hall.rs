//! The sockets and the rooms they are in.

use std::collections::HashMap;
use std::io::ErrorKind;

use anyhow::{Context as _, Result};
use mio::event::Event;
use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use switchboard_bench_wire::websocket::{TEXT, put_frame};

use crate::socket::{Join, Socket};
use crate::uplink::Uplink;

/// One room.
#[derive(Default)]
struct Room {
    members: Vec<usize>,
    /// Whether the broker has granted its topics.
    granted: bool,
    /// The acks that wait for that: socket, text.
    waiting: Vec<(usize, String)>,
    /// Frames of the present read, in coalescing mode.
    batch: Vec<u8>,
}

/// All of them.
pub struct Hall {
    coalesce: bool,
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    rooms: HashMap<String, Room>,
    /// Sockets that failed and are to be removed.
    dead: Vec<usize>,
    /// Rooms whose topics are to be asked for, and those to be given back.
    wanted: Vec<String>,
    unwanted: Vec<String>,
    /// The room of each subscription on its way, by packet id.
    asked: HashMap<u16, String>,
    next_id: u16,
    /// The frame being written, kept for its memory.
    frame: Vec<u8>,
    /// Rooms with a batch, in coalescing mode.
    batched: Vec<String>,
}

impl Hall {
    /// Nobody yet.
    pub fn new(coalesce: bool) -> Self {
        Self {
            coalesce,
            sockets: Vec::new(),
            free: Vec::new(),
            rooms: HashMap::new(),
            dead: Vec::new(),
            wanted: Vec::new(),
            unwanted: Vec::new(),
            asked: HashMap::new(),
            next_id: 1,
            frame: Vec::new(),
            batched: Vec::new(),
        }
    }

    /// Takes in everybody who waits at the door.
    pub fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> Result<()> {
        loop {
            let mut stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accepting"),
            };
            stream.set_nodelay(true)?;
            let number = self.free.pop().unwrap_or(self.sockets.len());
            let both = Interest::READABLE | Interest::WRITABLE;
            registry.register(&mut stream, Token(number), both)?;
            if number == self.sockets.len() {
                self.sockets.push(None);
            }
            self.sockets[number] = Some(Socket::new(stream));
        }
    }

    /// Lets socket `number` write and read.
    pub fn ready(&mut self, number: usize, event: &Event, scratch: &mut [u8]) {
        let Some(socket) = self.sockets[number].as_mut() else {
            return;
        };
        let mut joins = Vec::new();
        let alive = socket
            .ready(number, event, scratch, &mut joins)
            .unwrap_or(false);
        if !alive {
            self.dead.push(number);
        }
        for Join { room, ack } in joins {
            self.join(number, room, &ack);
        }
    }

    fn join(&mut self, number: usize, name: String, ack: &str) {
        let Some(socket) = self.sockets[number].as_mut() else {
            return;
        };
        socket.room = Some(name.clone());
        let room = self.rooms.entry(name.clone()).or_insert_with(|| {
            self.wanted.push(name);
            Room::default()
        });
        room.members.push(number);
        if room.granted {
            socket.say(ack);
        } else {
            room.waiting.push((number, ack.to_owned()));
        }
    }

    /// The broker has granted the subscription `id`: those who wait for it learn it.
    pub fn granted(&mut self, id: u16) {
        let Some(room) = self
            .asked
            .remove(&id)
            .and_then(|name| self.rooms.get_mut(&name))
        else {
            return;
        };
        room.granted = true;
        for (number, ack) in room.waiting.drain(..) {
            if let Some(socket) = self.sockets[number].as_mut() {
                socket.say(&ack);
            }
        }
    }

    /// Writes a publication to its room, or puts it on the room's batch.
    pub fn publish(&mut self, topic: &str, payload: &[u8]) {
        let Some((name, kind)) = topic
            .strip_prefix("transcriber/out/")
            .and_then(|rest| rest.rsplit_once('/'))
        else {
            return;
        };
        let Some(room) = self.rooms.get_mut(name) else {
            return;
        };
        let text = [b"42[\"", kind.as_bytes(), b"\",", payload, b"]"].concat();
        if self.coalesce {
            if room.batch.is_empty() {
                self.batched.push(name.to_owned());
            }
            return put_frame(&mut room.batch, TEXT, &text, None);
        }
        self.frame.clear();
        put_frame(&mut self.frame, TEXT, &text, None);
        write_to_all(
            &room.members,
            &self.frame,
            &mut self.sockets,
            &mut self.dead,
        );
    }

    /// Writes the batch of each room that has one.
    pub fn write_batches(&mut self) {
        for name in self.batched.drain(..) {
            let Some(room) = self.rooms.get_mut(&name) else {
                continue;
            };
            write_to_all(
                &room.members,
                &room.batch,
                &mut self.sockets,
                &mut self.dead,
            );
            room.batch.clear();
        }
    }

    /// Removes the dead and tells the broker what is wanted now.
    pub fn settle(&mut self, uplink: &mut Uplink) -> Result<()> {
        for number in std::mem::take(&mut self.dead) {
            let Some(socket) = self.sockets[number].take() else {
                continue;
            };
            self.free.push(number);
            let Some(name) = socket.room else { continue };
            let Some(room) = self.rooms.get_mut(&name) else {
                continue;
            };
            room.members.retain(|&member| member != number);
            if room.members.is_empty() {
                self.rooms.remove(&name);
                self.unwanted.push(name);
            }
        }
        for name in self.unwanted.drain(..) {
            uplink.unsubscribe(take_id(&mut self.next_id), &topics(&name));
        }
        for name in self.wanted.drain(..) {
            if !self.rooms.contains_key(&name) {
                continue; // Its only member came and went within one turn.
            }
            let id = take_id(&mut self.next_id);
            uplink.subscribe(id, &topics(&name));
            self.asked.insert(id, name);
        }
        uplink.flush()
    }
}

fn write_to_all(
    members: &[usize],
    bytes: &[u8],
    sockets: &mut [Option<Socket>],
    dead: &mut Vec<usize>,
) {
    for &number in members {
        if let Some(socket) = sockets[number].as_mut()
            && socket.write(bytes).is_err()
        {
            dead.push(number);
        }
    }
}

fn topics(room: &str) -> [String; 2] {
    ["partial", "final"].map(|kind| format!("transcriber/out/{room}/{kind}"))
}

/// The next packet id; 0 is not allowed.
fn take_id(next: &mut u16) -> u16 {
    let id = *next;
    *next = next.checked_add(1).unwrap_or(1);
    id
}
