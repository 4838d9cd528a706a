//! Records as UDP packets, in the two forms that skytools' log servers take: JSON and tnetstrings.
//!
//! Departures: a message is cut at its end and not in a character; what cannot be sent at once is lost.

use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

use super::pattern::seconds;
use super::record::{Record, Severity, cut, host_address, host_name};

/// How a record is written into a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object (`UdpLogServerHandler`).
    Json,
    /// One tnetstring dictionary (`UdpTNetStringsHandler`).
    TnetString,
}

/// Longest message of a JSON packet, in bytes.
const JSON_MESSAGE: usize = 2048;

/// Longest message of a tnetstring packet: what a packet can hold beside everything else.
const PACKET_MESSAGE: usize = 60_000;

/// A log server, connected when there is something to send.
#[derive(Debug)]
pub(super) struct LogServer {
    address: HostPort,
    encoding: Encoding,
    socket: Option<UdpSocket>,
}

impl LogServer {
    pub(super) fn new(host: &str, port: u16, encoding: Encoding) -> LogServer {
        LogServer { address: HostPort::new(host, port), encoding, socket: None }
    }

    /// Sends a record, or drops it. `message` is the record's text in the destination's format.
    pub(super) fn send(&mut self, record: &Record<'_>, message: &str) {
        if self.socket.is_none() {
            self.socket = self.address.connect();
        }
        let packet = match self.encoding {
            Encoding::Json => json(record, message),
            Encoding::TnetString => tnetstring(record),
        };
        if let Some(socket) = &self.socket {
            // Nobody listens: the refusal of one packet is reported to the next, which is none the worse for it.
            let sent = socket.send(packet.as_bytes()).or_else(|_| socket.send(packet.as_bytes()));
            if sent.is_err() {
                self.socket = None;
            }
        }
    }
}

/// How long a host is left alone after it could not be found.
const PAUSE: Duration = Duration::from_secs(60);

/// How much longer than the search for the host itself the pause is at least.
const PATIENCE: u32 = 20;

/// Where packets go. Looking for a host by its name may take as long as the name servers like, while everybody who has
/// something to log waits; so it is not done for every record.
#[derive(Debug)]
pub(super) struct HostPort {
    host: String,
    port: u16,
    not_before: Option<Instant>,
}

impl HostPort {
    pub(super) fn new(host: &str, port: u16) -> HostPort {
        HostPort { host: host.to_owned(), port, not_before: None }
    }

    /// A socket that sends to the first address of the host and never waits; `None` if there is no such host, or was none
    /// a moment ago.
    pub(super) fn connect(&mut self) -> Option<UdpSocket> {
        let started = Instant::now();
        if self.not_before.is_some_and(|time| started < time) {
            return None;
        }
        let addresses = (self.host.as_str(), self.port).to_socket_addrs().into_iter().flatten();
        let socket = addresses.filter_map(|address| connect(address).ok()).next();
        self.not_before = match socket {
            Some(_) => None,
            None => Some(Instant::now() + PAUSE.max(started.elapsed() * PATIENCE)),
        };
        socket
    }
}

