//! The system log, as libc's `syslog(3)` with the process number writes it.
//!
//! Departures: a log daemon that does not keep up loses records instead of stopping us.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use super::SyslogPlan;
use super::format::{Tag, system_zone};

/// Where the log daemon listens.
const SOCKET: &str = "/dev/log";

/// A connection to the log daemon, made when there is something to send.
#[derive(Debug)]
pub(super) struct Syslog {
    ident: String,
    facility: u8,
    address: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Syslog {
    pub(super) fn new(plan: &SyslogPlan) -> Syslog {
        Syslog::at(Path::new(SOCKET), plan)
    }

    fn at(address: &Path, plan: &SyslogPlan) -> Syslog {
        Syslog {
            ident: plan.ident.clone(),
            facility: facility(&plan.facility),
            address: address.to_owned(),
            socket: None,
        }
    }

    /// Sends a record, or drops it when nobody listens. Debugging records are not sent.
    pub(super) fn send(&mut self, tag: Tag, message: &str) {
        let Some(severity) = severity(tag) else { return };
        let now = Zoned::now().with_time_zone(system_zone());
        let priority = self.facility << 3 | severity;
        let time = now.strftime("%b %e %H:%M:%S");
        let (ident, process) = (&self.ident, std::process::id());
        let record = format!("<{priority}>{time} {ident}[{process}]: {message}");
        // The daemon may have been restarted since the last record: its old socket is gone.
        if !self.try_send(record.as_bytes()) {
            self.socket = None;
            self.try_send(record.as_bytes());
        }
    }

    fn try_send(&mut self, record: &[u8]) -> bool {
        if self.socket.is_none() {
            self.socket = connect(&self.address).ok();
        }
        self.socket.as_ref().is_some_and(|socket| socket.send(record).is_ok())
    }
}

fn connect(address: &Path) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(address)?;
    Ok(socket)
}

fn severity(tag: Tag) -> Option<u8> {
    match tag {
        Tag::Fatal => Some(2),
        Tag::Error => Some(3),
        Tag::Warning => Some(4),
        Tag::Info => Some(6),
        Tag::Debug | Tag::Trace => None,
    }
}

fn facility(name: &str) -> u8 {
    const DAEMON: u8 = 3;
    match name {
        "user" => 1,
        "auth" => 4,
        "authpriv" => 10,
        "local0" => 16,
        "local1" => 17,
        "local2" => 18,
        "local3" => 19,
        "local4" => 20,
        "local5" => 21,
        "local6" => 22,
        "local7" => 23,
        _ => DAEMON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(facility: &str) -> SyslogPlan {
        SyslogPlan { ident: "tick".to_owned(), facility: facility.to_owned() }
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
        let mut syslog = Syslog::at(&address, &plan("local3"));
        syslog.send(Tag::Info, "nobody listens");

        let daemon = UnixDatagram::bind(&address).expect("bound");
        syslog.send(Tag::Debug, "not sent");
        syslog.send(Tag::Error, "one\ntwo");
        let record = receive(&daemon);
        let (priority, rest) = record.split_once('>').expect("a priority");
        assert_eq!(priority, "<155");
        let (time, text) = rest.split_at("Nov 20 21:09:41 ".len());
        assert_eq!(text, format!("tick[{}]: one\ntwo", std::process::id()));
        assert_eq!(time.matches(':').count(), 2, "{time}");

        drop(daemon);
        std::fs::remove_file(&address).expect("removed");
        let daemon = UnixDatagram::bind(&address).expect("bound");
        syslog.send(Tag::Fatal, "after a restart");
        assert!(receive(&daemon).starts_with("<154>"));
    }

    #[test]
    fn facilities() {
        assert_eq!(facility("daemon"), 3);
        assert_eq!(facility("local7"), 23);
        assert_eq!(facility("what"), 3);
    }
}
