//! Commands against real databases: the same session on the original and on ours gives the same text, and what is new
//! or different by intent is shown on ours.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::Impl::{self, Ours, Reference};
use system_tests::normalise::normalise;
use system_tests::wait::SOON;
use system_tests::{Cluster, Database, Node, Outcome, Ticker, holds, wait_for};

const QUEUE: &str = "replika";

const TABLES: &str = "create table mytable (id serial primary key, data text);
     create table t2 (id int primary key, data text);
     create table nopk (data text);
     create schema other; create table other.t3 (id int primary key);
     create sequence sq1;";

/// A root and a leaf, and everything that was typed at them and said by them.
struct Session {
    src: Database,
    dst: Database,
    root: Node,
    leaf: Node,
    implementation: Impl,
    text: String,
}

impl Session {
    fn new(implementation: Impl) -> Self {
        let src = Cluster::shared().create_database("src");
        let dst = Cluster::shared().create_database("dst");
        for db in [&src, &dst] {
            db.sql(TABLES);
        }
        let root = Node::new(implementation, "node1", &src, QUEUE);
        let leaf = Node::new(implementation, "node2", &dst, QUEUE);
        Self { src, dst, root, leaf, implementation, text: String::new() }
    }

    /// Nodes created, nothing recorded.
    fn created(implementation: Impl) -> Self {
        let session = Self::new(implementation);
        session.root.londiste(["create-root", "node1", &session.src.connstr()]).ok();
        let provider = format!("--provider={}", session.src.connstr());
        session.leaf.londiste(["create-leaf", "node2", &session.dst.connstr(), &provider]).ok();
        session
    }

    fn on_root(&mut self, args: &[&str]) {
        let outcome = self.root.londiste(args);
        self.record("root", args, &outcome);
    }

    fn on_leaf(&mut self, args: &[&str]) {
        let outcome = self.leaf.londiste(args);
        self.record("leaf", args, &outcome);
    }

