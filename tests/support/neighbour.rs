//! The viewer next door, who must notice nothing of what others suffer or do.

use super::mqtt::Client;
use super::server::TestServer;
use super::viewer::Viewer;

/// A viewer in a room of its own, and its transcriber.
pub struct Neighbour {
    viewer: Viewer,
    publisher: Client,
    published: usize,
}

impl Neighbour {
    /// Moves in at a server on the embedded broker.
    pub async fn of(server: &TestServer) -> Self {
        let mut viewer = server.viewer().await;
        viewer.join("S/neighbour").await;
        Self {
            viewer,
            publisher: server.publisher().await,
            published: 0,
        }
    }

    /// Asserts that its next final arrives and that nothing came before it.
    pub async fn noticed_nothing(&mut self) {
        self.published += 1;
        let payload = self.published.to_string();
        let topic = "transcriber/out/S/neighbour/final";
        self.publisher.send(topic, &payload).await;
        self.viewer.expect("final", &payload).await;
    }
}
