//! What identifies a row: primary keys that change, and unique ones where there is no primary.

use system_tests::Impl::Ours;

use crate::diary::{Cast, Stage};

const TABLES: &str = "
create table app.unique_key (a int not null, b text not null, v text, unique (a, b));
create table app.moving (id int primary key, part int not null, v text);
create table app.general (id int not null unique, v text)";

const CHANGES: &str = "
insert into app.unique_key select i, 'ä' || i, 'v' from generate_series(1, 100) i;
insert into app.moving select i, i % 3, 'v' from generate_series(1, 100) i;
insert into app.general select i, 'v' from generate_series(1, 100) i;
update app.unique_key set v = 'changed' where a <= 50;
update app.unique_key set b = b || '+' where a > 90;
delete from app.unique_key where a % 10 = 3;
update app.moving set id = id + 1000 where id <= 20;
-- in a circle, over a place that is free
update app.moving set id = 0 where id = 50; update app.moving set id = 50 where id = 60; update app.moving set id = 60 where id = 0;
delete from app.moving where id = 1005; insert into app.moving values (5, 5, 'again');
update app.general set v = 'changed' where id <= 50;
delete from app.general where id > 90";

#[test]
fn keys_change_and_unique_ones_are_enough() {
    let stage = Stage::set(Cast::all(Ours));
    stage.create_nodes();
    stage.start_daemons();
    stage.source.sql(TABLES);
    stage.target.sql(TABLES);
    let tables = ["app.unique_key", "app.moving", "app.general"];
    stage.root.londiste(["add-table", "app.unique_key", "app.moving"]).ok();
    stage.root.londiste(["add-table", "--trigger-flags=L", "app.general"]).ok();
    stage.source.sql("insert into app.unique_key values (1000, 'before', null); insert into app.moving values (500, 1, 'x')");
    stage.leaf.londiste(["add-table", "--wait-sync"].into_iter().chain(tables)).ok();

    let functions = "select tgrelid::regclass, regexp_replace(tgfoid::regproc::text, '\\d+', 'N', 'g') from pg_trigger
        where tgname = '_londiste_' || (select queue_name from pgq_node.node_info) and tgrelid::regclass::text ~
              '(unique_key|moving|general)$' order by 1::text";
    assert_eq!(
        stage.source.text(functions),
        "app.general|pgq.logutriga\napp.moving|londiste._capture_N_N\napp.unique_key|londiste._capture_N_N"
    );
    let refused =
        stage.target.try_text("update app.unique_key set v = 'here'").expect_err("denied");
    let refused = refused.as_db_error().expect("said by the server").message().to_owned();
    assert!(refused.contains("change not allowed (UPDATE)"), "{refused}");

    stage.source.sql(CHANGES);
    stage.wait_caught_up();
    stage.assert_equal(&[("app.unique_key", "a, b"), ("app.moving", "id"), ("app.general", "id")]);
    stage.leaf.londiste(["compare"]).ok().says_not("Results do not match!");

    // A script that changes the table leaves no function behind that does not know it.
    let script = stage.root.folder().join("wider.sql");
    std::fs::write(&script, "alter table app.moving add column more text default 'new'")
        .expect("own folder");
    stage.root.londiste(["execute".as_ref(), script.as_os_str()]).ok();
    assert_eq!(stage.source.int("select londiste._refresh_captures(false)"), 0);
    stage.source.sql("update app.moving set more = 'wide' where part = 1");
    stage.wait_caught_up();
    stage.assert_equal(&[("app.moving", "id")]);
    stage.stop_daemons();
}
