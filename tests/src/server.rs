//! Where the programs of PostgreSQL servers are, and who may run them.

use std::fmt::Display;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::unistd::{Uid, User};

/// Variable that names the folder with `postgres`, `initdb` and `pg_ctl`.
pub const BIN_VARIABLE: &str = "LONDISTE_TEST_PGBIN";

/// Variables that name the folders of [`Age::Oldest`] and [`Age::Newest`].
pub const AGE_VARIABLES: [&str; 2] = ["LONDISTE_TEST_OLDEST_PGBIN", "LONDISTE_TEST_NEWEST_PGBIN"];

/// The ends of the range of major versions we support, for stories between two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// The lowest major version.
    Oldest,
    /// The highest.
    Newest,
}

impl Age {
    /// The folder with the programs of that server: the variable, else what `scripts/servers` has or fetches.
    ///
    /// # Panics
    /// When there is none and it cannot be fetched; the message is that of the script.
    pub fn bin_folder(self) -> PathBuf {
        let (variable, major) = match self {
            Self::Oldest => (AGE_VARIABLES[0], "13"),
            Self::Newest => (AGE_VARIABLES[1], "18"),
        };
        if let Some(named) = std::env::var_os(variable) {
            return checked(variable, PathBuf::from(named));
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/servers");
        let output = Command::new(&script)
            .arg(major)
            .output()
            .unwrap_or_else(|e| panic!("{}: {e}", script.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}or set {variable}");
        let folder = String::from_utf8(output.stdout).expect("the script prints a path");
        checked("scripts/servers", PathBuf::from(folder.trim_end()))
    }
}

/// The major version that the reference's packages are tried with first.
const PREFERRED_MAJOR: u32 = 15;

/// The folder with the server programs: [`BIN_VARIABLE`], else `pg_config --bindir`, else the usual places.
///
/// # Panics
/// When there is no server; the message names `make setup`.
pub fn bin_folder() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        if let Some(named) = std::env::var_os(BIN_VARIABLE) {
            return checked(BIN_VARIABLE, PathBuf::from(named));
        }
        from_pg_config().or_else(from_usual_folders).unwrap_or_else(|| {
            panic!("no PostgreSQL server found: run `make setup`, or set {BIN_VARIABLE}")
        })
    })
}

/// Whether somebody has said which server tests use. The distribution's, which they use else, has packages of the reference.
pub(crate) fn is_chosen() -> bool {
    std::env::var_os(BIN_VARIABLE).is_some()
}

/// A client program (`psql`, `pgbench`): beside the server, else in the search path.
pub fn client_program(name: &str) -> PathBuf {
    let beside = bin_folder().join(name);
    if beside.is_file() { beside } else { PathBuf::from(name) }
}

/// `pg_dump`, if there is one that can read the server tests use: it must not be older than the server.
pub fn pg_dump() -> Option<PathBuf> {
    let program = client_program("pg_dump");
    (major(&program)? >= major(&bin_folder().join("postgres"))?).then_some(program)
}

/// The major version of the server that tests use, unless they ask for another.
pub(crate) fn major_version() -> u32 {
    static FOUND: OnceLock<u32> = OnceLock::new();
    *FOUND.get_or_init(|| major(&bin_folder().join("postgres")).expect("a server has a version"))
}

/// What a program of PostgreSQL says of its version.
fn major(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split(|c: char| !c.is_ascii_digit()).find(|word| !word.is_empty())?;
    number.parse().ok()
}

/// A command for a server program, as a user the server accepts: PostgreSQL refuses to run as root.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir("/").env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8");
    command.env("TZ", "UTC");
    if let Some(user) = account() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// The account the servers run under when we are root; `None` means our own.
pub(crate) fn account() -> Option<&'static User> {
    static ACCOUNT: OnceLock<Option<User>> = OnceLock::new();
    ACCOUNT
        .get_or_init(|| {
            Uid::effective().is_root().then(|| {
                ["postgres", "nobody"]
                    .iter()
                    .find_map(|name| User::from_name(name).ok().flatten())
                    .expect("running as root, and there is no user postgres or nobody")
            })
        })
        .as_ref()
}

/// Runs to the end; output of a failed run ends up in the panic.
#[track_caller]
pub(crate) fn must_run(command: &mut Command, what: impl Display) {
    let output = command.output().unwrap_or_else(|e| panic!("{what}: cannot start: {e}"));
    assert!(
        output.status.success(),
        "{what}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The folder, if it has a server that the account may run. `from` says who named it.
fn checked(from: &str, folder: PathBuf) -> PathBuf {
    assert!(has_server(&folder), "{from}: {} has no initdb", folder.display());
    if let Err(error) = command(folder.join("postgres")).arg("--version").output() {
        let name = account().map_or("we", |user| &user.name);
        panic!("{from}: {name} cannot run {}/postgres: {error}", folder.display());
    }
    folder
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file())
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    has_server(&folder).then_some(folder)
}

fn from_usual_folders() -> Option<PathBuf> {
    let mut majors: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .map(|(major, path)| (major, path.join("bin")))
        .filter(|(_, bin)| has_server(bin))
        .collect();
    majors.sort_by_key(|&(major, _)| (major == PREFERRED_MAJOR, major));
    majors.pop().map(|(_, bin)| bin).or_else(|| {
        ["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"]
            .map(PathBuf::from)
            .into_iter()
            .find(|folder| has_server(folder))
    })
}
