//! A role that may not set `session_replication_role` learns what would let it.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{Node, folder, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage};

/// Only ours: the reference just repeats the server's words.
#[test]
fn the_error_names_the_role_and_the_statement_that_helps() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.add_tables(&["app.user_info"]);
    stage.ticker.start();
    stage.root.start_worker();

    // Everything but that one right.
    let role = folder::unique("limited");
    stage.target.sql(&format!(
        "create role {role} login;
         grant usage on schema app, pgq, pgq_ext, pgq_node, londiste to {role};
         grant all on all tables in schema app, pgq, pgq_ext, pgq_node, londiste to {role};
         grant all on all sequences in schema pgq, londiste to {role};
         grant execute on all functions in schema pgq, pgq_ext, pgq_node, londiste to {role};
         alter table app.user_info owner to {role}; grant usage, create on schema app to {role}"
    ));
    let connstr = stage.target.connstr_as(&role, "unused");
    let leaf = Node::over(Ours, "dst", &connstr, QUEUE);
    leaf.start_worker();
    let statement = wait_for("advice in the log", EVENTUALLY, || {
        let log = leaf.log();
        let advice = log
            .lines()
            .find(|line| line.contains("session_replication_role") && line.contains(&role))
            .and_then(|line| line.split_once("grant set on parameter"))
            .map(|(_, rest)| {
                rest.split(['`', ';', '"', '\'']).next().unwrap_or_default().to_owned()
            });
        advice.map(|rest| format!("grant set on parameter{rest}")).ok_or(log)
    });

    // The operator does as told, and the worker goes on by itself.
    stage.target.sql(&statement);
    leaf.londiste(["wait-sync"]).ok();
    stage.source.sql("update app.user_info set engname = 'later' where userid = 7");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.user_info", "userid")]);
    wait_for("a status without error", EVENTUALLY, || {
        let status = stage.root.londiste(["status"]).ok();
        holds(!status.stdout.contains("ERR:"), status)
    });
    leaf.stop_worker();
}
