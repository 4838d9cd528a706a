//! Trying one place after the other, with libpq's rules for what is tried next and its words for what went wrong.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::errno::Errno;
use tokio_postgres::config::SslMode as DriverSslMode;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{Client, Config, Connection, Socket};

use super::parameters::{Endpoint, Parameters, Password, SessionKind, SslMode};
use super::tls::{Connector, Tls};
use crate::{Error, Result};

/// A live connection.
pub(super) struct Established {
    pub(super) client: Client,
    pub(super) connection: Connection<Socket, super::tls::Stream>,
    /// For the connection that carries a cancel request.
    pub(super) tls: Connector,
}

/// One failed try.
struct Failure {
    message: String,
    source: Option<tokio_postgres::Error>,
    /// Whether another place may do better.
    go_on: bool,
}

/// Connects to the first place that takes us.
pub(super) async fn establish(parameters: &Parameters) -> Result<Established> {
    let tls = Tls::new(parameters)?;
    // `prefer-standby` looks for a standby first and takes anything in a second round.
    let rounds: &[SessionKind] = match parameters.session {
        SessionKind::PreferStandby => &[SessionKind::Standby, SessionKind::Any],
        _ => std::slice::from_ref(&parameters.session),
    };
    let mut failures: Vec<Failure> = Vec::new();
    for &session in rounds {
        failures.clear();
        for endpoint in &parameters.endpoints {
            match at_endpoint(parameters, endpoint, session, &tls, &mut failures).await {
                Some(established) => return Ok(established),
                None if failures.last().is_some_and(|failure| !failure.go_on) => break,
                None => {}
            }
        }
    }
    let mut messages: Vec<String> = Vec::new();
    for failure in &failures {
        if !messages.contains(&failure.message) {
            messages.push(failure.message.clone());
        }
    }
    Err(Error::connect(messages.join("\n"), failures.pop().and_then(|failure| failure.source)))
}

/// Tries every address of one place.
async fn at_endpoint(
    parameters: &Parameters,
    endpoint: &Endpoint,
    session: SessionKind,
    tls: &Tls,
    failures: &mut Vec<Failure>,
) -> Option<Established> {
    let addresses = match resolve(parameters, endpoint).await {
        Ok(addresses) => addresses,
        Err(message) => {
            failures.push(Failure { message, source: None, go_on: true });
            return None;
        }
    };
    let password = parameters.password(endpoint);
    for address in addresses {
        let attempt = Attempt { parameters, endpoint, address, password: &password, session };
        match attempt.run(tls).await {
            Ok(established) => return Some(established),
            Err(failed) => {
                failures.extend(failed);
                if failures.last().is_some_and(|failure| !failure.go_on) {
                    return None;
                }
            }
        }
    }
    None
}

/// The addresses of a place; a socket has the one that is none.
async fn resolve(
    parameters: &Parameters,
    endpoint: &Endpoint,
) -> std::result::Result<Vec<Option<IpAddr>>, String> {
    let (name, port) = match endpoint {
        Endpoint::Socket { .. } => return Ok(vec![None]),
        Endpoint::Tcp { address: Some(address), .. } => return Ok(vec![Some(*address)]),
        Endpoint::Tcp { name, port, .. } => (name, *port),
    };
    let failed = |why: &str| format!("could not translate host name \"{name}\" to address: {why}");
    let lookup = within(parameters.timeout, tokio::net::lookup_host((name.as_str(), port)));
    let found: Vec<SocketAddr> = match lookup.await {
        None => return Err(failed("timeout expired")),
        Some(Err(error)) => {
            let text = error.to_string();
            return Err(failed(text.rsplit_once(": ").map_or(&*text, |(_, why)| why)));
        }
        Some(Ok(found)) => found.collect(),
    };
    if found.is_empty() {
        return Err(failed("Name or service not known"));
    }
    let mut addresses: Vec<_> = found.iter().map(|address| Some(address.ip())).collect();
    if parameters.info.get("load_balance_hosts") == Some("random") {
        super::parameters::shuffle(&mut addresses);
    }
    Ok(addresses)
}

/// `None` when the time is over.
pub(super) async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

/// One address.
struct Attempt<'a> {
    parameters: &'a Parameters,
    endpoint: &'a Endpoint,
    address: Option<IpAddr>,
    password: &'a Password,
    session: SessionKind,
}

