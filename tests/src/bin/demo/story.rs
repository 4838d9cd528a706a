//! The story itself, step by step as in the operator's diary.

use std::fmt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use system_tests::wait::EVENTUALLY;
use system_tests::{Database, holds, wait_for};

use super::load::Load;
use super::scene::Scene;
use super::shell::say;

/// How long the login/logout load runs, each time.
const LOAD_SECONDS: u32 = 10;

/// Single changes timed for the latency.
const PINGS: usize = 25;

/// What was measured on the way.
pub(crate) struct Figures {
    copy: Duration,
    replayed: i64,
    replay: Duration,
    latency: Duration,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "a rate to print")]
        let rate = self.replayed as f64 / self.replay.as_secs_f64();
        writeln!(
            f,
            "Initial copy of 2 tables, 400,000 rows, add-table until ok: {:.2} s",
            self.copy.as_secs_f64()
        )?;
        writeln!(
            f,
            "Replay of a backlog: {} row changes in {:.2} s, {rate:.0} row changes per second",
            self.replayed,
            self.replay.as_secs_f64()
        )?;
        write!(
            f,
            "Commit on the source until visible on the target, median: {:.0} ms",
            self.latency.as_secs_f64() * 1e3
        )
    }
}

/// Plays all of it; panics where something is not as it should be.
pub(crate) fn tell(scene: &Scene) -> Figures {
    create_nodes(scene);
    start_daemons(scene);
    let copy = first_tables(scene);
    log_tables(scene);
    let latency = latency(scene);
    target_goes_down_under_load(scene);
    let (replayed, replay) = daemons_go_down_under_load(scene);
    second_target(scene);
    add_column(scene);
    prove(scene);
    Figures { copy, replayed, replay, latency }
}

fn create_nodes(scene: &Scene) {
    let shell = &scene.shell;
    for folder in ["log", "pid"] {
        std::fs::create_dir(shell.folder().join(folder)).expect("own folder");
    }
    shell.title("The source becomes the root node");
    scene.write_node_ini("src_digoal_01", &scene.src, "");
    shell.run(&format!(
        "londiste -v src_digoal_01.ini create-root src_digoal_01 \"{}\"",
        scene.src.connstr()
    ));
    shell.title("The first target becomes a leaf");
    scene.write_node_ini("dst1_digoal_01", &scene.dst1, "");
    shell.run(&format!(
        "londiste dst1_digoal_01.ini create-leaf dst1_digoal_01 \"{}\" --provider=\"{}\"",
        scene.dst1.connstr(),
        scene.src.connstr()
    ));
}

fn start_daemons(scene: &Scene) {
    let shell = &scene.shell;
    shell.title("The ticker and both workers start");
    shell.write(
        "pgqd.ini",
        &format!(
            "[pgqd]\nbase_connstr = {}\ndatabase_list = {}\nlogfile = log/pgqd.log\npidfile = pid/pgqd.pid\nsyslog = 0\n\
             ticker_period = 0.1\n",
            scene.source.address().connstr(),
            scene.src.name()
        ),
    );
    start_all(scene, &["src_digoal_01", "dst1_digoal_01"]);
    shell.run("londiste src_digoal_01.ini members");
    shell.run("londiste src_digoal_01.ini status");
}

fn start_all(scene: &Scene, jobs: &[&str]) {
    scene.shell.run("pgqd -d pgqd.ini");
    for job in jobs {
        scene.shell.run(&format!("londiste -d {job}.ini worker"));
    }
}

fn first_tables(scene: &Scene) -> Duration {
    let shell = &scene.shell;
    shell.title("Two tables are added, on the root and on the leaf");
    shell.run("londiste src_digoal_01.ini add-table digoal_01.user_info digoal_01.user_session");
    let started = Instant::now();
    shell.run("londiste dst1_digoal_01.ini add-table digoal_01.user_info digoal_01.user_session");
    shell.run("londiste dst1_digoal_01.ini tables");
    shell.run("londiste dst1_digoal_01.ini wait-sync");
    let copy = started.elapsed();
    shell.run("londiste dst1_digoal_01.ini tables");
    copy
}

