//! A socket whose client has come back by another connection: this one lets go of it.

use actix::prelude::*;

use super::{CloseReason, Session};
use crate::service::Evict;

impl Handler<Evict> for Session {
    type Result = ();

    fn handle(&mut self, Evict(socket): Evict, ctx: &mut Self::Context) {
        let evicted = self.sockets.iter().find(|s| s.socket.id == socket);
        if let Some(namespace) = evicted.map(|s| s.socket.namespace.clone()) {
            self.remove(&namespace);
        }
        // Also when its CONNECT is still being decided.
        if self.sockets.is_empty() {
            self.close(CloseReason::Replaced, ctx);
        }
    }
}
