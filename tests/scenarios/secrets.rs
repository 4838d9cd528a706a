//! Passwords in connect strings are used and not told.

use system_tests::Impl::Ours;
use system_tests::cluster::PASSWORD_ROLE;
use system_tests::{Cluster, Database, Node, Outcome, folder};

use crate::diary::QUEUE;

const PASSWORD: &str = "correct-horse-battery";

/// A superuser that has to give its password. Roles stay in the throw-away cluster.
fn role_with_password(db: &Database) -> String {
    let role = folder::unique("guarded");
    db.sql(&format!(
        "do $$ begin create role {PASSWORD_ROLE}; exception when duplicate_object or unique_violation then null; end $$;
         create role {role} login superuser password '{PASSWORD}' in role {PASSWORD_ROLE}"
    ));
    role
}

/// Only ours: the reference hides the password in `Connect` lines and shows it in the calls that follow.
#[test]
fn a_password_is_in_no_output_and_no_log() {
    let (source, target) =
        (Cluster::shared().create_database("src"), Cluster::shared().create_database("dst"));
    let role = role_with_password(&source);
    let (at_source, at_target) =
        (source.connstr_as(&role, PASSWORD), target.connstr_as(&role, PASSWORD));
    let root = Node::over(Ours, "src", &at_source, QUEUE);
    let leaf = Node::over(Ours, "dst", &at_target, QUEUE);
    let provider = format!("--provider={at_source}");
    let outcomes: Vec<Outcome> = vec![
        root.londiste(["-v", "create-root", "src", &at_source])
            .ok()
            .says(&format!("dbname={}", source.name())),
        leaf.londiste(["-v", "create-leaf", "dst", &at_target, &provider]).ok(),
        leaf.londiste(["-v", "status"]).ok(),
        Node::over(Ours, "typo", &source.connstr_as(&role, "wrong-guess"), QUEUE)
            .londiste(["-v", "status"])
            .exits(1),
    ];
    for outcome in outcomes {
        outcome.says("[...]").says_not(PASSWORD).says_not("wrong-guess");
    }
    for node in [&root, &leaf] {
        assert!(!node.log().contains(PASSWORD), "{}", node.log());
    }
    // It is stored where the nodes need it: members shows the connect strings, as the original does.
    assert!(source.text("select node_location from pgq_node.node_location").contains(PASSWORD));
}
