//! The system log: as libc's `syslog(3)` with the process number writes it, and as Python's handlers do.
//!
//! Departures: a log daemon that does not keep up loses records instead of stopping us; records of the level TRACE
//! have the priority "debug", where Python's handler takes "warning" for what it does not know.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::datagram::HostPort;
use super::record::{Record, Severity, host_name};

/// Where the log daemon usually listens.
pub const SOCKET: &str = "/dev/log";

/// Where a log daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogAddress {
    /// A socket.
    Unix(PathBuf),
    /// Host and port.
    Udp(String, u16),
}

/// What stands in front of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyslogHeader {
    /// Time, program and process, as libc's function writes them.
    Libc {
        /// The program's name.
        ident: String,
    },
    /// Nothing but the priority; records end with a zero byte.
    Bare,
    /// Host and service; records end with a zero byte.
    Host,
}

/// Syslog destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyslogPlan {
    /// Where to.
    pub address: SyslogAddress,
    /// Number of the facility, see [`facility`].
    pub facility: u8,
    /// What stands in front of a message.
    pub header: SyslogHeader,
}

impl SyslogPlan {
    /// As `syslog(3)` sends it; an unknown facility means `daemon`.
    pub fn libc(ident: &str, facility_name: &str) -> SyslogPlan {
        SyslogPlan {
            address: SyslogAddress::Unix(SOCKET.into()),
            facility: facility(facility_name).unwrap_or(3),
            header: SyslogHeader::Libc { ident: ident.to_owned() },
        }
    }
}

/// The number of a facility: `daemon`, `local0`, ...
pub fn facility(name: &str) -> Option<u8> {
    const NAMES: [&str; 24] = [
        "kern",
        "user",
        "mail",
        "daemon",
        "auth",
        "syslog",
        "lpr",
        "news",
        "uucp",
        "cron",
        "authpriv",
        "ftp",
        "ntp",
        "security",
        "console",
        "solaris-cron",
        "local0",
        "local1",
        "local2",
        "local3",
        "local4",
        "local5",
        "local6",
        "local7",
    ];
    let number = NAMES.iter().position(|known| *known == name)?;
    u8::try_from(number).ok()
}

/// A connection to the log daemon, made when there is something to send.
#[derive(Debug)]
pub(super) struct Syslog {
    plan: SyslogPlan,
    daemon: Daemon,
    socket: Option<Socket>,
}

/// Where it listens.
#[derive(Debug)]
enum Daemon {
    Unix(PathBuf),
    Udp(HostPort),
}

#[derive(Debug)]
enum Socket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
}

impl Syslog {
    pub(super) fn new(plan: &SyslogPlan) -> Syslog {
        let daemon = match &plan.address {
            SyslogAddress::Unix(path) => Daemon::Unix(path.clone()),
            SyslogAddress::Udp(host, port) => Daemon::Udp(HostPort::new(host, *port)),
        };
        Syslog { plan: plan.clone(), daemon, socket: None }
    }

    /// Sends a record, or drops it when nobody listens.
    pub(super) fn send(&mut self, record: &Record<'_>, message: &str) {
        let priority = self.plan.facility << 3 | severity(record.severity);
        let text = match &self.plan.header {
            SyslogHeader::Libc { ident } => {
                let time = record.now.strftime("%b %e %H:%M:%S");
                let process = std::process::id();
                format!("<{priority}>{time} {ident}[{process}]: {message}")
            }
            SyslogHeader::Bare => format!("<{priority}>{message}\0"),
            SyslogHeader::Host => {
                format!("<{priority}> {} {} {message}\0", host_name(), record.origin.service)
            }
        };
        // The daemon may have been restarted since the last record: its old socket is gone.
        if !self.try_send(text.as_bytes()) {
            self.socket = None;
            self.try_send(text.as_bytes());
        }
    }

