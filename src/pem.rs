//! PEM files of certificates and keys. A fault names the file and never shows what is in it.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {reason}", .file.display())]
pub struct PemError {
    file: PathBuf,
    reason: String,
}

/// Reads all certificates of a file, at least one.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(fault(file, pem::Error::NoItemsFound, "certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(fault(file, error, "certificate")),
    }
}

/// Reads the first private key of a file (PKCS#8, PKCS#1 or SEC1; not encrypted).
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| fault(file, error, "private key"))
}

fn fault(file: &Path, error: pem::Error, what: &str) -> PemError {
    let reason = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => format!("no {what} in PEM found"),
        // Its text may repeat a line of the file.
        _ => "broken PEM".to_owned(),
    };
    PemError {
        file: file.to_owned(),
        reason,
    }
}
