//! Keys of the ini file that say how a worker works: how much it takes at once and how far it stays behind, how long it keeps a
//! connection, what it says when there is nothing to say, what it leaves to others.

use std::fs;

use system_tests::Impl::Ours;
use system_tests::wait::{EVENTUALLY, SOON, holds, wait_for};

use crate::diary::{ADD_KEYS, Cast, Load, QUEUE, Stage, TABLES};

/// Nodes that work, whose leaf has these keys besides.
fn running(keys: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::set(Cast::all(Ours));
    for db in [&stage.source, &stage.target] {
        db.sql(ADD_KEYS);
    }
    for (key, value) in keys {
        stage.leaf.set(key, value);
    }
    stage.create_nodes();
    stage.start_daemons();
    stage
}

/// What the leaf's log says from here on.
struct Since<'a>(&'a Stage, usize);

impl<'a> Since<'a> {
    fn now(stage: &'a Stage) -> Self {
        Self(stage, stage.leaf.log().len())
    }

    fn log(&self) -> String {
        self.0.leaf.log()[self.1..].to_owned()
    }

    /// Waits until so many lines satisfy the question.
    #[track_caller]
    fn wait(&self, what: &str, lines: usize, question: impl Fn(&str) -> bool) {
        wait_for(what, EVENTUALLY, || {
            let log = self.log();
            holds(log.lines().filter(|line| question(line)).count() >= lines, log)
        });
    }
}

/// Reads the file again.
#[track_caller]
fn reload(stage: &Stage) {
    let since = Since::now(stage);
    stage.leaf.reload();
    since.wait("the reload", 1, |line| line.ends_with("INFO Config reloaded"));
}

fn position(stage: &Stage) -> i64 {
    stage.target.int("select last_tick_id from pgq_node.local_state where consumer_name = 'dst'")
}

fn newest_tick(stage: &Stage) -> i64 {
    stage.source.int("select max(tick_id) from pgq.tick")
}

/// Waits for so many more ticks.
#[track_caller]
fn more_ticks(stage: &Stage, count: i64) {
    let goal = newest_tick(stage) + count;
    wait_for(format!("tick {goal}"), EVENTUALLY, || {
        let newest = newest_tick(stage);
        holds(newest >= goal, newest)
    });
}

/// The number behind a word of a statistics line.
fn counted(line: &str, word: &str) -> Option<i64> {
    let (_, rest) = line.split_once(&format!("{word}: "))?;
    rest.split([',', '}']).next()?.parse().ok()
}

/// It waits until it is long enough or much enough, stays behind, and says that it lives meanwhile.
#[test]
fn how_much_a_worker_takes_at_once() {
    let (table, key) = TABLES[2];
    let mut stage = running(&[
        ("keepalive_stats", "0.4"),
        ("pgq_batch_collect_events", "1000000"),
        ("pgq_batch_collect_interval", "1 second"),
    ]);
    let insert = |stage: &Stage, userid: u32, count: u32| {
        for _ in 0..count {
            stage.source.sql(&format!("insert into {table} (userid) values ({userid})"));
        }
    };
    let rows = |stage: &Stage, userid: u32| {
        stage.target.int(&format!("select count(*) from {table} where userid = {userid}"))
    };
    let idle = |line: &str| line.contains("INFO {idle: ");

    // For a hand-over worker and copy have to stand at the same tick, so batches are not put together then.
    stage.add_tables(&[TABLES[0].0, table]);
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.wait_caught_up();

    // What has waited for long enough is taken, few as it is.
    let from = position(&stage);
    insert(&stage, 1, 1);
    wait_for("the next batch", EVENTUALLY, || {
        let seen = rows(&stage, 1);
        holds(seen == 1, seen)
    });
    let to = position(&stage);
    assert!(to > from + 1, "several ticks in one batch: {from} to {to}");
    let span = format!(
        "select b.tick_time - a.tick_time >= '1 second' from pgq.tick a, pgq.tick b
          where a.tick_id = {from} and b.tick_id = {to}"
    );
    assert_eq!(stage.source.text(&span), "t");

    // Or what is enough, however long that takes.
    stage.leaf.set("pgq_batch_collect_events", "60");
    stage.leaf.unset("pgq_batch_collect_interval");
    reload(&stage);
    let (stands, since) = (position(&stage), Since::now(&stage));
    insert(&stage, 2, 20);
    more_ticks(&stage, 3);
    since.wait("two signs of life", 2, idle);
    assert_eq!(position(&stage), stands, "20 are not enough");
    let ticker = |paused: &str| {
        stage
            .source
            .sql(&format!("select pgq.set_queue_config('{QUEUE}', 'ticker_paused', '{paused}')"));
    };
    // All of these are in one tick.
    ticker("on");
    insert(&stage, 2, 50);
    ticker("off");
    since.wait("a batch of enough", 1, |line| counted(line, "count").is_some_and(|n| n >= 60));
    assert_eq!(rows(&stage, 2), 70);
    let fewer = |line: &str| counted(line, "count").is_some_and(|count| count < 60);
    assert!(!since.log().lines().any(fewer), "{}", since.log());

    // An hour behind: it takes nothing that is younger.
    stage.leaf.unset("pgq_batch_collect_events");
    stage.leaf.set("pgq_keep_lag", "1 hour");
    reload(&stage);
    let (stands, since) = (position(&stage), Since::now(&stage));
    insert(&stage, 3, 1);
    more_ticks(&stage, 3);
    since.wait("two signs of life", 2, idle);
    assert_eq!((position(&stage), rows(&stage, 3)), (stands, 0));
    stage.leaf.unset("pgq_keep_lag");
    reload(&stage);
    stage.wait_caught_up();
    stage.assert_equal(&[TABLES[0], (table, key)]);

    // Unless it is told otherwise the next sign of life is five minutes away.
    stage.leaf.unset("keepalive_stats");
    reload(&stage);
    let since = Since::now(&stage);
    more_ticks(&stage, 4);
    stage.wait_caught_up();
    assert!(!since.log().contains("idle: "), "{}", since.log());
    stage.stop_daemons();
}

