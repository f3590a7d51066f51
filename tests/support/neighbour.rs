//! The viewer next door, who must notice nothing of what others suffer or do.

use std::net::SocketAddr;

use super::mqtt::Client;
use super::server::TestServer;
use super::tokens;
use super::viewer::Viewer;

/// The room that it is in.
pub const ROOM: &str = "S/neighbour";

/// A viewer in a room of its own, and its transcriber.
pub struct Neighbour {
    viewer: Viewer,
    pub publisher: Client,
    published: usize,
}

impl Neighbour {
    /// Moves in at a server on the embedded broker.
    pub async fn of(server: &TestServer) -> Self {
        let broker = server.mqtt_address.expect("the embedded broker");
        Self::at(server.address, broker).await
    }

    /// Moves in at a server and its broker.
    pub async fn at(server: SocketAddr, broker: SocketAddr) -> Self {
        let mut viewer = Viewer::connect(server, &tokens::guest("S")).await;
        viewer.join(ROOM).await;
        Self {
            viewer,
            publisher: Client::connect(broker, "transcriber").await,
            published: 0,
        }
    }

    /// Asserts that its next final arrives and that nothing came before it: no end, no `broker_ko`, no gap.
    pub async fn noticed_nothing(&mut self) {
        self.published += 1;
        let payload = self.published.to_string();
        let topic = format!("transcriber/out/{ROOM}/final");
        self.publisher.send(&topic, &payload).await;
        self.viewer.expect("final", &payload).await;
    }
}
