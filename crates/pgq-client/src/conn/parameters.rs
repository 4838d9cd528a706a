//! A completed connection string checked and typed: where to connect, as whom, and on what terms.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use super::conninfo::ConnInfo;
use super::defaults::{self, Environment};
use super::passfile;
use crate::{Error, Result};

/// Where servers put their socket when the connection string names no host; the first in which there is one is taken.
const SOCKET_FOLDERS: &[&str] = &["/var/run/postgresql", "/tmp"];

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// A Unix socket in this folder.
    Socket { folder: PathBuf, port: u16 },
    /// A host by name, with its address where the string gives one.
    Tcp { name: String, address: Option<IpAddr>, port: u16 },
}

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionKind {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// A password and the file it was read from.
#[derive(Clone, Default)]
pub(super) struct Password {
    pub(super) text: Option<String>,
    pub(super) file: Option<PathBuf>,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.text.is_some() { "Some([...])" } else { "None" })
    }
}

/// Everything needed to connect.
#[derive(Debug)]
pub(super) struct Parameters {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) user: String,
    pub(super) dbname: String,
    pub(super) application_name: String,
    pub(super) sslmode: SslMode,
    pub(super) session: SessionKind,
    pub(super) channel_binding: ChannelBinding,
    pub(super) negotiation: SslNegotiation,
    /// For each address; `None` waits as long as the operating system does.
    pub(super) timeout: Option<Duration>,
    /// What is not looked at here, passwords included.
    pub(super) info: ConnInfo,
    /// Where `.postgresql` is looked for.
    pub(super) home: Option<PathBuf>,
    passfile: Option<PathBuf>,
}

impl Parameters {
    /// Completes and checks `info`; `application_name` is for when nothing else names one.
    pub(super) fn new(
        info: &ConnInfo,
        environment: &Environment,
        application_name: &str,
    ) -> Result<Parameters> {
        let info = defaults::complete(info, environment)?;
        refuse_unsupported(&info)?;
        let text = |keyword| info.get(keyword).filter(|value| !value.is_empty());
        // One that is given and empty is no name, as with libpq; an empty fallback is none.
        let name = info
            .get("application_name")
            .or_else(|| info.get("fallback_application_name").filter(|name| !name.is_empty()));
        let sslmode = sslmode(&info)?;
        Ok(Parameters {
            endpoints: endpoints(&info)?,
            user: text("user").unwrap_or_default().to_owned(),
            dbname: text("dbname").unwrap_or_default().to_owned(),
            application_name: name.unwrap_or(application_name).to_owned(),
            sslmode,
            session: session_kind(&info)?,
            negotiation: negotiation(&info, sslmode)?,
            channel_binding: word(
                &info,
                "channel_binding",
                ChannelBinding::Prefer,
                &[
                    ("disable", ChannelBinding::Disable),
                    ("prefer", ChannelBinding::Prefer),
                    ("require", ChannelBinding::Require),
                ],
            )?,
            timeout: timeout(&info)?,
            passfile: text("passfile")
                .map(PathBuf::from)
                .or_else(|| environment.in_home(".pgpass")),
            home: environment.home.clone(),
            info,
        })
    }

    /// The password for one place.
    pub(super) fn password(&self, endpoint: &Endpoint) -> Password {
        if let Some(text) = self.info.get("password").filter(|text| !text.is_empty()) {
            return Password { text: Some(text.to_owned()), file: None };
        }
        let (host, port) = match endpoint {
            // The default folder is `localhost` in password files, wherever the packager put it.
            Endpoint::Socket { folder, port } if is_default_folder(folder) => {
                ("localhost".into(), port)
            }
            Endpoint::Socket { folder, port } => (folder.to_string_lossy(), port),
            Endpoint::Tcp { name, port, .. } => (name.into(), port),
        };
        let wanted = [&*host, &port.to_string(), &self.dbname, &self.user];
        let found = self.passfile.as_ref().and_then(|file| passfile::look_up(file, wanted));
        Password { file: self.passfile.clone().filter(|_| found.is_some()), text: found }
    }

    /// A whole number, `None` when it is not given.
    pub(super) fn integer(&self, keyword: &str) -> Result<Option<i64>> {
        integer(&self.info, keyword)
    }
}

fn is_default_folder(folder: &Path) -> bool {
    SOCKET_FOLDERS.iter().any(|default| folder == Path::new(default))
}

