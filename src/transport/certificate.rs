//! The certificate that HTTPS shows: read from two PEM files, and again when they change or SIGHUP comes.
//!
//! Connections that are open keep what they were shown; new ones get the newest good pair. A bad pair is
//! logged once, and the last good one stays.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::CertificateFiles;
use crate::pem::{self, PemError};

/// Pause between two looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);

/// The pair of files cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// One of the files.
    #[error(transparent)]
    File(#[from] PemError),
    /// The two files do not belong together, or hold what rustls does not know.
    #[error("{} with {}: {reason}", .certificate.display(), .key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The certificate in use.
#[derive(Debug)]
pub struct Certificate {
    files: CertificateFiles,
    current: RwLock<Arc<CertifiedKey>>,
    /// Why the files could not be used when they were looked at last; said once.
    fault: Mutex<Option<CertificateError>>,
}

impl Certificate {
    /// Reads the pair for the first time.
    pub fn read(files: &CertificateFiles) -> Result<Arc<Self>, CertificateError> {
        let current = RwLock::new(Arc::new(read_pair(files)?));
        Ok(Arc::new(Self {
            files: files.clone(),
            current,
            fault: Mutex::new(None),
        }))
    }

    /// The SHA-256 of the server's certificate, in hexadecimal: what `openssl x509 -fingerprint -sha256` shows.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.current().cert)
    }

    /// When the server's certificate ends; none where its validity cannot be read.
    pub fn expires(&self) -> Option<SystemTime> {
        let current = self.current();
        let (_, certificate) = X509Certificate::from_der(current.cert.first()?).ok()?;
        let end = certificate.validity().not_after.timestamp();
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(end).ok()?))
    }

    /// Reads the files again; takes what is new and good.
    pub fn look(&self) {
        let read = read_pair(&self.files);
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(pair) => {
                *fault = None;
                if pair.cert != self.current().cert {
                    log::info!("new certificate in use sha256={}", fingerprint(&pair.cert));
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                }
            }
            Err(error) if fault.as_ref() == Some(&error) => {}
            Err(error) => {
                log::error!(
                    "the new certificate is not used, the old one stays reason={:?}",
                    error.to_string()
                );
                *fault = Some(error);
            }
        }
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

/// The task that looks at the files; dropping it ends it.
pub struct Refresh(JoinHandle<()>);

impl Refresh {
    /// Looks every 30 s, and at each SIGHUP, which is heard from now on.
    pub fn start(certificate: Arc<Certificate>) -> std::io::Result<Self> {
        let mut hangup = signal(SignalKind::hangup())?;
        let mut interval = tokio::time::interval(LOOK_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self(tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interval.tick() => {}
                    _ = hangup.recv() => {}
                }
                let certificate = Arc::clone(&certificate);
                // Fails only if it panics, which it has told then.
                let _ = tokio::task::spawn_blocking(move || certificate.look()).await;
            }
        })))
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn read_pair(files: &CertificateFiles) -> Result<CertifiedKey, CertificateError> {
    let chain = pem::certificates(&files.certificate)?;
    let key = pem::private_key(&files.key)?;
    CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| {
        let reason = match error {
            rustls::Error::InconsistentKeys(_) => "the key is of another certificate".to_owned(),
            other => other.to_string(),
        };
        CertificateError::Pair {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
            reason,
        }
    })
}

fn fingerprint(chain: &[CertificateDer<'_>]) -> String {
    let first = chain.first().map_or(&[][..], |certificate| certificate);
    let bytes = Sha256::digest(first);
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

#[cfg(test)]
mod tests {
    use rcgen::CertifiedKey as Issued;
    use tempfile::TempDir;

    use super::*;

    /// A folder with a certificate and its key.
    struct Pair {
        folder: TempDir,
        files: CertificateFiles,
    }

    impl Pair {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = CertificateFiles {
                certificate: folder.path().join("cert.pem"),
                key: folder.path().join("key.pem"),
            };
            let pair = Self { folder, files };
            let (certificate, key) = issue();
            pair.write(Some(&certificate), Some(&key));
            pair
        }

        fn write(&self, certificate: Option<&str>, key: Option<&str>) {
            let files = [
                (&self.files.certificate, certificate),
                (&self.files.key, key),
            ];
            for (file, pem) in files {
                if let Some(pem) = pem {
                    std::fs::write(file, pem).unwrap();
                }
            }
        }
    }

    fn issue() -> (String, String) {
        let Issued { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn a_new_good_pair_is_taken_and_half_of_one_is_not() {
        let pair = Pair::new();
        let certificate = Certificate::read(&pair.files).unwrap();
        let first = certificate.fingerprint();
        assert_eq!(first.len(), 32 * 3 - 1);
        certificate.look();
        assert_eq!(certificate.fingerprint(), first);
        let (new_certificate, new_key) = issue();
        pair.write(Some(&new_certificate), None);
        certificate.look();
        assert_eq!(certificate.fingerprint(), first);
        pair.write(None, Some(&new_key));
        certificate.look();
        assert_ne!(certificate.fingerprint(), first);
    }

    #[test]
    fn a_bad_pair_is_remembered_until_a_good_one_comes() {
        let pair = Pair::new();
        let certificate = Certificate::read(&pair.files).unwrap();
        let first = certificate.fingerprint();
        let fault = || certificate.fault.lock().unwrap().clone();
        pair.write(None, Some(&issue().1));
        certificate.look();
        assert!(matches!(fault(), Some(CertificateError::Pair { .. })));
        std::fs::remove_file(&pair.files.key).unwrap();
        certificate.look();
        let text = fault().unwrap().to_string();
        assert!(text.contains("key.pem: No such file"), "{text}");
        let (new_certificate, new_key) = issue();
        pair.write(Some(&new_certificate), Some(&new_key));
        certificate.look();
        assert_eq!(fault(), None);
        assert_ne!(certificate.fingerprint(), first);
        drop(pair.folder);
        certificate.look();
        assert!(matches!(fault(), Some(CertificateError::File(_))));
    }
}
