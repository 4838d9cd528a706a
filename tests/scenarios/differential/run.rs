//! Runs a script on both sides, step by step, and compares what they answer.
//!
//! Each side has a server of its own: snapshots hold the transactions of a whole server, and the ticks and rotations of
//! one side would depend on what the other one just does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use system_tests::wait::SOON;
use system_tests::{Cluster, Database, Impl, holds, schemas, wait_for};

use super::script::{Manner, Step, Theirs, literal};
use super::wanted::{self, Then};

/// Types and functions that tables of the scripts use.
const PRELUDE: &str = "
create extension hstore;
create extension citext;
create type mood as enum ('sad', 'ok', 'so happy', 'it''s \"x\"');
create type pair as (a int, \"B b\" text);
create type floatrange as range (subtype = float8);
create domain small as int check (value < 1000);
create domain flag as bool;
create domain moment as timestamptz;
create domain words as text;
create domain ints as int[];
create function noop() returns trigger language plpgsql as $$ begin return null; end; $$;
create function insert_into_base() returns trigger language plpgsql as $$ begin return new; end; $$;
";

/// Takes away whatever a script may have made: many times faster than a new database.
const CLEAN: &str = "
do $do$
declare
    found record;
begin
    for found in select nspname from pg_namespace
                  where nspname !~ '^pg_' and nspname not in ('public', 'information_schema', 'pgq', 'pgq_node', 'londiste')
    loop
        execute format('drop schema %I cascade', found.nspname);
    end loop;
    for found in select relnamespace::regnamespace as schema, relname as name,
                        case relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end as kind
                   from pg_class
                  where relkind in ('r', 'p', 'v', 'S')
                    and (relnamespace = 'public'::regnamespace
                         or relnamespace = 'pgq'::regnamespace and relname ~ '^event_[0-9]+(_id_seq|_tick_seq)?$')
                  -- those of identity columns go with their tables
                  order by relkind = 'S'
    loop
        execute format('drop %s if exists %s.%I cascade', found.kind, found.schema, found.name);
    end loop;
    truncate pgq.queue, pgq.consumer, pgq.tick, pgq.subscription, pgq.retry_queue, pgq_node.node_location,
        pgq_node.node_info, pgq_node.local_state, pgq_node.subscriber_info, londiste.table_info, londiste.seq_info,
        londiste.applied_execute, londiste.pending_fkeys restart identity;
    perform setval('pgq.batch_id_seq', 1, false);
end;
$do$";

/// So many scripts share a database before its catalogs have grown too long.
const SCRIPTS_PER_DATABASE: usize = 60;

/// The two servers.
pub(super) struct Pair {
    ours: Side,
    theirs: Side,
}

struct Side {
    /// The database in use, and by how many scripts so far.
    current: RefCell<Option<(Database, usize)>>,
    template: Database,
    // Behind the template, which is dropped first.
    _cluster: Cluster,
}

/// How a script ended, and which wanted differences showed, how often.
pub(super) struct Verdict {
    pub(super) end: End,
    pub(super) wanted: BTreeMap<&'static str, usize>,
    /// Steps that both sides answered alike, errors included, and how many of them were errors.
    pub(super) compared: usize,
    pub(super) errors: usize,
}

pub(super) enum End {
    /// Both sides said the same all the time.
    Same,
    /// A wanted difference left the two sides in different states: the rest was not compared.
    Cut,
    Different(Box<Difference>),
}

pub(super) struct Difference {
    pub(super) step: usize,
    pub(super) ours: Answer,
    pub(super) theirs: Answer,
}

/// What a server said to one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The column names of a query, then its rows, `|` between columns.
    pub(super) rows: Vec<String>,
    pub(super) notices: Vec<String>,
    pub(super) error: Option<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) sqlstate: String,
    pub(super) message: String,
}

