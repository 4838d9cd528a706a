//! The only list of commands: names, what they need, and where they run. The help text is made from it.

use super::entry::{Entry, Group, Interrupt, Lock, Name};
use crate::cli::options::Component;

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
    free(admin(
        Name::Grants,
        "grants",
        None,
        Group::Initialization,
        "[TABLE ...] [--all]",
        "print what an administrator has to grant to the role",
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
        "take over the place of another node",
    )),
    steps(admin(
        Name::Resurrect,
        "resurrect",
        NONE,
        Group::Layout,
        "",
        "bring a former root back as a branch",
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
        "give a node another name",
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
    free(admin(
        Name::Check,
        "check",
        None,
        Group::Extra,
        "[TABLE ...]",
        "compare the structure of tables with the provider's",
    )),
    free(admin(
        Name::Fkeys,
        "fkeys",
        None,
        Group::Extra,
        "[TABLE ...]",
        "list foreign keys, present and put aside, with their statements",
    )),
    free(admin(
        Name::Triggers,
        "triggers",
        None,
        Group::Extra,
        "[TABLE ...]",
        "list triggers, present and missing, with their statements",
    )),
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
            "find the rows that differ, and fix them",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn arity(text: &str, args: &[&str], expected: Result<(), &str>) {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let got = find(text).unwrap().check_arity(&args).map_err(|error| error.to_string());
        let said = got.as_ref().copied().map_err(|error| error.split('\n').next().unwrap());
        assert_eq!(said, expected);
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
        let hint =
            |text| find(text).unwrap().check_arity(&["a", "b", "c"].map(String::from)).unwrap_err();
        assert!(hint("pause").to_string().ends_with("\nHINT:  londiste INI pause"));
        assert!(hint("tag-dead").to_string().ends_with("\nHINT:  londiste INI tag-dead NODE"));
    }

    #[test]
    fn names_are_unique() {
        for entry in LIST {
            assert_eq!(find(entry.text).unwrap().name, entry.name, "{}", entry.text);
        }
    }
}