fn log_tables(scene: &Scene) {
    let shell = &scene.shell;
    shell.title("Tables without a primary key are refused until they have one");
    shell.run("londiste src_digoal_01.ini missing");
    let refused = shell.run_any(
        "londiste src_digoal_01.ini add-table digoal_01.user_login_rec digoal_01.user_logout_rec",
    );
    refused.exits(1).says("Primary key missing on table: digoal_01.user_login_rec");
    let keys = "alter table digoal_01.user_login_rec add column id serial8 primary key;\n\
                alter table digoal_01.user_logout_rec add column id serial8 primary key;";
    for (name, db) in [("source", &scene.src), ("target", &scene.dst1)] {
        shell.psql(name, keys);
        db.sql(keys);
    }
    for job in ["src_digoal_01", "dst1_digoal_01"] {
        shell.run(&format!(
            "londiste {job}.ini add-table digoal_01.user_login_rec digoal_01.user_logout_rec"
        ));
        shell.run(&format!("londiste {job}.ini add-seq digoal_01.user_login_rec_id_seq digoal_01.user_logout_rec_id_seq"));
    }
    shell.run("londiste dst1_digoal_01.ini wait-sync");
    shell.run("londiste dst1_digoal_01.ini seqs");
}

fn latency(scene: &Scene) -> Duration {
    scene.shell.title("How long until a change is visible on the target?");
    let (mut src, mut dst) = (scene.src.client(), scene.dst1.client());
    let mut times: Vec<Duration> = (0..PINGS)
        .map(|ping| {
            let mark = format!("ping {ping}");
            let set = "update digoal_01.user_info set occupation = $1 where userid = 1";
            let seen = "select 1 from digoal_01.user_info where userid = 1 and occupation = $1";
            src.execute(set, &[&mark]).expect("the source is up");
            let committed = Instant::now();
            while dst.query_opt(seen, &[&mark]).expect("the target is up").is_none() {
                assert!(committed.elapsed() < EVENTUALLY, "the change does not arrive");
                sleep(Duration::from_millis(1));
            }
            committed.elapsed()
        })
        .collect();
    times.sort();
    say(&format!(
        "{PINGS} single updates, one after the other: median {:.0} ms",
        times[PINGS / 2].as_secs_f64() * 1e3
    ));
    times[PINGS / 2]
}

fn target_goes_down_under_load(scene: &Scene) {
    let shell = &scene.shell;
    shell.title("Users log in and out; the target server stops in the middle and comes back");
    let load = Load::start(scene, LOAD_SECONDS);
    wait_for("a tenth of the load", EVENTUALLY, || {
        let logins = scene.src.int("select count(*) from digoal_01.user_login_rec");
        holds(logins > 1_000, format!("{logins} logins"))
    });
    say("$ pg_ctl stop -m fast      # the target");
    scene.target.stop();
    let source_log = shell.folder().join("log/dst1_digoal_01.log");
    wait_for("the worker to notice", EVENTUALLY, || {
        let log = std::fs::read_to_string(&source_log).unwrap_or_default();
        let line = log.lines().rev().find(|line| line.contains("ERROR")).map(str::to_owned);
        line.map(|line| say(&format!("  log: {line}"))).ok_or("no ERROR line yet")
    });
    shell.run("londiste src_digoal_01.ini status");
    say("$ pg_ctl start             # the target");
    scene.target.start();
    load.wait();
    caught_up(scene, &scene.dst1, "dst1_digoal_01");
    shell.run("londiste dst1_digoal_01.ini compare").says_not("do not match");
}

/// The replayed row changes and the time that took.
fn daemons_go_down_under_load(scene: &Scene) -> (i64, Duration) {
    let shell = &scene.shell;
    shell.title("All three daemons stop while users go on; then they work off what has piled up");
    for line in
        ["londiste -s dst1_digoal_01.ini", "londiste -s src_digoal_01.ini", "pgqd -s pgqd.ini"]
    {
        shell.run(line);
    }
    for job in ["dst1_digoal_01", "src_digoal_01", "pgqd"] {
        let pidfile = shell.folder().join(format!("pid/{job}.pid"));
        wait_for(format!("{job} to end"), EVENTUALLY, || {
            holds(!pidfile.exists(), "its pidfile is there")
        });
    }
    let rows = "select (select count(*) from digoal_01.user_login_rec) + (select count(*) from digoal_01.user_logout_rec)";
    let before = scene.src.int(rows);
    Load::start(scene, LOAD_SECONDS).wait();
    // Every login and logout is an insert and an update.
    let changes = (scene.src.int(rows) - before) * 2;
    say(&format!("{changes} row changes are waiting"));
    let started = Instant::now();
    start_all(scene, &["src_digoal_01", "dst1_digoal_01"]);
    caught_up(scene, &scene.dst1, "dst1_digoal_01");
    let took = started.elapsed();
    shell.run("londiste dst1_digoal_01.ini compare").says_not("do not match");
    (changes, took)
}