fn connect(address: SocketAddr) -> io::Result<UdpSocket> {
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn json(record: &Record<'_>, message: &str) -> String {
    let level = match record.severity {
        Severity::Critical => "FATAL",
        Severity::Warning => "WARN",
        severity => severity.name(),
    };
    let text = |text: &str| json_string(text);
    format!(
        "{{\n\t\"logger\": \"skytools.UdpLogServer\",\n\t\"timestamp\": {},\n\t\"level\": \"{level}\",\n\t\
         \"thread\": null,\n\t\"message\": {},\n\t\"properties\": {{\"application\":{}, \"apptype\": {}, \
         \"type\": \"sys\", \"hostname\":{}, \"hostaddr\": {}}}\n}}\n",
        record.now.timestamp().as_millisecond(),
        text(cut(message, JSON_MESSAGE)),
        text(&record.origin.job),
        text(&record.origin.service),
        text(host_name()),
        text(host_address()),
    )
}

fn json_string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' | '/' => json.extend(['\\', c]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            c if c < ' ' => write!(json, "\\u{:04x}", u32::from(c)).expect("a string grows"),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

fn tnetstring(record: &Record<'_>) -> String {
    let text = |text: &str| sized(text, ',');
    let pairs = [
        ("created", sized(&seconds(record).to_string(), '^')),
        ("exc_text", sized("", '~')),
        ("levelname", text(record.severity.name())),
        ("levelno", sized(&record.severity.number().to_string(), '#')),
        ("message", text(cut(record.message, PACKET_MESSAGE))),
        ("msecs", sized(&format!("{}.0", record.now.millisecond()), '^')),
        ("name", text(record.name)),
        ("hostaddr", text(host_address())),
        ("hostname", text(host_name())),
        ("job_name", text(&record.origin.job)),
        ("service_name", text(&record.origin.service)),
    ];
    let body: String = pairs.iter().map(|(key, value)| text(key) + value).collect();
    sized(&body, '}')
}

fn sized(text: &str, kind: char) -> String {
    format!("{}:{text}{kind}", text.len())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::record::Origin;
    use super::*;

    fn with_record<R>(severity: Severity, message: &str, look: impl FnOnce(&Record<'_>) -> R) -> R {
        let origin = Origin { job: "job1".to_owned(), service: "londiste".to_owned() };
        let now = date(2024, 5, 6).at(7, 8, 9, 12_000_000).in_tz("UTC").expect("a zone");
        look(&Record { now, severity, message, name: "x", file: "x.rs", line: 1, origin: &origin })
    }

    #[test]
    fn json_packets() {
        let (host, address) = (host_name(), host_address());
        let packet = with_record(Severity::Warning, "a\tb\u{1}\"\\ / ö\n", |r| json(r, r.message));
        assert_eq!(
            packet,
            format!(
                "{{\n\t\"logger\": \"skytools.UdpLogServer\",\n\t\"timestamp\": 1714979289012,\n\t\"level\": \"WARN\",\n\
                 \t\"thread\": null,\n\t\"message\": \"a\\tb\\u0001\\\"\\\\ \\/ ö\\n\",\n\
                 \t\"properties\": {{\"application\":\"job1\", \"apptype\": \"londiste\", \"type\": \"sys\", \
                 \"hostname\":\"{host}\", \"hostaddr\": \"{address}\"}}\n}}\n"
            )
        );
        let long = with_record(Severity::Info, &"é".repeat(5000), |r| json(r, r.message));
        assert_eq!(long.matches('é').count(), JSON_MESSAGE / 2);
    }

    #[test]
    fn tnetstring_packets() {
        let (host, address) = (host_name(), host_address());
        let packet = with_record(Severity::Info, "wörld", tnetstring);
        let body = format!(
            "7:created,14:1714979289.012^8:exc_text,0:~9:levelname,4:INFO,7:levelno,2:20#7:message,6:wörld,\
             5:msecs,4:12.0^4:name,1:x,8:hostaddr,{}:{address},8:hostname,{}:{host},8:job_name,4:job1,\
             12:service_name,8:londiste,",
            address.len(),
            host.len()
        );
        assert_eq!(packet, format!("{}:{body}}}", body.len()));
    }

    #[test]
    fn a_host_that_is_not_found_is_left_alone_for_a_while() {
        let mut address = HostPort::new("no such host", 1);
        assert!(address.connect().is_none());
        address.host = "127.0.0.1".to_owned();
        assert!(address.connect().is_none(), "it is not looked for again");
        address.not_before = Some(Instant::now());
        assert!(address.connect().is_some());
    }

    #[test]
    fn a_server_that_comes_later_gets_what_follows() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("bound");
        let port = server.local_addr().expect("bound").port();
        drop(server);
        let mut log = LogServer::new("127.0.0.1", port, Encoding::Json);
        for _ in 0..3 {
            with_record(Severity::Info, "lost", |r| log.send(r, r.message));
        }
        // Somebody else may have taken the port meanwhile: then there is nothing to show here.
        let Ok(server) = UdpSocket::bind(("127.0.0.1", port)) else { return };
        with_record(Severity::Info, "heard", |r| log.send(r, r.message));
        server.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("set");
        let mut buffer = [0; 2000];
        let length = server.recv(&mut buffer).expect("a packet");
        let packet = String::from_utf8_lossy(&buffer[..length]);
        assert!(packet.contains("\"message\": \"heard\""), "{packet}");
    }
}