    fn try_send(&mut self, record: &[u8]) -> bool {
        if self.socket.is_none() {
            self.socket = match &mut self.daemon {
                Daemon::Unix(path) => connect(path).ok().map(Socket::Unix),
                Daemon::Udp(address) => address.connect().map(Socket::Udp),
            };
        }
        match &self.socket {
            Some(Socket::Unix(socket)) => socket.send(record).is_ok(),
            Some(Socket::Udp(socket)) => socket.send(record).is_ok(),
            None => false,
        }
    }
}

fn connect(path: &Path) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(path)?;
    Ok(socket)
}

fn severity(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 2,
        Severity::Error => 3,
        Severity::Warning => 4,
        Severity::Info => 6,
        Severity::Debug | Severity::Trace => 7,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Zoned;

    use super::super::record::Origin;
    use super::*;

    fn plan(address: &Path, header: SyslogHeader) -> SyslogPlan {
        SyslogPlan {
            address: SyslogAddress::Unix(address.to_owned()),
            facility: facility("local3").expect("known"),
            header,
        }
    }

    fn send(syslog: &mut Syslog, severity: Severity, message: &str) {
        let origin = Origin { job: "job".to_owned(), service: "londiste".to_owned() };
        let now = Zoned::now();
        let record =
            Record { now, severity, message, name: "a", file: "a.rs", line: 1, origin: &origin };
        syslog.send(&record, message);
    }

    fn receive(daemon: &UnixDatagram) -> String {
        let mut buffer = [0; 1000];
        let length = daemon.recv(&mut buffer).expect("a record");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn records_of_a_log_daemon_that_comes_and_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = folder.path().join("log");
        let header = SyslogHeader::Libc { ident: "tick".to_owned() };
        let mut syslog = Syslog::new(&plan(&address, header));
        send(&mut syslog, Severity::Info, "nobody listens");

        let daemon = UnixDatagram::bind(&address).expect("bound");
        send(&mut syslog, Severity::Error, "one\ntwo");
        let record = receive(&daemon);
        let (priority, rest) = record.split_once('>').expect("a priority");
        assert_eq!(priority, "<155");
        let (time, text) = rest.split_at("Nov 20 21:09:41 ".len());
        assert_eq!(text, format!("tick[{}]: one\ntwo", std::process::id()));
        assert_eq!(time.matches(':').count(), 2, "{time}");

        drop(daemon);
        std::fs::remove_file(&address).expect("removed");
        let daemon = UnixDatagram::bind(&address).expect("bound");
        send(&mut syslog, Severity::Critical, "after a restart");
        assert!(receive(&daemon).starts_with("<154>"));
    }

    #[test]
    fn as_python_writes_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = folder.path().join("log");
        let daemon = UnixDatagram::bind(&address).expect("bound");
        let mut bare = Syslog::new(&plan(&address, SyslogHeader::Bare));
        send(&mut bare, Severity::Info, "hello");
        assert_eq!(receive(&daemon), "<158>hello\0");
        send(&mut bare, Severity::Trace, "chatty");
        assert_eq!(receive(&daemon), "<159>chatty\0");
        let mut host = Syslog::new(&plan(&address, SyslogHeader::Host));
        send(&mut host, Severity::Warning, "hello");
        assert_eq!(receive(&daemon), format!("<156> {} londiste hello\0", host_name()));

        let daemon = UdpSocket::bind("127.0.0.1:0").expect("bound");
        let port = daemon.local_addr().expect("bound").port();
        let mut udp = Syslog::new(&SyslogPlan {
            address: SyslogAddress::Udp("127.0.0.1".to_owned(), port),
            facility: 1,
            header: SyslogHeader::Bare,
        });
        send(&mut udp, Severity::Info, "x");
        let mut buffer = [0; 100];
        let length = daemon.recv(&mut buffer).expect("a record");
        assert_eq!(&buffer[..length], b"<14>x\0");
    }

    #[test]
    fn facilities() {
        assert_eq!(facility("daemon"), Some(3));
        assert_eq!(facility("local7"), Some(23));
        assert_eq!(SyslogPlan::libc("x", "what").facility, 3);
    }
}