impl Attempt<'_> {
    /// Tries with and without TLS as `sslmode` says.
    async fn run(&self, tls: &Tls) -> std::result::Result<Established, Vec<Failure>> {
        let on_socket = self.address.is_none();
        let order: &[DriverSslMode] = match self.parameters.sslmode {
            // No TLS on Unix sockets, whatever is asked for.
            _ if on_socket => &[DriverSslMode::Disable],
            SslMode::Disable => &[DriverSslMode::Disable],
            SslMode::Allow => &[DriverSslMode::Disable, DriverSslMode::Require],
            SslMode::Prefer => &[DriverSslMode::Prefer, DriverSslMode::Disable],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[DriverSslMode::Require],
        };
        let mut failures = Vec::new();
        for (at, &mode) in order.iter().enumerate() {
            let connect = self.connect(mode, tls);
            match within(self.parameters.timeout, connect).await {
                Some(Ok(established)) => return Ok(established),
                Some(Err(failure)) => {
                    let other = at + 1 < order.len()
                        && failure.source.as_ref().is_some_and(may_depend_on_encryption);
                    failures.push(failure);
                    if !other {
                        break;
                    }
                }
                None => {
                    failures.push(self.failure("timeout expired", None, true));
                    break;
                }
            }
        }
        Err(failures)
    }

    async fn connect(
        &self,
        mode: DriverSslMode,
        tls: &Tls,
    ) -> std::result::Result<Established, Failure> {
        let config = self.config(mode).map_err(|e| self.failure(&e.to_string(), None, false))?;
        let connector = tls.connector();
        let (client, connection) = config.connect(connector.clone()).await.map_err(|source| {
            let mut message = explain(&source, self.address.is_none());
            let code = source.code().map(tokio_postgres::error::SqlState::code);
            if let (Some("28P01"), Some(file)) = (code, &self.password.file) {
                message.push_str(&format!("\npassword retrieved from file \"{}\"", file.display()));
            }
            // A server that answers has decided, unless it says that it is not ready.
            let go_on = code.is_none_or(|code| code == "57P03");
            self.failure(&message, Some(source), go_on)
        })?;
        let mut established = Established { client, connection, tls: connector };
        if let Some(refusal) = wrong_session(&mut established, self.session).await {
            return Err(match refusal {
                Ok(text) => self.failure(text, None, true),
                Err(source) => self.failure(&explain(&source, false), Some(source), true),
            });
        }
        Ok(established)
    }

    fn failure(&self, why: &str, source: Option<tokio_postgres::Error>, go_on: bool) -> Failure {
        let place = match (self.endpoint, self.address) {
            (Endpoint::Socket { folder, port }, _) => {
                format!("on socket \"{}/.s.PGSQL.{port}\"", folder.display())
            }
            (Endpoint::Tcp { name, port, .. }, Some(address)) if *name != address.to_string() => {
                format!("at \"{name}\" ({address}), port {port}")
            }
            (Endpoint::Tcp { name, port, .. }, _) => format!("at \"{name}\", port {port}"),
        };
        Failure { message: format!("connection to server {place} failed: {why}"), source, go_on }
    }

    /// The driver's form of the parameters, for this one address.
    fn config(&self, mode: DriverSslMode) -> Result<Config> {
        let parameters = self.parameters;
        let mut config = Config::new();
        match self.endpoint {
            Endpoint::Socket { folder, port } => config.host_path(folder).port(*port),
            Endpoint::Tcp { name, port, .. } => config.host(name).port(*port),
        };
        if let Some(address) = self.address {
            config.hostaddr(address);
        }
        config.user(&parameters.user).dbname(&parameters.dbname);
        config.application_name(&parameters.application_name).ssl_mode(mode);
        if let Some(password) = &self.password.text {
            config.password(password);
        }
        if let Some(options) = parameters.info.get("options").filter(|value| !value.is_empty()) {
            config.options(options);
        }
        config.channel_binding(parameters.channel_binding);
        config.ssl_negotiation(parameters.negotiation);
        self.keepalives(&mut config)?;
        Ok(config)
    }

    /// Keepalives are on unless switched off. Without further settings a silent peer is given up after some minutes and
    /// not after two hours: these connections are open for long and often idle, and a firewall that forgets one, or a host
    /// that lost its power, says nothing. Zero asks for the driver's or the operating system's value.
    fn keepalives(&self, config: &mut Config) -> Result<()> {
        let positive = |keyword, default: Option<u64>| -> Result<Option<u64>> {
            let given = self.parameters.integer(keyword)?.and_then(|n| u64::try_from(n).ok());
            Ok(given.or(default).filter(|n| *n > 0))
        };
        config.keepalives(self.parameters.integer("keepalives")? != Some(0));
        if let Some(seconds) = positive("keepalives_idle", Some(240))? {
            config.keepalives_idle(Duration::from_secs(seconds));
        }
        if let Some(seconds) = positive("keepalives_interval", Some(15))? {
            config.keepalives_interval(Duration::from_secs(seconds));
        }
        if let Some(count) = positive("keepalives_count", Some(4))? {
            config.keepalives_retries(u32::try_from(count).unwrap_or(u32::MAX));
        }
        if let Some(milliseconds) = positive("tcp_user_timeout", None)? {
            config.tcp_user_timeout(Duration::from_millis(milliseconds));
        }
        Ok(())
    }
}

/// Whether the same try with (or without) TLS may do better: `pg_hba.conf` refused it, or the handshake failed.
fn may_depend_on_encryption(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => code.code() == "28000",
        None => is_tls(error),
    }
}