    fn record(&mut self, node: &str, args: &[&str], outcome: &Outcome) {
        let code = outcome.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let said = format!(
            "{node}$ londiste {}\n{}{}exit {code}\n",
            args.join(" "),
            outcome.stdout,
            without_tracebacks(&outcome.stderr)
        );
        // Databases are numbered, and columns are as wide as their names.
        for line in normalise(&said).lines() {
            let line = line.replace(self.src.name(), "SRC").replace(self.dst.name(), "DST");
            let is_more = line.ends_with(" INFO Installing pgq_ext") || line.starts_with("HINT:  ");
            if self.implementation == Ours && is_more {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let line = if line.contains("dbname=") || line.trim_matches(['-', ' ']).is_empty() {
                words
                    .iter()
                    .filter(|word| !word.starts_with("--"))
                    .copied()
                    .collect::<Vec<_>>()
                    .join(" ")
            } else {
                line
            };
            self.text.push_str(&line);
            self.text.push('\n');
        }
    }
}

/// The original adds a traceback to what it calls a crash.
fn without_tracebacks(stderr: &str) -> String {
    let mut lines = String::new();
    let mut inside = false;
    for line in stderr.lines() {
        let record = line.starts_with("20") && line.as_bytes().get(4) == Some(&b'-');
        inside = !record && (inside || line.starts_with("Traceback"));
        if !inside {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines
}

/// Runs a session on both implementations and compares.
#[track_caller]
fn same_as_the_original(story: impl Fn(&mut Session), new: impl Fn(Impl) -> Session) {
    let said = |implementation| {
        let mut session = new(implementation);
        story(&mut session);
        std::mem::take(&mut session.text)
    };
    let (theirs, ours) = (said(Reference), said(Ours));
    assert!(theirs.lines().count() > 10, "{theirs}");
    // Command by command, so that a difference is shown with what was typed.
    let (mut theirs_runs, mut ours_runs) = (runs(&theirs), runs(&ours));
    for (theirs, ours) in theirs_runs.by_ref().zip(ours_runs.by_ref()) {
        assert_eq!(ours, theirs, "ours on the left");
    }
    assert!(theirs_runs.next().is_none() && ours_runs.next().is_none(), "{ours}");
}

/// One piece per command typed.
fn runs(text: &str) -> impl Iterator<Item = String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in text.lines() {
        match pieces.last_mut() {
            Some(piece) if !line.contains("$ londiste ") => piece.push_str(&format!("{line}\n")),
            _ => pieces.push(format!("{line}\n")),
        }
    }
    pieces.into_iter()
}

#[test]
fn creating_nodes_reads_as_in_the_original() {
    let story = |session: &mut Session| {
        let (src, dst) = (session.src.connstr(), session.dst.connstr());
        session.on_root(&["create-root"]);
        session.on_root(&["create-root", "node1"]);
        session.on_root(&["create-root", "node1", &src, "more"]);
        session.on_root(&["create-root", "node1", &dst]);
        session.on_root(&["create-root", "node1", &src]);
        session.on_root(&["create-root", "node1", &src]);
        session.on_leaf(&["create-leaf", "node2", &dst, &format!("--provider={src}")]);
        session.on_leaf(&["create-leaf", "node2", &dst, &format!("--provider={src}")]);
        // Where there is nothing to do nothing else is asked for.
        session.on_leaf(&["create-leaf", "node2", &dst]);
        session.on_root(&["create-root", "node1", &src, "--merge=nosuch"]);
        session.on_root(&["create-root", "node1", &src, "--sync-watermark=node2"]);
        for command in ["members", "status", "node-status", "node-info", "tables", "seqs"] {
            session.on_root(&[command]);
            session.on_leaf(&[command]);
        }
        session.on_leaf(&["status", "--compact"]);
    };
    // What the original installs before it notices a wrong connect string is there already in its next try.
    let lines = |implementation| {
        let mut session = Session::new(implementation);
        story(&mut session);
        let kept = session.text.lines().filter(|line| {
            !["plpgsql", "pgq", "pgq_ext", "pgq_node", "londiste"].iter().any(|schema| {
                line.ends_with(&format!(" INFO {schema} is installed"))
                    || line.ends_with(&format!(" INFO Installing {schema}"))
            })
        });
        kept.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(Ours).join("\n"), lines(Reference).join("\n"), "ours on the left");
}

#[test]
fn adding_and_removing_reads_as_in_the_original() {
    same_as_the_original(
        |session| {
            for name in ["mytable", "public.t2"] {
                session.on_root(&["add-table", name]);
            }
            session.on_root(&["add-table"]);
            session.on_root(&["add-table", "mytable", "nosuch"]);
            session.on_root(&["add-table", "nopk"]);
            session.on_root(&["add-table", "other.*", "nothing*"]);
            session.on_root(&["add-seq", "sq1"]);
            session.on_root(&["tables"]);
            session.on_root(&["tables", "--names-only"]);
            session.on_root(&["seqs"]);
            session.on_leaf(&["add-table", "--dest-table=t2", "mytable", "t2"]);
            session.on_leaf(&["add-table", "--dest-table=nosuch", "t2"]);
            session.on_leaf(&["add-table", "--expect-sync", "t2"]);
            session.on_leaf(&[
                "add-table",
                "--max-parallel-copy=2",
                "--skip-truncate",
                "--handler=londiste",
                "--handler-arg=ignore_truncate=1",
                "mytable",
            ]);
            session.on_leaf(&["add-table", "mytable"]);
            session.on_leaf(&["add-table", "--skip-non-existing", "--force", "nosuch"]);
            session.on_leaf(&["add-table", "--find-copy-node", "--all"]);
            session.on_leaf(&["add-table", "--copy-node=nosuch", "t2"]);
            session.on_leaf(&["add-table", "--copy-node=node2", "t2"]);
            session.on_leaf(&["missing"]);
            session.on_leaf(&["add-seq", "sq1"]);
            session.on_leaf(&["add-seq", "--all"]);
            session.on_leaf(&["tables"]);
            session.on_leaf(&["status"]);
            session.on_leaf(&["change-handler", "mytable"]);
            session.on_leaf(&["change-handler", "mytable"]);
            session.on_leaf(&["change-handler", "nosuch"]);
            session.on_leaf(&["resync", "t2", "other.t3"]);
            session.on_leaf(&["resync", "--find-copy-node", "t2"]);
            session.on_leaf(&["tables"]);
            session.on_leaf(&["remove-table", "t2", "t2"]);
            session.on_leaf(&["remove-table", "t2"]);
            session.on_leaf(&["remove-seq", "sq1"]);
            session.on_root(&["remove-table", "mytable"]);
            session.on_leaf(&["add-table", "--all"]);
            session.on_leaf(&["seqs"]);
            session.on_leaf(&["tables"]);
        },
        Session::created,
    );
}

#[test]
fn pausing_and_waiting_reads_as_in_the_original() {
    same_as_the_original(
        |session| {
            let ticker = Ticker::new(session.implementation, &session.src);
            ticker.start();
            session.root.start_worker();
            session.leaf.start_worker();
            session.on_leaf(&["pause"]);
            session.on_leaf(&["resume"]);
            session.on_leaf(&["change-provider", "--provider=node1"]);
            session.on_leaf(&["change-provider"]);
            session.on_root(&["wait-root"]);
            session.on_root(&["wait-provider"]);
            session.on_leaf(&["tag-dead", "node1"]);
            session.on_leaf(&["members"]);
            session.on_root(&["drop-node", "nosuch"]);
            session.on_root(&["drop-node", "node1"]);
            session.root.stop_worker();
            session.leaf.stop_worker();
            session.on_root(&["drop-node", "node2"]);
            session.on_root(&["members"]);
            ticker.stop();
        },
        Session::created,
    );
}

#[test]
fn a_failed_create_leaves_nothing_behind() {
    let session = Session::created(Ours);
    let third = Cluster::shared().create_database("third");
    let node = Node::new(Ours, "node3", &third, QUEUE);
    let provider = format!("--provider={}", session.src.connstr());
    let members = || session.src.text("select node_name from pgq_node.node_location order by 1");
    let before = members();

    let merged = ["create-leaf", "node3", &third.connstr(), &provider, "--merge=nosuch"];
    node.londiste(merged).exits(1).says("ERROR non-existing queue on leaf side: nosuch");
    let taken = ["create-leaf", "node2", &third.connstr(), &provider];
    node.londiste(taken).exits(1).says("ERROR Node 'node2' already exists");
    let elsewhere = ["create-leaf", "node3", &session.dst.connstr(), &provider];
    node.londiste(elsewhere).exits(1).says("ERROR Public connect string points to different");
    let leaf = format!("--provider={}", session.dst.connstr());
    let from_leaf = ["create-leaf", "node3", &third.connstr(), &leaf];
    node.londiste(from_leaf).exits(1).says("ERROR Node node2 is a leaf and cannot be a provider");

    assert_eq!(members(), before);
    assert_eq!(third.int("select count(*) from pg_namespace where nspname ~ '^(pgq|londiste)'"), 0);
    // The schemas are there, but the last step fails: what was done upstream is taken back.
    node.londiste(["create-root", "node3", &third.connstr()]).ok();
    node.londiste(["drop-node", "node3"]).ok();
    third.sql(
        "create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end';
         create trigger refuse before insert on pgq_node.node_info for each row execute function refuse()",
    );
    let refused = ["create-leaf", "node3", &third.connstr(), &provider];
    node.londiste(refused).exits(1).says("got error on connection: no");
    assert_eq!(members(), before);
    assert_eq!(
        session.src.int("select count(*) from pgq.consumer where co_name like '%node3%'"),
        0
    );
    third.sql("drop trigger refuse on pgq_node.node_info");
    node.londiste(refused).ok().says("INFO Done");
}

#[test]
fn a_new_queue_ticks_quickly_and_an_old_one_as_before() {
    let lag = "select queue_ticker_max_lag from pgq.queue where queue_name = 'replika'";
    let session = Session::created(Ours);
    assert_eq!(session.src.text(lag), "00:00:00.1");

    let db = Cluster::shared().create_database("old");
    let node = Node::new(Ours, "node1", &db, QUEUE);
    node.londiste(["create-root", "node1", &db.connstr()]).ok();
    db.sql("select pgq_node.drop_node('replika', 'node1'); select pgq.create_queue('replika')");
    node.londiste(["create-root", "node1", &db.connstr()]).ok();
    assert_eq!(db.text(lag), "00:00:03");
}

#[test]
fn a_copy_condition_is_tried_stored_and_explained() {
    let session = Session::created(Ours);
    let (root, leaf) = (&session.root, &session.leaf);
    root.londiste(["add-table", "t2"]).ok();
    root.londiste(["add-table", "--copy-condition=id < 10", "mytable"])
        .exits(1)
        .says("ERROR --copy-condition is of no use on the root");
    leaf.londiste(["add-table", "--copy-condition=nosuch < 10", "t2"])
        .exits(1)
        .says("ERROR Bad --copy-condition for table public.t2: column \"nosuch\" does not exist");
    leaf.londiste(["add-table", "--dest-table=other.t3", "--copy-condition=id < 10", "t2"])
        .ok()
        .says("INFO Table added: public.t2(other.t3)")
        .says("later changes are not filtered");
    leaf.londiste(["tables"]).ok().says("{'copy_condition': 'id < 10'}");
    assert_eq!(
        session.dst.text("select table_attrs from londiste.table_info"),
        "copy_condition=id+%3c+10"
    );
}

#[test]
fn missing_tables_and_sequences_are_created() {
    let session = Session::created(Ours);
    session.src.sql(
        "create schema app;
         create table app.users (id bigint primary key, name varchar(20) not null, n numeric(10,2));
         create sequence app.seq increment 5 start 100",
    );
    session.root.londiste(["add-table", "app.users"]).ok();
    session.root.londiste(["add-seq", "app.seq"]).ok();
    let leaf = &session.leaf;
    leaf.londiste(["add-table", "app.users"])
        .exits(1)
        .says("ERROR Table does not exist: app.users");
    leaf.londiste(["add-table", "--create", "app.users"])
        .ok()
        .says("INFO Creating app.users")
        .says("INFO Creating users_pkey")
        .says("INFO Table added: app.users");
    leaf.londiste(["add-seq", "--create", "app.seq"])
        .ok()
        .says("INFO Creating app.seq")
        .says("INFO Sequence added: app.seq");
    assert_eq!(
        session.dst.text(
            "select string_agg(attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull, ', ' order by attnum)
               from pg_attribute where attrelid = 'app.users'::regclass and attnum > 0"
        ),
        "id bigint true, name character varying(20) true, n numeric(10,2) false"
    );
    leaf.londiste(["remove-table", "app.users"]).ok();
    leaf.londiste(["add-table", "--create", "app.users"])
        .ok()
        .says("INFO Table app.users already exist, not touching");
}

#[test]
fn a_database_that_is_no_node_is_named_as_such() {
    let db = Cluster::shared().create_database("empty");
    let node = Node::new(Ours, "node1", &db, QUEUE);
    node.londiste(["status"]).exits(1).says("schema \"pgq_node\" does not exist").says("HINT:  ");
    let session = Session::created(Ours);
    let stranger = Node::new(Ours, "stranger", &session.src, "another");
    for command in ["tables", "seqs", "status", "members"] {
        let outcome = stranger.londiste([command]).ok();
        outcome.says("WARNING Unknown queue: another\nHINT:  Check 'queue_name' in the ini file, or create the node first");
    }
    for command in ["missing", "pause", "wait-root", "node-status"] {
        stranger.londiste([command]).exits(1).says("ERROR ");
    }
    stranger.londiste(["add-table", "t2"]).exits(1).says("ERROR Unknown queue: another");
}

#[test]
fn nodes_that_do_not_answer_are_shown_as_dead() {
    let session = Session::created(Ours);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = closed.local_addr().expect("it is bound").port();
    drop(closed);
    session.src.sql(&format!(
        "update pgq_node.node_location set node_location = 'host=127.0.0.1 port={port}'
          where node_name = 'node2'"
    ));
    let outcome = session.root.londiste(["status"]).ok();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0].starts_with("Node 'node2' failure: connection to server at"), "{outcome}");
    assert!(lines.contains(&"Queue: replika   Local node: node1"), "{outcome}");
    assert!(lines.contains(&"node2 (dead)"), "{outcome}");
}

