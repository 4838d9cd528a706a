//! The daemon on real servers. Where the original does the same, the test is run on it, too.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgq_client::conn::connect;
use pgq_client::schema;
use system_tests::daemon::Daemon;
use system_tests::wait::SOON;
use system_tests::{
    Cluster, Database, Impl, Outcome, Program, folder, holds, schemas, under_test, wait_for,
};

/// A pgqd with its folder. Dropped, it is killed.
struct Pgqd {
    implementation: Impl,
    folder: PathBuf,
    daemon: Daemon,
}

impl Pgqd {
    fn new(implementation: Impl, cluster: &Cluster, keys: &str) -> Pgqd {
        let folder = folder::fresh("pgqd");
        let daemon = Daemon::new(folder.join("x.pid"));
        let pgqd = Pgqd { implementation, folder, daemon };
        pgqd.configure(cluster, keys);
        pgqd
    }

    /// For one database, with short periods.
    fn quick(implementation: Impl, cluster: &Cluster, db: &Database) -> Pgqd {
        Pgqd::new(implementation, cluster, &quick(&[db]))
    }

    fn configure(&self, cluster: &Cluster, keys: &str) {
        let base = cluster.address().connstr();
        let ini = format!(
            "[pgqd]\nbase_connstr = {base}\nlogfile = x.log\npidfile = x.pid\nsyslog = 0\n{keys}\n"
        );
        fs::write(self.folder.join("x.ini"), ini).expect("own folder");
    }

    #[track_caller]
    fn run(&self, switches: &[&str]) -> Outcome {
        let executable = self.implementation.executable(Program::Pgqd);
        under_test::run(&executable, &self.folder, switches.iter().chain(&["x.ini"]))
    }

    #[track_caller]
    fn start(&self) -> u32 {
        self.run(&["-d"]).ok();
        self.daemon.wait_running()
    }

    /// In the foreground.
    fn spawn(&self) -> Child {
        let executable = self.implementation.executable(Program::Pgqd);
        under_test::command(&executable, &self.folder)
            .args(["-q", "x.ini"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("x.log")).unwrap_or_default()
    }

    #[track_caller]
    fn wait_log(&self, text: &str) {
        wait_for(format!("{text:?} in the log"), SOON, || {
            let log = self.log();
            holds(log.contains(text), log)
        });
    }
}

impl Drop for Pgqd {
    #[expect(clippy::print_stderr, reason = "the log of a failed test, shown with it")]
    fn drop(&mut self) {
        self.daemon.crash();
        if std::thread::panicking() {
            eprintln!("{:?}:\n{}", self.implementation, self.log());
        }
    }
}

fn quick(databases: &[&Database]) -> String {
    let names: Vec<&str> = databases.iter().map(|db| db.name()).collect();
    format!(
        "database_list = {}\nticker_period = 0.1\nmaint_period = 0.3\nretry_period = 0.3\n\
         check_period = 0.5\nstats_period = 1",
        names.join(", ")
    )
}

/// A database with pgq and a queue `q` that gets a tick at every call of the ticker.
fn database_with_queue(cluster: &Cluster) -> Database {
    let db = cluster.create_database("pgqd");
    install(&db);
    db.sql("select pgq.create_queue('q')");
    for period in ["ticker_max_lag", "ticker_idle_period"] {
        db.sql(&format!("select pgq.set_queue_config('q', '{period}', '0')"));
    }
    db
}

fn install(db: &Database) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut session = connect(&db.connstr(), "test").await.expect("connected");
        schema::install(&mut session, &mut |_, _| ()).await.expect("installed");
        session.close().await;
    });
}

fn ticks(db: &Database) -> i64 {
    db.int("select max(tick_id) from pgq.tick")
}

#[track_caller]
fn wait_more_ticks(db: &Database) {
    let before = ticks(db);
    wait_for("more ticks", SOON, || {
        let now = ticks(db);
        holds(now > before + 1, format!("tick {now} after {before}"))
    });
}

/// Maintenance runs in all statistics lines.
fn maintenance_runs(log: &str) -> u64 {
    log.lines()
        .filter_map(|line| line.split_once(", maint: ")?.1.split_once(',')?.0.parse::<u64>().ok())
        .sum()
}

