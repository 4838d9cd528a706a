//! Whose programs are run, and what one run said.
//!
//! A scenario is written once and takes the implementation as a value. So it can be proven on the reference, run on
//! ours, and run on a mixture of both.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::folder;

/// Variable that names the folder with the reference's `londiste` and `pgqd`.
pub const REFERENCE_VARIABLE: &str = "LONDISTE_REFERENCE_BIN";

/// Variable that names the folder with our programs, where it is not the one of the running program.
pub const OURS_VARIABLE: &str = "LONDISTE_OURS_BIN";

/// How long a command may take that is not meant to wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which implementation of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impl {
    /// The programs of this workspace.
    Ours,
    /// The original, from the distribution's packages.
    Reference,
}

/// One of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The replication tool and worker.
    Londiste,
    /// The ticker daemon.
    Pgqd,
}

impl Program {
    fn file_name(self) -> &'static str {
        match self {
            Self::Londiste => "londiste",
            Self::Pgqd => "pgqd",
        }
    }
}

impl Impl {
    /// The executable.
    ///
    /// # Panics
    /// When it is not there; the message says which command builds or installs it.
    #[track_caller]
    pub fn executable(self, program: Program) -> PathBuf {
        let name = program.file_name();
        match self {
            Self::Ours => {
                let places: Vec<PathBuf> =
                    our_folders().iter().map(|folder| folder.join(name)).collect();
                places.iter().find(|path| path.is_file()).cloned().unwrap_or_else(|| {
                    let looked: Vec<String> =
                        places.iter().map(|path| path.display().to_string()).collect();
                    panic!("no {}: run `cargo build --bins` (or `make test`)", looked.join(", "))
                })
            }
            Self::Reference => {
                let folder = std::env::var_os(REFERENCE_VARIABLE)
                    .map_or_else(|| PathBuf::from("/usr/bin"), PathBuf::from);
                let path = folder.join(name);
                assert!(
                    path.is_file(),
                    "the reference's {} is missing: run `make setup`, or set {REFERENCE_VARIABLE}",
                    path.display()
                );
                path
            }
        }
    }

    /// The section of a londiste ini file. The reference knows only the first; ours both, and the second is what
    /// operators of Londiste 3.0 have.
    pub fn section(self) -> &'static str {
        match self {
            Self::Reference => "londiste",
            Self::Ours => "londiste3",
        }
    }
}

/// Where our programs may lie: [`OURS_VARIABLE`], else target/PROFILE, also for a test from target/PROFILE/deps.
fn our_folders() -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os(OURS_VARIABLE) {
        return vec![PathBuf::from(named)];
    }
    let this = std::env::current_exe().expect("every process has an executable");
    this.ancestors().skip(1).take(2).map(Path::to_path_buf).collect()
}

/// What a program said and how it ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    command: String,
    status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Exit code, or `None` when a signal ended the program.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended the program.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Both outputs, errors first: where a text is looked for that may be on either.
    pub fn output(&self) -> String {
        format!("{}{}", self.stderr, self.stdout)
    }

    /// Panics unless the exit code is this one. Returns itself for further questions.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code() == Some(code), "expected exit code {code}\n{self}");
        self
    }

    /// Panics unless the program succeeded.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    /// Panics unless one of the outputs contains the text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.output().contains(text), "expected the text {text:?}\n{self}");
        self
    }

    /// Panics when one of the outputs contains the text.
    #[track_caller]
    pub fn says_not(self, text: &str) -> Self {
        assert!(!self.output().contains(text), "unexpected text {text:?}\n{self}");
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "$ {}", self.command)?;
        writeln!(f, "--- {}", self.status)?;
        writeln!(f, "--- stdout\n{}--- stderr\n{}---", self.stdout, self.stderr)
    }
}

/// Runs a program to its end and returns what it said.
///
/// It gets an environment of its own (`HOME` in the temporary folder, `TZ=UTC`, `LANG=C.UTF-8`) and runs in
/// `folder`. Its output goes through files, so a daemon that keeps them open does not hold us up.
///
/// # Panics
/// When it does not end within two minutes.
#[track_caller]
pub fn run<A: AsRef<OsStr>>(
    executable: &Path,
    folder: &Path,
    args: impl IntoIterator<Item = A>,
) -> Outcome {
    run_for(PATIENCE, executable, folder, args)
}

/// [`run`] with another time limit.
#[track_caller]
pub fn run_for<A: AsRef<OsStr>>(
    limit: Duration,
    executable: &Path,
    folder: &Path,
    args: impl IntoIterator<Item = A>,
) -> Outcome {
    let mut command = command(executable, folder);
    command.args(args);
    finish(limit, &mut command)
}

/// A command with the environment that [`run`] gives.
pub fn command(executable: &Path, folder: &Path) -> Command {
    let mut command = Command::new(executable);
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", folder::root().join("home"))
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC")
        .env(folder::FOLDER_VARIABLE, folder::root())
        .stdin(Stdio::null());
    command
}

/// Runs a prepared command to its end; see [`run`].
#[track_caller]
pub fn finish(limit: Duration, command: &mut Command) -> Outcome {
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words = words.join(" ");
    let (mut stdout, mut stderr) = (output_file(), output_file());
    let mut child = command
        .stdout(stdout.try_clone().expect("a file can be shared"))
        .stderr(stderr.try_clone().expect("a file can be shared"))
        .spawn()
        .unwrap_or_else(|e| panic!("cannot start {words}: {e}"));
    let started = Instant::now();
    let mut ended = child.try_wait().expect("our own child");
    while ended.is_none() && started.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(5));
        ended = child.try_wait().expect("our own child");
    }
    let in_time = ended.is_some();
    let status = ended.unwrap_or_else(|| {
        let _ = child.kill();
        child.wait().expect("our own child")
    });
    let outcome = Outcome {
        command: words,
        status,
        stdout: content(&mut stdout),
        stderr: content(&mut stderr),
    };
    assert!(in_time, "did not end within {} s\n{outcome}", limit.as_secs());
    outcome
}

fn output_file() -> File {
    tempfile::tempfile_in(folder::root()).expect("own folder")
}

fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("own file");
    String::from_utf8_lossy(&bytes).into_owned()
}
