//! What to do about refusals that operators meet: a second line below the original's words. Pure.

/// Refusals by how they begin, and what helps.
const HINTS: &[(&str, &str)] = &[
    ("Cannot find node <", MEMBERS),
    (
        "Cannot proceed",
        "`missing` lists what can be added here (a branch or leaf takes what the root has), `tables` and `seqs` what is there.",
    ),
    ("Corrupt pidfile: ", "It holds no process number; remove it if no such process runs."),
    ("Daemon needs pidfile", "Set 'pidfile' in the ini file."),
    ("No option 'db' ", "Set 'db' in the ini file to the connect string of the node's database."),
    ("Node is not root node: ", "Run it on the root; `status` shows which node that is."),
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
    ("Unknown node: ", MEMBERS),
    ("get_node_database: cannot resolve ", MEMBERS),
    (
        "missing \"=\" after ",
        "A connect string is wanted: host=... dbname=..., or postgresql://HOST/DATABASE.",
    ),
    ("what to do ?", "Name what is meant, or give --all."),
];

const MEMBERS: &str = "`members` lists the nodes of the set.";

/// What helps against a refusal in these words.
pub fn of(refusal: &str) -> Option<&'static str> {
    if refusal.starts_with("Node '") && refusal.ends_with("' already exists") {
        return Some("Choose another name, or remove the old node first (drop-node).");
    }
    HINTS.iter().find(|(begin, _)| refusal.starts_with(begin)).map(|(_, hint)| *hint)
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
    fn the_list_is_sorted() {
        assert!(HINTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
