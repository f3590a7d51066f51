//! What the broker says about organizations, on its way to those who follow them.

use std::collections::HashMap;

use actix::prelude::*;
use switchboard_protocol::ids::OrganizationId;
use switchboard_protocol::topics;

use super::OrganizationRegistry;
use crate::broker::Fed;
use crate::metrics::Reason;
use crate::organization::sessions::SessionsChanged;
use crate::organization::statuses::{Change, Fault};

impl StreamHandler<Fed> for OrganizationRegistry {
    fn handle(&mut self, fed: Fed, ctx: &mut Self::Context) {
        if fed.topic == topics::SESSION_STATUSES {
            self.read_statuses(&fed, ctx);
        } else if !self.pass_event(&fed) {
            self.metrics.drop_publication("unknown_topic");
        }
    }

    // The BrokerActor is gone; the sockets that close are still heard of until the system stops.
    fn finished(&mut self, _: &mut Self::Context) {}
}

impl OrganizationRegistry {
    fn read_statuses(&mut self, fed: &Fed, ctx: &mut Context<Self>) {
        self.metrics.session_lists.inc();
        let read = match self.statuses.read(&fed.payload) {
            Ok(read) => read,
            Err(fault) => return self.refuse_statuses(fault, fed.payload.len()),
        };
        self.metrics.sessions_parsed.inc_by(read.parsed as u64);
        self.metrics.sessions_listed.set(self.statuses.len() as i64);
        let changes = self.board.apply(read);
        self.announce(changes);
        self.look_up_unplaced(ctx);
    }

    /// Tells those who watch what has changed.
    pub(super) fn announce(&self, changes: HashMap<OrganizationId, Vec<Change>>) {
        for (organization, changes) in changes {
            self.metrics.session_changes.inc_by(changes.len() as u64);
            if let Some(watcher) = self.sessions.watcher(&organization) {
                watcher.do_send(SessionsChanged(changes));
            }
        }
    }

    fn refuse_statuses(&mut self, fault: Fault, bytes: usize) {
        let reason = fault.reason();
        self.metrics
            .session_lists_refused
            .get_or_create(&Reason { reason })
            .inc();
        if self.statuses_warned.insert(reason) {
            log::warn!(
                "a list of sessions is refused, the one before it stays; such ones are counted \
                 reason={reason} detail={:?} bytes={bytes}",
                fault.to_string()
            );
        }
    }
}
