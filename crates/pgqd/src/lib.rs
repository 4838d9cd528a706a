//! The ticker daemon: one process per PostgreSQL cluster that makes ticks, rotates queues and brings back events from the
//! retry queue (contract `pgqd.md`).
//!
//! Reading guide: [`cli`] and [`config`] say what the operator wants, [`instance`] sees that only one runs;
//! [`supervisor`] knows which databases there are ([`detect`] finds them); [`database`] runs the three loops of one,
//! [`ticker`], [`maint`] and [`retry`], which only decide ([`cycle`] says how they are asked); the ticker goes by [`look`]
//! and [`pace`]; [`stats`] counts.

pub mod cli;
pub mod config;
pub mod cycle;
pub mod database;
pub mod detect;
pub mod instance;
pub mod look;
pub mod maint;
pub mod pace;
pub mod retry;
pub mod stats;
pub mod supervisor;
pub mod ticker;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use daemonkit::daemonize::{Forks, Launcher, daemonize};
use daemonkit::logging::syslog::SyslogPlan;
use daemonkit::logging::{
    self, CannotOpen, Destination, Layout, LogControl, LogPlan, Origin, Rotation, Severity, Target,
};
use daemonkit::pidfile::{Pidfile, PidfileError};
use daemonkit::reason::reason;
use daemonkit::signal::{Signals, Terminate};
use tracing::{error, info};

use cli::{Action, Switches};
use config::Settings;
use supervisor::Ending;

/// The whole program.
pub fn main() -> ExitCode {
    let (stdout, stderr, status) = match cli::parse(std::env::args_os().skip(1)) {
        Action::Print(text) => (text.to_owned(), String::new(), ExitCode::SUCCESS),
        Action::Refuse { stdout, stderr } => (stdout, stderr, ExitCode::FAILURE),
        Action::Send(signal, switches) => {
            let Some((settings, _log)) = configure(&switches) else { return ExitCode::FAILURE };
            let Some(pidfile) = &settings.pidfile else {
                say(&mut io::stderr(), "No pidfile configured\n");
                return ExitCode::FAILURE;
            };
            match instance::send(pidfile, signal) {
                Ok(text) => (String::new(), text + "\n", ExitCode::SUCCESS),
                Err(text) => return fatal(&text),
            }
        }
        Action::Run(switches) => return run(&switches),
    };
    say(&mut io::stderr(), &stderr);
    say(&mut io::stdout(), &stdout);
    status
}

/// A closed terminal is no reason to fail.
fn say(stream: &mut impl Write, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

fn fatal(text: &str) -> ExitCode {
    error!(fatal = true, "{text}");
    ExitCode::FAILURE
}

/// From the configuration to the end of the daemon.
fn run(switches: &Switches) -> ExitCode {
    let Some((settings, log)) = configure(switches) else { return ExitCode::FAILURE };
    info!("Starting pgqd 3.5");
    log_panics();
    let (pidfile, launcher) = match settle(switches, &settings) {
        Ok(settled) => settled,
        Err(text) => return fatal(&text),
    };
    let ending = serve(switches, settings, &log, launcher);
    drop(pidfile);
    match ending {
        Ok(Ending::Stopped) => ExitCode::SUCCESS,
        Ok(Ending::Killed) => ExitCode::FAILURE,
        Err(error) => fatal(&format!("{error:#}")),
    }
}

/// Starts logging and reads the configuration; `None` when it cannot be used, which has been said.
fn configure(switches: &Switches) -> Option<(Settings, LogControl)> {
    // Until the file says otherwise there is only stderr.
    let bare = Settings { syslog: false, ..Settings::default() };
    let log = logging::install(log_plan(&bare, switches)).expect("stderr needs no opening");
    let loaded = config::load(&switches.file, &Settings::default());
    // What took effect before an error tells where to log the error.
    let settings = loaded.as_ref().unwrap_or_else(|error| &error.until_then);
    if let Err(problem) = log.apply(log_plan(settings, switches)) {
        say(&mut io::stderr(), &cannot_open_log(&problem));
        return None;
    }
    match loaded {
        Ok(settings) => Some((settings, log)),
        Err(error) => {
            log_problem(&error.problem);
            fatal("failed to read config");
            None
        }
    }
}

fn log_problem(problem: &[String]) {
    for line in problem {
        error!("{line}");
    }
}

/// The line for when there is nowhere to log.
fn cannot_open_log(problem: &CannotOpen) -> String {
    let now = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S%.3f %Z").to_string();
    let process = std::process::id();
    let (file, reason) = (problem.path.display(), reason(&problem.error));
    format!("{now} {process} FATAL Cannot open logfile: '{file}': {reason}\n")
}

fn log_plan(settings: &Settings, switches: &Switches) -> LogPlan {
    let mut destinations = Vec::new();
    if switches.stderr {
        destinations.push(Destination::new(Target::Stderr, Layout::Pgqd));
    }
    if let Some(path) = settings.logfile.clone() {
        let target = Target::File { path, rotation: Rotation::OnRequest, truncate: false };
        destinations.push(Destination::new(target, Layout::Pgqd));
    }
    if settings.syslog {
        let plan = SyslogPlan::libc(&settings.syslog_ident, &settings.syslog_facility);
        let target = Target::Syslog(plan);
        // What helps with debugging is nothing for the system's log.
        destinations.push(Destination { target, layout: Layout::Message, lowest: Severity::Info });
    }
    LogPlan { level: switches.level, destinations, origin: Origin::default() }
}

/// In a daemon nobody sees stderr, where panics go otherwise.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| error!("{panic}")));
}

