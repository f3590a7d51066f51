//! A peer: the gateway between MQTT and Socket.IO on socketioxide, axum and rumqttc.
//!
//! It does what the Node peer does: checks the token in the handshake, subscribes a room's topics on its
//! first member, unsubscribes them after its last, and acknowledges a join once the broker has granted it.

mod gateway;
mod rooms;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::serve::ListenerExt as _;
use clap::Parser;
use rumqttc::{AsyncClient, MqttOptions};
use socketioxide::SocketIo;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use rooms::Rooms;

/// The largest publication, in bytes; rumqttc's own limit of 10 KiB ends the link.
const MAX_PACKET: usize = 16 * 1024 * 1024;
/// The queue of newcomers: as long as the system allows, so that a storm does not wait for packets sent again.
const BACKLOG: u32 = 65_535;
/// Packets that may wait for one socket; the default of 128 drops them in a burst.
const MAX_WAITING: usize = 4_096;

#[derive(Parser)]
#[command(about = "An MQTT to Socket.IO gateway on socketioxide")]
struct Cli {
    /// Where to listen; port 0 is allowed.
    #[arg(long)]
    listen: SocketAddr,
    /// The broker's address.
    #[arg(long)]
    mqtt: SocketAddr,
    /// The HS256 key of the tokens.
    #[arg(long, env = "BENCH_JWT_SECRET", hide_env_values = true)]
    secret: String,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    // One thread: pinned to one core, a pool of workers only hands tasks around.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("runtime")?;
    runtime.block_on(serve(cli))
}

async fn serve(cli: Cli) -> Result<()> {
    let (layer, io) = SocketIo::builder()
        .max_buffer_size(MAX_WAITING)
        .max_payload(1_000_000)
        .build_layer();
    let mut options = MqttOptions::new(
        "socketioxide-gateway",
        cli.mqtt.ip().to_string(),
        cli.mqtt.port(),
    );
    options
        .set_max_packet_size(MAX_PACKET, MAX_PACKET)
        .set_keep_alive(Duration::from_secs(30));
    let (client, mut link) = AsyncClient::new(options, 1_024);
    link.network_options.set_tcp_nodelay(true);
    let rooms = Arc::new(Rooms::new(client));
    gateway::register(&io, &cli.secret, &rooms);
    let link = tokio::spawn(gateway::deliver(link, io, rooms));

    let socket = if cli.listen.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.bind(cli.listen).context("listening")?;
    let listener = socket.listen(BACKLOG).context("listening")?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| {
        // A socket that refuses this is about to fail anyway.
        let _ = stream.set_nodelay(true);
    });
    let server =
        tokio::spawn(async move { axum::serve(listener, Router::new().layer(layer)).await });
    // A benchmark's broker does not go away; when it does, the run is over.
    link.await.context("the broker's task")?.context("broker")?;
    server
        .await
        .context("the server's task")?
        .context("serving")
}
