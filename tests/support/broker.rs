//! A broker outside the server that can go and come back: the embedded one on its own, or Mosquitto.

use std::net::{Ipv4Addr, SocketAddr};

use switchboard::embedded_broker::{EmbeddedBroker, Options};

use super::mosquitto::Mosquitto;
use super::{DEADLINE, eventually};

/// Which broker a promise is tried with.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Embedded,
    Mosquitto,
}

/// A running broker; ends when dropped.
pub enum Broker {
    /// `None` while it is away.
    Embedded(Option<EmbeddedBroker>, SocketAddr),
    Mosquitto(Mosquitto),
}

impl Broker {
    /// `None`, and a line on stderr, where it is not installed.
    pub async fn start(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Mosquitto => Self::Mosquitto(Mosquitto::start(None)?),
            Kind::Embedded => {
                let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let broker = EmbeddedBroker::bind(any, Options::default()).await;
                let broker = broker.expect("a free port");
                let address = broker.local_addr();
                Self::Embedded(Some(broker), address)
            }
        })
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Embedded(_, address) => *address,
            Self::Mosquitto(mosquitto) => mosquitto.address(),
        }
    }

    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address())
    }

    /// Takes it away; what it kept is gone.
    pub fn kill(&mut self) {
        match self {
            Self::Embedded(broker, _) => *broker = None,
            Self::Mosquitto(mosquitto) => mosquitto.kill(),
        }
    }

    /// Starts it again at its address.
    pub async fn start_again(&mut self) {
        match self {
            Self::Mosquitto(mosquitto) => mosquitto.start_again(),
            Self::Embedded(broker, address) => {
                // The old one's listener closes as soon as the runtime gets to it.
                let bind = async || {
                    EmbeddedBroker::bind(*address, Options::default())
                        .await
                        .ok()
                };
                let bound = eventually_some(bind).await;
                *broker = Some(bound);
            }
        }
    }
}

async fn eventually_some(mut bind: impl AsyncFnMut() -> Option<EmbeddedBroker>) -> EmbeddedBroker {
    let mut bound = None;
    let look = async || {
        bound = bind().await;
        bound.is_some()
    };
    eventually("the broker's old port", DEADLINE, look, |done| *done).await;
    bound.expect("just bound")
}
