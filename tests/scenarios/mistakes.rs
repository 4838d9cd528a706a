//! The mistakes that a new user makes: each of them is answered with the cause and the remedy in two or three lines. The
//! whole conversation is one snapshot, to be read as it will be read; and whatever ends with another code than 0 has a line
//! `HINT:` with the remedy.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use system_tests::Impl::Ours;
use system_tests::cluster::PASSWORD_ROLE;
use system_tests::normalise::normalise;
use system_tests::wait::{SOON, holds};
use system_tests::{Cluster, Database, Node, Outcome, Program, Ticker, folder, run, wait_for};

use crate::diary::QUEUE;

/// Everything that was typed and answered.
#[derive(Default)]
struct Conversation {
    text: String,
    /// What differs from run to run, and what stands for it.
    names: Vec<(String, &'static str)>,
    too_long: Vec<String>,
    /// What failed and was not told what to do about it.
    without_remedy: Vec<String>,
}

/// What may end with another code than 0 without a hint, and why it needs none.
const NO_REMEDY: [(&str, &str); 4] = [
    ("the server is down", "libpq's own second line says what to look at"),
    (
        "no worker runs, and tables are waited for",
        "the operator ended it; the warning before has the remedy",
    ),
    ("no worker runs, and it is paused", "the same"),
    ("no ticker runs, and its ticks are waited for", "the same"),
];

impl Conversation {
    fn call(&mut self, text: &str, name: &'static str) {
        self.names.push((text.to_owned(), name));
        // A name may be the beginning of another one.
        self.names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    }

    /// Writes down one mistake. What a command has to say about it is something, and at most three lines for each warning
    /// and error.
    fn record(&mut self, mistake: &str, args: &[&str], outcome: &Outcome) {
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let complaint = outcome.stderr.lines().filter(|line| !line.contains(" INFO "));
        let records = ["WARNING", "ERROR"].map(|level| said.matches(&format!(" {level} ")).count());
        let allowed = 3 * records.iter().sum::<usize>().max(1);
        if (complaint.count() > allowed && !said.starts_with("Usage: ")) || said.is_empty() {
            self.too_long.push(mistake.to_owned());
        }
        self.look_for_remedy(mistake, outcome.code(), &said);
        let code = outcome.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
        let mut text = normalise(&format!("$ londiste {}\n{said}exit {code}\n", args.join(" ")));
        for (found, name) in &self.names {
            text = text.replace(found, name);
        }
        let text = without_ages(&text.replace("<ts> <pid> ", ""));
        self.text.push_str(&format!("# {mistake}\n{text}\n"));
    }

