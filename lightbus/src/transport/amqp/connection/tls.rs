//! The certificates that are trusted for `amqps://`.

use std::path::Path;
use std::sync::Arc;

use lapin::tcp::RustlsConnector;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Error;

/// Trusts only the authorities in that file (PEM), or without one those of the system.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<RustlsConnector, Error> {
    let (roots, source) = match ca_file {
        Some(path) => (from_file(path)?, path.display().to_string()),
        None => (rustls_native_certs::load_native_certs().certs, "the system".to_owned()),
    };
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(roots);
    if trusted.is_empty() {
        return Err(refusal(format!("there is no usable certificate in {source}")));
    }
    // The application's choice of a cryptography provider takes precedence, and ours is not installed for it.
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(|| Arc::new(ring::default_provider()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refusal(format!("the process's crypto provider has no usable version of TLS ({error})")))?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(RustlsConnector::from(config))
}

fn from_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| refusal(format!("{} cannot be read as certificates: {error}", path.display())))
}

fn refusal(reason: String) -> Error {
    let advice = "name a file in PEM format with the certificates of the authorities to trust; without the setting, the \
                  system's are trusted";
    Error::invalid_setting("tls_ca_file", reason, advice)
}