fn is_tls(error: &tokio_postgres::Error) -> bool {
    error.to_string().contains("TLS handshake")
}

/// Why the session is not of the kind asked for: libpq's text, or the error met while asking.
async fn wrong_session(
    established: &mut Established,
    wanted: SessionKind,
) -> Option<std::result::Result<&'static str, tokio_postgres::Error>> {
    let (question, wrong_answer, refusal) = match wanted {
        SessionKind::Any | SessionKind::PreferStandby => return None,
        SessionKind::ReadWrite => ("show transaction_read_only", "on", "session is read-only"),
        SessionKind::ReadOnly => ("show transaction_read_only", "off", "session is not read-only"),
        SessionKind::Primary => {
            ("select pg_catalog.pg_is_in_recovery()", "t", "server is in hot standby mode")
        }
        SessionKind::Standby => {
            ("select pg_catalog.pg_is_in_recovery()", "f", "server is not in hot standby mode")
        }
    };
    let Established { client, connection, .. } = established;
    let answer = tokio::select! {
        answer = client.simple_query(question) => answer,
        // The connection only ends before its client when it breaks, and then the query says so.
        Err(error) = drive(connection) => Err(error),
    };
    match answer {
        Err(error) => Some(Err(error)),
        Ok(messages) => messages.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some(wrong_answer) => {
                Some(Ok(refusal))
            }
            _ => None,
        }),
    }
}

/// Keeps the connection going until it ends.
async fn drive<T>(
    connection: &mut Connection<Socket, T>,
) -> std::result::Result<(), tokio_postgres::Error>
where
    T: TlsStream + Unpin,
{
    connection.await
}

/// A driver error in libpq's words.
pub(super) fn explain(error: &tokio_postgres::Error, on_socket: bool) -> String {
    if let Some(db) = error.as_db_error() {
        let mut text = format!("{}:  {}", db.severity(), db.message());
        for (label, part) in [("DETAIL", db.detail()), ("HINT", db.hint())] {
            if let Some(part) = part {
                text.push_str(&format!("\n{label}:  {part}"));
            }
        }
        return text;
    }
    let causes = causes(error);
    if causes.iter().any(|cause| cause == "password missing") {
        return "fe_sendauth: no password supplied".to_owned();
    }
    if causes.iter().any(|cause| cause == "server does not support TLS") {
        return "server does not support SSL, but SSL was required".to_owned();
    }
    let deepest = causes.last().map_or_else(|| error.to_string(), Clone::clone);
    if is_tls(error) {
        return format!("SSL error: {deepest}");
    }
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    let text = io.and_then(io::Error::raw_os_error).map(|code| Errno::from_raw(code).desc());
    if error.to_string() == "error connecting to server" {
        let hint = if on_socket {
            "Is the server running locally and accepting connections on that socket?"
        } else {
            "Is the server running on that host and accepting TCP/IP connections?"
        };
        return format!("{}\n\t{hint}", text.unwrap_or(&deepest));
    }
    if error.is_closed() || io.is_some_and(|io| io.kind() == io::ErrorKind::UnexpectedEof) {
        return "server closed the connection unexpectedly\n\
                \tThis probably means the server terminated abnormally\n\
                \tbefore or while processing the request."
            .to_owned();
    }
    text.map_or(deepest, str::to_owned)
}

/// The texts behind an error, outermost first.
fn causes(error: &tokio_postgres::Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use crate::conn::ConnInfo;
    use crate::conn::defaults::Environment;

    use super::*;

    /// The driver's configuration for a host.
    fn config(more: &str) -> Config {
        let info = ConnInfo::parse(&format!("host=h user=u {more}")).unwrap();
        let parameters = Parameters::new(&info, &Environment::default(), "a").unwrap();
        let password = parameters.password(&parameters.endpoints[0]);
        let attempt = Attempt {
            parameters: &parameters,
            endpoint: &parameters.endpoints[0],
            address: None,
            password: &password,
            session: parameters.session,
        };
        attempt.config(DriverSslMode::Disable).unwrap()
    }

    #[test]
    fn keepalives_are_on_and_impatient_unless_told() {
        let seconds = Duration::from_secs;
        let usual = config("");
        assert!(usual.get_keepalives());
        assert_eq!(usual.get_keepalives_idle(), seconds(240));
        assert_eq!(usual.get_keepalives_interval(), Some(seconds(15)));
        assert_eq!(usual.get_keepalives_retries(), Some(4));
        assert_eq!(usual.get_tcp_user_timeout(), None);
        let told = config(
            "keepalives_idle=10 keepalives_interval=0 keepalives_count=2 tcp_user_timeout=1500",
        );
        assert_eq!(told.get_keepalives_idle(), seconds(10));
        assert_eq!(told.get_keepalives_interval(), None);
        assert_eq!(told.get_keepalives_retries(), Some(2));
        assert_eq!(told.get_tcp_user_timeout(), Some(&Duration::from_millis(1500)));
        assert!(!config("keepalives=0").get_keepalives());
    }
}