fn given<'a>(info: &'a ConnInfo, keyword: &str) -> Option<&'a str> {
    info.get(keyword).filter(|value| !value.is_empty())
}

fn integer(info: &ConnInfo, keyword: &str) -> Result<Option<i64>> {
    given(info, keyword)
        .map(|text| {
            text.trim().parse().ok().filter(|n| i32::try_from(*n).is_ok()).ok_or_else(|| {
                Error::config(format!(
                    "invalid integer value \"{text}\" for connection option \"{keyword}\""
                ))
            })
        })
        .transpose()
}

/// A keyword with a fixed set of words.
fn word<T: Copy>(info: &ConnInfo, keyword: &str, default: T, words: &[(&str, T)]) -> Result<T> {
    let Some(text) = given(info, keyword) else { return Ok(default) };
    words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value)
        .ok_or_else(|| Error::config(format!("invalid {keyword} value: \"{text}\"")))
}

fn sslmode(info: &ConnInfo) -> Result<SslMode> {
    let system_roots = info.get("sslrootcert") == Some("system");
    let default = if system_roots { SslMode::VerifyFull } else { SslMode::Prefer };
    let mode = word(
        info,
        "sslmode",
        default,
        &[
            ("disable", SslMode::Disable),
            ("allow", SslMode::Allow),
            ("prefer", SslMode::Prefer),
            ("require", SslMode::Require),
            ("verify-ca", SslMode::VerifyCa),
            ("verify-full", SslMode::VerifyFull),
        ],
    )?;
    if system_roots && mode != SslMode::VerifyFull {
        let mode = info.get("sslmode").unwrap_or_default();
        return Err(Error::config(format!(
            "weak sslmode \"{mode}\" may not be used with sslrootcert=system (use \"verify-full\")"
        )));
    }
    Ok(mode)
}

/// TLS from the first byte on is for those who insist on TLS: a mode that also goes without would take a server before 17 for
/// one that has none.
fn negotiation(info: &ConnInfo, mode: SslMode) -> Result<SslNegotiation> {
    let negotiation = word(
        info,
        "sslnegotiation",
        SslNegotiation::Postgres,
        &[("postgres", SslNegotiation::Postgres), ("direct", SslNegotiation::Direct)],
    )?;
    if negotiation == SslNegotiation::Direct && mode < SslMode::Require {
        let mode = given(info, "sslmode").unwrap_or("prefer");
        return Err(Error::config(format!(
            "weak sslmode \"{mode}\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", or \
             \"verify-full\")"
        )));
    }
    Ok(negotiation)
}

fn session_kind(info: &ConnInfo) -> Result<SessionKind> {
    word(
        info,
        "target_session_attrs",
        SessionKind::Any,
        &[
            ("any", SessionKind::Any),
            ("read-write", SessionKind::ReadWrite),
            ("read-only", SessionKind::ReadOnly),
            ("primary", SessionKind::Primary),
            ("standby", SessionKind::Standby),
            ("prefer-standby", SessionKind::PreferStandby),
        ],
    )
}

/// Zero and less wait for ever; one second is too short for the whole exchange and counts as two, as in libpq.
fn timeout(info: &ConnInfo) -> Result<Option<Duration>> {
    let seconds = integer(info, "connect_timeout")?.and_then(|seconds| u64::try_from(seconds).ok());
    Ok(seconds.filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.max(2))))
}

/// What would change the meaning of the connection and cannot be done is refused and not ignored.
fn refuse_unsupported(info: &ConnInfo) -> Result<()> {
    if let Some(encoding) = given(info, "client_encoding") {
        let plain: String =
            encoding.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if !matches!(plain.as_str(), "utf8" | "unicode" | "auto") {
            return Err(Error::config(format!(
                "client_encoding \"{encoding}\" is not supported: only UTF8 is, the server converts"
            )));
        }
    }
    for keyword in
        ["requirepeer", "require_auth", "sslcrldir", "scram_client_key", "scram_server_key"]
    {
        if given(info, keyword).is_some() {
            return Err(Error::config(format!("connection option \"{keyword}\" is not supported")));
        }
    }
    let off = ["0", "false", "off", "no"];
    if given(info, "replication").is_some_and(|value| !off.contains(&value)) {
        return Err(Error::config("replication connections are not supported"));
    }
    let gss = word(
        info,
        "gssencmode",
        "prefer",
        &[("disable", "disable"), ("prefer", "prefer"), ("require", "require")],
    )?;
    if gss == "require" {
        return Err(Error::config("gssencmode \"require\" is not supported"));
    }
    Ok(())
}