/// Sessions of any pgqd in a database; the original has no application name.
fn sessions(db: &Database) -> i64 {
    db.int(
        "select count(*) from pg_stat_activity where datname = current_database() \
         and pid <> pg_backend_pid() and backend_type = 'client backend'",
    )
}

#[track_caller]
fn wait_no_sessions(db: &Database) {
    wait_for("no sessions", SOON, || {
        let count = sessions(db);
        holds(count == 0, format!("{count} sessions"))
    });
}

#[test]
fn starts_ticks_and_stops() {
    let cluster = Cluster::shared();
    for implementation in [Impl::Ours, Impl::Reference] {
        let db = database_with_queue(cluster);
        let pgqd = Pgqd::quick(implementation, cluster, &db);
        let outcome = pgqd.run(&["-d"]).ok();
        assert!(outcome.stderr.ends_with(" LOG Starting pgqd 3.5\n"), "{outcome}");
        let pid = pgqd.daemon.wait_running();
        let pidfile = fs::read_to_string(pgqd.daemon.pidfile()).expect("there");
        assert_eq!(pidfile, format!("{pid}\n"));
        wait_more_ticks(&db);
        pgqd.wait_log(&format!("[{}]: pgq version ok: 3.5\n", db.name()));
        pgqd.wait_log(", maint: ");

        let outcome = pgqd.run(&["-s"]).ok();
        assert_eq!(outcome.stderr, "SIGINT sent\n");
        pgqd.daemon.wait_gone(pid);
        assert!(!pgqd.daemon.pidfile().exists());
        assert!(pgqd.log().ends_with(" LOG Got SIGINT, shutting down\n"));
        wait_no_sessions(&db);
    }
}

/// No waiting between the two commands: ours returns when the daemon listens to signals.
#[test]
fn may_be_stopped_at_once() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    let pgqd = Pgqd::quick(Impl::Ours, cluster, &db);
    pgqd.run(&["-d"]).ok();
    let pid = pgqd.daemon.pid().expect("running");
    pgqd.run(&["-s"]).ok().says("SIGINT sent");
    pgqd.daemon.wait_gone(pid);
    assert!(pgqd.log().ends_with(" LOG Got SIGINT, shutting down\n"));
}

#[test]
fn kill_is_quick_and_removes_the_pidfile() {
    let cluster = Cluster::shared();
    for implementation in [Impl::Ours, Impl::Reference] {
        let db = database_with_queue(cluster);
        let pgqd = Pgqd::quick(implementation, cluster, &db);
        let pid = pgqd.start();
        let outcome = pgqd.run(&["-k"]).ok();
        assert_eq!(outcome.stderr, "SIGTERM sent\n");
        pgqd.daemon.wait_gone(pid);
        assert!(!pgqd.daemon.pidfile().exists());
        assert!(pgqd.log().ends_with(" LOG Got SIGTERM, fast exit\n"));
    }
}

#[test]
fn exit_status_in_the_foreground() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    for implementation in [Impl::Ours, Impl::Reference] {
        for (signal, code) in [(Signal::SIGINT, 0), (Signal::SIGTERM, 1)] {
            let pgqd = Pgqd::quick(implementation, cluster, &db);
            let mut child = pgqd.spawn();
            pgqd.wait_log("pgq version ok");
            let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
            kill(pid, signal).expect("our own child");
            assert_eq!(child.wait().expect("our own child").code(), Some(code), "{signal}");
            assert!(!pgqd.daemon.pidfile().exists());
        }
    }
}

#[test]
fn only_one_per_pidfile() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    for implementation in [Impl::Ours, Impl::Reference] {
        let pgqd = Pgqd::quick(implementation, cluster, &db);
        pgqd.start();
        for switches in [&["-d"][..], &[]] {
            let outcome = pgqd.run(switches).exits(1);
            assert!(
                outcome.stderr.ends_with(" FATAL pidfile exists, another instance running?\n"),
                "{outcome}"
            );
        }

        // Killed the hard way it leaves its pidfile.
        pgqd.daemon.crash();
        assert!(pgqd.daemon.pidfile().exists());
        assert_eq!(pgqd.run(&["-s"]).ok().stderr, "Old process is not running\n");
        pgqd.run(&["-d"]).ok().says(" LOG stale pidfile, removing\n");
        pgqd.daemon.wait_running();
        wait_more_ticks(&db);
    }
}

