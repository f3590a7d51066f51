//! The physical limit: one epoll thread that encodes a publication once and writes it to every socket.
//!
//! It checks no token, keeps no heartbeat and speaks only the frames that the load tool sends. What it
//! costs per delivery is the kernel's price of a write; no server that writes per delivery can be below.

mod hall;
mod socket;
mod uplink;

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use clap::Parser;
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};
use switchboard_bench_wire::mqtt::Packet;

use hall::Hall;
use uplink::Uplink;

const LISTENER: Token = Token(usize::MAX);
const BROKER: Token = Token(usize::MAX - 1);
/// Bytes read at a time.
const SCRATCH: usize = 64 * 1024;

#[derive(Parser)]
#[command(about = "Writes one encoded frame per publication to every socket of a room")]
struct Cli {
    /// Where to listen; port 0 is allowed.
    #[arg(long)]
    listen: SocketAddr,
    /// The broker's address.
    #[arg(long)]
    mqtt: SocketAddr,
    /// Join the publications that came in one read into one write per socket.
    #[arg(long)]
    coalesce: bool,
}

/// The queue of newcomers: as long as the system allows, so that a storm does not wait for packets sent again.
const BACKLOG: i32 = 65_535;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let mut poll = Poll::new().context("epoll")?;
    let mut listener = listen(cli.listen).context("listening")?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut uplink = Uplink::connect(cli.mqtt).context("broker")?;
    let both = Interest::READABLE | Interest::WRITABLE;
    poll.registry().register(&mut uplink.stream, BROKER, both)?;
    println!("listening on http://{}", listener.local_addr()?);

    let mut hall = Hall::new(cli.coalesce);
    let mut events = Events::with_capacity(1_024);
    let mut scratch = vec![0; SCRATCH];
    loop {
        poll.poll(&mut events, None).context("epoll")?;
        for event in &events {
            match event.token() {
                LISTENER => hall.accept(&listener, poll.registry())?,
                BROKER => {
                    uplink.flush()?;
                    uplink.read(&mut scratch, |packet| match packet {
                        Packet::Publish { topic, payload } => hall.publish(topic, payload),
                        Packet::SubAck { id } => hall.granted(id),
                        Packet::ConnAck { .. } | Packet::Other => {}
                    })?;
                    hall.write_batches();
                }
                Token(number) => hall.ready(number, event, &mut scratch),
            }
        }
        hall.settle(&mut uplink)?;
    }
}
