//! The commands, a file each. This is the only list of them: names, what they need, and where they run.

use std::path::PathBuf;
use std::process::ExitCode;

use pgq_client::calls::pgq_node::NodeType;
use pgq_client::name::TableName;

use crate::cli::args::Options;
use crate::cli::options::Component;
use crate::copy;
use crate::datacheck::compare;
use crate::execute;
use crate::job::{Job, UsageError};
use crate::replay::{self, WorkerOptions};

mod add_seq;
mod add_table;
mod cascade;
mod create_node;
mod create_object;
mod drop_node;
mod handlers;
mod members;
mod pause;
mod remove;
mod resync;
mod set;
mod status;
mod tables;
mod tag_node;
mod wait_node;
mod wait_sync;
pub(crate) mod wanted;

/// One command about to run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Settings and connections.
    pub job: Job,
    /// Options given.
    pub options: Options,
    /// Arguments after the command's name.
    pub args: Vec<String>,
    /// Counts the operator's requests to read the ini file again.
    pub reload: tokio::sync::watch::Receiver<u64>,
}

/// A command's name as a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the commands, which LIST describes")]
pub enum Name {
    AddSeq,
    AddTable,
    ChangeHandler,
    ChangeProvider,
    Check,
    Compare,
    Copy,
    CreateBranch,
    CreateLeaf,
    CreateRoot,
    DropNode,
    Execute,
    Fkeys,
    Members,
    Missing,
    NodeInfo,
    NodeStatus,
    Pause,
    RemoveSeq,
    RemoveTable,
    RenameNode,
    Repair,
    Resume,
    Resurrect,
    Resync,
    Seqs,
    ShowHandlers,
    Status,
    Tables,
    TagAlive,
    TagDead,
    Takeover,
    WaitProvider,
    WaitRoot,
    WaitSync,
    Worker,
}

/// Which pidfile keeps a command from running twice (contract `cli.md` 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// None: it only looks.
    Free,
    /// The configured one.
    Worker,
    /// With `.copy.TABLE`.
    Copy,
    /// With `.admin`.
    Admin,
    /// With `.repair`.
    Repair,
}

/// What an operator's interrupt does to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interrupt {
    /// It is dropped where it stands; its open transaction is rolled back.
    AtOnce,
    /// It looks itself, at places where it may stop: between batches, in waits, before the next step.
    AtItsOwnPlaces,
}

/// Heading in the help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the heading says it")]
pub enum Group {
    Initialization,
    NodeAdministration,
    Layout,
    Daemon,
    Administration,
    Extra,
    Internal,
}

impl Group {
    /// In the order of the help text.
    pub const ALL: [Group; 7] = [
        Group::Initialization,
        Group::NodeAdministration,
        Group::Layout,
        Group::Daemon,
        Group::Administration,
        Group::Extra,
        Group::Internal,
    ];

    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Group::Initialization => "Node initialization",
            Group::NodeAdministration => "Node administration",
            Group::Layout => "Cascade layout change",
            Group::Daemon => "Replication daemon",
            Group::Administration => "Replication administration",
            Group::Extra => "Replication extra",
            Group::Internal => "Internal",
        }
    }
}

/// What is known of a command before it runs.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// As a type.
    pub name: Name,
    /// As typed.
    pub text: &'static str,
    /// Whose options it takes.
    pub component: Component,
    /// Pidfile.
    pub lock: Lock,
    /// What an interrupt does.
    pub interrupt: Interrupt,
    /// Names of its arguments when their number is fixed.
    pub arity: Option<&'static [&'static str]>,
    /// Where the help text lists it.
    pub group: Group,
    /// What follows the name in the help text.
    pub synopsis: &'static str,
    /// What it does, in a few words.
    pub help: &'static str,
}

const fn admin(
    name: Name,
    text: &'static str,
    arity: Option<&'static [&'static str]>,
    group: Group,
    synopsis: &'static str,
    help: &'static str,
) -> Entry {
    Entry {
        name,
        text,
        component: Component::Admin,
        lock: Lock::Admin,
        interrupt: Interrupt::AtOnce,
        arity,
        group,
        synopsis,
        help,
    }
}