/// Hosts, addresses and ports side by side.
fn endpoints(info: &ConnInfo) -> Result<Vec<Endpoint>> {
    let list =
        |keyword| -> Vec<&str> { given(info, keyword).map_or(vec![], |v| v.split(',').collect()) };
    let (hosts, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err(Error::config(format!(
            "could not match {} host names to {} hostaddr values",
            hosts.len(),
            addresses.len()
        )));
    }
    let count = hosts.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        let (ports, count) = (ports.len(), count);
        return Err(Error::config(format!(
            "could not match {ports} port numbers to {count} hosts"
        )));
    }
    let mut endpoints = (0..count)
        .map(|at| {
            let port = port(ports.get(at).or(ports.first()).copied().unwrap_or_default())?;
            let host = hosts.get(at).copied().unwrap_or_default();
            let address = addresses.get(at).copied().unwrap_or_default();
            endpoint(host, address, port)
        })
        .collect::<Result<Vec<_>>>()?;
    let random = word(info, "load_balance_hosts", false, &[("disable", false), ("random", true)])?;
    if random {
        shuffle(&mut endpoints);
    }
    Ok(endpoints)
}

/// Any order will do, so the seed of a hash map's hasher is random enough.
pub(super) fn shuffle<T>(items: &mut [T]) {
    use std::hash::{BuildHasher as _, RandomState};
    let state = RandomState::new();
    for at in (1..items.len()).rev() {
        let range = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
        items.swap(at, usize::try_from(state.hash_one(at) % range).unwrap_or(at));
    }
}

fn port(text: &str) -> Result<u16> {
    if text.is_empty() {
        return Ok(5432);
    }
    let number: i64 = text.trim().parse().map_err(|_| {
        Error::config(format!("invalid integer value \"{text}\" for connection option \"port\""))
    })?;
    u16::try_from(number)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| Error::config(format!("invalid port number: \"{text}\"")))
}

fn endpoint(host: &str, address: &str, port: u16) -> Result<Endpoint> {
    if !address.is_empty() {
        let parsed = address
            .parse()
            .map_err(|_| Error::config(format!("could not parse network address \"{address}\"")))?;
        let name = if host.is_empty() { address } else { host };
        return Ok(Endpoint::Tcp { name: name.to_owned(), address: Some(parsed), port });
    }
    match host.as_bytes().first() {
        None => Ok(Endpoint::Socket { folder: default_folder(port), port }),
        Some(b'/') => Ok(Endpoint::Socket { folder: PathBuf::from(host), port }),
        Some(b'@') => {
            Err(Error::config(format!("abstract Unix sockets are not supported: \"{host}\"")))
        }
        Some(_) => Ok(Endpoint::Tcp { name: host.to_owned(), address: host.parse().ok(), port }),
    }
}