/// Connections are renewed while users write, and nothing is lost or said about it.
#[test]
fn connections_do_not_become_old() {
    let mut stage = running(&[("connection_lifetime", "0.3")]);
    let load = Load::start(&stage.source);
    stage.add_tables(&TABLES.map(|(table, _)| table));
    stage.leaf.londiste(["wait-sync"]).ok();
    let sessions = |name: &str| {
        let (db, name) = match name {
            "db" => (&stage.target, "dst:db"),
            _ => (&stage.source, "dst:_provider_db"),
        };
        db.text(&format!(
            "select min(pid) from pg_stat_activity where application_name = '{name}' and datname = current_database()"
        ))
    };
    for name in ["db", "_provider_db"] {
        let mut seen = Vec::new();
        wait_for(format!("three sessions of {name}, one after the other"), EVENTUALLY, || {
            let now = sessions(name);
            if !now.is_empty() && !seen.contains(&now) {
                seen.push(now);
            }
            holds(seen.len() >= 3, format!("{seen:?}"))
        });
    }
    load.stop();
    stage.wait_caught_up();
    stage.assert_equal(&TABLES);
    assert!(!stage.leaf.log().contains("ERROR"), "{}", stage.leaf.log());
    // Without a limit the session stays.
    stage.leaf.set("connection_lifetime", "0");
    reload(&stage);
    stage.source.sql("update app.user_info set email = 'a' where userid = 1");
    stage.wait_caught_up();
    let sessions = |stage: &Stage| {
        stage.target.text(
            "select pid from pg_stat_activity where application_name = 'dst:db' and datname = current_database()",
        )
    };
    let before = sessions(&stage);
    more_ticks(&stage, 4);
    stage.source.sql("update app.user_info set email = 'b' where userid = 1");
    stage.wait_caught_up();
    assert_eq!(sessions(&stage), before);
    stage.stop_daemons();
}

/// Scripts are for nodes that have everything; one that only has some tables can leave them out.
#[test]
fn scripts_can_be_left_out_together_with_other_tables() {
    let mut stage = running(&[("local_only", "1"), ("local_only_drop_execute", "1")]);
    let info = TABLES[0];
    stage.root.londiste(["add-table", info.0, TABLES[1].0]).ok();
    stage.leaf.londiste(["add-table", info.0]).ok();
    stage.leaf.londiste(["wait-sync"]).ok();
    let execute = |stage: &Stage, name: &str| {
        let script = format!("create table app.{name} (id int);");
        fs::write(stage.root.folder().join(format!("{name}.sql")), script).expect("own folder");
        stage.root.londiste(["execute", &format!("{name}.sql")]).ok();
        stage
            .source
            .sql("update app.user_info set email = 'x' || coalesce(email, '') where userid < 10");
        stage.wait_caught_up();
        stage.assert_equal(&[info]);
        stage.target.text(&format!("select to_regclass('app.{name}') is not null"))
    };
    assert_eq!(execute(&stage, "left_out"), "f");
    assert_eq!(stage.source.text("select to_regclass('app.left_out') is not null"), "t");
    stage.leaf.unset("local_only_drop_execute");
    reload(&stage);
    assert_eq!(execute(&stage, "not_left_out"), "t");
    assert_eq!(stage.target.text("select to_regclass('app.left_out') is not null"), "f");
    stage.stop_daemons();
}