    fn look_for_remedy(&mut self, mistake: &str, code: Option<i32>, said: &str) {
        if code != Some(0) && !said.lines().any(|line| line.starts_with("HINT:  ")) {
            self.without_remedy.push(mistake.to_owned());
        }
    }
}

/// How long it is since the last tick, and the numbers of event and transaction, are others each time.
fn without_ages(text: &str) -> String {
    let mut result = String::new();
    for line in text.lines() {
        let line = match line.split_once("had no tick for ") {
            Some((before, after)) => {
                let rest = after.split_once(';').map_or("", |(_, rest)| rest);
                format!("{before}had no tick for <long>;{rest}")
            }
            None => line.trim_end().to_owned(),
        };
        let line = match (line.split_once("Waiting for tick > "), line.split_once("[ev_id=")) {
            (Some((before, _)), _) => format!("{before}Waiting for tick > <tick>"),
            (_, Some((before, after))) => {
                let rest = after.split_once(']').map_or("", |(_, rest)| rest);
                format!("{before}[ev_id=<event>]{rest}")
            }
            _ => line,
        };
        result.push_str(&line);
        result.push('\n');
    }
    result
}

/// Runs a command with an ini file of these lines.
fn with_ini(talk: &mut Conversation, mistake: &str, ini: &str, args: &[&str]) {
    let place = folder::fresh("mistake");
    talk.call(&normalise(&place.display().to_string()), "<here>");
    fs::write(place.join("x.ini"), ini).expect("own folder");
    let outcome = run(&Ours.executable(Program::Londiste), &place, args);
    talk.record(mistake, args, &outcome);
}

/// Runs a node's command; it is shown without the path of its ini file.
fn on(talk: &mut Conversation, mistake: &str, node: &Node, args: &[&str]) -> Outcome {
    let outcome = node.londiste(args);
    let ini = format!("{}.ini", node.name());
    talk.record(mistake, &[&[ini.as_str()], args].concat(), &outcome);
    outcome
}

/// Runs a node's command until it has said that text, then interrupts it.
fn interrupted(talk: &mut Conversation, mistake: &str, node: &Node, command: &str, until: &str) {
    let before = node.log().len();
    let mut child = node
        .command()
        .arg(command)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it was built");
    wait_for(format!("{command} to say {until:?}"), SOON, || {
        let log = node.log();
        holds(log[before..].contains(until), log[before..].to_owned())
    });
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
    let code = child.wait().expect("our own child").code();
    let log = normalise(&node.log()[before..]).replace("<ts> <pid> ", "");
    // A worker of the same node logs to the same file.
    let said: String = log
        .lines()
        .filter(|line| !line.contains(" INFO {") && !line.starts_with("INFO {"))
        .map(|line| format!("{line}\n"))
        .collect();
    let said = without_ages(&said);
    let said = talk.names.iter().fold(said, |said, (found, name)| said.replace(found, name));
    talk.look_for_remedy(mistake, code, &said);
    let ini = node.name();
    talk.text.push_str(&format!(
        "# {mistake}\n$ londiste {ini}.ini {command}\n{said}^C exit {}\n\n",
        code.expect("no signal ended it")
    ));
}

const TABLES: &str = "create table users (id int primary key, name text, email text);
     create table orders (id int primary key, total int);
     create table log (line text);
     create view recent as select * from orders;
     create sequence counter;
     create table only_here (id int primary key);
     insert into users values (1, 'a', 'b');";

#[test]
fn each_names_the_cause_and_the_remedy() {
    let mut talk = Conversation::default();
    before_a_database_is_asked(&mut talk);
    reaching_the_database(&mut talk);
    let (src, dst) = (database(&mut talk, "src", "<src>"), database(&mut talk, "dst", "<dst>"));
    src.sql(TABLES);
    dst.sql("create table users (id int primary key, name text); create table orders (id int primary key, total int)");
    let root = Node::new(Ours, "root", &src, QUEUE);
    let leaf = Node::new(Ours, "leaf", &dst, QUEUE);
    for node in [&root, &leaf] {
        let here = normalise(&node.folder().display().to_string());
        talk.call(&here, "<here>");
    }
    creating_nodes(&mut talk, &root, &leaf, &src, &dst);
    filling_the_set(&mut talk, &root, &leaf);
    daemons(&mut talk, &root, &leaf, &src, &dst);
    assert_eq!(talk.too_long, [""; 0], "{}", talk.text);
    assert_eq!(talk.without_remedy, NO_REMEDY.map(|(mistake, _)| mistake), "{}", talk.text);
    insta::assert_snapshot!(talk.text);
}

fn database(talk: &mut Conversation, label: &str, name: &'static str) -> Database {
    let database = Cluster::shared().create_database(label);
    talk.call(database.name(), name);
    database
}

fn before_a_database_is_asked(talk: &mut Conversation) {
    let good = "[londiste]\nqueue_name = q\ndb = host=/nonexistent dbname=x\n";
    let with = |more: &str| format!("{good}{more}\n");
    with_ini(talk, "nothing given", good, &[]);
    with_ini(talk, "no command", good, &["x.ini"]);
    with_ini(talk, "no such ini file", good, &["y.ini", "status"]);
    with_ini(talk, "the command first", good, &["status", "x.ini"]);
    with_ini(talk, "a folder instead of an ini file", good, &[".", "status"]);
    with_ini(talk, "a command misspelt", good, &["x.ini", "stauts"]);
    with_ini(talk, "an option misspelt", good, &["x.ini", "add-table", "--alle"]);
    with_ini(talk, "an option that does not belong there", good, &["x.ini", "status", "--apply"]);
    with_ini(talk, "an option that needs a value", good, &["x.ini", "status", "--dead"]);
    with_ini(talk, "an option that takes none", good, &["x.ini", "status", "--compact=1"]);
    with_ini(talk, "an option too short", good, &["x.ini", "add-table", "t", "--no"]);
    with_ini(talk, "an argument too many", good, &["x.ini", "pause", "now"]);
    with_ini(talk, "an argument missing", good, &["x.ini", "drop-node"]);
    with_ini(talk, "the section misspelt", "[londist]\nqueue_name = q\n", &["x.ini", "status"]);
    with_ini(talk, "no section", "queue_name = q\n", &["x.ini", "status"]);
    with_ini(talk, "a line that is none", &with("what is this"), &["x.ini", "status"]);
    with_ini(talk, "a key twice", &with("queue_name = r"), &["x.ini", "status"]);
    with_ini(talk, "a key misspelt", &with("paralel_copies = 2"), &["x.ini", "show-handlers"]);
    with_ini(talk, "a number that is none", &with("loop_delay = 1s"), &["x.ini", "status"]);
    with_ini(talk, "a number too small", &with("parallel_copies = 0"), &["x.ini", "status"]);
    with_ini(talk, "neither yes nor no", &with("local_only = maybe"), &["x.ini", "status"]);
    with_ini(talk, "a reference to nothing", &with("logfile = %(home)s/l"), &["x.ini", "status"]);
    with_ini(talk, "a lone percent sign", &with("node_name = 100%"), &["x.ini", "status"]);
    with_ini(
        talk,
        "a log format with single percent signs",
        &with("logfmt_file = %(message)s"),
        &["x.ini", "status"],
    );
    with_ini(talk, "the queue not named", "[londiste]\nqueue_name =\n", &["x.ini", "status"]);
    with_ini(talk, "the database not named", "[londiste]\nqueue_name = q\n", &["x.ini", "status"]);
    with_ini(talk, "no folder for the log", &with("logfile = no/such/x.log"), &["x.ini", "status"]);
    with_ini(
        talk,
        "no folder for the pidfile",
        &with("pidfile = no/such/x.pid"),
        &["x.ini", "worker"],
    );
    with_ini(talk, "a daemon without a pidfile", good, &["x.ini", "worker", "-d"]);
    with_ini(talk, "--set without a value", good, &["--set", "db", "x.ini", "status"]);
}

fn reaching_the_database(talk: &mut Conversation) {
    let db = database(talk, "plain", "<plain>");
    let (weak, poor) = (folder::unique("weak"), folder::unique("poor"));
    talk.call(&weak, "<weak>");
    talk.call(&poor, "<poor>");
    db.sql(&format!(
        "do $$ begin create role {PASSWORD_ROLE}; exception when duplicate_object or unique_violation then null; end $$;
         create role {weak} login password 'right' in role {PASSWORD_ROLE}; create role {poor} login"
    ));
    let nobody_listens = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = nobody_listens.local_addr().expect("it is bound").port();
    drop(nobody_listens);
    let mut ask = |mistake: &str, connstr: &str, args: &[&str]| {
        let node = Node::over(Ours, "x", connstr, QUEUE);
        on(talk, mistake, &node, args);
    };
    ask("a word in db misspelt", "dbnme=x host=127.0.0.1", &["status"]);
    ask("a bad port", "dbname=x host=127.0.0.1 port=54321x", &["status"]);
    ask(
        "the server is down",
        &format!("host=127.0.0.1 port={port} user=postgres dbname=x"),
        &["status"],
    );
    ask("a wrong password", &db.connstr_as(&weak, "wrong"), &["status"]);
    ask("no such role", &db.connstr_as("nobody_has_this_name", "-"), &["status"]);
    ask("no such database", &db.connstr().replace(db.name(), "no_such_database"), &["status"]);
    ask(
        "encryption that the server does not have",
        &format!("{} sslmode=require", db.connstr()),
        &["status"],
    );
    ask("nothing was installed yet", &db.connstr(), &["status"]);
    ask(
        "nothing was installed yet, and the worker starts",
        &db.connstr(),
        &["--set", "loop_delay=0", "worker"],
    );
    let poor = db.connstr_as(&poor, "-");
    ask("no right to install", &poor, &["create-root", "x", &poor]);
}

fn creating_nodes(
    talk: &mut Conversation,
    root: &Node,
    leaf: &Node,
    src: &Database,
    dst: &Database,
) {
    let (at_src, at_dst) = (src.connstr(), dst.connstr());
    let provider = format!("--provider={at_src}");
    on(talk, "a root without a name", root, &["create-root"]);
    on(talk, "a root without a location", root, &["create-root", "root"]);
    on(talk, "the location of another database", root, &["create-root", "root", &at_dst]);
    on(
        talk,
        "a location without a host",
        root,
        &["create-root", "root", "dbname=no_such_database port=1"],
    );
    on(talk, "a leaf without a provider", leaf, &["create-leaf", "leaf", &at_dst]);
    on(talk, "the provider is no node yet", leaf, &["create-leaf", "leaf", &at_dst, &provider]);
    on(
        talk,
        "the provider's name instead of its connect string",
        leaf,
        &["create-leaf", "leaf", &at_dst, "--provider=root"],
    );
    root.londiste(["create-root", "root", &at_src]).ok();
    let itself = format!("--provider={at_dst}");
    on(talk, "a leaf of itself", leaf, &["create-leaf", "leaf", &at_dst, &itself]);
    on(talk, "a name that is taken", leaf, &["create-leaf", "root", &at_dst, &provider]);
    leaf.londiste(["create-leaf", "leaf", &at_dst, &provider]).ok();
    on(talk, "a leaf twice", leaf, &["create-leaf", "leaf", &at_dst, &provider]);
    let stranger = Node::new(Ours, "stranger", src, "replica");

    on(talk, "the queue misspelt", &stranger, &["status"]);
    on(talk, "the queue misspelt, and a table is added", &stranger, &["add-table", "users"]);
    on(talk, "a node misspelt", root, &["drop-node", "laef"]);
    on(talk, "a provider misspelt", leaf, &["change-provider", "--provider=rot"]);
    on(talk, "a node as its own provider", leaf, &["change-provider", "--provider=leaf"]);
    on(talk, "no provider given", leaf, &["change-provider"]);
}

fn filling_the_set(talk: &mut Conversation, root: &Node, leaf: &Node) {
    on(talk, "a table misspelt", root, &["add-table", "user"]);
    on(talk, "no table given", root, &["add-table"]);
    on(talk, "a table without a key", root, &["add-table", "log"]);
    on(talk, "a view", root, &["add-table", "recent"]);
    on(talk, "a sequence where tables are added", root, &["add-table", "counter"]);
    on(talk, "a handler misspelt", root, &["add-table", "users", "--handler=londsite"]);
    on(talk, "a table on the leaf before the root has it", leaf, &["add-table", "users"]);
    on(talk, "a flag that is none", root, &["add-table", "users", "--trigger-flags=X"]);
    root.londiste(["add-table", "orders", "only_here"]).ok();
    on(talk, "a table that the leaf lacks", leaf, &["add-table", "only_here"]);
    on(talk, "a table twice", root, &["add-table", "users"]);
    on(talk, "a table removed that was never added", leaf, &["remove-table", "orders"]);
    on(talk, "a table copied again that is not there", leaf, &["resync", "orders"]);
    on(talk, "a copy from a node misspelt", leaf, &["add-table", "orders", "--copy-node=rot"]);
    on(talk, "a sequence that is none", root, &["add-seq", "users"]);
    on(talk, "a script that is not there", root, &["execute", "change.sql"]);
    fs::write(leaf.folder().join("change.sql"), "select 1;").expect("own folder");
    on(talk, "a script on a leaf", leaf, &["execute", "change.sql"]);
    on(talk, "a comparison before there is anything", leaf, &["compare"]);
}

fn daemons(talk: &mut Conversation, root: &Node, leaf: &Node, src: &Database, dst: &Database) {
    leaf.londiste(["add-table", "users", "orders"]).ok();
    on(talk, "stop without a worker", leaf, &["-s"]);
    interrupted(
        talk,
        "no worker runs, and tables are waited for",
        leaf,
        "wait-sync",
        "no worker seems to run here",
    );
    interrupted(
        talk,
        "no worker runs, and it is paused",
        leaf,
        "pause",
        "no worker seems to run here",
    );
    on(talk, "a comparison before the copy", leaf, &["compare", "users"]);

    let ticker = Ticker::new(Ours, src);
    ticker.start();
    let pid = leaf.start_worker();
    talk.call(&pid.to_string(), "<worker>");
    leaf.londiste(["resume"]).ok();
    on(talk, "a second worker", leaf, &["-d", "worker"]);
    wait_for("both tables to be copied", SOON, || {
        let states =
            dst.text("select string_agg(merge_state, ' ') from londiste.table_info where local");
        holds(states == "ok ok", states)
    });
    src.sql("update users set email = 'c'");
    wait_for("the worker to stumble", SOON, || {
        let error =
            dst.text("select coalesce(string_agg(cur_error, ' '), '') from pgq_node.local_state");
        holds(!error.is_empty(), error)
    });
    on(talk, "a column that the leaf's table lacks", leaf, &["node-status"]);
    leaf.londiste(["remove-table", "users"]).ok();
    wait_for("the worker to go on", SOON, || {
        let errors = dst.int("select count(cur_error) from pgq_node.local_state");
        holds(errors == 0, errors)
    });
    ticker.stop();
    src.sql("insert into orders values (2, 2)");
    // The ticker is gone, and the queue shows it as soon as events have waited for ten seconds.
    src.sql("update pgq.tick set tick_time = tick_time - interval '1 hour'");
    on(talk, "no ticker runs", root, &["status", "--compact"]);
    interrupted(
        talk,
        "no ticker runs, and its ticks are waited for",
        leaf,
        "wait-root",
        "had no tick for ",
    );
    leaf.worker().crash();
    on(talk, "a worker that crashed", leaf, &["-s"]);
    let dead = leaf.folder().join("leaf.pid.admin");
    fs::write(&dead, pid.to_string()).expect("own folder");
    on(talk, "what a crash left behind", leaf, &["remove-table", "orders"]);
    assert!(!Path::new(&dead).exists(), "removed at the end");
    fs::write(&dead, "what").expect("own folder");
    on(talk, "a pidfile that is none", leaf, &["remove-table", "orders"]);
}
