//! The connections to the broker as the BrokerActor knows them: for each, what is wanted and granted, and whether it is up.
//!
//! Where delivery has several, a room's topics are always on the same one, so that order is kept and an UNSUBSCRIBE
//! meets its SUBSCRIBE.

use std::hash::{DefaultHasher, Hasher};

use actix::prelude::*;

use super::filters::FilterTable;
use crate::mqtt_client::{Ask, LinkId, LinkRole};

/// One connection.
pub(super) struct Link {
    pub(super) client: Recipient<Ask>,
    pub(super) filters: FilterTable,
    pub(super) up: bool,
}

impl Link {
    /// Nothing is wanted of it yet, and it is down.
    fn new(client: Recipient<Ask>) -> Self {
        Self {
            client,
            filters: FilterTable::default(),
            up: false,
        }
    }

    /// Whether it is up and the broker has answered for everything that is wanted of it.
    pub(super) fn is_ready(&self) -> bool {
        self.up && self.filters.is_settled()
    }
}

/// All of them.
pub(super) struct LinkSet {
    /// At least one.
    delivery: Vec<Link>,
    session: Link,
    organization: Link,
}

impl LinkSet {
    /// Of these clients; `delivery` must not be empty.
    pub(super) fn new(
        delivery: Vec<Recipient<Ask>>,
        session: Recipient<Ask>,
        organization: Recipient<Ask>,
    ) -> Self {
        assert!(!delivery.is_empty(), "transcripts come by some link");
        Self {
            delivery: delivery.into_iter().map(Link::new).collect(),
            session: Link::new(session),
            organization: Link::new(organization),
        }
    }

    /// The connection that a room's topics are on, whoever asks and whenever: by a hash of its name.
    pub(super) fn of_room(&self, room: &str) -> LinkId {
        let number = match self.delivery.len() {
            1 => 0,
            count => {
                let mut hasher = DefaultHasher::new();
                hasher.write(room.as_bytes());
                (hasher.finish() % count as u64) as usize
            }
        };
        LinkId {
            role: LinkRole::Delivery,
            number,
        }
    }

    pub(super) fn get(&self, id: LinkId) -> &Link {
        match id.role {
            LinkRole::Delivery => &self.delivery[id.number],
            LinkRole::Session => &self.session,
            LinkRole::Organization => &self.organization,
        }
    }

    pub(super) fn get_mut(&mut self, id: impl Into<LinkId>) -> &mut Link {
        let id = id.into();
        match id.role {
            LinkRole::Delivery => &mut self.delivery[id.number],
            LinkRole::Session => &mut self.session,
            LinkRole::Organization => &mut self.organization,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.delivery
            .iter()
            .chain([&self.session, &self.organization])
    }

    /// The one that hears what organizations are told.
    pub(super) fn organization(&self) -> &Link {
        &self.organization
    }
}
