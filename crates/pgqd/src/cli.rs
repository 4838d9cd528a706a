//! The command line (contract `pgqd.md` section 2): short switches as GNU getopt reads them, and three long ones.
//!
//! Departure: `--version` is understood, like `-V`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::sys::signal::Signal;
use tracing::Level;

use crate::config;

/// What the operator wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Print this and end well.
    Print(&'static str),
    /// Run the daemon.
    Run(Switches),
    /// Send a signal to the daemon that runs.
    Send(Signal, Switches),
    /// Complain and end badly.
    Refuse {
        /// For stderr.
        stderr: String,
        /// For stdout.
        stdout: String,
    },
}

/// The file and how to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switches {
    /// The configuration file, as typed.
    pub file: PathBuf,
    /// Lowest level to log.
    pub level: Level,
    /// Whether to log to stderr.
    pub stderr: bool,
    /// Whether to go to the background.
    pub background: bool,
}

/// What `-V` prints: the version of the reference whose behaviour this is.
const VERSION: &str = "pgqd version 3.5\n";

/// What `-h` prints. The name in the first line is the original's own mistake, and scripts may know it.
const USAGE: &str = "\
usage: pgq-ticker [switches] config.file
Switches:
  -v        Log more; twice: every statement
  -q        Do not log to stderr
  -d        Go to the background
  -h        Show this help
  -V        Show the version
 --ini      Show a sample configuration file
  -s        Stop the running process (send SIGINT)
  -k        Kill the running process (send SIGTERM)
  -r        Let the running process reload its configuration (send SIGHUP)
";

/// Reads the arguments, without the program's name.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Action {
    let args: Vec<OsString> = args.into_iter().collect();
    // These three win over everything else, wherever they stand.
    let printed = args.iter().find_map(|arg| match arg.to_str()? {
        "--ini" => Some(config::SAMPLE),
        "--help" => Some(USAGE),
        "--version" => Some(VERSION),
        _ => None,
    });
    if let Some(text) = printed {
        return Action::Print(text);
    }
    let (mut verbose, mut stderr, mut background, mut signal) = (0, true, false, None);
    let mut files = Vec::new();
    let mut rest = args.into_iter();
    while let Some(arg) = rest.next() {
        let bytes = arg.as_bytes();
        if bytes == b"--" {
            files.extend(rest);
            break;
        }
        let Some(switches) = bytes.strip_prefix(b"-").filter(|switches| !switches.is_empty())
        else {
            files.push(arg);
            continue;
        };
        for switch in switches {
            match switch {
                b'v' => verbose += 1,
                b'q' => stderr = false,
                b'd' => background = true,
                b's' => signal = Some(Signal::SIGINT),
                b'k' => signal = Some(Signal::SIGTERM),
                b'r' => signal = Some(Signal::SIGHUP),
                b'h' => return Action::Print(USAGE),
                b'V' => return Action::Print(VERSION),
                _ => return bad_switch(*switch),
            }
        }
    }
    let Ok([file]) = <[OsString; 1]>::try_from(files) else {
        return Action::Refuse {
            stderr: "pgqd requires config file\n".to_owned(),
            stdout: String::new(),
        };
    };
    let level = match verbose {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let switches = Switches { file: file.into(), level, stderr, background };
    match signal {
        Some(signal) => Action::Send(signal, switches),
        None => Action::Run(switches),
    }
}

fn bad_switch(switch: u8) -> Action {
    let switch = OsString::from_vec(vec![switch]);
    Action::Refuse {
        stderr: format!("pgqd: invalid option -- '{}'\n", switch.to_string_lossy()),
        stdout: format!("bad switch: {USAGE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Action {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn switches(level: Level, stderr: bool, background: bool) -> Switches {
        Switches { file: "x.ini".into(), level, stderr, background }
    }

    #[test]
    fn switches_anywhere_and_combined() {
        let plain = || switches(Level::INFO, true, false);
        assert_eq!(parsed("x.ini"), Action::Run(plain()));
        assert_eq!(parsed("-- x.ini"), Action::Run(plain()));
        assert_eq!(parsed("x.ini -vqd"), Action::Run(switches(Level::DEBUG, false, true)));
        assert_eq!(parsed("-v x.ini -vv"), Action::Run(switches(Level::TRACE, true, false)));
        assert_eq!(parsed("-s x.ini -k -r"), Action::Send(Signal::SIGHUP, plain()));
        assert_eq!(parsed("-rks x.ini"), Action::Send(Signal::SIGINT, plain()));
    }

    #[test]
    fn what_only_prints_comes_first() {
        assert_eq!(parsed("-Z --ini"), Action::Print(config::SAMPLE));
        assert_eq!(parsed("--help --ini"), Action::Print(USAGE));
        assert_eq!(parsed("--ini --help"), Action::Print(config::SAMPLE));
        assert_eq!(parsed("--version"), Action::Print(VERSION));
        assert_eq!(parsed("-VZ"), Action::Print(VERSION));
        assert_eq!(parsed("-h"), Action::Print(USAGE));
        assert_eq!(parsed("-- --ini"), Action::Print(config::SAMPLE));
    }

    #[test]
    fn refusals() {
        for line in ["", "-v", "a b", "-- -x a"] {
            let Action::Refuse { stderr, stdout } = parsed(line) else { panic!("{line} accepted") };
            assert_eq!((stderr.as_str(), stdout.as_str()), ("pgqd requires config file\n", ""));
        }
        for (line, switch) in [("-Z x.ini", 'Z'), ("-vx x.ini", 'x'), ("--verbose x.ini", '-')] {
            let Action::Refuse { stderr, stdout } = parsed(line) else { panic!("{line} accepted") };
            assert_eq!(stderr, format!("pgqd: invalid option -- '{switch}'\n"));
            assert!(stdout.starts_with("bad switch: usage: pgq-ticker [switches] config.file\n"));
        }
    }
}