#[test]
fn a_node_that_says_nothing_does_not_hold_up_the_others() {
    let session = Session::created(Ours);
    // Connections are taken by the system, and nobody ever reads them.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("it is bound").port();
    session.src.sql(&format!(
        "update pgq_node.node_location set node_location = 'host=127.0.0.1 port={port}'
          where node_name = 'node2'"
    ));
    let outcome = session.root.londiste(["status"]).ok();
    outcome.says("Node 'node2' failure: no answer within 15 seconds").says("node2 (dead)");
}

#[test]
fn a_locked_table_is_waited_for_as_long_as_configured() {
    let session = Session::created(Ours);
    let mut client = session.src.client();
    let mut transaction = client.transaction().expect("a transaction");
    transaction.batch_execute("lock table t2 in access share mode; lock table t2").expect("a lock");
    let outcome = session.root.londiste(["--set", "lock_timeout=0.2", "add-table", "t2"]).exits(1);
    outcome.says("canceling statement due to statement timeout").says("HINT:  Something else may");
    transaction.rollback().expect("the lock is gone");
    session.root.londiste(["add-table", "t2"]).ok().says("INFO Table added: public.t2");
    // A time limit of somebody else's is not lock_timeout's matter.
    let script = session.root.folder().join("slow.sql");
    std::fs::write(script, "set local statement_timeout = '10ms'; select pg_sleep(60);").unwrap();
    let outcome = session.root.londiste(["execute", "slow.sql"]).exits(1);
    outcome.says("canceling statement due to statement timeout").says_not("lock_timeout");
}

