//! The two ways through: a socket's wishes to the rooms, the broker's publications to the sockets.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use rumqttc::{Event, EventLoop, Packet};
use serde::Deserialize;
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};
use socketioxide::handler::ConnectHandler as _;

use crate::rooms::Rooms;

/// What a viewer says in its handshake.
#[derive(Deserialize)]
struct Auth {
    token: String,
}

/// What its token says.
#[derive(Clone, Deserialize)]
struct Claims {
    session: String,
}

/// The room a socket has joined.
#[derive(Clone)]
struct Joined(String);

/// Registers the namespace `/`.
pub fn register(io: &SocketIo, secret: &str, rooms: &Arc<Rooms>) {
    let key = DecodingKey::from_secret(secret.as_bytes());
    let check = move |socket: SocketRef, Data(auth): Data<Auth>| {
        let claims = decode::<Claims>(&auth.token, &key, &Validation::new(Algorithm::HS256));
        async move {
            let claims = claims.map_err(|_| anyhow!("Invalid token"))?;
            socket.extensions.insert(claims.claims);
            Ok::<_, anyhow::Error>(())
        }
    };
    let rooms = Arc::clone(rooms);
    let greet = move |socket: SocketRef| {
        welcome(&socket, &rooms);
        async {}
    };
    io.ns("/", greet.with(check));
}

fn welcome(socket: &SocketRef, rooms: &Arc<Rooms>) {
    let table = Arc::clone(rooms);
    socket.on(
        "join_room",
        move |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
            let table = Arc::clone(&table);
            async move { join(socket, room, ack, &table).await }
        },
    );
    let table = Arc::clone(rooms);
    socket.on("leave_room", move |socket: SocketRef| {
        leave(&socket, &table);
        async {}
    });
    let table = Arc::clone(rooms);
    socket.on_disconnect(move |socket: SocketRef| {
        leave(&socket, &table);
        async {}
    });
}

async fn join(socket: SocketRef, room: String, ack: AckSender, rooms: &Rooms) {
    let allowed = socket
        .extensions
        .get::<Claims>()
        .map(|claims| claims.session);
    if allowed.as_deref() != room.split('/').next() {
        // Either fails only when the socket is gone, which is what is wanted.
        let _ = socket.emit("unauthorized", &());
        let _ = socket.disconnect();
        return;
    }
    leave(&socket, rooms);
    socket.join(room.clone());
    let mut granted = rooms.enter(&room);
    socket.extensions.insert(Joined(room));
    let answer = match granted.wait_for(|granted| *granted).await {
        Ok(_) => json!({ "ok": true }),
        Err(_) => json!({ "ok": false, "error": "the broker's queue is full" }),
    };
    // A socket that is gone needs no answer.
    let _ = ack.send(&answer);
}

fn leave(socket: &SocketRef, rooms: &Rooms) {
    if let Some(Joined(room)) = socket.extensions.remove::<Joined>() {
        socket.leave(room.clone());
        rooms.leave(&room);
    }
}

/// Hands each publication to its room, until the broker's link ends.
///
/// # Errors
/// The link's error.
pub async fn deliver(mut link: EventLoop, io: SocketIo, rooms: Arc<Rooms>) -> Result<()> {
    loop {
        match link.poll().await.context("the link ended")? {
            Event::Incoming(Packet::SubAck(_)) => rooms.granted(),
            Event::Incoming(Packet::Publish(publication)) => {
                let path = publication.topic.strip_prefix("transcriber/out/");
                let Some((room, kind)) = path.and_then(|path| path.rsplit_once('/')) else {
                    continue;
                };
                let Ok(body) = serde_json::from_slice::<Value>(&publication.payload) else {
                    continue; // Not JSON: dropped, everyone stays connected.
                };
                // Fails for sockets that are full or gone; the others have theirs.
                let _ = io.to(room.to_owned()).emit(kind, &body).await;
            }
            _ => {}
        }
    }
}
