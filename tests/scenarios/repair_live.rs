//! Repairs that are interrupted, and repairs while the world goes on.

use std::io::Read as _;
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::wait::{EVENTUALLY, SOON};
use system_tests::{Database, Node, holds, wait_for};

use crate::repair::{REPLICA, left_behind, with_rows};

/// A repair on its way.
struct Running {
    child: Child,
}

impl Running {
    fn start(node: &Node, args: &[&str]) -> Self {
        let mut command = node.command();
        command.arg("repair").args(args).stdout(Stdio::null()).stderr(Stdio::piped());
        Self { child: command.spawn().expect("it starts") }
    }

    /// Interrupts it once; its exit code and log.
    #[track_caller]
    fn interrupt(mut self) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).expect("it runs");
        let status = wait_for("the end of the repair", SOON, || {
            self.child.try_wait().expect("our own child").ok_or("it runs")
        });
        let mut log = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
        (status.code(), log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many statements that begin so wait for a lock.
fn waiting(db: &Database, statement: &str) -> i64 {
    db.int(&format!(
        "select count(*) from pg_stat_activity where datname = current_database() \
         and wait_event_type = 'Lock' and query ilike '{statement}%'"
    ))
}

/// Waits until one does.
#[track_caller]
fn wait_for_lock(db: &Database, statement: &str) {
    wait_for(format!("{statement:?} to wait for a lock"), EVENTUALLY, || {
        let found = waiting(db, statement);
        holds(found == 1, found)
    });
}

#[test]
fn an_interrupt_leaves_nothing() {
    let stage = with_rows(1000);
    stage.target.sql(&format!(
        "{REPLICA} delete from t where id = 1; update t set data = 'x' where id = 2"
    ));
    // While the rows are dumped: somebody keeps the table from us.
    let mut user = stage.target.client();
    let mut transaction = user.transaction().expect("begun");
    transaction.batch_execute("lock table t in access exclusive mode").expect("locked");
    let repair = Running::start(&stage.leaf, &[]);
    wait_for_lock(&stage.target, "copy (select id,data from only public.t");
    let (code, log) = repair.interrupt();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("ERROR interrupted"), "{log}");
    assert_eq!(left_behind(&stage.leaf), [""; 0]);
    wait_for("the end of the COPY", SOON, || {
        let copies = waiting(&stage.target, "copy");
        holds(copies == 0, copies)
    });
    transaction.rollback().expect("over");

    // While fixes are applied: somebody keeps a row from us.
    let mut transaction = user.transaction().expect("begun");
    transaction.batch_execute("select from t where id = 2 for update").expect("locked");
    let repair = Running::start(&stage.leaf, &["--apply"]);
    wait_for_lock(&stage.target, "update only public.t");
    let (code, log) = repair.interrupt();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("INFO public.t: 1 fixes applied"), "{log}");
    assert_eq!(left_behind(&stage.leaf), [""; 0]);
    transaction.rollback().expect("over");
    assert_eq!(
        stage.target.text("select count(*), max(data) filter (where id = 2) from t"),
        "1000|x"
    );

    // Nothing stands in the way of the next one.
    stage.leaf.londiste(["repair", "--apply"]).ok().says("INFO public.t: 1 fixes applied\n");
    stage.leaf.londiste(["compare"]).ok();
}

#[test]
fn what_has_changed_since_is_left_alone() {
    let stage = with_rows(9);
    // The repair comes to a halt at row 1, with its snapshots behind it.
    stage.target.sql(&format!(
        "{REPLICA} update t set data = 'x' where id < 4; delete from t where id between 4 and 6;
         insert into t values (11, 'more'), (12, 'more')"
    ));
    let mut user = stage.target.client();
    let mut transaction = user.transaction().expect("begun");
    transaction.batch_execute("select from t where id = 1 for update").expect("locked");
    let mut repair = Running::start(&stage.leaf, &["--apply"]);
    wait_for_lock(&stage.target, "update only public.t");
    // Meanwhile the world goes on: rows come back, change and go.
    stage.leaf.stop_worker();
    stage.source.sql(
        "delete from t where id = 4; update t set data = 'newer' where id in (2, 5); insert into t values (12, 'more')",
    );
    transaction.rollback().expect("over");
    let status = wait_for("the end of the repair", EVENTUALLY, || {
        repair.child.try_wait().expect("our own child").ok_or("it runs")
    });
    let mut log = String::new();
    repair.child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
    assert!(status.success(), "{log}");
    // Rows 1, 3, 6 and 11 are mended; 2, 4, 5 and 12 are the worker's.
    assert!(log.contains("missed: 3 inserts, 3 updates, 2 deletes"), "{log}");
    assert!(log.contains("INFO public.t: 4 fixes applied\n"), "{log}");
    assert!(log.contains("WARNING public.t: 4 fixes left out"), "{log}");
    assert_eq!(
        stage.target.text("select id, data from t where id not between 7 and 9 order by 1"),
        "1|row 1\n2|x\n3|row 3\n6|row 6\n12|more"
    );
}

/// Between the command's start and its snapshots the table may be emptied for a new copy.
#[test]
fn a_table_that_is_copied_again_is_left_out() {
    let stage = with_rows(9);
    // A reader here keeps the copy from its first step, and a writer there the repair from its snapshots.
    let mut reader = stage.target.client();
    let mut reading = reader.transaction().expect("begun");
    reading.batch_execute("select from t").expect("read");
    let mut writer = stage.source.client();
    let mut writing = writer.transaction().expect("begun");
    writing.batch_execute("insert into t values (10, 'row 10')").expect("written");
    let mut repair = Running::start(&stage.leaf, &["--apply"]);
    wait_for_lock(&stage.source, "lock table");
    stage.leaf.londiste(["resync", "t"]).ok();
    writing.commit().expect("over");
    let status = wait_for("the end of the repair", EVENTUALLY, || {
        repair.child.try_wait().expect("our own child").ok_or("it runs")
    });
    let mut log = String::new();
    repair.child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
    assert!(status.success(), "{log}");
    assert!(log.contains("WARNING Table public.t not synced yet, no point\n"), "{log}");
    assert!(!log.contains("Dumping"), "{log}");
    assert_eq!(left_behind(&stage.leaf), [""; 0]);
    reading.rollback().expect("over");
    stage.leaf.londiste(["wait-sync"]).ok();
    stage.leaf.londiste(["repair"]).ok().says("src: 10 rows, dst: 10 rows, missed: 0 inserts");
}