#[test]
fn what_is_asked_of_the_database_is_in_the_verbose_log() {
    let session = Session::created(Ours);
    let outcome = session.root.londiste(["-v", "add-table", "nopk"]).exits(1);
    outcome.says(
        "DEBUG Query was: select * from londiste.local_add_table('replika', 'public.nopk', '[]', null, null)\n",
    );
    session.root.londiste(["-v", "add-table", "t2"]).ok().says_not("Query was");
    for (command, read) in [
        ("members", "pgq_node.get_queue_locations('replika')\n"),
        ("tables", "londiste.get_table_list('replika')"),
        ("seqs", "londiste.get_seq_list('replika')\n"),
        ("missing", "londiste.local_show_missing('replika')\n"),
    ] {
        let outcome = session.root.londiste(["-v", command]).ok();
        let shown = |line: &str| {
            line.contains(" DEBUG display_table: select ") && line.contains(read.trim_end())
        };
        assert_eq!(outcome.stderr.lines().filter(|line| shown(line)).count(), 1, "{outcome}");
    }
}

#[test]
fn missing_leaves_out_what_is_registered_also_beside_the_originals_schema() {
    let mut session = Session::created(Reference);
    session.root.londiste(["add-seq", "sq1"]).ok();
    session.root.londiste(["add-table", "t2"]).ok();
    session.root.hand_over(Ours);
    let missing =
        session.root.londiste(["missing"]).ok().says("S                public.mytable_id_seq");
    missing.says("r                public.mytable\n").says_not("public.sq1").says_not("public.t2");
}

