//! The sockets and the rooms they are in.

use std::collections::HashMap;
use std::io::{self, ErrorKind};

use anyhow::{Context as _, Result, anyhow};
use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use switchboard_bench_wire::buffers::{Inbox, Outbox, ReadEnd, read_all};
use switchboard_bench_wire::websocket::{CLOSE, TEXT, accept_key, put_frame, unmask, whole_frame};

use crate::uplink::Uplink;

/// The most bytes that wait for one socket before it is closed.
const MAX_WAITING: usize = 16 * 1024 * 1024;
/// The longest request read, in bytes.
const MAX_REQUEST: usize = 8 * 1024;

/// One socket.
struct Socket {
    stream: TcpStream,
    inbox: Inbox,
    outbox: Outbox,
    upgraded: bool,
    room: Option<String>,
}

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

/// What a socket's text asks for.
enum Wish {
    Nothing,
    Join { room: String, ack: String },
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
            let (inbox, outbox) = (Inbox::default(), Outbox::default());
            let socket = Socket {
                stream,
                inbox,
                outbox,
                upgraded: false,
                room: None,
            };
            if number == self.sockets.len() {
                self.sockets.push(None);
            }
            self.sockets[number] = Some(socket);
        }
    }

    /// Lets socket `number` write and read.
    pub fn ready(&mut self, number: usize, event: &Event, scratch: &mut [u8]) {
        let Some(socket) = self.sockets[number].as_mut() else {
            return;
        };
        let mut wishes = Vec::new();
        let mut done = Ok(ReadEnd::Drained);
        if event.is_writable() {
            done = socket
                .outbox
                .flush(&mut socket.stream)
                .map(|()| ReadEnd::Drained)
                .map_err(Into::into);
        }
        if done.is_ok() && event.is_readable() {
            done = socket.read(number, scratch, &mut wishes);
        }
        if !matches!(done, Ok(ReadEnd::Drained)) {
            self.dead.push(number);
        }
        for wish in wishes {
            if let Wish::Join { room, ack } = wish {
                self.join(number, room, ack);
            }
        }
    }

    fn join(&mut self, number: usize, name: String, ack: String) {
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
            socket.say(&ack);
        } else {
            room.waiting.push((number, ack));
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

    /// Writes each room's batch.
    pub fn write_batches(&mut self) {
        for room in self
            .rooms
            .values_mut()
            .filter(|room| !room.batch.is_empty())
        {
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
            let id = take_id(&mut self.next_id);
            uplink.subscribe(id, &topics(&name));
            self.asked.insert(id, name);
        }
        uplink.flush()
    }
}

impl Socket {
    fn read(
        &mut self,
        number: usize,
        scratch: &mut [u8],
        wishes: &mut Vec<Wish>,
    ) -> Result<ReadEnd> {
        let Self {
            stream,
            inbox,
            outbox,
            upgraded,
            ..
        } = self;
        let end = read_all::<anyhow::Error>(stream, scratch, |piece| {
            inbox.feed(piece, |bytes| {
                if !*upgraded {
                    let used = upgrade(bytes, outbox.buffer())?;
                    *upgraded = used > 0;
                    return Ok(used);
                }
                let Some(frame) = whole_frame(bytes)? else {
                    return Ok(0);
                };
                let payload = &bytes[frame.head..frame.total()];
                if frame.opcode == CLOSE {
                    return Err(anyhow!("closed"));
                }
                let text = unmask(payload, frame.mask.unwrap_or_default());
                wishes.push(answer(&text, number, outbox.buffer()));
                Ok(frame.total())
            })
        })?;
        self.outbox.flush(&mut self.stream)?;
        Ok(end)
    }

    /// Sends one text frame; a failure shows at the next write or read.
    fn say(&mut self, text: &str) {
        put_frame(self.outbox.buffer(), TEXT, text.as_bytes(), None);
        let _ = self.outbox.flush(&mut self.stream);
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.outbox.send(&mut self.stream, bytes)?;
        if self.outbox.len() > MAX_WAITING {
            Err(ErrorKind::OutOfMemory.into())
        } else {
            Ok(())
        }
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

/// Answers an upgrade request, with the Engine.IO handshake behind it; returns the bytes used.
fn upgrade(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() > MAX_REQUEST {
            Err(anyhow!("an endless request"))
        } else {
            Ok(0)
        };
    };
    let request = str::from_utf8(&bytes[..end])?;
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let accept = accept_key(key.context("no Sec-WebSocket-Key")?);
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    out.extend_from_slice(answer.as_bytes());
    let open = br#"0{"sid":"b","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
    put_frame(out, TEXT, open, None);
    Ok(end + 4)
}

/// Answers a text at once where that is possible, and says what else it asks for.
fn answer(text: &[u8], number: usize, out: &mut Vec<u8>) -> Wish {
    let text = String::from_utf8_lossy(text);
    if text.starts_with("40") {
        put_frame(
            out,
            TEXT,
            format!("40{{\"sid\":\"{number}\"}}").as_bytes(),
            None,
        );
    } else if let Some((id, arguments)) = text
        .strip_prefix("42")
        .and_then(|rest| rest.split_once('['))
        && let Some(room) = arguments
            .strip_prefix("\"join_room\",\"")
            .and_then(|rest| rest.split('"').next())
    {
        return Wish::Join {
            room: room.to_owned(),
            ack: format!("43{id}[{{\"ok\":true}}]"),
        };
    }
    Wish::Nothing
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
