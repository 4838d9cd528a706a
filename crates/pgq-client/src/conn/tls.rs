//! TLS by rustls for all six `sslmode` values.
//!
//! Departures from libpq: versions below 1.2 are not spoken, encrypted private keys are refused, and where a chain is
//! checked its certificates have to be X.509 version 3. The common name counts only in a certificate without any subject
//! alternative name.

mod boxed;
mod common_name;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime,
};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(super) use self::boxed::{Connector, Stream};
use super::parameters::{Endpoint, Parameters, SslMode};
use crate::{Error, Result};

/// TLS as the connection string asks for.
pub(super) struct Tls {
    connector: Connector,
}

impl Tls {
    /// Reads the files that the parameters name.
    pub(super) fn new(parameters: &Parameters) -> Result<Tls> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(parameters)?)
            .map_err(|e| Error::config(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Verifier::new(parameters, &provider)?));
        let certificate = if is_used(parameters) { client_certificate(parameters)? } else { None };
        let mut config = match certificate {
            None => builder.with_no_client_auth(),
            Some((file, chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|e| {
                Error::config(format!("could not use certificate file \"{}\": {e}", file.display()))
            })?,
        };
        // Every connection has a configuration of its own, so there is nothing to resume: no room for 256 sessions.
        config.resumption = Resumption::disabled();
        if parameters.info.get("sslsni") == Some("0") {
            config.enable_sni = false;
        }
        if parameters.info.get("sslnegotiation") == Some("direct") {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Tls { connector: Connector(MakeRustlsConnect::new(config)) })
    }

    /// For one connection.
    pub(super) fn connector(&self) -> Connector {
        self.connector.clone()
    }
}

/// Whether TLS may come to pass; if not, no file is looked at.
fn is_used(parameters: &Parameters) -> bool {
    parameters.sslmode != SslMode::Disable
        && parameters.endpoints.iter().any(|endpoint| matches!(endpoint, Endpoint::Tcp { .. }))
}

fn given<'a>(parameters: &'a Parameters, keyword: &str) -> Option<&'a str> {
    parameters.info.get(keyword).filter(|value| !value.is_empty())
}

/// A file the string names, or else one in `~/.postgresql` if it is there. `true` says that it was named.
fn file(parameters: &Parameters, keyword: &str, default: &str) -> Option<(PathBuf, bool)> {
    match given(parameters, keyword) {
        Some(name) => Some((PathBuf::from(name), true)),
        None => {
            let file = parameters.home.as_ref()?.join(".postgresql").join(default);
            file.exists().then_some((file, false))
        }
    }
}

fn versions(parameters: &Parameters) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let known = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    let bound = |keyword: &str, default: usize| match given(parameters, keyword) {
        None => Ok(default),
        Some(text) => known
            .iter()
            .position(|version| version.eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::config(format!("invalid {keyword} value: \"{text}\""))),
    };
    let lowest = bound("ssl_min_protocol_version", 2)?;
    let highest = bound("ssl_max_protocol_version", 3)?;
    if lowest > highest {
        return Err(Error::config("invalid SSL protocol version range"));
    }
    let mut versions = Vec::new();
    if (lowest..=highest).contains(&2) {
        versions.push(&rustls::version::TLS12);
    }
    if (lowest..=highest).contains(&3) {
        versions.push(&rustls::version::TLS13);
    }
    if versions.is_empty() {
        return Err(Error::config("SSL protocol versions below TLSv1.2 are not supported"));
    }
    Ok(versions)
}

type ClientCertificate = (PathBuf, Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_certificate(parameters: &Parameters) -> Result<Option<ClientCertificate>> {
    if given(parameters, "sslcertmode") == Some("disable") {
        return Ok(None);
    }
    let Some((file_name, named)) = file(parameters, "sslcert", "postgresql.crt") else {
        return Ok(None);
    };
    let chain = match certificates(&file_name, "certificate") {
        Ok(chain) => chain,
        // libpq goes on without a certificate that is not there; the server says when it wants one.
        Err(_) if !file_name.exists() => return Ok(None),
        Err(e) => return Err(e),
    };
    let (key_file, _) = file(parameters, "sslkey", "postgresql.key").ok_or_else(|| {
        let how = if named { "sslkey" } else { "~/.postgresql/postgresql.key" };
        let certificate = file_name.display();
        Error::config(format!("certificate \"{certificate}\" present, but no private key ({how})"))
    })?;
    Ok(Some((file_name, chain, private_key(&key_file)?)))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>> {
    let shown = file.display();
    let metadata = fs::metadata(file).map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            Error::config(format!("certificate present, but not private key file \"{shown}\""))
        }
        _ => Error::config(format!("could not read private key file \"{shown}\": {e}")),
    })?;
    // A key of root's may be readable for its group, which is how distributions share it.
    let others = if std::os::unix::fs::MetadataExt::uid(&metadata) == 0 { 0o037 } else { 0o077 };
    if metadata.permissions().mode() & others != 0 {
        return Err(Error::config(format!(
            "private key file \"{shown}\" has group or world access; file must have permissions \
             u=rw (0600) or less if owned by the current user, or permissions u=rw,g=r (0640) or less \
             if owned by root"
        )));
    }
    PrivateKeyDer::from_pem_file(file).map_err(|_| {
        Error::config(format!(
            "could not load private key file \"{shown}\": it has to be an unencrypted PEM file"
        ))
    })
}