fn second_target(scene: &Scene) {
    let shell = &scene.shell;
    shell.title("A second target: other names, and only users below 1000");
    scene.write_node_ini("dst2_digoal_02", &scene.dst2, "parallel_copies = 16\n");
    shell.run(&format!(
        "londiste dst2_digoal_02.ini create-leaf dst2_digoal_02 \"{}\" --provider=\"{}\"",
        scene.dst2.connstr(),
        scene.src.connstr()
    ));
    shell.run("londiste -d dst2_digoal_02.ini worker");
    for table in ["user_info", "user_session"] {
        shell.run(&format!(
            "londiste dst2_digoal_02.ini add-table --dest-table=digoal_02.{table}1 --copy-condition=\"userid<1000\" \
             digoal_01.{table}"
        ));
    }
    shell.run("londiste dst2_digoal_02.ini wait-sync");
    shell.run("londiste dst2_digoal_02.ini tables");
    shell.run("londiste dst2_digoal_02.ini compare").says_not("do not match");
}

fn add_column(scene: &Scene) {
    let shell = &scene.shell;
    shell.title("A new column, on every node at the same point of the stream");
    shell.write(
        "add_column.sql",
        "alter table digoal_01.user_info add column c1 int;\nalter table digoal_01.user_session add column c1 int;\n",
    );
    shell
        .run_any("londiste dst1_digoal_01.ini execute ./add_column.sql")
        .exits(1)
        .says("Node is not root node: replika");
    shell.run("londiste src_digoal_01.ini execute ./add_column.sql");
    scene.src.sql("update digoal_01.user_info set c1 = userid where userid <= 3");
    wait_for("the column on target 1", EVENTUALLY, || {
        let filled = "select count(*) from digoal_01.user_info where c1 is not null";
        scene
            .dst1
            .try_text(filled)
            .map_err(|error| error.to_string())
            .and_then(|n| holds(n == "3", n))
    });
    say("Target 2 has no schema digoal_01: its worker stops there and says so.");
    wait_for("the error in status", EVENTUALLY, || {
        let status = shell.peek("londiste dst2_digoal_02.ini status").stdout;
        holds(status.contains("ERR: dst2_digoal_02"), status)
    });
    shell.run("londiste dst2_digoal_02.ini status");
    let cure = "alter table digoal_02.user_info1 add column c1 int;\n\
                alter table digoal_02.user_session1 add column c1 int;\n\
                create schema digoal_01;\n\
                create table digoal_01.user_info (id int);\n\
                create table digoal_01.user_session (id int);";
    shell.psql("digoal_02", cure);
    scene.dst2.sql(cure);
    caught_up(scene, &scene.dst2, "dst2_digoal_02");
    shell.psql("digoal_02", "drop schema digoal_01 cascade;");
    scene.dst2.sql("drop schema digoal_01 cascade");
}

fn prove(scene: &Scene) {
    let shell = &scene.shell;
    shell.title("Where everybody stands, and proof that all sides are equal");
    shell.run("londiste src_digoal_01.ini status").says_not("ERR");
    shell.run("londiste dst1_digoal_01.ini compare").says_not("do not match");
    shell.run("londiste dst2_digoal_02.ini compare").says_not("do not match");
    shell.title("Stopping the daemons");
    for line in [
        "londiste -s dst2_digoal_02.ini",
        "londiste -s dst1_digoal_01.ini",
        "londiste -s src_digoal_01.ini",
        "pgqd -s pgqd.ini",
    ] {
        shell.run(line);
    }
}

/// Waits until a node has replayed everything the source has committed so far.
fn caught_up(scene: &Scene, target: &Database, consumer: &str) {
    let newest = "select last_tick_id from pgq.get_queue_info('replika')";
    let before = scene.src.int(newest);
    scene.src.sql("select pgq.force_tick('replika')");
    let tick = wait_for("a tick", EVENTUALLY, || {
        let tick = scene.src.int(newest);
        if tick > before { Ok(tick) } else { Err(format!("tick {tick}")) }
    });
    wait_for(format!("tick {tick} on {consumer}"), EVENTUALLY, || {
        let state = format!(
            "select completed_tick from pgq_node.get_consumer_state('replika', '{consumer}')"
        );
        let reached = target.try_text(&state).map_err(|error| error.to_string())?;
        holds(reached.parse().is_ok_and(|reached: i64| reached >= tick), format!("tick {reached}"))
    });
}