#[test]
fn maintenance_rotates_the_event_tables() {
    let cluster = Cluster::shared();
    for implementation in [Impl::Ours, Impl::Reference] {
        let db = database_with_queue(cluster);
        db.sql("select pgq.set_queue_config('q', 'rotation_period', '0')");
        let pgqd = Pgqd::quick(implementation, cluster, &db);
        let current = || db.int("select queue_cur_table from pgq.queue");
        let before = current();
        pgqd.start();
        wait_for("another event table", SOON, || {
            let now = current();
            holds(now != before, format!("table {now}"))
        });
    }
}

#[test]
fn maintenance_goes_on_after_a_vacuum_and_after_a_failure() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    db.sql(
        r#"create table "Done" (what text);
        create function note(text) returns int language sql
            as $$ insert into "Done" values ($1) returning 0 $$;
        create function fails() returns int language plpgsql
            as $$ begin raise exception 'broken' using hint = 'mend it'; end $$;
        create or replace function pgq.maint_operations(out func_name text, out func_arg text)
            returns setof record language sql as
            $$ values ('vacuum', 'public.Done'), ('fails', null), ('note', E'it''s a \\') $$;"#,
    );
    let pgqd = Pgqd::quick(Impl::Ours, cluster, &db);
    pgqd.start();
    wait_for("the last operation", SOON, || {
        let done = db.text(r#"select what from "Done" limit 1"#);
        holds(done == r"it's a \", done)
    });
    wait_for("a vacuum", SOON, || {
        let count = db.int("select vacuum_count from pg_stat_all_tables where relname = 'Done'");
        holds(count > 0, count)
    });
    pgqd.wait_log(&format!("] ERROR {}: ERROR:  broken\n\tHINT:  mend it\n", db.name()));
    // A run with a failure does not count.
    pgqd.wait_log(", retry: 0}");
    assert_eq!(maintenance_runs(&pgqd.log()), 0);
}

/// The newest transaction id that the server has given out.
fn newest_transaction(db: &Database) -> i64 {
    db.int("select txid_snapshot_xmax(txid_current_snapshot())")
}

/// Ticks in the statistics lines.
fn counted_ticks(log: &str) -> u64 {
    let count = |line: &str| line.split_once("{ticks: ")?.1.split_once(',')?.0.parse::<u64>().ok();
    log.lines().filter_map(count).sum()
}

/// What an idle server does not do: use up transaction ids, write to its log.
#[test]
fn a_quiet_database_is_only_looked_at() {
    let cluster = Cluster::start_new();
    let db = cluster.create_database("quiet");
    install(&db);
    db.sql("select pgq.create_queue('q')");
    let keys = quick(&[&db]).replace("maint_period = 0.3", "maint_period = 3600");
    let pgqd = Pgqd::new(Impl::Ours, &cluster, &keys);
    pgqd.start();
    pgqd.wait_log(", maint: 1,");
    let (before, counted) = (newest_transaction(&db), counted_ticks(&pgqd.log()));
    wait_for("looks that are counted as calls", SOON, || {
        let log = pgqd.log();
        holds(counted_ticks(&log) >= counted + 20, log)
    });
    // Idle ticks come ever more rarely: one or two of them.
    let used = newest_transaction(&db) - before;
    assert!(used < 10, "{used} transactions");
    db.sql("select pgq.insert_event('q', 't', 'first'), pgq.insert_event('q', 't', 'second')");
    db.sql("update pgq.tick set tick_time = tick_time - interval '3 seconds'");
    let events = "select max(tick_event_seq) from pgq.tick";
    wait_for("a tick for the events", SOON, || {
        let seq = db.int(events);
        holds(seq == 2, seq)
    });
}

#[test]
fn the_extension_of_the_original_is_looked_at_as_well() {
    if !schemas::has_reference() {
        // Its extensions are packaged for one version of the server.
        return;
    }
    let cluster = Cluster::shared();
    let db = schemas::database_with_pgq(Impl::Reference);
    db.sql("select pgq.create_queue('q')");
    let pgqd = Pgqd::quick(Impl::Ours, cluster, &db);
    pgqd.start();
    pgqd.wait_log(", maint: ");
    db.sql("select pgq.insert_event('q', 't', 'first'), pgq.insert_event('q', 't', 'second')");
    db.sql("update pgq.tick set tick_time = tick_time - interval '3 seconds'");
    wait_for("a tick for the events", SOON, || {
        let seq = db.int("select max(tick_event_seq) from pgq.tick");
        holds(seq == 2, seq)
    });
    assert!(!pgqd.log().contains("cannot look"));
}

/// The rights of a role that can no more than tick.
#[test]
fn where_it_may_not_look_it_calls_the_ticker() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    let role = format!("{}_ticker", db.name());
    db.sql(&format!(
        "create role {role} login in role pgq_admin; revoke select on pgq.retry_queue from pgq_admin"
    ));
    let base = cluster.address().connstr().replace("user=postgres", &format!("user={role}"));
    let pgqd = Pgqd::new(Impl::Ours, cluster, &format!("{}\nbase_connstr = {base}", quick(&[&db])));
    pgqd.start();
    pgqd.wait_log(&format!(" WARNING [{}]: cannot look for events, ", db.name()));
    wait_more_ticks(&db);
    // It tries again every check_period.
    db.sql(
        "grant select on pgq.retry_queue to pgq_admin;
         select pgq.set_queue_config('q', 'ticker_paused', 'true')",
    );
    wait_for("a look", SOON, || {
        let query = db.text(
            "select query from pg_stat_activity where datname = current_database() \
             and application_name = 'pgqd/ticker'",
        );
        holds(query.starts_with("select r.retry"), query)
    });
    assert_eq!(pgqd.log().matches("cannot look").count(), 1);
    drop(pgqd);
    db.sql(&format!("drop role {role}"));
}