/// Runs a command that comes to wait for a transaction with this `work`. What happens `meanwhile` has happened when that
/// commits.
#[track_caller]
fn beside(
    database: &Database,
    work: &str,
    node: &Node,
    command: &[&str],
    meanwhile: impl FnOnce(),
) -> Outcome {
    let mut client = database.client();
    let mut transaction = client.transaction().expect("a transaction");
    transaction.batch_execute(work).expect("nothing is in its way");
    std::thread::scope(|scope| {
        let command = scope.spawn(|| node.londiste(command));
        wait_for("the command to wait", SOON, || {
            let waiting = "select count(*) from pg_stat_activity
                            where datname = current_database() and backend_type = 'client backend'
                              and wait_event_type = 'Lock'";
            holds(database.int(waiting) == 1, "nobody waits")
        });
        meanwhile();
        transaction.commit().expect("nothing is in its way");
        command.join().expect("it was run")
    })
}

#[test]
fn what_the_worker_removes_at_the_same_moment_is_removed() {
    let session = Session::created(Ours);
    session.root.londiste(["add-table", "mytable", "t2", "other.t3"]).ok();
    session.root.londiste(["add-seq", "sq1"]).ok();
    session.leaf.londiste(["add-table", "mytable", "t2"]).ok();
    session.leaf.londiste(["add-seq", "sq1"]).ok();
    let tables = || session.dst.text("select table_name from londiste.table_info order by 1");
    let seqs = || session.dst.text("select seq_name from londiste.seq_info where local order by 1");

    let forget = "select londiste.global_remove_table('replika', 'public.t2')";
    session.root.londiste(["remove-table", "t2"]).ok();
    beside(&session.dst, forget, &session.leaf, &["add-table", "other.t3"], || ())
        .ok()
        .says("INFO Table public.t2 gone but exists on subscriber, removing")
        .says("INFO Table not found: public.t2")
        .says("INFO Table added: other.t3");
    assert_eq!(tables(), "other.t3\npublic.mytable");

    let forget = "select londiste.global_remove_table('replika', 'public.mytable')";
    beside(&session.dst, forget, &session.leaf, &["remove-table", "--all"], || ())
        .ok()
        .says("INFO Table not found: public.mytable")
        .says("INFO Table removed: other.t3");
    assert_eq!(session.dst.int("select count(*) from londiste.table_info where local"), 0);
    session.leaf.londiste(["remove-table", "--force", "mytable"]).exits(1).says("ERROR Table not");

    let forget = "select londiste.global_remove_seq('replika', 'public.sq1')";
    assert!(seqs().contains("public.sq1"), "{}", seqs());
    beside(&session.dst, forget, &session.leaf, &["remove-seq", "sq1"], || ())
        .ok()
        .says("INFO Sequence not found: public.sq1");
    session.leaf.londiste(["add-seq", "sq1"]).ok();
    session.root.londiste(["remove-seq", "sq1"]).ok();
    beside(&session.dst, forget, &session.leaf, &["add-seq", "--all"], || ())
        .ok()
        .says("INFO Sequence not found: public.sq1");
    assert!(!seqs().contains("public.sq1"), "{}", seqs());
}

