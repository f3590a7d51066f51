//! What is configured of TLS: our certificate for HTTPS, and whom we trust and who we are to a broker.

use std::path::PathBuf;

use super::{ConfigError, Settings, fault, optional, values};

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, and behind it those that lead from it to a trusted one.
    pub certificate: PathBuf,
    /// The private key, not encrypted.
    pub key: PathBuf,
}

/// TLS to the broker; used with `mqtts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MqttTls {
    /// PEM file of the trusted certificates; none: the system's.
    pub ca: Option<PathBuf>,
    /// What the broker is shown; none: nothing.
    pub identity: Option<CertificateFiles>,
}

/// Reads two keys that are set both or not at all.
pub(super) fn certificate_files(
    settings: &Settings,
    certificate: &'static str,
    key: &'static str,
) -> Result<Option<CertificateFiles>, ConfigError> {
    let read = |name| optional(settings, name, values::text);
    match (read(certificate)?, read(key)?) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(CertificateFiles {
            certificate: certificate.into(),
            key: key.into(),
        })),
        (Some(_), None) => Err(fault(settings, certificate, format!("needs {key}"))),
        (None, Some(_)) => Err(fault(settings, key, format!("needs {certificate}"))),
    }
}

pub(super) fn mqtt(settings: &Settings) -> Result<MqttTls, ConfigError> {
    Ok(MqttTls {
        ca: optional(settings, "mqtt_ca", values::text)?.map(PathBuf::from),
        identity: certificate_files(settings, "mqtt_cert", "mqtt_key")?,
    })
}