/// A transaction that is longer than the time between two ticks.
#[test]
fn events_of_a_long_transaction_are_noticed_when_it_ends() {
    let cluster = Cluster::shared();
    let db = cluster.create_database("long");
    install(&db);
    db.sql(
        "select pgq.create_queue('q'); select pgq.set_queue_config('q', 'ticker_max_lag', '0.1')",
    );
    // Idle ticks are an hour apart.
    db.sql("select pgq.set_queue_config('q', 'ticker_idle_period', '1 hour'); select pgq.ticker()");
    db.sql("update pgq.tick set tick_time = tick_time - interval '50 minutes' where tick_id = 1");
    let mut session = db.client();
    let insert = "select pgq.insert_event('q', 't', 'first'), pgq.insert_event('q', 't', 'second')";
    session.batch_execute(&format!("begin; {insert}")).expect("events");
    let pgqd = Pgqd::quick(Impl::Ours, cluster, &db);
    pgqd.start();
    wait_for("a tick in the middle of the transaction", SOON, || {
        let ticks = ticks(&db);
        holds(ticks == 3, ticks)
    });
    db.sql("update pgq.tick set tick_time = tick_time - interval '50 minutes' where tick_id < 3");
    session.batch_execute("commit").expect("the end");
    wait_for("a tick after the transaction", SOON, || {
        let ticks = ticks(&db);
        holds(ticks == 4, ticks)
    });
}

