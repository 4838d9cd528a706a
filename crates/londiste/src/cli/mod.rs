//! The command line: from the arguments to the exit code.
//!
//! Reading guide: [`args`] parses with the table in [`options`]; [`help`] and [`sample`] print; [`log`] says where
//! to log; this file is the order
//! in which a run starts (contract `cli.md` 1.4 and section 4); [`exit`] says what an error looks like;
//! [`console`] is the only writer to stdout. Everything up to the fork happens before any thread exists.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use daemonkit::daemonize::{Forks, Launcher, daemonize};
use daemonkit::ini::{Config, ConfigError, nearest};
use daemonkit::logging;
use daemonkit::pidfile::{self, Owner, Pidfile};
use daemonkit::shutdown::Shutdown;
use daemonkit::signal::{Signals, Terminate};
use nix::sys::signal::Signal;

use crate::command::entry::{Entry, Interrupt, Lock};
use crate::command::{self, Run};
use crate::config::{self, Settings, Unheeded};
use crate::copy::pidfile_suffix;
use crate::hint;
use crate::job::{Interrupted, Job, UsageError};
use args::{Arguments, SignalRequest};
use options::Component;

pub mod args;
pub mod console;
pub mod exit;
pub mod help;
pub mod log;
pub mod options;
pub mod sample;
pub mod table_display;

/// What `--version` prints first: the version of the original whose interface this is, as scripts expect it.
const COMPATIBLE_VERSION: &str = "londiste, Skytools version 3.8.1";

/// Everything from the arguments to the exit code.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    start(&argv)
}

