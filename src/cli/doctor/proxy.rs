//! A TCP proxy between the application and the broker that can be cut. Towards a broker with TLS it speaks TLS itself, so
//! that certificates are checked for the broker's own name.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rumqttc::tokio_rustls::TlsConnector;
use rustls::pki_types::ServerName;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::config::{MqttTls, MqttUrl};
use crate::transcript::tls_config;

/// A running proxy; ends, with its connections, when dropped.
pub(super) struct Proxy {
    address: SocketAddr,
    is_open: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Where it leads to.
struct Upstream {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl Proxy {
    /// Starts in front of `broker`, open.
    pub(super) async fn start(broker: &MqttUrl, tls: &MqttTls) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let tls = broker.tls.then(|| tls_config(tls)).transpose()?;
        let upstream = Upstream {
            host: broker.host.clone(),
            port: broker.port,
            tls: tls.map(TlsConnector::from),
        };
        let (is_open, watched) = watch::channel(true);
        let task = tokio::spawn(serve(listener, Arc::new(upstream), watched));
        Ok(Self {
            address,
            is_open,
            task,
        })
    }

    /// How to reach `broker` through it.
    pub(super) fn url(&self, broker: &MqttUrl) -> MqttUrl {
        MqttUrl {
            username: broker.username.clone(),
            password: broker.password.clone(),
            ..MqttUrl::plain(self.address)
        }
    }

    /// Lets connections through, or ends those that are there and every new one at once.
    pub(super) fn set_open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, upstream: Arc<Upstream>, mut is_open: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((near, _)) = accepted
                && *is_open.borrow()
            {
                let upstream = Arc::clone(&upstream);
                connections.spawn(async move {
                    // However it ends, both sides notice.
                    let _ = upstream.pass(near).await;
                });
                while connections.try_join_next().is_some() {}
            },
            changed = is_open.changed() => match changed {
                Ok(()) if *is_open.borrow() => {}
                Ok(()) => connections.shutdown().await,
                Err(_) => return,
            },
        }
    }
}

impl Upstream {
    async fn pass(&self, mut near: TcpStream) -> anyhow::Result<()> {
        let mut far = TcpStream::connect((self.host.as_str(), self.port)).await?;
        for stream in [&near, &far] {
            stream.set_nodelay(true)?;
        }
        let Some(tls) = &self.tls else {
            copy_bidirectional(&mut near, &mut far).await?;
            return Ok(());
        };
        let name = ServerName::try_from(self.host.clone())?;
        let mut far = tls.connect(name, far).await?;
        copy_bidirectional(&mut near, &mut far).await?;
        Ok(())
    }
}
