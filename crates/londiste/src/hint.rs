//! What to do about refusals that operators meet: a second line below the original's words. Pure.

use std::borrow::Cow;

use daemonkit::ini::nearest;
use pgq_client::conn::conninfo::KEYWORDS;

/// Refusals by how they begin, and what helps.
const HINTS: &[(&str, &str)] = &[
    ("\"queue_name\" not specified in config", QUEUE),
    ("Cannot find node <", MEMBERS),
    (CANNOT_PROCEED, WHAT_IS_THERE),
    ("Cannot use itself as provider", "--copy-node=NODE names another node; `members` lists them."),
    (
        "Consumer not found",
        "The node's worker has to be called as 'job_name' in the ini file says; a node that did not answer may have it.",
    ),
    ("Corrupt pidfile: ", "It holds no process number; remove it if no such process runs."),
    (
        "Current node is root, there is nothing to copy from",
        "Run it on the node whose rows are to be copied again.",
    ),
    ("Daemon needs pidfile", "Set 'pidfile' in the ini file."),
    ("No option 'db' ", "Set 'db' in the ini file to the connect string of the node's database."),
    ("No option 'queue_name' ", QUEUE),
    ("Node is not root node: ", "Run it on the root; `status` shows which node that is."),
    (
        "Node name must be given ",
        "Write the name behind the command, or set 'node_name' in the ini file.",
    ),
    (
        "Node public location must be given ",
        "Write the connect string that other nodes use behind the name, or set 'public_node_location' in the ini file.",
    ),
    ("Please give --provider", "--provider=NODE; `members` lists the nodes of the set."),
    (
        "Please specify --provider",
        "--provider=CONNSTR, or initial_provider_location in the ini file.",
    ),
    (
        "Primary key missing on table: ",
        "Give it a primary key, or a unique key over columns that are NOT NULL.",
    ),
    (
        "Public connect string points to different database",
        "Under this location others must find the database of 'db'; --nocheck leaves the check out.",
    ),
    ("Table does not exist: ", "Create it here first, or let --create do it."),
    ("Table not available on queue: ", "Add it on the root first."),
    ("Too many args, only node name ", "A connect string of several words stands in quotes."),
    ("Unknown node: ", MEMBERS),
    (
        "[Errno 2] ",
        "Check the name; one that does not begin with / is looked for in the folder where the command was typed.",
    ),
    ("cannot subscribe to itself", "--provider=NODE names another node; `members` lists them."),
    ("get_node_database: cannot resolve ", MEMBERS),
    ("invalid integer value ", "Correct it in the connect string, in 'db' or behind --provider."),
    ("invalid port number: ", "A port is a number from 1 to 65535."),
    (
        "missing \"=\" after ",
        "A connect string is wanted: host=... dbname=..., or postgresql://HOST/DATABASE.",
    ),
    ("what to do ?", "Name what is meant, or give --all."),
];

/// The refusal of names that are not there.
pub const CANNOT_PROCEED: &str = "Cannot proceed";

/// Where to find the right ones.
pub const WHAT_IS_THERE: &str = "`missing` lists what can be added here (a branch or leaf takes what the root has), `tables` and `seqs` \
     what is there.";

/// For a database that is no node of the queue.
pub const NO_NODE: &str = "Check 'queue_name' in the ini file, or create the node first (create-root, create-branch, create-leaf).";

const MEMBERS: &str = "`members` lists the nodes of the set.";

const QUEUE: &str = "Set 'queue_name' in the ini file; all nodes of a set have the same.";

/// What helps against a refusal in these words.
pub fn of(refusal: &str) -> Option<Cow<'static, str>> {
    let refusal = refusal.strip_prefix("Invalid connect string: ").unwrap_or(refusal);
    if refusal.starts_with("Node '") && refusal.ends_with("' already exists") {
        return Some("Choose another name, or remove the old node first (drop-node).".into());
    }
    if refusal.starts_with("Table ") && refusal.ends_with(" not found on this node") {
        return Some("`tables` lists what this node has.".into());
    }
    if let Some(rest) = refusal.strip_prefix("invalid connection option \"") {
        return Some(keyword(rest.split('"').next().unwrap_or_default()).into());
    }
    if refusal.contains("server does not support SSL, but SSL was required") {
        return Some(
            "Switch ssl on at the server, or have the connect string ask for less: sslmode=prefer."
                .into(),
        );
    }
    HINTS.iter().find(|(begin, _)| refusal.starts_with(begin)).map(|(_, hint)| (*hint).into())
}

/// What a word that no connect string has was meant to be.
fn keyword(word: &str) -> String {
    match nearest(word, KEYWORDS.iter().copied()) {
        Some(meant) => format!("Did you mean '{meant}'?"),
        None => "Connect strings have words such as host, port, dbname, user and password; a value with blanks stands in \
                 single quotes."
            .to_owned(),
    }
}

/// The refusal, with what helps below it.
pub fn with(refusal: &str) -> String {
    match of(refusal) {
        // Some say it themselves.
        Some(hint) if !refusal.contains('\n') && !refusal.contains(" - ") => {
            format!("{refusal}\nHINT:  {hint}")
        }
        _ => refusal.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_stand_below() {
        assert_eq!(
            with("Unknown node: x"),
            "Unknown node: x\nHINT:  `members` lists the nodes of the set."
        );
        assert!(with("Node 'x' already exists").contains("\nHINT:  Choose another name"));
        for alone in
            ["interrupted", "Unknown node: x - create it first", "Unknown node: x\nHINT:  y"]
        {
            assert_eq!(with(alone), alone);
        }
    }

    #[test]
    fn words_of_connect_strings() {
        let hint =
            |word: &str| of(&format!("invalid connection option \"{word}\" (byte 1)")).unwrap();
        assert_eq!(hint("dbnme"), "Did you mean 'dbname'?");
        assert_eq!(hint("sslmod"), "Did you mean 'sslmode'?");
        let located = "Invalid connect string: invalid connection option \"hostt\" (byte 1)";
        assert_eq!(of(located).unwrap(), "Did you mean 'host'?");
        // What stands behind a password.
        assert!(hint("[...]").ends_with("stands in single quotes."), "{}", hint("[...]"));
    }

    #[test]
    fn the_list_is_sorted() {
        assert!(HINTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