/// Up to the choice of the command; mistakes found here are not logged, only shown.
fn start(argv: &[OsString]) -> ExitCode {
    let program = args::program_name(argv);
    let arguments = match args::parse(argv) {
        Ok(arguments) => arguments,
        Err(bad) => return bad_arguments(&program, &bad),
    };
    if arguments.help {
        console::say(help::help(&program).trim_end());
        return ExitCode::SUCCESS;
    }
    if arguments.version {
        console::say(COMPATIBLE_VERSION);
        console::say(concat!("Rust implementation, version ", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    let overrides = match args::parse_overrides(&arguments.set) {
        Ok(overrides) => overrides,
        Err(bad) => return refuse(&bad.to_string()),
    };
    if arguments.ini {
        console::say(&sample::sample(&overrides));
        return ExitCode::SUCCESS;
    }
    let Some(ini) = arguments.positionals.first().map(PathBuf::from) else {
        console::say(&format!(
            "need config file, use --help for help.\n\
             HINT:  {program} INI COMMAND; {program} --ini prints a sample of an ini file."
        ));
        return ExitCode::FAILURE;
    };
    let config = match config::load(&ini, &overrides) {
        Ok(config) => config,
        Err(bad) => return refuse(&with_hint(&bad, &program, &arguments.positionals)),
    };
    if let Err(problem) = open_log(&config, &arguments) {
        return refuse(&problem);
    }
    if let Some(request) = arguments.signal {
        return signal_worker(&config, request);
    }
    let Some(name) = arguments.positionals.get(1) else {
        console::say(&format!(
            "need command\nHINT:  {program} {} COMMAND; {program} --help lists the commands.",
            ini.display()
        ));
        return ExitCode::FAILURE;
    };
    let Some(entry) = command::list::find(name) else {
        let meant = nearest(name, command::list::LIST.iter().map(|entry| entry.text));
        let hint = match meant {
            Some(meant) => format!("Did you mean '{meant}'?"),
            None => format!("{program} --help lists the commands."),
        };
        console::say(&format!("Unknown command '{name}', use --help for help\nHINT:  {hint}"));
        return ExitCode::FAILURE;
    };
    if let Err(bad) = args::check_component(argv, entry.component) {
        return bad_arguments(&program, &bad);
    }
    match settings(&config, ini, overrides, entry) {
        Ok(settings) => {
            warn_about(&settings.unheeded);
            launch(entry, settings, arguments)
        }
        Err(bad) => refuse(&bad.to_string()),
    }
}

fn bad_arguments(program: &str, bad: &args::BadArguments) -> ExitCode {
    console::complain(&format!("{}\n\n{program}: error: {bad}", help::usage(program)));
    exit::BAD_ARGUMENTS.into()
}

/// What is wrong with an ini file, and what to do where there is none: perhaps a command stands in its place.
fn with_hint(bad: &ConfigError, program: &str, positionals: &[String]) -> String {
    let hint = match positionals {
        [command, ini, ..]
            if command::list::find(command).is_some() && Path::new(ini).is_file() =>
        {
            format!("The ini file comes first: {program} {ini} {command}")
        }
        _ => format!("{program} INI COMMAND; {program} --ini prints a sample of an ini file."),
    };
    let problem = bad.to_string();
    if problem.contains("\nHINT:  ") { problem } else { format!("{problem}\nHINT:  {hint}") }
}

fn refuse(problem: &str) -> ExitCode {
    console::complain(&hint::with(problem));
    ExitCode::FAILURE
}

fn settings(
    config: &Config,
    ini: PathBuf,
    overrides: Vec<(String, String)>,
    entry: &Entry,
) -> Result<Settings, ConfigError> {
    let named = config.get("pgq_queue_name")?.or(config.get("queue_name")?);
    // Left empty, as the sample has it, is not named either.
    if named.is_none_or(|name| name.is_empty()) {
        return Err(ConfigError(match entry.component {
            Component::Admin => "\"queue_name\" not specified in config".to_owned(),
            _ => format!("No option 'queue_name' in section: '{}'", config.section()),
        }));
    }
    Settings::from_config(config, ini, overrides)
}

/// The log file exists from here on, whatever the command.
fn open_log(config: &Config, arguments: &Arguments) -> Result<(), String> {
    let terminal = std::io::stdout().is_terminal();
    let Arguments { verbose, quiet, daemon, .. } = *arguments;
    let wish = log::Wish::new(verbose, quiet, daemon, terminal);
    let (plan, left_out) = log::plan(config, wish).map_err(|bad| bad.to_string())?;
    logging::install(plan).map_err(|problem| problem.to_string())?;
    for line in left_out {
        tracing::warn!("{line}");
    }
    Ok(())
}

/// What the file asks for and will not get. Of modules the original told on stdout, and scripts may look for it there.
fn warn_about(unheeded: &[Unheeded]) {
    for unheeded in unheeded {
        match unheeded {
            Unheeded::Module(_) => console::say(&unheeded.to_string()),
            Unheeded::Key(_) | Unheeded::QuietName(_) => tracing::warn!("{unheeded}"),
        }
    }
}

/// `-r`, `-s`, `-k`: always the worker's pidfile.
fn signal_worker(config: &Config, request: SignalRequest) -> ExitCode {
    let path = match config.file("pidfile") {
        Ok(path) => path,
        Err(bad) => return refuse(&bad.to_string()),
    };
    let Some(path) = path else {
        tracing::warn!("No pidfile in config, nothing to do");
        return ExitCode::SUCCESS;
    };
    let signal = match request {
        SignalRequest::Reload => Signal::SIGHUP,
        SignalRequest::Stop => Signal::SIGINT,
        SignalRequest::Kill => Signal::SIGTERM,
    };
    match pidfile::signal_owner(&path, signal) {
        Ok(Owner::Running(_)) => {}
        Ok(Owner::None) => tracing::warn!("No pidfile, process not running"),
        Ok(Owner::Stale) => tracing::warn!("pidfile exists, but process not running"),
        Err(problem) => return refuse(&problem.to_string()),
    }
    ExitCode::SUCCESS
}

/// Claims the pidfile, leaves the terminal, and runs the command.
fn launch(entry: &'static Entry, settings: Settings, arguments: Arguments) -> ExitCode {
    let job_name = settings.job_name.clone();
    let quiet = settings.quiet.clone();
    let fail = |error: anyhow::Error| exit::report(&job_name, &quiet, &error);
    let args = arguments.positionals.get(2..).unwrap_or_default().to_vec();
    let pidfile = pidfile_of(entry, settings.pidfile.as_deref(), &args);
    if arguments.daemon && pidfile.is_none() {
        return fail(UsageError("Daemon needs pidfile".to_owned()).into());
    }
    match pidfile.as_deref().map(pidfile::inspect) {
        Some(Ok(Owner::Running(pid))) => {
            console::say("Pidfile exists, another process running?");
            let shown = pidfile.as_deref().unwrap_or(Path::new("")).display();
            console::say(&format!("{shown} names process {pid}"));
            console::say(&format!("HINT:  {}", at_work(entry.lock, &settings.config_file)));
            return ExitCode::FAILURE;
        }
        Some(Ok(Owner::Stale)) => console::say("Ignoring stale pidfile"),
        Some(Err(problem)) => return fail(problem.into()),
        None | Some(Ok(Owner::None)) => {}
    }
    let launcher = match arguments.daemon.then(|| daemonize(Forks::Once)).transpose() {
        Ok(launcher) => launcher,
        Err(error) => {
            return fail(anyhow::Error::new(error).context("cannot go to the background"));
        }
    };
    // Removed when dropped, that is on every way out of here.
    let _pidfile = match pidfile.as_deref().map(|path| Pidfile::write(path, false)).transpose() {
        Ok(pidfile) => pidfile,
        Err(problem) => return fail(problem.into()),
    };
    match run(entry, settings, arguments, args, pidfile, launcher) {
        Ok(code) => code,
        Err(error) => fail(error),
    }
}

/// What to do while another process has the pidfile.
fn at_work(lock: Lock, ini: &Path) -> String {
    match lock {
        Lock::Worker => {
            let ini = ini.display();
            format!(
                "The worker runs: londiste {ini} -s stops it, -r makes it read its ini file again."
            )
        }
        Lock::Copy => "The table is being copied: the copy goes on by itself.".to_owned(),
        Lock::Free | Lock::Admin | Lock::Repair => {
            "Another command is at work on this node: wait until it has ended.".to_owned()
        }
    }
}

fn pidfile_of(entry: &Entry, pidfile: Option<&Path>, args: &[String]) -> Option<PathBuf> {
    let with = |suffix: &str| {
        let mut path = pidfile?.as_os_str().to_owned();
        path.push(OsStr::new(suffix));
        Some(PathBuf::from(path))
    };
    match entry.lock {
        Lock::Free => None,
        Lock::Worker => with(""),
        Lock::Copy => with(&pidfile_suffix(args.first().map_or("", String::as_str))),
        Lock::Admin => with(".admin"),
        Lock::Repair => with(".repair"),
    }
}

/// Starts the runtime and runs the command on it.
fn run(
    entry: &'static Entry,
    settings: Settings,
    arguments: Arguments,
    args: Vec<String>,
    pidfile: Option<PathBuf>,
    launcher: Option<Launcher>,
) -> anyhow::Result<ExitCode> {
    entry.check_arity(&args)?;
    let runtime = match entry.component {
        // Reading and applying overlap; so do the two sides of a repair.
        Component::Worker | Component::Repair => {
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
        }
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    }?;
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        let reload = Signals::listen(Terminate::Default)?.drive(shutdown.clone(), move || {
            if let Some(pidfile) = pidfile {
                pidfile::remove_own(&pidfile);
            }
        });
        // The pidfile is written and signals are caught: the operator may use -s as soon as the command returns.
        if let Some(launcher) = launcher {
            launcher.release();
        }
        let job = Job { settings: Arc::new(settings), shutdown: shutdown.clone() };
        let quiet = arguments.quiet;
        let run = Run { job, quiet, options: arguments.options, args, reload };
        let work = command::run(entry, &run);
        match entry.interrupt {
            Interrupt::AtItsOwnPlaces => work.await,
            Interrupt::AtOnce => tokio::select! {
                code = work => code,
                () = shutdown.cancelled() => Err(Interrupted.into()),
            },
        }
    })
}
