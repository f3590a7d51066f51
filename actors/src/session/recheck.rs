//! A session asked whether the holder of one of its sockets may still have what it has.

use std::future::ready;
use std::rc::Rc;

use actix::prelude::*;

use super::Session;
use crate::rights::{Recheck, Verdict};

impl Handler<Recheck> for Session {
    type Result = ResponseActFuture<Self, Verdict>;

    fn handle(&mut self, Recheck { socket, held }: Recheck, _: &mut Self::Context) -> Self::Result {
        let connected = self.sockets.iter().find(|s| s.socket.id == socket);
        let Some(connected) = connected else {
            // Not in yet, or gone: what it held is gone with it.
            return Box::pin(ready(Verdict::Kept).into_actor(self));
        };
        let asked = Rc::clone(&connected.service).still_may(held);
        Box::pin(asked.into_actor(self).map(move |verdict, session, ctx| {
            let connected = session.sockets.iter().find(|s| s.socket.id == socket);
            let namespace = connected.map(|s| s.socket.namespace.clone());
            if let (Verdict::Lost, Some(namespace)) = (verdict, namespace) {
                session.deny(&namespace, ctx);
            }
            verdict
        }))
    }
}
