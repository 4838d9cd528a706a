//! One side: a database with the table and its trigger, and the session that changes the table.

use std::fs;
use std::time::{Duration, Instant};

use postgres::Client;
use system_tests::under_test::run_for;
use system_tests::{Cluster, Database, Impl, folder, schemas, server};

use super::statement::Statement;
use super::{Cost, GENERATED, GENERIC, NONE, REFERENCE};
use crate::process::{children, finished_sessions_cpu, session_cpu, wait_for_only};
use crate::users::TABLE;

/// A root node, made by hand: no daemon is needed to capture changes.
const ROOT: &str = "
select pgq_node.register_location('replika', 'src', 'dbname=src', false);
select pgq_node.create_node('replika', 'root', 'src', 'src', null, null, null);
";

const ADD_TABLE: &str = "select ret_code from londiste.local_add_table('replika', 'app.user_info')";

const GENERIC_TRIGGER: &str = "create trigger _londiste_replika
    after insert or update or delete on app.user_info
    for each row execute function pgq.logutriga('replika')";

/// Clients of pgbench.
const CLIENTS: u32 = 4;

/// How long pgbench may take: a generous millisecond for a row of the largest table.
const PATIENCE: Duration = Duration::from_secs(600);

pub(super) struct Subject {
    side: &'static str,
    session: Client,
    session_pid: u32,
    /// The parent of the queue's event tables.
    events: Option<String>,
    db: Database,
}

impl Subject {
    pub(super) fn new(cluster: &Cluster, side: &'static str) -> Self {
        let db = cluster.create_database(side);
        db.sql(TABLE);
        db.sql("create sequence app.user_ids");
        match side {
            REFERENCE => schemas::install(Impl::Reference, &db),
            GENERIC | GENERATED => schemas::install(Impl::Ours, &db),
            _ => {}
        }
        let events = (side != NONE).then(|| {
            db.sql(ROOT);
            if side == GENERIC {
                db.sql(GENERIC_TRIGGER);
            } else {
                assert_eq!(db.text(ADD_TABLE), "200", "the table is added");
            }
            db.text("select queue_data_pfx from pgq.queue")
        });
        let mut session = db.client();
        let pid = session.query_one("select pg_backend_pid()", &[]).expect("a session").get(0);
        let pid: i32 = pid;
        Self { side, session, session_pid: pid.unsigned_abs(), events, db }
    }