#[test]
fn events_come_back_from_the_retry_queue() {
    let cluster = Cluster::shared();
    for implementation in [Impl::Ours, Impl::Reference] {
        let db = database_with_queue(cluster);
        let pgqd = Pgqd::quick(implementation, cluster, &db);
        db.sql("select pgq.register_consumer('q', 'c')");
        db.sql("select pgq.insert_event('q', 'type', 'data')");
        pgqd.start();
        let next_event = || {
            let batch = db.text("select pgq.next_batch('q', 'c')");
            if batch.is_empty() {
                return Err("no batch".to_owned());
            }
            let event = db.text(&format!("select ev_id from pgq.get_batch_events({batch})"));
            if event.is_empty() {
                db.sql(&format!("select pgq.finish_batch({batch})"));
                return Err(format!("nothing in batch {batch}"));
            }
            Ok((batch, event))
        };
        let (batch, event) = wait_for("the event", SOON, next_event);
        db.sql(&format!("select pgq.event_retry({batch}, {event}, 0)"));
        db.sql(&format!("select pgq.finish_batch({batch})"));
        let (batch, again) = wait_for("the event again", SOON, next_event);
        assert_eq!(again, event);
        let retried = db.int(&format!("select ev_retry from pgq.get_batch_events({batch})"));
        assert_eq!(retried, 1);
        pgqd.wait_log(", retry: 1}");
    }
}

#[test]
fn databases_are_found_and_lost() {
    let cluster = Cluster::start_new();
    for implementation in [Impl::Ours, Impl::Reference] {
        let before = database_with_queue(&cluster);
        let pgqd = Pgqd::new(implementation, &cluster, "check_period = 0.5\nticker_period = 0.1");
        pgqd.start();
        pgqd.wait_log(" LOG auto-detecting dbs ...\n");
        wait_more_ticks(&before);
        let later = cluster.create_database("later");
        install(&later);
        pgqd.wait_log(&format!("[{}]: pgq version ok: 3.5\n", later.name()));
        let name = later.name().to_owned();
        drop(later);
        pgqd.wait_log(&format!(" LOG Unregister database: [{name}]\n"));
        wait_more_ticks(&before);
        let pid = pgqd.daemon.wait_running();
        pgqd.run(&["-s"]).ok();
        pgqd.daemon.wait_gone(pid);
    }
}

#[test]
fn a_refused_detection_keeps_the_known_databases() {
    let cluster = Cluster::start_new();
    let db = database_with_queue(&cluster);
    cluster.create_database("other");
    let keys = format!("initial_database = {}\ncheck_period = 0.5\nticker_period = 0.1", db.name());
    let pgqd = Pgqd::new(Impl::Ours, &cluster, &keys);
    pgqd.start();
    wait_more_ticks(&db);
    // The query finds another pg_database than the one it means.
    db.sql("create table public.pg_database ()");
    db.sql(&format!("alter database {} set search_path = public, pg_catalog", db.name()));
    pgqd.wait_log(&format!("] ERROR {}: ERROR:  column \"", db.name()));
    wait_more_ticks(&db);
    assert!(!pgqd.log().contains("Unregister"));
}

#[test]
fn pgq_may_come_later() {
    let cluster = Cluster::shared();
    for implementation in [Impl::Ours, Impl::Reference] {
        let db = cluster.create_database("late");
        let pgqd = Pgqd::quick(implementation, cluster, &db);
        pgqd.start();
        pgqd.wait_log("{ticks: 0, maint: 0, retry: 0}");
        install(&db);
        pgqd.wait_log(&format!("[{}]: pgq version ok: 3.5\n", db.name()));
        wait_for("a maintenance run", SOON, || {
            let log = pgqd.log();
            holds(maintenance_runs(&log) > 0, log)
        });
    }
}

/// Ours is back within seconds; the original takes a minute, so it is not asked.
#[test]
fn a_restarted_server_is_served_again() {
    let cluster = Cluster::start_new();
    let db = database_with_queue(&cluster);
    let pgqd = Pgqd::quick(Impl::Ours, &cluster, &db);
    pgqd.start();
    wait_more_ticks(&db);
    cluster.restart();
    pgqd.wait_log(" ERROR connection error: PQ");
    pgqd.wait_log(&format!(" WARNING [{}]: default timeout\n", db.name()));
    wait_more_ticks(&db);
}

