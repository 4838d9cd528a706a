//! The command line, parsed twice as the original did: by the launcher with all options, then with the options of the
//! component that runs the command (contract `cli.md` 1.1). Errors have the original's words.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use daemonkit::ini::nearest;

use super::help::spelling;
use super::options::{Component, Kind, OPTIONS, Opt, names};

/// What the operator asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// Ini file, command, and the command's arguments.
    pub positionals: Vec<String>,
    /// `--help`
    pub help: bool,
    /// `--version`
    pub version: bool,
    /// `--ini`
    pub ini: bool,
    /// `--quiet`
    pub quiet: bool,
    /// How often `--verbose` was given.
    pub verbose: u8,
    /// `--daemon`
    pub daemon: bool,
    /// `--set`, as given.
    pub set: Vec<String>,
    /// `--reload`, `--stop` or `--kill`.
    pub signal: Option<SignalRequest>,
    /// Everything else.
    pub options: Options,
}

/// What to send to the running worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalRequest {
    /// SIGHUP
    Reload,
    /// SIGINT
    Stop,
    /// SIGTERM
    Kill,
}

/// Options of commands; each is described in the help text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the options, whose help says what they do")]
pub struct Options {
    pub provider: Option<String>,
    pub merge: Option<String>,
    pub dead: Vec<String>,
    pub dead_root: bool,
    pub dead_branch: bool,
    pub nocheck: bool,
    pub sync_watermark: Option<String>,
    pub rewind: bool,
    pub reset: bool,
    pub all: bool,
    pub wait_sync: bool,
    pub dest_table: Option<String>,
    pub copy_condition: Option<String>,
    pub expect_sync: bool,
    pub skip_truncate: bool,
    pub create: bool,
    pub create_full: bool,
    pub trigger_flags: Option<String>,
    pub trigger_arg: Vec<String>,
    pub no_triggers: bool,
    pub handler: Option<String>,
    pub handler_arg: Vec<String>,
    pub find_copy_node: bool,
    pub copy_node: Option<String>,
    pub merge_all: bool,
    pub no_merge: bool,
    pub max_parallel_copy: Option<i64>,
    pub skip_non_existing: bool,
    pub names_only: bool,
    pub force: bool,
    pub apply: bool,
    pub count_only: bool,
    pub sort_bufsize: Option<String>,
    pub repair_where: Option<String>,
    pub compact: bool,
}

