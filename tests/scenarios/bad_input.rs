//! Mistakes at the command line: one clear line, and the exit code that scripts know.

use std::fs;
use std::path::Path;

use system_tests::Impl::{self, Ours, Reference};
use system_tests::cluster::PASSWORD_ROLE;
use system_tests::wait::SOON;
use system_tests::{Cluster, Node, Outcome, Program, folder, run, wait_for};

use crate::diary::QUEUE;

const BOTH: [Impl; 2] = [Reference, Ours];

/// Ours says what is wrong in one line, with at most one more that says where and one that says what to do; the reference
/// may add a traceback.
#[track_caller]
fn brief(implementation: Impl, outcome: Outcome) -> Outcome {
    let lines = outcome.output().lines().count();
    assert!(implementation == Reference || (1..=3).contains(&lines), "{lines} lines\n{outcome}");
    outcome
}

#[track_caller]
fn londiste(implementation: Impl, folder: &Path, args: &[&str]) -> Outcome {
    run(&implementation.executable(Program::Londiste), folder, args)
}

/// An ini file with these lines, and the folder it is in.
fn ini(text: &str) -> std::path::PathBuf {
    let folder = folder::fresh("ini");
    fs::write(folder.join("x.ini"), text).expect("own folder");
    folder
}

#[test]
fn nothing_to_work_with() {
    for who in BOTH {
        let folder = folder::root();
        brief(who, londiste(who, folder, &[]))
            .exits(1)
            .says("need config file, use --help for help.");
        brief(who, londiste(who, folder, &["nosuch.ini", "status"]))
            .exits(1)
            .says("Config file not found: nosuch.ini");
        londiste(who, folder, &["--nosuch", "x.ini", "status"])
            .exits(2)
            .says("no such option: --nosuch");
        londiste(who, folder, &["--dest-table"])
            .exits(2)
            .says("--dest-table option requires 1 argument");
    }
}

#[test]
fn files_that_are_no_configuration() {
    for who in BOTH {
        let section = who.section();
        let x = |text: &str| brief(who, londiste(who, &ini(text), &["x.ini", "status"])).exits(1);
        x("").says("No section: 'londiste'");
        x("[pgqd]\nbase_connstr =\n").says("No section: 'londiste'");
        x("queue_name = q\n").says("File contains no section headers.");
        x(&format!("[{section}]\nqueue_name = a\nqueue_name = b\n"))
            .says("option 'queue_name' in section");
        x(&format!("[{section}]\ndb = dbname=x\n")).says("\"queue_name\" not specified in config");
        x(&format!("[{section}]\ndb = dbname=x\nqueue_name = %(nosuch)s\n")).says("'nosuch'");
    }
    // A folder cannot be read by anybody, whatever their rights.
    let folder = folder::fresh("ini");
    fs::create_dir(folder.join("x.ini")).expect("own folder");
    brief(Ours, londiste(Ours, &folder, &["x.ini", "status"])).exits(1).says("x.ini");
}

#[test]
fn commands_that_do_not_exist_or_lack_something() {
    for who in BOTH {
        let folder = ini(&format!("[{}]\nqueue_name = {QUEUE}\ndb = dbname=x\n", who.section()));
        let x = |args: &[&str]| londiste(who, &folder, &[&["x.ini"], args].concat());
        brief(who, x(&[])).exits(1).says("need command");
        brief(who, x(&["foo"])).exits(1).says("Unknown command 'foo', use --help for help");
        brief(who, x(&["takeover"]))
            .exits(1)
            .says("ERROR command 'takeover' got 0 args, but expects 1: old_node_name");
        brief(who, x(&["pause", "now"]))
            .exits(1)
            .says("ERROR command 'pause' got 1 args, but expects 0");
        brief(who, x(&["create-root"]))
            .exits(1)
            .says("ERROR Node name must be given either in command line or config");
        brief(who, x(&["create-root", "n"]))
            .exits(1)
            .says("ERROR Node public location must be given either in command line or config");
        brief(who, x(&["worker", "-d"])).exits(1).says("ERROR Daemon needs pidfile");
        brief(who, x(&["-s"])).exits(0).says("WARNING No pidfile in config, nothing to do");
    }
}

#[test]
fn servers_that_do_not_answer_or_refuse() {
    let db = Cluster::shared().create_database("guarded");
    let role = folder::unique("guarded");
    db.sql(&format!(
        "do $$ begin create role {PASSWORD_ROLE}; exception when duplicate_object or unique_violation then null; end $$;
         create role {role} login password 'the right one' in role {PASSWORD_ROLE}"
    ));
    let nobody_listens = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        closed.local_addr().expect("it is bound").port()
    };
    for who in BOTH {
        let down = format!("host=127.0.0.1 port={nobody_listens} user=postgres dbname=x");
        let node = Node::over(who, "down", &down, QUEUE);
        let outcome = node.londiste(["status"]).exits(1).says("ERROR Job down crashed: ");
        outcome.says("127.0.0.1").says(&nobody_listens.to_string()).says("Connection refused");

        let node = Node::over(who, "typo", &db.connstr_as(&role, "wrong-guess"), QUEUE);
        let outcome = node.londiste(["status"]).exits(1).says("ERROR Job typo crashed: ");
        let outcome = outcome.says("password authentication failed for user").says(&role);
        outcome.says_not("wrong-guess");

        let missing = db.connstr().replace(db.name(), "no_such_database");
        let node = Node::over(who, "missing", &missing, QUEUE);
        node.londiste(["status"]).exits(1).says("database \"no_such_database\" does not exist");
    }
}