/// Without a pidfile: it only looks.
const fn free(entry: Entry) -> Entry {
    Entry { lock: Lock::Free, ..entry }
}

/// With steps in several databases, or a wait: not to be torn apart.
const fn steps(entry: Entry) -> Entry {
    Entry { interrupt: Interrupt::AtItsOwnPlaces, ..entry }
}

const fn other(component: Component, lock: Lock, interrupt: Interrupt, entry: Entry) -> Entry {
    Entry { component, lock, interrupt, ..entry }
}

const NONE: Option<&[&str]> = Some(&[]);

/// All commands, in the order of the help text.
pub const LIST: &[Entry] = &[
    steps(admin(
        Name::CreateRoot,
        "create-root",
        None,
        Group::Initialization,
        "NAME [PUBLIC_CONNSTR]",
        "make this database the root of a new set",
    )),
    steps(admin(
        Name::CreateBranch,
        "create-branch",
        None,
        Group::Initialization,
        "NAME [PUBLIC_CONNSTR] --provider=CONNSTR",
        "make it a node that others can subscribe to",
    )),
    steps(admin(
        Name::CreateLeaf,
        "create-leaf",
        None,
        Group::Initialization,
        "NAME [PUBLIC_CONNSTR] --provider=CONNSTR",
        "make it a node at the end of the line",
    )),
    steps(admin(
        Name::Pause,
        "pause",
        NONE,
        Group::NodeAdministration,
        "",
        "pause the node's worker",
    )),
    steps(admin(
        Name::Resume,
        "resume",
        NONE,
        Group::NodeAdministration,
        "",
        "let the node's worker go on",
    )),
    admin(
        Name::WaitRoot,
        "wait-root",
        NONE,
        Group::NodeAdministration,
        "",
        "wait until the node has caught up with the root",
    ),
    admin(
        Name::WaitProvider,
        "wait-provider",
        NONE,
        Group::NodeAdministration,
        "",
        "wait until the node has caught up with its provider",
    ),
    free(admin(
        Name::Status,
        "status",
        NONE,
        Group::NodeAdministration,
        "[--compact]",
        "show all nodes of the set as a tree",
    )),
    free(admin(
        Name::NodeStatus,
        "node-status",
        NONE,
        Group::NodeAdministration,
        "",
        "show the state of this node",
    )),
    free(admin(
        Name::NodeInfo,
        "node-info",
        NONE,
        Group::NodeAdministration,
        "",
        "show the connections of this node",
    )),
    admin(
        Name::Members,
        "members",
        NONE,
        Group::NodeAdministration,
        "",
        "list the nodes this node knows",
    ),
    steps(admin(
        Name::ChangeProvider,
        "change-provider",
        NONE,
        Group::Layout,
        "--provider=NODE",
        "let the node read from another node",
    )),
    steps(admin(
        Name::Takeover,
        "takeover",
        Some(&["old_node_name"]),
        Group::Layout,
        "NODE [--all] [--dead-root|--dead-branch]",
        "take over the place of another node (not in this version yet)",
    )),
    steps(admin(
        Name::Resurrect,
        "resurrect",
        NONE,
        Group::Layout,
        "",
        "bring a former root back as a branch (not in this version yet)",
    )),
    steps(admin(
        Name::DropNode,
        "drop-node",
        Some(&["node_name"]),
        Group::Layout,
        "NODE",
        "remove a node from the set",
    )),
    steps(admin(
        Name::TagDead,
        "tag-dead",
        Some(&["dead_node_name"]),
        Group::Layout,
        "NODE",
        "mark a node as dead on all others",
    )),
    steps(admin(
        Name::TagAlive,
        "tag-alive",
        Some(&["node_name"]),
        Group::Layout,
        "NODE",
        "take the mark away again",
    )),
    steps(admin(
        Name::RenameNode,
        "rename-node",
        Some(&["old_name", "new_name"]),
        Group::Layout,
        "OLD NEW",
        "give a node another name (not in this version yet)",
    )),
    other(
        Component::Worker,
        Lock::Worker,
        Interrupt::AtItsOwnPlaces,
        admin(Name::Worker, "worker", None, Group::Daemon, "", "replay events from the provider"),
    ),
    admin(
        Name::AddTable,
        "add-table",
        None,
        Group::Administration,
        "TABLE ...",
        "add tables to this node (on the root: to the set)",
    ),
    admin(
        Name::RemoveTable,
        "remove-table",
        None,
        Group::Administration,
        "TABLE ...",
        "remove tables from this node (on the root: from the set)",
    ),
    admin(
        Name::ChangeHandler,
        "change-handler",
        Some(&["tbl"]),
        Group::Administration,
        "TABLE",
        "give a table another handler",
    ),
    admin(
        Name::AddSeq,
        "add-seq",
        None,
        Group::Administration,
        "SEQUENCE ...",
        "add sequences to this node (on the root: to the set)",
    ),
    admin(
        Name::RemoveSeq,
        "remove-seq",
        None,
        Group::Administration,
        "SEQUENCE ...",
        "remove sequences from this node (on the root: from the set)",
    ),
    free(admin(
        Name::Tables,
        "tables",
        NONE,
        Group::Administration,
        "[--names-only]",
        "list the tables of this node",
    )),
    free(admin(
        Name::Seqs,
        "seqs",
        NONE,
        Group::Administration,
        "",
        "list the sequences of the set",
    )),
    free(admin(
        Name::Missing,
        "missing",
        NONE,
        Group::Administration,
        "",
        "list tables and sequences that could be added",
    )),
    admin(Name::Resync, "resync", None, Group::Administration, "TABLE ...", "copy tables again"),
    free(admin(
        Name::WaitSync,
        "wait-sync",
        NONE,
        Group::Administration,
        "",
        "wait until all tables are in sync",
    )),
    admin(Name::Check, "check", NONE, Group::Extra, "", "accepted for compatibility, does nothing"),
    admin(Name::Fkeys, "fkeys", NONE, Group::Extra, "", "accepted for compatibility, does nothing"),
    other(
        Component::Compare,
        Lock::Repair,
        Interrupt::AtItsOwnPlaces,
        admin(
            Name::Compare,
            "compare",
            None,
            Group::Extra,
            "[TABLE ...]",
            "prove that both sides hold the same rows",
        ),
    ),
    other(
        Component::Repair,
        Lock::Repair,
        Interrupt::AtItsOwnPlaces,
        admin(
            Name::Repair,
            "repair",
            None,
            Group::Extra,
            "[TABLE ...]",
            "find the rows that differ, and fix them (not in this version yet)",
        ),
    ),
    admin(
        Name::Execute,
        "execute",
        None,
        Group::Extra,
        "FILE ...",
        "run SQL files here and then on every node, in order with the data",
    ),
    free(admin(
        Name::ShowHandlers,
        "show-handlers",
        None,
        Group::Extra,
        "[NAME ...]",
        "describe table handlers",
    )),
    other(
        Component::Worker,
        Lock::Copy,
        Interrupt::AtItsOwnPlaces,
        admin(Name::Copy, "copy", None, Group::Internal, "TABLE", "copy one table"),
    ),
];