/// The command line cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nHINT:  {hint}")]
pub struct BadArguments {
    /// The original's text, without `PROG: error: `.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// First pass. `argv` begins with the program's name.
pub fn parse(argv: &[OsString]) -> Result<Arguments, BadArguments> {
    let matches = matches(argv, None)?;
    let flag = |name: &str| matches.get_flag(name);
    let value = |name: &str| matches.get_one::<String>(name).cloned();
    let list =
        |name: &str| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
    let signal = [
        ("reload", SignalRequest::Reload),
        ("stop", SignalRequest::Stop),
        ("kill", SignalRequest::Kill),
    ];
    Ok(Arguments {
        positionals: list(POSITIONALS),
        help: flag("help"),
        version: flag("version"),
        ini: flag("ini"),
        quiet: flag("quiet"),
        verbose: matches.get_count("verbose"),
        daemon: flag("daemon"),
        set: list("set"),
        signal: signal.into_iter().find(|(name, _)| flag(name)).map(|(_, signal)| signal),
        options: Options {
            provider: value("provider"),
            merge: value("merge"),
            dead: list("dead"),
            dead_root: flag("dead-root"),
            dead_branch: flag("dead-branch"),
            nocheck: flag("nocheck"),
            sync_watermark: value("sync-watermark"),
            rewind: flag("rewind"),
            reset: flag("reset"),
            all: flag("all"),
            wait_sync: flag("wait-sync"),
            dest_table: value("dest-table"),
            copy_condition: value("copy-condition"),
            expect_sync: flag("expect-sync"),
            skip_truncate: flag("skip-truncate"),
            create: flag("create"),
            create_full: flag("create-full"),
            trigger_flags: value("trigger-flags"),
            trigger_arg: list("trigger-arg"),
            no_triggers: flag("no-triggers"),
            handler: value("handler"),
            handler_arg: list("handler-arg"),
            find_copy_node: flag("find-copy-node"),
            copy_node: value("copy-node"),
            merge_all: flag("merge-all"),
            no_merge: flag("no-merge"),
            max_parallel_copy: matches.get_one::<i64>("max-parallel-copy").copied(),
            skip_non_existing: flag("skip-non-existing"),
            names_only: flag("names-only"),
            force: flag("force"),
            apply: flag("apply"),
            count_only: flag("count-only"),
            sort_bufsize: value("sort-bufsize"),
            repair_where: value("repair-where"),
            compact: flag("compact"),
        },
    })
}

/// Second pass: whether the command's component accepts the same command line.
pub fn check_component(argv: &[OsString], component: Component) -> Result<(), BadArguments> {
    matches(argv, Some(component)).map(drop)
}

/// `KEY=VALUE` of `--set`, both trimmed.
pub fn parse_overrides(set: &[String]) -> Result<Vec<(String, String)>, BadArguments> {
    set.iter()
        .map(|text| {
            let (key, value) = text.split_once('=').ok_or_else(|| BadArguments {
                message: format!("--set needs KEY=VALUE, got '{text}'"),
                hint: "For instance --set loop_delay=0.5, in quotes where the value has blanks."
                    .to_owned(),
            })?;
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

/// The program's name for messages: the last part of `argv[0]`.
pub fn program_name(argv: &[OsString]) -> String {
    let path = argv.first().map(Path::new).and_then(Path::file_name);
    path.map_or_else(|| "londiste".to_owned(), |name| name.to_string_lossy().into_owned())
}

const POSITIONALS: &str = "positionals";

/// What the launcher makes of the command line, or the component.
fn matches(argv: &[OsString], component: Option<Component>) -> Result<ArgMatches, BadArguments> {
    let known: Vec<&Opt> = OPTIONS
        .iter()
        .filter(|option| match component {
            None => option.in_launcher(),
            Some(component) => option.in_component(component),
        })
        .collect();
    let command = known.iter().fold(
        Command::new("londiste")
            .infer_long_args(true)
            .args_override_self(true)
            .disable_help_flag(true)
            .disable_version_flag(true)
            .arg(Arg::new(POSITIONALS).action(ArgAction::Append)),
        |command, option| command.arg(argument(option)),
    );
    command.try_get_matches_from(argv).map_err(|error| explain(&error, &known))
}

fn argument(option: &Opt) -> Arg {
    let arg = Arg::new(option.long).long(option.long).short(option.short);
    // One slot for the three signals: the last one given counts.
    const SIGNALS: [&str; 3] = ["reload", "stop", "kill"];
    let arg = if SIGNALS.contains(&option.long) {
        arg.overrides_with_all(SIGNALS.iter().filter(|name| **name != option.long))
    } else {
        arg
    };
    match option.kind {
        Kind::Flag => arg.action(ArgAction::SetTrue),
        Kind::Count => arg.action(ArgAction::Count),
        // A value may begin with a dash: what follows such an option is its value, whatever it looks like.
        Kind::Value(_) => arg.action(ArgAction::Set).allow_hyphen_values(true),
        Kind::List(_) => arg.action(ArgAction::Append).allow_hyphen_values(true),
        Kind::Number(_) => arg
            .action(ArgAction::Set)
            .allow_hyphen_values(true)
            .value_parser(clap::value_parser!(i64)),
    }
}

/// The parser's complaint in the original's words.
fn explain(error: &clap::Error, known: &[&Opt]) -> BadArguments {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg).unwrap_or_default();
    // `--name <VALUE>` or `--name=value`: only the name is wanted.
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    let spelt = || match known.iter().find(|option| Some(option.long) == name.strip_prefix("--")) {
        Some(option) => format!("Write {}.", described(option)),
        None => LISTED.to_owned(),
    };
    let (message, hint) = match error.kind() {
        ErrorKind::UnknownArgument => return unknown(name, known),
        ErrorKind::TooManyValues => {
            (format!("{name} option does not take a value"), format!("Write {name} alone."))
        }
        ErrorKind::ValueValidation => {
            let value = text(ContextKind::InvalidValue).unwrap_or_default();
            (format!("option {name}: invalid integer value: '{value}'"), spelt())
        }
        ErrorKind::InvalidValue | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            (format!("{name} option requires 1 argument"), spelt())
        }
        ErrorKind::InvalidUtf8 => ("arguments must be UTF-8".to_owned(), LISTED.to_owned()),
        // Nothing else can happen with the settings above; the parser's own line is better than none.
        _ => (error.to_string().lines().next().unwrap_or_default().to_owned(), LISTED.to_owned()),
    };
    BadArguments { message, hint }
}

const LISTED: &str = "--help lists the options; what stands behind -- is none.";

/// `--dead=NODE (take this node as dead)`
fn described(option: &Opt) -> String {
    format!("{} ({})", spelling(option), option.help)
}

/// An option that the parser does not know, or an abbreviation that fits several.
fn unknown(name: &str, known: &[&Opt]) -> BadArguments {
    let mut candidates: Vec<String> = name
        .strip_prefix("--")
        .filter(|prefix| !prefix.is_empty())
        .map(|prefix| known.iter().filter(move |option| option.long.starts_with(prefix)))
        .into_iter()
        .flatten()
        .map(|option| format!("--{}", option.long))
        .collect();
    candidates.sort();
    if candidates.len() > 1 {
        let message = format!("ambiguous option: {name} ({}?)", candidates.join(", "));
        // Some can be given to nobody.
        candidates.retain(|name| names().any(|usable| name[2..] == *usable));
        return BadArguments {
            message,
            hint: format!("Write it out: {}.", candidates.join(" or ")),
        };
    }
    BadArguments { message: format!("no such option: {name}"), hint: meant(name) }
}

/// What may have been meant by an option that is not known where it stands.
fn meant(name: &str) -> String {
    let long = name.strip_prefix("--").filter(|long| !long.is_empty());
    let mut usable = OPTIONS.iter().filter(|option| option.in_launcher());
    // The launcher knows it, so it is another component's.
    let elsewhere = long.and_then(|long| usable.find(|option| option.long.starts_with(long)));
    if let Some(option) = elsewhere {
        return format!("It is for other commands: {}.", described(option));
    }
    match long.and_then(|long| nearest(long, names())) {
        Some(near) => format!("Did you mean --{near}?"),
        None => LISTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &[&str]) -> Vec<OsString> {
        std::iter::once("londiste").chain(line.iter().copied()).map(OsString::from).collect()
    }

    fn parsed(line: &[&str]) -> Arguments {
        parse(&argv(line)).unwrap()
    }

    #[track_caller]
    fn fails(line: &[&str], message: &str) {
        assert_eq!(parse(&argv(line)).unwrap_err().message, message);
    }

    #[track_caller]
    fn component_fails(component: Component, line: &[&str], message: &str) {
        let argv = argv(line);
        assert!(parse(&argv).is_ok(), "the launcher accepts it");
        assert_eq!(check_component(&argv, component).unwrap_err().message, message);
    }

    #[test]
    fn options_stand_anywhere() {
        let args = parsed(&[
            "-qd",
            "x.ini",
            "--dead",
            "n1",
            "status",
            "--compact",
            "--dead=n2",
            "-v",
            "-v",
        ]);
        assert_eq!(args.positionals, ["x.ini", "status"]);
        assert!(args.quiet && args.daemon && args.options.compact);
        assert_eq!(args.options.dead, ["n1", "n2"]);
        assert_eq!(args.verbose, 2);
    }

    #[test]
    fn two_dashes_end_the_options() {
        assert_eq!(
            parsed(&["x", "status", "--", "--compact"]).positionals,
            ["x", "status", "--compact"]
        );
        assert_eq!(parsed(&["x", "-", "y"]).positionals, ["x", "-", "y"]);
    }

    #[test]
    fn a_value_may_begin_with_a_dash() {
        assert_eq!(parsed(&["--provider", "-v", "x"]).options.provider.as_deref(), Some("-v"));
        assert_eq!(
            parsed(&["--provider", "--all", "x"]).options.provider.as_deref(),
            Some("--all")
        );
        assert_eq!(parsed(&["--provider="]).options.provider.as_deref(), Some(""));
        assert_eq!(parsed(&["--max-parallel-copy", "-1"]).options.max_parallel_copy, Some(-1));
    }

    #[test]
    fn abbreviations() {
        assert!(parsed(&["--compa"]).options.compact);
        assert!(parsed(&["--create"]).options.create);
        assert!(!parsed(&["--create"]).options.create_full);
        assert!(parsed(&["--create-f"]).options.create_full);
        assert_eq!(parsed(&["--prov=x"]).options.provider.as_deref(), Some("x"));
        assert_eq!(parsed(&["--dead", "x"]).options.dead, ["x"]);
    }

    #[test]
    fn the_last_one_counts() {
        assert_eq!(
            parsed(&["--provider=a", "--provider=b"]).options.provider.as_deref(),
            Some("b")
        );
        assert!(parsed(&["--all", "--all"]).options.all);
        assert_eq!(parsed(&["-r", "-k", "-s"]).signal, Some(SignalRequest::Stop));
        assert_eq!(parsed(&["-s", "--reload"]).signal, Some(SignalRequest::Reload));
        assert_eq!(parsed(&["-sr", "-s"]).signal, Some(SignalRequest::Stop));
    }

    #[test]
    fn mistakes_in_the_words_of_the_original() {
        fails(&["--nosuch"], "no such option: --nosuch");
        fails(&["--nosuch=1"], "no such option: --nosuch");
        fails(&["-x"], "no such option: -x");
        fails(&["x", "-5"], "no such option: -5");
        fails(&["-qx"], "no such option: -x");
        fails(&["--re"], "ambiguous option: --re (--reload, --repair-where, --reset, --rewind?)");
        fails(&["--dead"], "--dead option requires 1 argument");
        fails(&["--names-only=1"], "--names-only option does not take a value");
        fails(&["--max-parallel-copy=x"], "option --max-parallel-copy: invalid integer value: 'x'");
        fails(&["--queue=x"], "no such option: --queue");
        fails(&["--node", "x"], "no such option: --node");
    }

    #[test]
    fn components_know_their_own_options() {
        component_fails(Component::Admin, &["x", "status", "--apply"], "no such option: --apply");
        component_fails(Component::Admin, &["x", "status", "--rewind"], "no such option: --rewind");
        component_fails(Component::Worker, &["x", "worker", "--all"], "no such option: --all");
        component_fails(Component::Worker, &["x", "worker", "--w"], "no such option: --w");
        component_fails(
            Component::Compare,
            &["x", "compare", "--create"],
            "no such option: --create",
        );
        component_fails(
            Component::Admin,
            &["x", "status", "--q"],
            "ambiguous option: --q (--queue, --quiet?)",
        );
        component_fails(
            Component::Admin,
            &["x", "add-table", "--w"],
            "ambiguous option: --w (--wait-sync, --worker?)",
        );
        assert!(check_component(&argv(&["x", "worker", "--q"]), Component::Worker).is_ok());
        assert!(check_component(&argv(&["x", "status", "--all"]), Component::Admin).is_ok());
    }

    #[test]
    fn mistakes_are_told_what_was_meant() {
        let hint = |line: &[&str]| parse(&argv(line)).unwrap_err().hint;
        assert_eq!(hint(&["x", "add-table", "--alle"]), "Did you mean --all?");
        assert_eq!(hint(&["--no-trigers=1"]), "Did you mean --no-triggers?");
        for far in ["--nosuch", "-x", "-5", "--queue=x"] {
            assert_eq!(hint(&["x", far]), LISTED, "{far}");
        }
        assert_eq!(hint(&["--names-only=1"]), "Write --names-only alone.");
        assert!(hint(&["--dead"]).starts_with("Write --dead=NODE (take "), "{}", hint(&["--dead"]));
        assert!(hint(&["--max-parallel-copy=x"]).starts_with("Write --max-parallel-copy=NUM ("));
        assert_eq!(
            hint(&["--re"]),
            "Write it out: --reload or --repair-where or --reset or --rewind."
        );
        let elsewhere = |component, option: &str| {
            check_component(&argv(&["x", "y", option]), component).unwrap_err().hint
        };
        for abbreviated in ["--apply", "--app"] {
            assert_eq!(
                elsewhere(Component::Admin, abbreviated),
                "It is for other commands: --apply (repair: apply the fixes instead of writing them to a file)."
            );
        }
        // `--queue` can be given to nobody.
        assert_eq!(elsewhere(Component::Admin, "--q"), "Write it out: --quiet.");
    }

    #[test]
    fn overrides_are_trimmed_and_split_at_the_first_sign() {
        let set = |text: &str| parse_overrides(&[text.to_owned()]);
        assert_eq!(set(" a = b = c "), Ok(vec![("a".to_owned(), "b = c".to_owned())]));
        assert_eq!(set("a").unwrap_err().message, "--set needs KEY=VALUE, got 'a'");
    }
}