fn default_folder(port: u16) -> PathBuf {
    let socket = format!(".s.PGSQL.{port}");
    let folder = SOCKET_FOLDERS
        .iter()
        .find(|folder| Path::new(folder).join(&socket).exists())
        .or_else(|| SOCKET_FOLDERS.iter().find(|folder| Path::new(folder).is_dir()))
        .unwrap_or(&SOCKET_FOLDERS[0]);
    PathBuf::from(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(connstr: &str) -> Result<Parameters> {
        let environment = Environment { user: Some("me".to_owned()), ..Environment::default() };
        Parameters::new(&ConnInfo::parse(connstr)?, &environment, "job:db")
    }

    fn tcp(name: &str, address: Option<&str>, port: u16) -> Endpoint {
        let address = address.map(|address| address.parse().unwrap());
        Endpoint::Tcp { name: name.to_owned(), address, port }
    }

    #[track_caller]
    fn refused(connstr: &str, message: &str) {
        assert_eq!(parameters(connstr).unwrap_err().to_string(), message);
    }

    #[test]
    fn several_hosts() {
        let endpoints = |connstr| parameters(connstr).unwrap().endpoints;
        assert_eq!(
            endpoints("host=a,10.0.0.1,/x port=1,,3"),
            [
                tcp("a", None, 1),
                tcp("10.0.0.1", Some("10.0.0.1"), 5432),
                Endpoint::Socket { folder: "/x".into(), port: 3 },
            ]
        );
        assert_eq!(endpoints("host=a,b port=7"), [tcp("a", None, 7), tcp("b", None, 7)]);
        assert_eq!(endpoints("host=a hostaddr=::1"), [tcp("a", Some("::1"), 5432)]);
        assert_eq!(endpoints("hostaddr=127.0.0.1"), [tcp("127.0.0.1", Some("127.0.0.1"), 5432)]);
        let mut balanced = endpoints("host=a,b,c load_balance_hosts=random");
        balanced.sort_by_key(|endpoint| format!("{endpoint:?}"));
        assert_eq!(balanced, endpoints("host=a,b,c"));
    }

    #[test]
    fn no_host_is_a_socket() {
        let endpoint = &parameters("port=1").unwrap().endpoints[0];
        assert!(matches!(endpoint, Endpoint::Socket { port: 1, .. }), "{endpoint:?}");
    }

    #[test]
    fn application_names_in_order() {
        let name = |connstr| parameters(connstr).unwrap().application_name;
        assert_eq!(name(""), "job:db");
        assert_eq!(name("fallback_application_name=f"), "f");
        assert_eq!(name("fallback_application_name=f application_name=a"), "a");
    }

    #[test]
    fn tls_from_the_first_byte_is_for_those_who_insist_on_it() {
        let negotiation = |connstr: &str| parameters(connstr).unwrap().negotiation;
        assert_eq!(negotiation(""), SslNegotiation::Postgres);
        assert_eq!(negotiation("sslnegotiation=postgres sslmode=allow"), SslNegotiation::Postgres);
        for more in ["sslmode=require", "sslmode=verify-ca", "sslrootcert=system"] {
            let connstr = format!("sslnegotiation=direct {more}");
            assert_eq!(negotiation(&connstr), SslNegotiation::Direct, "{more}");
        }
    }

    #[test]
    fn timeouts() {
        let timeout = |connstr| parameters(connstr).unwrap().timeout.map(|t| t.as_secs());
        assert_eq!(timeout(""), None);
        assert_eq!(timeout("connect_timeout=0"), None);
        assert_eq!(timeout("connect_timeout=-1"), None);
        assert_eq!(timeout("connect_timeout=1"), Some(2));
        assert_eq!(timeout("connect_timeout=10"), Some(10));
    }

    #[test]
    fn bad_values_are_named() {
        refused("port=x", "invalid integer value \"x\" for connection option \"port\"");
        refused("port=65536", "invalid port number: \"65536\"");
        refused("host=a,b port=1,2,3", "could not match 3 port numbers to 2 hosts");
        refused("host=a,b hostaddr=::1", "could not match 2 host names to 1 hostaddr values");
        refused("hostaddr=a", "could not parse network address \"a\"");
        refused("sslmode=on", "invalid sslmode value: \"on\"");
        refused(
            "connect_timeout=1s",
            "invalid integer value \"1s\" for connection option \"connect_timeout\"",
        );
        refused("load_balance_hosts=yes", "invalid load_balance_hosts value: \"yes\"");
        refused("sslnegotiation=now", "invalid sslnegotiation value: \"now\"");
        let weak = |mode| {
            format!(
                "weak sslmode \"{mode}\" may not be used with sslnegotiation=direct (use \"require\", \"verify-ca\", \
                 or \"verify-full\")"
            )
        };
        refused("sslnegotiation=direct", &weak("prefer"));
        for mode in ["disable", "allow", "prefer"] {
            refused(&format!("sslnegotiation=direct sslmode={mode}"), &weak(mode));
        }
        refused(
            "sslmode=require sslrootcert=system",
            "weak sslmode \"require\" may not be used with sslrootcert=system (use \"verify-full\")",
        );
        refused(
            "client_encoding=latin1",
            "client_encoding \"latin1\" is not supported: only UTF8 is, the server converts",
        );
        refused("requirepeer=postgres", "connection option \"requirepeer\" is not supported");
    }

    #[test]
    fn debug_shows_no_password() {
        let parameters = parameters("password=secret").unwrap();
        let password = parameters.password(&parameters.endpoints[0]);
        assert_eq!(password.text.as_deref(), Some("secret"));
        assert!(!format!("{parameters:?} {password:?}").contains("secret"));
    }
}
