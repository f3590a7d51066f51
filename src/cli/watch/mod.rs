//! `switchboard watch`: a terminal viewer of one room, over a plain WebSocket.
//!
//! Without `--token` it asks the server, before each connection, for a guest token of the session: that works for
//! public sessions without a password. The first connection must succeed; later losses are made up for, with
//! growing pauses, until the server refuses.

pub(super) mod screen;
pub(super) mod viewer;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use switchboard_protocol::ids::RoomId;
use tokio::time::timeout;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use self::screen::Screen;
use self::viewer::{Heard, Viewer};
use super::args::Watch;

/// How long each step of a connection's beginning may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Pause before the first attempt to reconnect, doubled up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Largest message that is read, in bytes.
const LARGEST_MESSAGE: usize = 16 << 20;

/// How a connection ended, other than by a fault.
struct Lost {
    /// What happened.
    reason: String,
    /// Whether captions could arrive before.
    joined: bool,
    /// When the server asked to be called again.
    again_in: Option<Duration>,
}

pub(super) async fn run(watch: Watch) -> anyhow::Result<()> {
    let width = std::io::stdout()
        .is_terminal()
        .then_some(screen::terminal_width as fn() -> usize);
    let mut screen = Screen::new(std::io::stdout(), width);
    let address = socket_address(&watch.url)?;
    let mut pause = FIRST_PAUSE;
    let mut first = true;
    loop {
        let lost = match connect(&watch, &address, &mut screen).await {
            Ok(lost) => lost,
            Err(fault) if first || fault.is::<Refused>() => return Err(fault),
            Err(fault) => Lost {
                reason: super::one_line(&fault),
                joined: false,
                again_in: None,
            },
        };
        if first && !lost.joined {
            bail!("{}: {}", watch.url, lost.reason);
        }
        first = false;
        if lost.joined {
            pause = FIRST_PAUSE;
        }
        let wait = lost.again_in.unwrap_or(pause);
        screen.note(&format!(
            "{}; trying again in {:.1} s",
            lost.reason,
            wait.as_secs_f64()
        ))?;
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The server said no; asking again would not help.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

/// Runs one connection to its end.
async fn connect(
    watch: &Watch,
    address: &Url,
    screen: &mut Screen<impl std::io::Write>,
) -> anyhow::Result<Lost> {
    let token = match &watch.token {
        Some(token) => token.clone(),
        None => guest_token(&watch.url, &watch.room).await?,
    };
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE));
    let opening = connect_async_with_config(address.as_str(), Some(config), true);
    let opened = timeout(PATIENCE, opening).await.context("no answer")?;
    let (mut socket, _) = opened.with_context(|| watch.url.to_string())?;
    let mut viewer = Viewer::new(watch.room.clone(), token);
    let mut lost = Lost {
        reason: "the connection ended".to_owned(),
        joined: false,
        again_in: None,
    };
    let mut silence = PATIENCE;
    loop {
        let message = match timeout(silence, socket.next()).await {
            Err(_) => {
                return Ok(Lost {
                    reason: "the server is silent".to_owned(),
                    ..lost
                });
            }
            Ok(None) => return Ok(lost),
            Ok(Some(Err(error))) => {
                return Ok(Lost {
                    reason: error.to_string(),
                    ..lost
                });
            }
            Ok(Some(Ok(message))) => message,
        };
        let Message::Text(text) = message else {
            continue;
        };
        match viewer.hear(text.as_str()) {
            Heard::Opened {
                silence: longest,
                answer,
            } => {
                silence = longest;
                socket.send(Message::text(answer)).await?;
            }
            Heard::Answer(answer) => socket.send(Message::text(answer)).await?,
            Heard::Joined => {
                lost.joined = true;
                screen.note(&format!("watching {} at {}", watch.room, watch.url))?;
            }
            Heard::Caption(caption) => screen.caption(&caption)?,
            Heard::Broker { up: true } => screen.note("broker_ok: the broker is back")?,
            Heard::Broker { up: false } => screen.note("broker_ko: the broker is away")?,
            Heard::Draining(pause) => lost.again_in = Some(pause.min(LONGEST_PAUSE)),
            Heard::Refused(reason) if lost.joined => return Ok(Lost { reason, ..lost }),
            Heard::Refused(reason) => return Err(Refused(reason).into()),
            Heard::Closed(reason) => return Ok(Lost { reason, ..lost }),
            Heard::Nothing => {}
        }
    }
}

/// Returns the WebSocket address of the server at `url`, which may stand under a path.
fn socket_address(url: &Url) -> anyhow::Result<Url> {
    let scheme = match url.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        other => bail!("--url: the scheme is `{other}`, not http or https"),
    };
    let mut address = below(url, "socket.io/");
    address.set_query(Some("EIO=4&transport=websocket"));
    if address.set_scheme(scheme).is_err() {
        bail!("--url: no address of a server");
    }
    Ok(address)
}

/// Returns `url` with `path` behind its own, whether or not that ends in a slash.
fn below(url: &Url, path: &str) -> Url {
    let mut joined = url.clone();
    joined.set_path(&format!("{}/{path}", url.path().trim_end_matches('/')));
    joined.set_query(None);
    joined.set_fragment(None);
    joined
}

/// Asks the server for a guest token of the room's session.
async fn guest_token(url: &Url, room: &RoomId) -> anyhow::Result<String> {
    let session = room.session_str();
    let mut address = below(url, &format!("api/v1/sessions/{session}/guest-token"));
    let scheme = if matches!(url.scheme(), "https" | "wss") {
        "https"
    } else {
        "http"
    };
    if address.set_scheme(scheme).is_err() {
        bail!("--url: no address of a server");
    }
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let request = client
        .post(address)
        .header("content-type", "application/json")
        .body("{}");
    let response = request.send().await.map_err(reqwest::Error::without_url);
    let response = response.with_context(|| url.to_string())?;
    let status = response.status();
    if status.is_server_error() {
        bail!("{url}: no guest token now ({status})");
    }
    let body = response.text().await?;
    let token = serde_json::from_str(&body)
        .ok()
        .and_then(|body: Value| Some(body.get("token")?.as_str()?.to_owned()));
    let needed = || {
        Refused(format!(
            "no guest token for {session} ({status}); give one with --token"
        ))
    };
    Ok(token.ok_or_else(needed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_is_found_below_the_servers_address() {
        for (url, expected) in [
            (
                "http://127.0.0.1:8080",
                "ws://127.0.0.1:8080/socket.io/?EIO=4&transport=websocket",
            ),
            (
                "https://a.org/live/",
                "wss://a.org/live/socket.io/?EIO=4&transport=websocket",
            ),
            (
                "ws://[::1]:1/x?y#z",
                "ws://[::1]:1/x/socket.io/?EIO=4&transport=websocket",
            ),
        ] {
            let address = socket_address(&url.parse().unwrap()).unwrap();
            assert_eq!(address.as_str(), expected);
        }
        assert!(socket_address(&"ftp://a.org".parse().unwrap()).is_err());
    }
}
