//! A node whose role may not set `session_replication_role` says what would let it, and goes on once it is granted.

use system_tests::Impl::Ours;
use system_tests::wait::EVENTUALLY;
use system_tests::{Node, folder, holds, wait_for};

use crate::diary::{Cast, QUEUE, Stage};

/// Only ours: the reference needs a superuser to create the node, and just repeats the server's words later.
#[test]
fn the_error_names_the_role_and_the_statement_that_helps() {
    let stage = Stage::set(Cast::all(Ours));
    stage.root.londiste(["create-root", "src", &stage.source.connstr()]).ok();
    stage.root.londiste(["add-table", "app.user_info"]).ok();
    stage.ticker.start();
    stage.root.start_worker();

    // The target belongs to somebody who may do everything there but this.
    let role = folder::unique("owner");
    stage.target.sql(&format!(
        "create role {role} login; alter database {} owner to {role};
         alter schema app owner to {role}; alter table app.user_info owner to {role}",
        stage.target.name()
    ));
    let connstr = stage.target.connstr_as(&role, "unused");
    let leaf = Node::over(Ours, "dst", &connstr, QUEUE);
    let provider = format!("--provider={}", stage.source.connstr());
    leaf.londiste(["create-leaf", "dst", &connstr, &provider]).ok();
    leaf.londiste(["add-table", "app.user_info"]).ok();
    leaf.start_worker();
    let statement = format!("GRANT SET ON PARAMETER session_replication_role TO {role}");
    let grantable = stage.target.int("select current_setting('server_version_num')") >= 150_000;
    let advice = if grantable { statement.as_str() } else { role.as_str() };
    wait_for("advice in the log", EVENTUALLY, || {
        let log = leaf.log();
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("ERROR")).collect();
        let told = errors.iter().any(|line| line.replace('"', "").contains(advice));
        holds(told, log)
    });

    // The operator does as told, and the worker goes on by itself.
    let superuser = format!("alter role {role} superuser");
    stage.target.sql(if grantable { &statement } else { &superuser });
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
