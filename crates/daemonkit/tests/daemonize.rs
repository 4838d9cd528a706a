//! Going to the background, seen from outside. Without the test harness, because a process with threads may not fork:
//! the program calls itself with the word `daemon`, the number of forks and what the daemon should do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio, exit};
use std::time::{Duration, Instant};

use daemonkit::daemonize::{Forks, daemonize};
use daemonkit::pidfile::{self, Owner, Pidfile};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpgid, getpid, getsid};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    // Any other arguments are meant for test harnesses.
    if let [_, role, forks, deed, folder] = &args[..]
        && role == "daemon"
    {
        let forks = if forks == "once" { Forks::Once } else { Forks::Twice };
        exit(daemon(forks, deed, Path::new(folder)));
    }
    releases_its_launcher_and_lives_on("once");
    releases_its_launcher_and_lives_on("twice");
    a_failed_start_is_seen();
    threads_are_refused();
}

/// The daemon: writes what it sees to `report` and waits to be killed.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "where the output goes is the question"
)]
fn daemon(forks: Forks, deed: &str, folder: &Path) -> i32 {
    println!("before");
    if deed == "threads" {
        let other = std::thread::spawn(std::thread::park);
        let refused = daemonize(forks).is_err();
        other.thread().unpark();
        return if refused { 7 } else { 0 };
    }
    let pidfile = Pidfile::create(&folder.join("pid"), true).expect("created");
    let launcher = daemonize(forks).expect("forked");
    pidfile.rewrite().expect("written");
    println!("nobody sees this");
    eprintln!("nor this");
    if deed == "fail" {
        return 3;
    }
    let null = fs::metadata("/dev/null").expect("there");
    let on_null = (0..3).all(|fd| {
        let meta = fs::metadata(format!("/proc/self/fd/{fd}")).expect("open");
        std::os::unix::fs::MetadataExt::rdev(&meta) == std::os::unix::fs::MetadataExt::rdev(&null)
    });
    let leads = getsid(None) == Ok(getpid());
    let folder_stays = std::env::current_dir().expect("a folder") == Path::new("/");
    fs::write(folder.join("report"), format!("null {on_null} leads {leads} root {folder_stays}"))
        .expect("written");
    launcher.release();
    std::thread::sleep(Duration::from_secs(60));
    0
}

struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let folder = tempfile::Builder::new().prefix(name).tempdir().expect("a folder").keep();
        Place(folder)
    }

    fn run(&self, forks: &str, deed: &str) -> (ExitStatus, String) {
        let output = self.0.join("output");
        let file = fs::File::create(&output).expect("created");
        let status = Command::new(std::env::current_exe().expect("every process has one"))
            .args(["daemon", forks, deed])
            .arg(&self.0)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("shared"))
            .stderr(file)
            .status()
            .expect("starts");
        (status, fs::read_to_string(output).expect("there"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn releases_its_launcher_and_lives_on(forks: &str) {
    let place = Place::new(forks);
    let (status, output) = place.run(forks, "live");
    assert_eq!((status.code(), output.as_str()), (Some(0), "before\n"));
    // No waiting: the launcher returned, so the daemon is there and the pidfile is its own.
    let pidfile = place.0.join("pid");
    let Owner::Running(daemon) = pidfile::inspect(&pidfile).expect("a number") else {
        panic!("no daemon");
    };
    assert_ne!(getpgid(Some(daemon)).expect("alive"), getpgid(None).expect("ourselves"));
    let report = fs::read_to_string(place.0.join("report")).expect("written");
    // After the second fork the session's leader is gone, so no terminal can be acquired.
    assert_eq!(report, format!("null true leads {} root true", forks == "once"));
    pidfile::signal_owner(&pidfile, Signal::SIGKILL).expect("our own");
    wait_until_gone(daemon);
}

fn a_failed_start_is_seen() {
    let place = Place::new("fail");
    let (status, output) = place.run("twice", "fail");
    assert_eq!((status.code(), output.as_str()), (Some(1), "before\n"));
}

fn threads_are_refused() {
    let (status, _) = Place::new("threads").run("once", "threads");
    assert_eq!(status.code(), Some(7));
}

fn wait_until_gone(pid: Pid) {
    let started = Instant::now();
    let gone = || {
        fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
    };
    while !gone() {
        assert!(started.elapsed() < Duration::from_secs(10), "{pid} is still there");
        std::thread::sleep(Duration::from_millis(5));
    }
}