#[test]
fn what_comes_to_the_set_at_the_same_moment_stays() {
    let session = Session::created(Ours);
    session.root.londiste(["add-table", "mytable"]).ok();
    // The command sees the root's list as it was before this transaction.
    let at_root = "lock londiste.table_info;
         select londiste.local_add_table('replika', 'public.t2', '{}')";
    beside(&session.src, at_root, &session.leaf, &["add-table", "mytable"], || {
        session.dst.sql("select londiste.global_add_table('replika', 'public.t2')");
    })
    .ok()
    .says_not("gone");
    assert_eq!(session.dst.int("select count(*) from londiste.table_info"), 2);

    let at_root = "lock londiste.seq_info; select londiste.local_add_seq('replika', 'public.sq1')";
    beside(&session.src, at_root, &session.leaf, &["add-seq", "--all"], || {
        session.dst.sql("select londiste.global_update_seq('replika', 'public.sq1', 1)");
    })
    .ok()
    .says_not("gone");
    let seqs = "select count(*) from londiste.seq_info where seq_name = 'public.sq1'";
    assert_eq!(session.dst.int(seqs), 1);
}

#[test]
fn waiting_ends_at_an_interrupt() {
    let session = Session::created(Ours);
    session.root.londiste(["add-table", "t2"]).ok();
    session.leaf.londiste(["add-table", "t2"]).ok();
    // No worker runs, so nothing of this would ever end.
    for (command, said) in
        [("wait-sync", "table(s) to copy"), ("pause", "Waiting for worker to accept")]
    {
        let mut child = session
            .leaf
            .command()
            .arg(command)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it was built");
        session.leaf.wait_log(said, SOON);
        let asked = Instant::now();
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
        let status = child.wait().expect("our own child");
        assert_eq!(status.code(), Some(1), "{command}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{command}");
        session.leaf.wait_log("ERROR interrupted", SOON);
    }
}

