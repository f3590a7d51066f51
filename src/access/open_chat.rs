//! The open mode of seed 003: whoever has no token may chat, in every project, and may do nothing else.

use std::future::ready;
use std::sync::Arc;

use switchboard_actors::ports::{Access, Action, BoxFuture, Identity, Principal, Unavailable};
use switchboard_actors::rights::AccessChanged;

/// Decides about those without a token, and asks `others` about all others.
pub(super) struct OpenChat {
    pub(super) others: Arc<dyn Access>,
}

impl Access for OpenChat {
    fn may(&self, who: Identity, action: Action) -> BoxFuture<Result<bool, Unavailable>> {
        match who.principal {
            Principal::Anonymous => Box::pin(ready(Ok(matches!(action, Action::UseProjects(_))))),
            _ => self.others.may(who, action),
        }
    }

    fn expect(&self, actions: Vec<Action>) -> BoxFuture<()> {
        self.others.expect(actions)
    }

    fn forget(&self, change: &AccessChanged) {
        self.others.forget(change);
    }
}
