//! A throw-away PostgreSQL server on a free port of 127.0.0.1.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::server::{account, bin_folder, command, must_run};
use crate::{Database, folder};

/// Name of the superuser of every cluster. It needs no password.
pub const SUPERUSER: &str = "postgres";

/// Members of this role (create it where needed) have to give their password; all others are trusted.
pub const PASSWORD_ROLE: &str = "needs_password";

/// Roles belong to the whole server. The original's extensions look whether they are there and create them else, so two
/// tests that do this at once would trip over each other; on the shared server they are there from the start.
const SHARED_ROLES: &str = "
create role needs_password;
create role pgq_reader;
create role pgq_writer;
create role pgq_admin in role pgq_reader, pgq_writer;
create role londiste_reader in role pgq_reader;
create role londiste_writer in role pgq_admin;
";

/// How often another port is tried when somebody else took the free one first.
const PORT_ATTEMPTS: usize = 10;

/// Settings for speed on a server nobody will miss. `wal_level = minimal` also spares the WAL of fresh tables.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 200
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
password_encryption = 'scram-sha-256'
log_line_prefix = '%m [%p] %q%a %d '
";

/// Where a running cluster can be reached.
#[derive(Clone, Debug)]
pub struct Address {
    /// Port on 127.0.0.1, the same for the whole life of the cluster.
    pub port: u16,
    /// Folder of the Unix socket.
    pub socket_folder: PathBuf,
}

impl Address {
    /// Connect string in keyword form, without a database: what pgqd calls `base_connstr`.
    pub fn connstr(&self) -> String {
        format!("host=127.0.0.1 port={} user={SUPERUSER}", self.port)
    }
}

/// A server of our own. Dropping it stops the server and removes its files.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    address: Address,
}

impl Cluster {
    /// The cluster shared by all tests of this process, started at the first call. Do not stop it.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Self::start_new();
            cluster.create_database("roles").sql(SHARED_ROLES);
            cluster
        })
    }

    /// Another cluster, for tests that stop one or need two servers.
    pub fn start_new() -> Self {
        Self::launch(bin_folder(), "")
    }

    /// Another cluster, run by the server programs in this folder.
    pub fn start_with(programs: &Path) -> Self {
        Self::launch(programs, "")
    }

    /// Another cluster with settings of its own, lines of `postgresql.conf` that win over the usual ones.
    pub fn start_configured(settings: &str) -> Self {
        Self::launch(bin_folder(), settings)
    }

    fn launch(programs: &Path, settings: &str) -> Self {
        let folder = owned_folder("cluster");
        must_run(
            command("/bin/cp").arg("-a").arg(template(programs)).arg(folder.join("data")),
            "copying the template cluster",
        );
        append(&folder.join("data/postgresql.conf"), settings);
        let address = Address { port: 0, socket_folder: folder.clone() };
        let mut cluster = Self { programs: programs.to_owned(), folder, address };
        for _ in 0..PORT_ATTEMPTS {
            cluster.address.port = free_port();
            if cluster.try_start().is_ok() {
                return cluster;
            }
        }
        panic!("the server does not start:\n{}", cluster.log());
    }

    /// Where to connect.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A new database named `label` and a number; dropped with the value returned.
    pub fn create_database(&self, label: &str) -> Database {
        Database::create(&self.address, label)
    }

    /// Stops the server; open sessions are broken off (`pg_ctl stop -m fast`).
    pub fn stop(&self) {
        must_run(&mut self.pg_ctl(&["stop", "-m", "fast"]), "pg_ctl stop");
    }

    /// Starts the stopped server again, on the same port.
    pub fn start(&self) {
        self.try_start().unwrap_or_else(|why| panic!("pg_ctl start: {why}\n{}", self.log()));
    }

    /// Stops and starts the server; open sessions are broken off.
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Process number of the running server; its sessions are children of that process.
    ///
    /// # Panics
    /// When the server does not run.
    pub fn server_pid(&self) -> u32 {
        let pidfile = self.folder.join("data/postmaster.pid");
        let text =
            fs::read_to_string(&pidfile).unwrap_or_else(|e| panic!("no running server: {e}"));
        let first = text.lines().next().and_then(|line| line.parse().ok());
        first.unwrap_or_else(|| panic!("{}: no process number", pidfile.display()))
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    fn try_start(&self) -> Result<(), String> {
        let options = format!(
            "-c port={} -c unix_socket_directories='{}'",
            self.address.port,
            self.address.socket_folder.display()
        );
        // pg_ctl may not leave its pipes to the server: then reading them would never end.
        let status = self
            .pg_ctl(&["start", "-t", "60", "-o", &options])
            .arg("-l")
            .arg(self.folder.join("server.log"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(status.to_string()) }
    }

    fn pg_ctl(&self, args: &[&str]) -> std::process::Command {
        let mut pg_ctl = command(self.programs.join("pg_ctl"));
        pg_ctl.args(args).arg("-w").arg("-D").arg(self.folder.join("data"));
        pg_ctl
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The watchdog repeats this with more force, so a failure here is nobody's concern.
        let _ = self.pg_ctl(&["stop", "-m", "immediate"]).output();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The data folder that clusters of this server are copied from: `initdb` takes seconds, a copy does not.
fn template(programs: &Path) -> PathBuf {
    static TEMPLATES: Mutex<BTreeMap<PathBuf, PathBuf>> = Mutex::new(BTreeMap::new());
    // What an initdb that failed left is in no map.
    let mut templates = TEMPLATES.lock().unwrap_or_else(PoisonError::into_inner);
    templates.entry(programs.to_owned()).or_insert_with(|| create_template(programs)).clone()
}

fn create_template(programs: &Path) -> PathBuf {
    let data = owned_folder("template").join("template");
    must_run(
        command(programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--username", SUPERUSER])
            .arg("-D")
            .arg(&data),
        "initdb",
    );
    append(&data.join("postgresql.conf"), SETTINGS);
    let hba = data.join("pg_hba.conf");
    let trusting = fs::read_to_string(&hba).expect("initdb wrote it");
    let first = format!("host all +{PASSWORD_ROLE} 127.0.0.1/32 scram-sha-256\n");
    fs::write(&hba, first + &trusting).expect("own folder");
    data
}

fn append(file: &Path, text: &str) {
    let mut content = fs::read_to_string(file).expect("initdb wrote it");
    content.push_str(text);
    fs::write(file, content).expect("own folder");
}

/// A new folder owned by the account the servers run under.
fn owned_folder(label: &str) -> PathBuf {
    let path = folder::fresh(label);
    if let Some(user) = account() {
        std::os::unix::fs::chown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .expect("root may give its folders away");
    }
    path
}

/// A port on 127.0.0.1 that is free right now.
///
/// Never one that the kernel hands to outgoing connections: while the server is down, a client that keeps trying
/// such a port will one day be given it as its own and talk to itself, and the server cannot come back.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let outgoing_from = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(32_768_u32);
    let candidates = if outgoing_from > 12_000 { 10_000..outgoing_from } else { 61_000..65_000 };
    // Processes start their walk at different places, so that they rarely want the same port.
    let start = std::process::id() % 20_000 * 7;
    (0..candidates.len())
        .find_map(|_| {
            let step = start + NEXT.fetch_add(1, Ordering::Relaxed);
            let port = candidates.start + step % (candidates.end - candidates.start);
            let port = u16::try_from(port).expect("the ranges above end before 65536");
            TcpListener::bind(("127.0.0.1", port)).is_ok().then_some(port)
        })
        .unwrap_or_else(|| panic!("no free port in {candidates:?}"))
}