impl Answer {
    /// The error's text, or nothing.
    pub(super) fn message(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.message)
    }

    /// The first number of the first row: the `ret_code` of a function that has one.
    fn code(&self) -> Option<i32> {
        self.rows.get(1)?.split('|').next()?.parse().ok()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.notices.iter().chain(&self.rows) {
            writeln!(f, "    {line}")?;
        }
        match &self.error {
            Some(error) => writeln!(f, "    ERROR {}: {}", error.sqlstate, error.message),
            None => Ok(()),
        }
    }
}

impl Pair {
    pub(super) fn start() -> Self {
        Self { ours: Side::start(Impl::Ours), theirs: Side::start(Impl::Reference) }
    }

    /// Runs the steps in empty databases, until both answers differ in a way nobody wanted.
    pub(super) fn run(&self, steps: &[Step]) -> Verdict {
        let (mut ours, mut theirs) = (self.ours.session(), self.theirs.session());
        let mut verdict =
            Verdict { end: End::Same, wanted: BTreeMap::new(), compared: 0, errors: 0 };
        for (number, step) in steps.iter().enumerate() {
            let our_answer = ours.carry_out(&step.sql, step.manner);
            let mut their_sql = &step.sql;
            if let Some(Theirs::Always(reason, sql)) = &step.theirs {
                *verdict.wanted.entry(reason).or_default() += 1;
                their_sql = sql;
            }
            // A refusal ends a transaction; this one has to go on with what is done instead.
            let refusable = matches!(step.theirs, Some(Theirs::AfterRefusal { .. }));
            let in_transaction = refusable && theirs.ask("savepoint refusal").error.is_none();
            let mut their_answer = theirs.carry_out(their_sql, step.manner);
            if let Some(Theirs::AfterRefusal { text, instead, table, columns }) = &step.theirs
                && our_answer.error.is_none()
                && their_answer.message() == *text
            {
                *verdict.wanted.entry(text).or_default() += 1;
                if in_transaction {
                    theirs.ask("rollback to refusal");
                }
                if theirs.columns(table) != columns.to_string() {
                    verdict.end = End::Cut;
                    return verdict;
                }
                their_answer = theirs.carry_out(instead, step.manner);
            }
            if our_answer == their_answer {
                verdict.compared += 1;
                verdict.errors += usize::from(our_answer.error.is_some());
                continue;
            }
            match wanted::judge(&step.sql, &our_answer, &their_answer) {
                Some((reason, then)) => {
                    *verdict.wanted.entry(reason).or_default() += 1;
                    if then == Then::Stop {
                        verdict.end = End::Cut;
                        return verdict;
                    }
                }
                None => {
                    verdict.end = End::Different(Box::new(Difference {
                        step: number,
                        ours: our_answer,
                        theirs: their_answer,
                    }));
                    return verdict;
                }
            }
        }
        verdict
    }
}

impl Side {
    fn start(side: Impl) -> Self {
        let cluster = Cluster::start_new();
        // With it on, maint_tables_to_vacuum has nothing to say, and its transactions would be in snapshots.
        let settings = cluster.create_database("settings");
        settings.sql("alter system set autovacuum = off");
        settings.sql("select pg_reload_conf()");
        wait_for("autovacuum off", SOON, || {
            let setting = settings.text("show autovacuum");
            holds(setting == "off", setting)
        });
        drop(settings);
        let template = cluster.create_database("template");
        match side {
            // Without pgq_ext, which the reference's packages lack.
            Impl::Ours => ["pgq", "pgq_node", "londiste"]
                .iter()
                .for_each(|schema| template.sql(&schemas::script(schema, true))),
            Impl::Reference => template.sql("create extension londiste cascade"),
        }
        template.sql(PRELUDE);
        Self { current: RefCell::default(), template, _cluster: cluster }
    }

    /// In a database without any traces of scripts.
    fn session(&self) -> Session {
        let mut current = self.current.borrow_mut();
        match current.as_mut() {
            Some((db, scripts)) if *scripts < SCRIPTS_PER_DATABASE => {
                db.sql(CLEAN);
                *scripts += 1;
            }
            _ => {
                *current = None;
                *current = Some((Database::copy_of(&self.template, "script"), 1));
            }
        }
        Session::open(&current.as_ref().expect("just put there").0)
    }
}