    pub(super) fn side(&self) -> &'static str {
        self.side
    }

    pub(super) fn database(&self) -> &Database {
        &self.db
    }

    /// Prepares the table, runs the statement or statements, says what a row took.
    pub(super) fn measure(&mut self, cluster: &Cluster, statement: Statement, rows: u32) -> Cost {
        self.prepare(statement);
        match statement {
            Statement::BulkInsert | Statement::BulkUpdate | Statement::BulkDelete => {
                self.bulk(&statement.sql(rows), rows)
            }
            Statement::SingleInsert | Statement::SingleUpdate => {
                let rows = rows / 10;
                self.one_by_one(&statement.sql(rows), rows)
            }
            Statement::ClientsInsert | Statement::ClientsUpdate => {
                let each = rows / 5 / CLIENTS;
                self.clients(cluster, &statement.sql(each * CLIENTS), each)
            }
        }
    }

    /// Every measurement begins with the table in the same shape, no events and no pages to write.
    fn prepare(&mut self, statement: Statement) {
        if statement.begins_empty() {
            self.run("truncate app.user_info");
            self.run("alter sequence app.user_ids restart");
        } else {
            self.run("vacuum analyze app.user_info");
        }
        if let Some(events) = &self.events {
            let statement = format!("truncate {events}");
            self.run(&statement);
        }
        self.run("checkpoint");
    }

    fn run(&mut self, sql: &str) {
        self.session.batch_execute(sql).unwrap_or_else(|e| panic!("{}: {e}: {sql}", self.side));
    }

    fn bulk(&mut self, sql: &str, rows: u32) -> Cost {
        let (cpu, started) = (session_cpu(self.session_pid), Instant::now());
        let changed = self.session.execute(sql, &[]).expect("a good statement");
        let wall = started.elapsed();
        assert_eq!(changed, u64::from(rows), "rows changed");
        Cost::of(wall, session_cpu(self.session_pid) - cpu, rows)
    }

    fn one_by_one(&mut self, sql: &str, rows: u32) -> Cost {
        let prepared = self.session.prepare(sql).expect("a good statement");
        let last = i32::try_from(rows).expect("few rows");
        let (cpu, started) = (session_cpu(self.session_pid), Instant::now());
        for id in 1..=last {
            let changed = self.session.execute(&prepared, &[&id]).expect("a good statement");
            assert_eq!(changed, 1, "rows changed");
        }
        let wall = started.elapsed();
        Cost::of(wall, session_cpu(self.session_pid) - cpu, rows)
    }

    fn clients(&self, cluster: &Cluster, script: &str, each: u32) -> Cost {
        let folder = folder::fresh("pgbench");
        fs::write(folder.join("script.sql"), script).expect("own folder");
        let (clients, each_text) = (CLIENTS.to_string(), each.to_string());
        let port = self.db.address().port.to_string();
        // The same seed on all sides: the same users are changed.
        let args = [
            ["-h", "127.0.0.1"],
            ["-p", &port],
            ["-U", "postgres"],
            ["-M", "prepared"],
            ["-f", "script.sql"],
            ["-c", &clients],
            ["-j", &clients],
            ["-t", &each_text],
            ["--random-seed", "42"],
            ["-n", self.db.name()],
        ];
        let known = children(cluster);
        let cpu = finished_sessions_cpu(cluster);
        let pgbench = server::client_program("pgbench");
        let said = run_for(PATIENCE, &pgbench, &folder, args.concat()).ok().stdout;
        wait_for_only(cluster, &known);
        let cpu = finished_sessions_cpu(cluster) - cpu;
        Cost::of(time_for_all(&said, CLIENTS * each), cpu, CLIENTS * each)
    }

    /// What is there after the statement.
    pub(super) fn left(&self, statement: Statement) -> Left {
        let rows = self.fingerprint("app.user_info row", "userid", statement);
        let events = self.events.as_ref().map(|table| {
            let columns = "ev_type, ev_data, ev_extra1, ev_extra2, ev_extra3, ev_extra4";
            let from = format!("{table} e, lateral (select {columns}) row");
            self.fingerprint(&from, "ev_id", statement)
        });
        Left { rows: Some(rows), events }
    }

    /// Number and content of the rows of a query. In order, unless several clients wrote them.
    fn fingerprint(&self, from: &str, order: &str, statement: Statement) -> String {
        let seed = match statement {
            Statement::ClientsInsert | Statement::ClientsUpdate => "0".to_owned(),
            _ => format!("row_number() over (order by {order})"),
        };
        self.db.text(&format!(
            "select count(*), sum(hash) from (select hashtextextended(row::text, {seed}) as hash from {from}) hashed"
        ))
    }
}

/// What a statement leaves: fingerprints of the table and of the events.
#[derive(Default)]
pub(super) struct Left {
    rows: Option<String>,
    events: Option<String>,
}

impl Left {
    /// All sides must leave the same; `expected` learns what is not known yet, since one of them has no events.
    pub(super) fn must_equal(self, expected: &mut Left, statement: &str, side: &str) {
        let pairs = [
            ("rows", self.rows, &mut expected.rows),
            ("events", self.events, &mut expected.events),
        ];
        for (what, found, expected) in pairs {
            let Some(found) = found else { continue };
            let expected = expected.get_or_insert_with(|| found.clone());
            assert!(
                *expected == found,
                "{what} of {side} differ after {statement}: {found}, others {expected}"
            );
        }
    }
}

impl Cost {
    fn of(wall: Duration, cpu: Duration, rows: u32) -> Self {
        let per_row = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(rows);
        Self { wall: per_row(wall), cpu: per_row(cpu) }
    }
}

/// pgbench counts from the moment on when all clients are connected.
fn time_for_all(said: &str, transactions: u32) -> Duration {
    let rate =
        said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate: f64 = rate.unwrap_or_else(|| panic!("pgbench does not tell the rate:\n{said}"));
    Duration::from_secs_f64(f64::from(transactions) / rate)
}