/// The certificates of a PEM file; at least one.
fn certificates(file: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let read = || -> std::result::Result<Vec<_>, rustls::pki_types::pem::Error> {
        CertificateDer::pem_file_iter(file)?.collect()
    };
    match read() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => {
            Err(Error::config(format!("{what} file \"{}\" holds no certificate", file.display())))
        }
        Err(e) => {
            Err(Error::config(format!("could not read {what} file \"{}\": {e}", file.display())))
        }
    }
}

/// What is asked of the server's certificate.
#[derive(Debug)]
struct Verifier {
    /// `None`: encrypted, but with whom is not checked.
    chain: Option<Chain>,
    /// Whether the name has to match as well.
    name: bool,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Chain {
    webpki: Arc<WebPkiServerVerifier>,
    /// Certificates that are trusted themselves, for servers whose own certificate is the root.
    roots: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(parameters: &Parameters, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
        Ok(Verifier {
            chain: chain(parameters, provider)?,
            name: parameters.sslmode == SslMode::VerifyFull,
            provider: Arc::clone(provider),
        })
    }
}

fn chain(parameters: &Parameters, provider: &Arc<CryptoProvider>) -> Result<Option<Chain>> {
    // With a root certificate at hand `require` checks the chain too, as libpq does.
    if parameters.sslmode < SslMode::Require || !is_used(parameters) {
        return Ok(None);
    }
    let roots = if given(parameters, "sslrootcert") == Some("system") {
        rustls_native_certs::load_native_certs().certs
    } else {
        let verify = parameters.sslmode > SslMode::Require;
        match file(parameters, "sslrootcert", "root.crt") {
            Some((file, _)) if file.exists() => certificates(&file, "root certificate")?,
            missing if verify => {
                let file = missing
                    .map_or("~/.postgresql/root.crt".into(), |(f, _)| f.display().to_string());
                return Err(Error::config(format!(
                    "root certificate file \"{file}\" does not exist\nEither provide the file, use the \
                     system's trusted roots with sslrootcert=system, or change sslmode to disable server \
                     certificate verification."
                )));
            }
            _ => return Ok(None),
        }
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    if store.is_empty() {
        return Err(Error::config("no usable root certificate"));
    }
    let mut builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    if let Some((file, _)) = file(parameters, "sslcrl", "root.crl") {
        let lists = CertificateRevocationListDer::pem_file_iter(&file)
            .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
            .map_err(|e| {
                Error::config(format!(
                    "could not read certificate revocation list \"{}\": {e}",
                    file.display()
                ))
            })?;
        // As for libpq: with a list at hand a certificate that none says anything about is refused, and so is a list that
        // should have been replaced by now.
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    let webpki = builder.build().map_err(|e| Error::config(e.to_string()))?;
    Ok(Some(Chain { webpki, roots }))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        if chain.roots.iter().any(|root| root == certificate) {
            let parsed = ParsedCertificate::try_from(certificate)?;
            return match rustls::client::verify_server_name(&parsed, server_name) {
                Err(refusal) if self.name && !common_name::matches(certificate, server_name) => {
                    Err(refusal)
                }
                _ => Ok(ServerCertVerified::assertion()),
            };
        }
        match chain.webpki.verify_server_cert(
            certificate,
            intermediates,
            server_name,
            ocsp_response,
            now,
        ) {
            // The name is checked last: everything before it was in order.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name || common_name::matches(certificate, server_name) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.signature(rustls::crypto::verify_tls12_signature(
            message,
            certificate,
            signature,
            algorithms,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        self.signature(rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            algorithms,
        ))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// Where the certificate is not checked, a signature made with its key proves nothing; insisting on it would only
    /// refuse the old-fashioned certificates (X.509 version 1) of many private servers.
    fn signature(
        &self,
        verified: std::result::Result<HandshakeSignatureValid, rustls::Error>,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        match verified {
            Err(_) if self.chain.is_none() => Ok(HandshakeSignatureValid::assertion()),
            verified => verified,
        }
    }
}