#[test]
fn a_node_is_dead_for_all_and_alive_again() {
    let session = Session::created(Ours);
    let dead = |db: &Database| {
        db.text("select dead from pgq_node.node_location where node_name = 'node2'")
    };
    session.root.londiste(["tag-dead", "node2"]).ok().says("INFO [node1] Location registered");
    assert_eq!(dead(&session.src), "t");
    session.root.londiste(["status"]).ok().says("node2 (dead)");
    session.root.londiste(["tag-alive", "node2"]).ok();
    assert_eq!(dead(&session.src), "f");
    session.root.londiste(["status"]).ok().says("node2 (leaf)");
    session.root.londiste(["tag-alive", "nosuch"]).exits(1).says("ERROR Unknown node: nosuch");
}

#[test]
fn a_leaf_moves_to_another_provider_and_a_wrong_one_changes_nothing() {
    let session = Session::created(Ours);
    let db = Cluster::shared().create_database("branch");
    let branch = Node::new(Ours, "node3", &db, QUEUE);
    let provider = format!("--provider={}", session.src.connstr());
    branch.londiste(["create-branch", "node3", &db.connstr(), &provider]).ok();
    let ticker = Ticker::new(Ours, &session.src);
    ticker.start();
    for node in [&session.root, &branch, &session.leaf] {
        node.start_worker();
    }
    let state = || {
        session
            .dst
            .text("select provider_node || ' ' || paused from pgq_node.local_state order by 1")
    };
    session
        .leaf
        .londiste(["change-provider", "--provider=nosuch"])
        .exits(1)
        .says("ERROR get_node_database: cannot resolve nosuch");
    assert_eq!(state(), "node1 false");
    // The leaf hears of the new member from the queue.
    wait_for("node3 is known on the leaf", SOON, || {
        let members = session.dst.text("select node_name from pgq_node.node_location order by 1");
        holds(members.contains("node3"), members)
    });
    session
        .leaf
        .londiste(["change-provider", "--provider=node3"])
        .ok()
        .says("INFO [node3] Subscriber registered: node2")
        .says("INFO [node2] Consumer provider node set to : node3")
        .says("INFO [node1] Subscriber unregistered: node2");
    assert_eq!(state(), "node3 false");
    session.root.londiste(["drop-node", "node3"]).exits(1).says("ERROR node still has subscribers");
    let tree = session.root.londiste(["status"]).ok();
    let depth =
        tree.stdout.lines().find(|line| line.contains("node2 (leaf)")).expect("it is shown");
    assert!(depth.starts_with("     +--: "), "{tree}");
}
