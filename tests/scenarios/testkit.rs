//! The testkit itself: clusters restart on their port, and nothing survives the process that started it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use system_tests::wait::EVENTUALLY;
use system_tests::{Cluster, folder, holds, wait_for};

#[test]
fn a_cluster_keeps_its_port_and_its_rows_over_a_restart() {
    let cluster = Cluster::start_new();
    let db = cluster.create_database("kept");
    db.sql("create table t (id int primary key); insert into t values (1), (2)");
    cluster.stop();
    assert!(db.try_text("select 1").is_err(), "the server is stopped");
    cluster.start();
    assert_eq!(db.rows("t", "id"), "1\n2");
}

#[test]
fn databases_of_one_label_do_not_meet() {
    let (a, b) =
        (Cluster::shared().create_database("twin"), Cluster::shared().create_database("twin"));
    a.sql("create table only_here ()");
    assert_eq!(b.int("select count(*) from pg_class where relname = 'only_here'"), 0);
    let name = a.name().to_owned();
    drop(a);
    assert_eq!(b.int(&format!("select count(*) from pg_database where datname = '{name}'")), 0);
}

/// Name of the variable that turns the test below into the process to be killed.
const VICTIM: &str = "LONDISTE_TEST_VICTIM";

/// Runs this very test once more as another process, which starts a server and a daemon and is then killed.
#[test]
fn nothing_survives_a_killed_test_process() {
    if let Some(report) = std::env::var_os(VICTIM) {
        let cluster = Cluster::start_new();
        let mut sleeper = system_tests::under_test::command("/bin/sleep".as_ref(), folder::root())
            .arg("600")
            .spawn()
            .expect("sleep exists");
        let facts =
            format!("{}\n{}\n{}", folder::root().display(), cluster.address().port, sleeper.id());
        fs::write(report, facts).expect("the parent's folder");
        let _ = sleeper.wait();
    }

    let report = folder::fresh("victim").join("report");
    let mut victim = Command::new(std::env::current_exe().expect("every process has one"))
        .args(["--exact", "testkit::nothing_survives_a_killed_test_process"])
        .env(VICTIM, &report)
        .stdout(Stdio::null())
        .spawn()
        .expect("this executable starts");
    let facts = wait_for("the victim's server", Duration::from_secs(60), || {
        fs::read_to_string(&report).ok().filter(|text| text.lines().count() == 3).ok_or("no report")
    });
    let [left, port, sleeper] = facts.lines().collect::<Vec<_>>()[..] else { panic!("{facts}") };
    let port: u16 = port.parse().expect("a port");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok(), "the victim's server runs");

    victim.kill().expect("our own child");
    victim.wait().expect("our own child");

    wait_for("the watchdog", EVENTUALLY, || {
        let folder_left = fs::exists(left).expect("a readable folder");
        let server_left = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        let sleeper_left = fs::read_to_string(format!("/proc/{sleeper}/cmdline"))
            .is_ok_and(|line| line.starts_with("/bin/sleep"));
        let seen = format!("folder: {folder_left}, server: {server_left}, daemon: {sleeper_left}");
        holds(!folder_left && !server_left && !sleeper_left, seen)
    });
}