/// Who is connected, and what it hears.
struct Session {
    client: Client,
    notices: Arc<Mutex<Vec<String>>>,
    connstr: String,
}

impl Session {
    fn open(db: &Database) -> Self {
        let notices = Arc::default();
        let connstr = db.connstr();
        Self { client: connect(&connstr, &notices), notices, connstr }
    }

    fn carry_out(&mut self, sql: &str, manner: Manner) -> Answer {
        match manner {
            Manner::Plain => self.ask(sql),
            Manner::Client => {
                self.ask("begin");
                let answer = self.ask(sql);
                let refused =
                    answer.error.is_some() || answer.code().is_some_and(|code| code >= 300);
                self.ask(if refused { "rollback" } else { "commit" });
                answer
            }
            Manner::Reconnect => {
                self.client = connect(&self.connstr, &self.notices);
                Answer::default()
            }
        }
    }

    /// How many columns a table has now.
    fn columns(&mut self, table: &str) -> String {
        let sql = "select count(*) from pg_catalog.pg_attribute where attnum > 0 and not attisdropped and attrelid = ";
        let answer = self.ask(&format!("{sql}{}::pg_catalog.regclass", literal(table)));
        answer.rows.get(1).cloned().unwrap_or_default()
    }

    fn ask(&mut self, sql: &str) -> Answer {
        let mut answer = Answer::default();
        match self.client.simple_query(sql) {
            Ok(messages) => {
                for message in messages {
                    answer.rows.extend(line(&message));
                }
            }
            Err(error) => {
                let said = error.as_db_error().unwrap_or_else(|| panic!("{error} at: {sql}"));
                answer.error = Some(Refusal {
                    sqlstate: said.code().code().to_owned(),
                    message: comparable(said.message()),
                });
            }
        }
        let mut notices = self.notices.lock().expect("nobody panics with it");
        answer.notices = notices.drain(..).collect();
        answer
    }
}

fn connect(connstr: &str, notices: &Arc<Mutex<Vec<String>>>) -> Client {
    let heard = Arc::clone(notices);
    let mut config: Config = connstr.parse().expect("our own connect string");
    // A script that waits for itself is a failure, and not for ever.
    config.options("-c timezone=UTC -c statement_timeout=30s").notice_callback(move |notice| {
        let line = format!("{}: {}", notice.severity(), comparable(notice.message()));
        heard.lock().expect("nobody panics with it").push(line);
    });
    config.connect(NoTls).unwrap_or_else(|e| panic!("cannot connect: {e}"))
}

fn line(message: &SimpleQueryMessage) -> Option<String> {
    match message {
        SimpleQueryMessage::RowDescription(columns) => {
            let mut names = Vec::new();
            for column in columns.iter() {
                names.push(column.name());
            }
            Some(names.join("|"))
        }
        SimpleQueryMessage::Row(row) => {
            let values: Vec<&str> =
                (0..row.len()).map(|column| row.get(column).unwrap_or("<null>")).collect();
            Some(comparable(&values.join("|")))
        }
        SimpleQueryMessage::CommandComplete(rows) => Some(format!("({rows})")),
        _ => None,
    }
}

/// Without what depends on the server's counters: the numbers of temporary schemas and of types made by the scripts.
fn comparable(text: &str) -> String {
    let mut text = without_number(text, "pg_temp_");
    text = without_number(&text, "must be boolean, got=");
    without_number(&text, "pg_toast.pg_toast_")
}

fn without_number(text: &str, prefix: &str) -> String {
    let mut pieces = text.split(prefix);
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u32 = piece[..piece.len() - rest.len()].parse().unwrap_or_default();
        // Numbers below this one are the same in every database.
        if prefix.ends_with("got=") && number < 16_384 {
            result.push_str(&format!("{prefix}{number}{rest}"));
        } else {
            result.push_str(&format!("{prefix}N{rest}"));
        }
    }
    result
}
