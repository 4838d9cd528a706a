//! Host names in the subject of a certificate: out of use on the web, and what most private certificates have.

use rustls::pki_types::{CertificateDer, ServerName};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::oid::db::rfc4519::COMMON_NAME;
use x509_cert::der::oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;

/// Whether the certificate has no subject alternative name and its common name is that of the server.
pub(super) fn matches(certificate: &CertificateDer<'_>, server_name: &ServerName<'_>) -> bool {
    let Ok(certificate) = Certificate::from_der(certificate) else { return false };
    let certificate = certificate.tbs_certificate;
    let mut extensions = certificate.extensions.iter().flatten();
    if extensions.any(|extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME) {
        return false;
    }
    let mut attributes = certificate.subject.0.iter().flat_map(|name| name.0.iter());
    let common_name = attributes
        .find(|attribute| attribute.oid == COMMON_NAME)
        .and_then(|attribute| std::str::from_utf8(attribute.value.value()).ok());
    common_name.is_some_and(|name| covers(name, &server_name.to_str()))
}

/// Whether a certificate for `name` is one for `host`. A leading `*` stands for one label, as in libpq.
fn covers(name: &str, host: &str) -> bool {
    if name.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(domain) = name.strip_prefix("*.") else { return false };
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    host.split_once('.').is_some_and(|(label, rest)| {
        !is_address && !label.is_empty() && rest.eq_ignore_ascii_case(domain)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_wildcards() {
        for (name, host, covered) in [
            ("db.example", "DB.example", true),
            ("db.example", "db.example.org", false),
            ("*.example", "db.example", true),
            ("*.example", "a.db.example", false),
            ("*.example", ".example", false),
            ("*.example", "example", false),
            ("*", "example", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("*.0.0.1", "10.0.0.1", false),
            ("", "example", false),
        ] {
            assert_eq!(covers(name, host), covered, "{name} {host}");
        }
    }

    #[test]
    fn alternative_names_take_the_common_name_out_of_use() {
        let certificate = |alternatives: &[&str]| {
            let alternatives: Vec<String> = alternatives.iter().map(|n| (*n).to_owned()).collect();
            let mut params = rcgen::CertificateParams::new(alternatives).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, "db.example");
            params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().clone()
        };
        let host = ServerName::try_from("db.example").unwrap();
        assert!(matches(&certificate(&[]), &host));
        assert!(!matches(&certificate(&[]), &ServerName::try_from("other.example").unwrap()));
        assert!(!matches(&certificate(&["other.example"]), &host));
    }
}