/// The command of that name.
pub fn find(text: &str) -> Option<&'static Entry> {
    LIST.iter().find(|entry| entry.text == text)
}

impl Entry {
    /// Whether the number of arguments is right.
    pub fn check_arity(&self, args: &[String]) -> Result<(), UsageError> {
        let Some(names) = self.arity.filter(|names| names.len() != args.len()) else {
            return Ok(());
        };
        let expected = if names.is_empty() {
            "0".to_owned()
        } else {
            format!("{}: {}", names.len(), names.join(" "))
        };
        Err(UsageError(format!(
            "command '{}' got {} args, but expects {expected}",
            self.text,
            args.len()
        )))
    }
}

/// Runs a command; the answer is the exit code.
pub async fn run(entry: &Entry, run: &Run) -> anyhow::Result<ExitCode> {
    match entry.name {
        Name::CreateRoot => create_node::run(run, NodeType::Root).await?,
        Name::CreateBranch => create_node::run(run, NodeType::Branch).await?,
        Name::CreateLeaf => create_node::run(run, NodeType::Leaf).await?,
        Name::Worker => {
            let options = &run.options;
            let what = match (options.rewind, options.reset) {
                (true, _) => WorkerOptions::Rewind,
                (false, true) => WorkerOptions::Reset,
                (false, false) => WorkerOptions::Work,
            };
            replay::run(run.job.clone(), what, run.reload.clone()).await?;
        }
        Name::Copy => {
            let Some(table) = run.args.first() else {
                return Err(UsageError("londiste copy requires table name".to_owned()).into());
            };
            copy::run_process(run.job.clone(), TableName::new(table)).await?;
        }
        Name::Execute => {
            let files: Vec<PathBuf> = run.args.iter().map(PathBuf::from).collect();
            execute::command(&run.job, &files).await?;
        }
        Name::Compare => {
            let options = compare::Options {
                tables: run.args.clone(),
                count_only: run.options.count_only,
                force: run.options.force,
            };
            return compare::command(&run.job, &options).await;
        }
        Name::AddTable => add_table::run(run).await?,
        Name::AddSeq => add_seq::run(run).await?,
        Name::RemoveTable => remove::tables(run).await?,
        Name::RemoveSeq => remove::seqs(run).await?,
        Name::Resync => resync::run(run).await?,
        Name::Tables => tables::tables(run).await?,
        Name::Seqs => tables::seqs(run).await?,
        Name::Missing => tables::missing(run).await?,
        Name::WaitSync => wait_sync::run(run).await?,
        Name::Members => members::run(run).await?,
        Name::Pause => pause::set_paused(run, true).await?,
        Name::Resume => pause::set_paused(run, false).await?,
        Name::ChangeProvider => pause::change_provider(run).await?,
        Name::WaitRoot => wait_node::root(run).await?,
        Name::WaitProvider => wait_node::provider(run).await?,
        Name::DropNode => drop_node::run(run).await?,
        Name::TagDead => tag_node::run(run, true).await?,
        Name::TagAlive => tag_node::run(run, false).await?,
        Name::ChangeHandler => handlers::change(run).await?,
        Name::ShowHandlers => handlers::show(run)?,
        // Stubs in the original as well: scripts may call them.
        Name::Check | Name::Fkeys => {}
        Name::Status => status::status(run).await?,
        Name::NodeStatus => status::node_status(run).await?,
        Name::NodeInfo => status::node_info(run).await?,
        Name::RenameNode | Name::Repair | Name::Resurrect | Name::Takeover => {
            return Err(not_in_this_version(entry));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// For commands that the original has and this version does not.
fn not_in_this_version(entry: &Entry) -> anyhow::Error {
    UsageError(format!("command '{}' is not in this version yet", entry.text)).into()
}

/// For options that the original has and this version does not.
fn option_not_in_this_version(option: &str) -> UsageError {
    UsageError(format!("option {option} is not in this version yet"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn arity(text: &str, args: &[&str], expected: Result<(), &str>) {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let got = find(text).unwrap().check_arity(&args).map_err(|error| error.to_string());
        assert_eq!(got.as_ref().copied().map_err(String::as_str), expected);
    }

    #[test]
    fn wrong_numbers_of_arguments_are_refused() {
        arity("pause", &[], Ok(()));
        arity("pause", &["x"], Err("command 'pause' got 1 args, but expects 0"));
        arity("takeover", &[], Err("command 'takeover' got 0 args, but expects 1: old_node_name"));
        arity(
            "change-handler",
            &[],
            Err("command 'change-handler' got 0 args, but expects 1: tbl"),
        );
        arity(
            "rename-node",
            &["a"],
            Err("command 'rename-node' got 1 args, but expects 2: old_name new_name"),
        );
        arity("add-table", &["a", "b", "c"], Ok(()));
    }

    #[test]
    fn names_are_unique() {
        for entry in LIST {
            assert_eq!(find(entry.text).unwrap().name, entry.name, "{}", entry.text);
        }
    }
}
