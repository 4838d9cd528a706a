//! Every option there is, as one table: the parser, the help text and the per-command checks come from it
//! (contract `cli.md` 1.2 and 1.3).

/// The part of the program that runs a command; each accepts its own set of options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// Commands that change or show the set.
    Admin,
    /// The worker and its copies.
    Worker,
    /// `compare`
    Compare,
    /// `repair`
    Repair,
}

/// What an option does with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On or off.
    Flag,
    /// Counted.
    Count,
    /// One value, the last one given; the text stands for it in the help.
    Value(&'static str),
    /// All values, in the order given.
    List(&'static str),
    /// A whole number, the last one given.
    Number(&'static str),
}

/// Which parsers know an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// All components.
    Everywhere,
    /// The launcher and these components.
    Only(&'static [Component]),
    /// The admin component but not the launcher: never usable, but abbreviations that also fit it are ambiguous.
    Inner,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opt {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    pub(super) group: Group,
    pub(super) help: &'static str,
}

/// Heading in the help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    General,
    Running,
    Cascading,
    Position,
    Add,
    Tables,
    Other,
}

impl Group {
    pub(super) fn heading(self) -> &'static str {
        match self {
            Group::General => "Options",
            Group::Running => "control running process",
            Group::Cascading => "options for cascading",
            Group::Position => "repair queue position",
            Group::Add => "options for add",
            Group::Tables => "options for tables",
            Group::Other => "other options",
        }
    }
}

use Component::{Admin, Compare, Repair, Worker};
use Kind::{Count, Flag, List, Number, Value};

const ADMIN: Scope = Scope::Only(&[Admin]);

const fn opt(
    long: &'static str,
    kind: Kind,
    scope: Scope,
    group: Group,
    help: &'static str,
) -> Opt {
    Opt { long, short: None, kind, scope, group, help }
}

const fn short(letter: char, option: Opt) -> Opt {
    Opt { short: Some(letter), ..option }
}

const fn general(long: &'static str, letter: char, kind: Kind, help: &'static str) -> Opt {
    short(letter, opt(long, kind, Scope::Everywhere, Group::General, help))
}

const fn running(long: &'static str, letter: char, help: &'static str) -> Opt {
    short(letter, opt(long, Flag, Scope::Everywhere, Group::Running, help))
}

const fn add(long: &'static str, kind: Kind, help: &'static str) -> Opt {
    opt(long, kind, ADMIN, Group::Add, help)
}

const fn inner(long: &'static str, kind: Kind) -> Opt {
    opt(long, kind, Scope::Inner, Group::Other, "")
}

/// In the order of the help text.
pub(super) const OPTIONS: &[Opt] = &[
    general("help", 'h', Flag, "show this text and exit"),
    general("quiet", 'q', Flag, "log only warnings and errors"),
    general("verbose", 'v', Count, "log more; twice logs everything"),
    general("daemon", 'd', Flag, "go to the background"),
    general("version", 'V', Flag, "show the version and exit"),
    opt("ini", Flag, Scope::Everywhere, Group::General, "print a sample ini file and exit"),
    opt(
        "set",
        List("KEY=VALUE"),
        Scope::Everywhere,
        Group::General,
        "use this value instead of the ini file's",
    ),
    running("reload", 'r', "make the worker read its ini file again (SIGHUP)"),
    running("stop", 's', "stop the worker after its current batch (SIGINT)"),
    running("kill", 'k', "end the worker at once (SIGTERM)"),
    opt(
        "provider",
        Value("PROVIDER"),
        Scope::Only(&[Admin, Worker]),
        Group::Cascading,
        "create-*: connect string of the provider; change-provider: name of the new provider",
    ),
    opt("target", Value("NODE"), ADMIN, Group::Cascading, "accepted for compatibility, unused"),
    opt("merge", Value("QUEUE"), ADMIN, Group::Cascading, "create-leaf: queue to merge into"),
    opt(
        "dead",
        List("NODE"),
        ADMIN,
        Group::Cascading,
        "take this node as dead while the command runs (may be repeated)",
    ),
    opt("dead-root", Flag, ADMIN, Group::Cascading, "takeover: the old node was the root"),
    opt("dead-branch", Flag, ADMIN, Group::Cascading, "takeover: the old node was a branch"),
    opt(
        "nocheck",
        Flag,
        ADMIN,
        Group::Cascading,
        "create-*: do not check the public connect string",
    ),
    opt(
        "sync-watermark",
        Value("NODES"),
        ADMIN,
        Group::Cascading,
        "create-branch: nodes to keep the watermark in step with, separated by commas",
    ),
    opt(
        "rewind",
        Flag,
        Scope::Only(&[Worker]),
        Group::Position,
        "worker: move the queue position to where the database is",
    ),
    opt(
        "reset",
        Flag,
        Scope::Only(&[Worker]),
        Group::Position,
        "worker: move the database's position to where the queue is",
    ),
    add(
        "all",
        Flag,
        "add-*, remove-*, resync: everything there is; takeover: with all subscribers",
    ),
    add("wait-sync", Flag, "add-table: wait until all tables are in sync"),
    add("dest-table", Value("NAME"), "add-table: name of the table in this database"),
    add("copy-condition", Value("COND"), "add-table: copy only rows that meet this SQL condition"),
    add("expect-sync", Flag, "add-table: the rows are there already, copy nothing"),
    add("skip-truncate", Flag, "add-table: keep the rows that are there before the copy"),
    add(
        "create",
        Flag,
        "add-*: create what is missing: a sequence, or columns and primary key of a table",
    ),
    add("create-full", Flag, "add-*: as --create, with keys, indexes, triggers, rights and all"),
    add("trigger-flags", Value("FLAGS"), "add-table: letters out of BAIUDLQ for the trigger"),
    add("trigger-arg", List("ARG"), "add-table: extra argument for the trigger (may be repeated)"),
    add("no-triggers", Flag, "add-table: put no triggers on the table"),
    add("handler", Value("NAME"), "add-table: handler for the table"),
    add("handler-arg", List("KEY=VALUE"), "add-table: argument for the handler (may be repeated)"),
    add(
        "find-copy-node",
        Flag,
        "add-table, resync: copy from the nearest node upstream that has the table",
    ),
    add("copy-node", Value("NODE"), "add-*, resync: copy from this node"),
    add("merge-all", Flag, "add-table: take the table from all source queues"),
    add("no-merge", Flag, "add-table: take the table from this queue only"),
    add(
        "max-parallel-copy",
        Number("NUM"),
        "add-table: no copy of the table starts while so many run",
    ),
    add("skip-non-existing", Flag, "add-*: skip what does not exist"),
    opt("names-only", Flag, ADMIN, Group::Tables, "tables: print names only, for scripts"),
    opt(
        "force",
        Flag,
        Scope::Only(&[Admin, Compare, Repair]),
        Group::Other,
        "add: accept unknown names; resync: renew a shared table although deletes may be missed; compare, repair: ignore lag",
    ),
    opt(
        "apply",
        Flag,
        Scope::Only(&[Repair]),
        Group::Other,
        "repair: apply the fixes instead of writing them to a file",
    ),
    opt("count-only", Flag, Scope::Only(&[Compare]), Group::Other, "compare: count rows only"),
    opt(
        "sort-bufsize",
        Value("SIZE"),
        Scope::Only(&[Repair]),
        Group::Other,
        "repair: memory for sorting, as for `sort -S` (30%, but at most 1G)",
    ),
    opt(
        "repair-where",
        Value("COND"),
        Scope::Only(&[Repair]),
        Group::Other,
        "repair: only rows that meet this SQL condition, on both sides",
    ),
    opt("compact", Flag, ADMIN, Group::Other, "status: one line per node"),
    inner("connstr", Value("CONNSTR")),
    inner("consumer", Value("CONSUMER")),
    inner("node", Value("NODE")),
    inner("queue", Value("QUEUE")),
    inner("register", Flag),
    inner("unregister", Flag),
    inner("worker", Value("WORKER")),
];

/// The long names of all options that can be given, in the order of the help text.
pub fn names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().filter(|option| option.in_launcher()).map(|option| option.long)
}

impl Opt {
    /// Whether the first pass, which knows no command yet, accepts it.
    pub(super) fn in_launcher(&self) -> bool {
        self.scope != Scope::Inner
    }

    /// Whether the second pass accepts it.
    pub(super) fn in_component(&self, component: Component) -> bool {
        match self.scope {
            Scope::Everywhere => true,
            Scope::Only(components) => components.contains(&component),
            Scope::Inner => component == Admin,
        }
    }
}
