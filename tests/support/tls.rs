//! TLS as tests need it: an authority and certificates by it, and a way in for clients that do not speak TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::within;

/// Receive buffer of a connection that is to be full soon, in bytes.
const NARROW: u32 = 4096;

/// Somebody who signs certificates, and the folder where they lie.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key, in PEM.
pub struct Issued {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("good names");
        // OpenSSL takes a certificate that has its issuer's name for its own issuer.
        params
            .distinguished_name
            .push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate"),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for this machine.
    pub fn issue(&self) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("good names");
        let certificate = params.signed_by(&key, &self.issuer);
        Issued {
            certificate: certificate.expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }

    /// Writes a file into its folder, in one step, and returns its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, content).expect("the file is written");
        std::fs::rename(&fresh, &path).expect("the file is replaced");
        path.to_str().expect("a plain name").to_owned()
    }

    /// Where files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Issues a certificate into `cert.pem` and `key.pem`; their paths.
    pub fn install(&self) -> (String, String) {
        let Issued { certificate, key } = self.issue();
        (
            self.file("cert.pem", &certificate),
            self.file("key.pem", &key),
        )
    }

    /// A client that trusts it alone, speaks these versions, and offers these protocols (ALPN).
    pub fn client(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.pem().as_bytes()).expect("a certificate");
        roots.add(own).expect("an authority");
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions that ring knows")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    /// A client as most are.
    pub fn any_client(&self) -> TlsConnector {
        self.client(rustls::ALL_VERSIONS, &[])
    }

    /// A port of this machine where what is sent goes through TLS to `server`, until the test ends: for clients
    /// that do not speak TLS.
    pub async fn tunnel(&self, server: SocketAddr) -> SocketAddr {
        open_tunnel(server, self.any_client(), None).await
    }

    /// The same, which takes little from a server while its client does not read.
    pub async fn narrow_tunnel(&self, server: SocketAddr) -> SocketAddr {
        open_tunnel(server, self.any_client(), Some(NARROW)).await
    }
}

async fn open_tunnel(
    server: SocketAddr,
    client: TlsConnector,
    receive_buffer: Option<u32>,
) -> SocketAddr {
    let socket = TcpSocket::new_v4().expect("a socket");
    // Inherited by what is accepted, on both of its sides.
    if let Some(size) = receive_buffer {
        socket.set_send_buffer_size(size).expect("a small buffer");
    }
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a free port");
    let listener: TcpListener = socket.listen(64).expect("a listener");
    let address = listener.local_addr().expect("a bound listener");
    actix_rt::spawn(async move {
        loop {
            let (mut plain, _) = listener.accept().await.expect("a connection");
            let client = client.clone();
            actix_rt::spawn(async move {
                let mut encrypted = connect_narrow(server, &client, receive_buffer)
                    .await
                    .expect("a TLS handshake");
                // It ends when one side does, in one way or another.
                let _ = tokio::io::copy_bidirectional(&mut plain, &mut encrypted).await;
            });
        }
    });
    address
}

/// A TLS connection; the error is the handshake's.
pub async fn connect(
    server: SocketAddr,
    client: &TlsConnector,
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    connect_narrow(server, client, None).await
}

async fn connect_narrow(
    server: SocketAddr,
    client: &TlsConnector,
    receive_buffer: Option<u32>,
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(size) = receive_buffer {
        socket.set_recv_buffer_size(size).expect("a small buffer");
    }
    let stream = within("a TCP connection", socket.connect(server)).await;
    let stream = stream.expect("the server listens");
    stream.set_nodelay(true).expect("an open socket");
    let name = ServerName::try_from("localhost").expect("a name");
    within("a TLS handshake", client.connect(name, stream)).await
}

/// The certificate that newcomers are shown.
pub async fn shown(server: SocketAddr, client: &TlsConnector) -> CertificateDer<'static> {
    let stream = connect(server, client).await.expect("a TLS handshake");
    let (_, connection) = stream.get_ref();
    let chain = connection.peer_certificates().expect("a certificate");
    chain[0].clone().into_owned()
}