/// The first failures are told quietly, those that last are not; and what has healed for long enough counts as new.
#[test]
fn failures_that_were_over_for_long_enough_are_new_ones() {
    let mut stage = running(&[
        ("exception_quiet", "ALL"),
        ("exception_grace", "1"),
        ("exception_reset", "0.1"),
        ("exception_sleep", "0.2"),
    ]);
    stage.add_tables(&[TABLES[0].0]);
    stage.leaf.londiste(["wait-sync"]).ok();
    let fail = |stage: &Stage, email: &str| {
        let since = Since::now(stage);
        stage
            .target
            .sql("alter table app.user_info add constraint no check (email !~ 'bad') not valid");
        stage.source.sql(&format!("update app.user_info set email = '{email}' where userid = 1"));
        let refused = |line: &str| line.contains("violates check constraint");
        since.wait("the failure", 1, refused);
        since.wait("a failure that lasts", 1, |line| refused(line) && line.contains(" ERROR "));
        let levels = since.log();
        stage.target.sql("alter table app.user_info drop constraint no");
        stage.wait_caught_up();
        levels.lines().find(|line| refused(line)).expect("just seen").to_owned()
    };
    assert!(fail(&stage, "bad").contains(" WARNING "), "the first");
    assert!(fail(&stage, "bad again").contains(" WARNING "), "the first after it was healed");
    // With the usual quarter of an hour it is the same row of failures.
    stage.leaf.unset("exception_reset");
    reload(&stage);
    assert!(fail(&stage, "bad once more").contains(" WARNING "), "the row before is over");
    assert!(fail(&stage, "bad for good").contains(" ERROR "), "this one is not");
    stage.assert_equal(&TABLES[..1]);
    stage.stop_daemons();
}

/// Two daemons and commands write to files that are moved away under them.
#[test]
fn a_log_is_rotated_while_its_daemon_runs() {
    let stage = running(&[("log_size", "6000"), ("log_count", "2"), ("keepalive_stats", "0.2")]);
    let file = |number: u32| match number {
        0 => stage.leaf.folder().join("dst.log"),
        number => stage.leaf.folder().join(format!("dst.log.{number}")),
    };
    let load = Load::start(&stage.source);
    stage.add_tables(&TABLES.map(|(table, _)| table));
    stage.leaf.londiste(["wait-sync"]).ok();
    let first_line = |number: u32| {
        let text = fs::read_to_string(file(number)).unwrap_or_default();
        text.lines().next().unwrap_or_default().to_owned()
    };
    // Each goes from number to number, and the last one goes.
    let mut oldest = Vec::new();
    wait_for("three that were the last one", EVENTUALLY, || {
        stage.leaf.londiste(["-v", "members"]).ok();
        let line = first_line(2);
        if !line.is_empty() && !oldest.contains(&line) {
            oldest.push(line);
        }
        holds(oldest.len() >= 3, format!("{oldest:?}"))
    });
    load.stop();
    stage.wait_caught_up();
    // Worker and command are in one file.
    let pid = stage.leaf.worker().wait_running().to_string();
    wait_for("both in the present file", SOON, || {
        stage.leaf.londiste(["-v", "members"]).ok();
        let log = stage.leaf.log();
        let of_worker = |line: &&str| line.split(' ').nth(2) == Some(pid.as_str());
        let (ours, others): (Vec<&str>, Vec<&str>) = log.lines().partition(of_worker);
        holds(!ours.is_empty() && !others.is_empty(), &log)
    });
    stage.assert_equal(&TABLES);
    stage.stop_daemons();
    assert!(!file(3).exists());
    for number in 0..=2 {
        let length = fs::metadata(file(number)).expect("it is there").len();
        assert!(length < 6000, "{}: {length}", file(number).display());
    }
}