#[test]
fn nodes_that_are_not_there_yet() {
    for who in BOTH {
        let db = Cluster::shared().create_database("bare");
        let root = Node::new(who, "src", &db, QUEUE);
        root.londiste(["create-root", "src", &db.connstr()]).ok();
        // The same database, a queue nobody made.
        let stranger = Node::new(who, "other", &db, "nosuch");
        brief(who, stranger.londiste(["add-table", "app.t"]))
            .exits(1)
            .says("ERROR Unknown queue: nosuch");
        let fresh = Cluster::shared().create_database("fresh");
        let leaf = Node::new(who, "dst", &fresh, QUEUE);
        leaf.londiste(["create-leaf", "dst", &fresh.connstr()])
            .exits(1)
            .says("Please specify --provider");
        // What does not fit the type is told where there is no node yet.
        leaf.londiste(["create-root", "dst", &fresh.connstr(), "--merge=q"])
            .exits(1)
            .says("--merge can be used only for leafs");
        leaf.londiste(["create-leaf", "dst", &fresh.connstr(), "--sync-watermark=src"])
            .exits(1)
            .says("--sync-watermark can be used only for branch nodes");
        if who == Ours {
            let installed = "select count(*) from pg_namespace where nspname = 'pgq'";
            assert_eq!(fresh.int(installed), 0, "nothing was done");
        }
    }
    // A database where nothing was ever installed.
    let db = Cluster::shared().create_database("bare");
    let node = Node::new(Ours, "src", &db, QUEUE);
    brief(Ours, node.londiste(["add-table", "app.t"])).exits(1).says("create-root");
}

#[test]
fn tables_and_sequences_nobody_knows() {
    for who in BOTH {
        let db = Cluster::shared().create_database("src");
        let root = Node::new(who, "src", &db, QUEUE);
        root.londiste(["create-root", "src", &db.connstr()]).ok();
        for (command, name) in
            [("add-table", "nosuch"), ("add-seq", "nosuch"), ("remove-table", "nosuch")]
        {
            root.londiste([command, name])
                .exits(1)
                .says("WARNING public.nosuch not available")
                .says("ERROR Cannot proceed");
        }
        // Nothing matches: nothing to do, and no mistake.
        root.londiste(["add-table", "nosuch*"]).ok().says("INFO what to do ?");
        root.londiste(["compare", "nosuch"])
            .ok()
            .says("WARNING Table not subscribed: public.nosuch");
        root.londiste(["execute", "nosuch.sql"]).exits(1).says("nosuch.sql");
    }
}

#[test]
fn one_job_runs_once() {
    for who in BOTH {
        let db = Cluster::shared().create_database("src");
        let root = Node::new(who, "src", &db, QUEUE);
        root.londiste(["create-root", "src", &db.connstr()]).ok();
        root.londiste(["-s"]).ok().says("WARNING No pidfile, process not running");

        let pid = root.start_worker();
        brief(who, root.londiste(["-d", "worker"]))
            .exits(1)
            .says("Pidfile exists, another process running?");
        assert_eq!(root.worker().pid(), Some(pid), "the first one still runs");

        // A crash leaves the pidfile behind; the next start is not held up by it.
        root.worker().crash();
        root.londiste(["-s"]).ok().says("WARNING pidfile exists, but process not running");
        root.start_worker();
        let dead = root.folder().join("src.pid.admin");
        fs::write(&dead, pid.to_string()).expect("own folder");
        root.londiste(["members"]).ok().says("Ignoring stale pidfile");
        assert!(!dead.exists(), "removed at the end");
        root.reload();
        root.wait_log("INFO Config reloaded", SOON);
        // -k ends it at once.
        let pid = root.worker().wait_running();
        root.londiste(["-k"]).ok();
        root.worker().wait_gone(pid);
    }
}

/// Whoever edits the file of a running worker learns of mistakes as well, once.
#[test]
fn a_reload_tells_what_is_new_in_vain() {
    let db = Cluster::shared().create_database("src");
    let mut root = Node::new(Ours, "src", &db, QUEUE).with("foo", "1");
    root.londiste(["create-root", "src", &db.connstr()]).ok();
    root.start_worker();
    let reload = |root: &Node| {
        let before = root.log().len();
        root.reload();
        wait_for("the reload", SOON, || {
            let log = root.log().split_off(before);
            if log.contains("INFO Config reloaded") { Ok(log) } else { Err(log) }
        })
    };
    root.set("paralel_copies", "2");
    root.set("exception_quiet", "NoSuchError");
    root.set("handler_modules", "no.such.module");
    let log = reload(&root);
    for told in [
        "WARNING Unknown key 'paralel_copies' in the ini file, did you mean 'parallel_copies'?\n",
        "WARNING exception_quiet: no error is called 'NoSuchError'\n",
        "WARNING Failed to load handler module: no.such.module\n",
    ] {
        assert_eq!(log.matches(told).count(), 1, "{told}{log}");
    }
    assert!(!log.contains("'foo'"), "told at the start\n{log}");
    let log = reload(&root);
    assert!(!log.contains("WARNING"), "told before\n{log}");
    root.stop_worker();
}