/// Takes the pidfile and goes to the background, as far as wanted. The error is the line for the log.
fn settle(
    switches: &Switches,
    settings: &Settings,
) -> Result<(Option<Pidfile>, Option<Launcher>), String> {
    if switches.background {
        if settings.pidfile.is_none() {
            return Err("daemon needs pidfile configured".to_owned());
        }
        if settings.logfile.is_none() && !settings.syslog {
            return Err("daemon needs logging configured".to_owned());
        }
    }
    let pidfile = match &settings.pidfile {
        Some(path) => Some(instance::claim(path)?),
        None => None,
    };
    if !switches.background {
        return Ok((pidfile, None));
    }
    let launcher = daemonize(Forks::Twice)
        .map_err(|error| format!("could not go to the background: {}", reason(&error)))?;
    if let Some(pidfile) = &pidfile {
        pidfile.rewrite().map_err(|error: PidfileError| error.to_string())?;
    }
    Ok((pidfile, Some(launcher)))
}

/// Runs the daemon proper.
fn serve(
    switches: &Switches,
    settings: Settings,
    log: &LogControl,
    launcher: Option<Launcher>,
) -> anyhow::Result<Ending> {
    // One thread is plenty for a daemon that mostly sleeps, and keeps it small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start")?;
    let ending = runtime.block_on(async {
        let mut signals = Signals::listen(Terminate::Listen).context("could not catch signals")?;
        // Not before signals are caught: the operator may use -s as soon as the command returns.
        if let Some(launcher) = launcher {
            launcher.release();
        }
        let reload = |previous: &Settings| reload(switches, previous, log);
        Ok(supervisor::run(settings, async || signals.next().await, reload).await)
    });
    // A name look-up that hangs must not hold us up.
    runtime.shutdown_background();
    ending
}

/// Reads the configuration again. What cannot be used changes nothing.
///
/// Departure: in the original it ends the daemon.
fn reload(switches: &Switches, previous: &Settings, log: &LogControl) -> Option<Settings> {
    let settings = match config::load(&switches.file, previous) {
        Ok(settings) => settings,
        Err(error) => {
            // The log file may have been moved away all the same.
            let _ = log.reopen();
            log_problem(&error.problem);
            error!("failed to read config, going on with the old settings");
            return None;
        }
    };
    if let Err(problem) = log.apply(log_plan(&settings, switches)) {
        let CannotOpen { path, error } = problem;
        error!("Cannot open logfile: '{}': {}", path.display(), reason(&error));
        error!("going on with the old settings");
        return None;
    }
    Some(settings)
}