/// The words of the server that went down, and of the socket that is not there.
#[test]
fn a_lost_session_says_why() {
    let cluster = Cluster::start_new();
    let db = database_with_queue(&cluster);
    let pgqd = Pgqd::quick(Impl::Ours, &cluster, &db);
    pgqd.start();
    wait_more_ticks(&db);
    cluster.stop();
    pgqd.wait_log(" ERROR libpq: FATAL:  terminating connection due to administrator command\n");
    pgqd.wait_log(" ERROR connection error: PQconnectPoll\n");
    let port = cluster.address().port;
    pgqd.wait_log(&format!(
        " ERROR libpq: connection to server at \"127.0.0.1\", port {port} failed: Connection refused\n"
    ));
}

#[test]
fn a_reload_changes_the_databases_and_opens_the_log_anew() {
    let cluster = Cluster::shared();
    for implementation in [Impl::Ours, Impl::Reference] {
        let (one, two) = (database_with_queue(cluster), database_with_queue(cluster));
        let pgqd = Pgqd::quick(implementation, cluster, &one);
        pgqd.start();
        wait_more_ticks(&one);

        fs::rename(pgqd.folder.join("x.log"), pgqd.folder.join("old.log")).expect("own folder");
        pgqd.configure(cluster, &quick(&[&two]));
        assert_eq!(pgqd.run(&["-r"]).ok().stderr, "SIGHUP sent\n");
        pgqd.wait_log(&format!(" LOG Unregister database: [{}]\n", one.name()));
        pgqd.wait_log(&format!("[{}]: pgq version ok: 3.5\n", two.name()));
        let old = fs::read_to_string(pgqd.folder.join("old.log")).expect("there");
        assert!(old.ends_with(" LOG Got SIGHUP, re-reading config\n"), "{old}");
        wait_more_ticks(&two);
        wait_no_sessions(&one);
    }
}

#[test]
fn a_reload_of_a_broken_file_changes_nothing() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    let pgqd = Pgqd::quick(Impl::Ours, cluster, &db);
    let pid = pgqd.start();
    wait_more_ticks(&db);
    for (broken, complaint) in [
        ("foo = 1", " ERROR failed to read config, going on with the old settings\n"),
        (
            "logfile = no/such/folder/x.log",
            " ERROR Cannot open logfile: 'no/such/folder/x.log': No such file or directory\n",
        ),
    ] {
        pgqd.configure(cluster, broken);
        // -r would refuse to send the signal.
        pgqd.run(&["-r"]).exits(1);
        pgqd.daemon.signal(Signal::SIGHUP);
        pgqd.wait_log(complaint);
    }
    assert!(pgqd.log().contains(" ERROR unknown parameter: pgqd/foo\n"));
    wait_more_ticks(&db);
    assert_eq!(pgqd.daemon.pid(), Some(pid));
}

/// A ticker call that hangs in one database.
#[test]
fn a_slow_database_delays_neither_the_others_nor_the_end() {
    let cluster = Cluster::shared();
    let (slow, db) = (database_with_queue(cluster), database_with_queue(cluster));
    slow.sql(
        "create or replace function pgq.ticker() returns bigint language sql
         as $$ select 1::bigint from pg_sleep(600) $$",
    );
    let pgqd = Pgqd::new(Impl::Ours, cluster, &quick(&[&slow, &db]));
    let pid = pgqd.start();
    wait_for("the slow call", SOON, || {
        let count = slow.int(
            "select count(*) from pg_stat_activity where datname = current_database() \
             and query = 'select pgq.ticker()' and state = 'active'",
        );
        holds(count == 1, count)
    });
    wait_more_ticks(&db);
    pgqd.run(&["-s"]).ok();
    pgqd.daemon.wait_gone(pid);
    assert!(pgqd.log().ends_with(" LOG Got SIGINT, shutting down\n"));
}

#[test]
fn a_ticker_connection_grows_no_older_than_allowed() {
    let cluster = Cluster::shared();
    let db = database_with_queue(cluster);
    let keys = quick(&[&db]) + "\nconnection_lifetime = 0.2";
    let pgqd = Pgqd::new(Impl::Ours, cluster, &keys);
    pgqd.start();
    let greeting = format!("[{}]: pgq version ok: 3.5\n", db.name());
    wait_for("three connections", SOON, || {
        let count = pgqd.log().matches(&greeting).count();
        holds(count >= 3, count)
    });
}
