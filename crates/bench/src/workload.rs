//! What is written on the source while nobody replays. Everything runs in the server, so that writing does not take
//! longer than it must, and what is written depends on the number of rows only.

use crate::pair::TICK;

/// A load.
pub(crate) struct Workload {
    /// As on the command line.
    pub(crate) name: &'static str,
    /// The tables, with the rows that both sides have at the start.
    pub(crate) tables: fn(rows: u32) -> String,
    /// Scripts that run at the same time.
    pub(crate) scripts: fn(rows: u32) -> Vec<String>,
    /// Row changes that this makes of the rows asked for.
    pub(crate) changes: fn(rows: u32) -> u32,
    /// The least it must be, as a multiple of the original and of logical replication.
    pub(crate) bars: (f64, Option<f64>),
}

/// All loads.
static WORKLOADS: [Workload; 10] = [
    Workload {
        name: "login",
        tables: |rows| LOGIN_TABLES.replace("USERS", &users(rows).to_string()),
        scripts: login,
        changes: |rows| rows / 4 * 4,
        bars: (6.0, Some(2.0)),
    },
    Workload {
        name: "tpcb",
        tables: |_| TPCB_TABLES.to_owned(),
        scripts: |rows| each(TPCB, rows / 8, 2),
        changes: |rows| rows / 8 * 8,
        bars: (1.0, None),
    },
    Workload {
        name: "wide",
        tables: |_| wide_table(),
        scripts: |rows| vec![wide(rows / 10)],
        changes: |rows| rows / 10,
        bars: (1.0, None),
    },
    Workload {
        name: "delete",
        tables: |rows| DELETE_TABLE.replace("ROWS", &rows.to_string()),
        scripts: |rows| each(DELETE, rows / 100, 1),
        changes: |rows| rows / 100 * 100,
        bars: (1.0, None),
    },
    Workload {
        name: "hot",
        tables: |_| HOT_TABLE.to_owned(),
        scripts: |rows| each(HOT, rows / 10, 1),
        changes: |rows| rows / 10 * 10,
        bars: (10.0, None),
    },
    Workload {
        name: "tables",
        tables: |rows| MANY_TABLES.replace("TABLES", &many(rows).to_string()),
        scripts: |rows| vec![round_of_tables(many(rows), rounds_of_tables(rows))],
        changes: |rows| many(rows) * rounds_of_tables(rows) * 3,
        bars: (3.0, None),
    },
    Workload {
        name: "big",
        tables: |_| "create table app.big (id int primary key, name text, n int)".to_owned(),
        scripts: |rows| vec![BIG.replace("ROWS", &(rows * 10).to_string())],
        changes: |rows| rows * 10,
        bars: (1.0, None),
    },
    Workload {
        name: "tiny",
        tables: |_| TINY_TABLE.to_owned(),
        scripts: |rows| each(TINY, rows / 100, 1),
        changes: |rows| rows / 100 * 10,
        bars: (1.0, None),
    },
    Workload {
        name: "idle-1000",
        tables: |rows| tiny_among(1_000.min(rows / 5)),
        scripts: |rows| each(TINY, rows / 100, 1),
        changes: |rows| rows / 100 * 10,
        bars: (1.0, None),
    },
    Workload {
        name: "idle-10000",
        tables: |rows| tiny_among(10_000.min(rows / 5)),
        scripts: |rows| each(TINY, rows / 100, 1),
        changes: |rows| rows / 100 * 10,
        bars: (1.0, None),
    },
];

/// The load of that name.
pub(crate) fn workload(name: &str) -> &'static Workload {
    WORKLOADS.iter().find(|workload| workload.name == name).expect("parts of jobs are loads")
}

/// The users of the seeds, fewer for a toy.
fn users(rows: u32) -> u32 {
    rows.min(200_000)
}

/// The log tables have the keys that the operator's diary gives them.
const LOGIN_TABLES: &str = "
create table app.user_session (
    userid int primary key, logintime timestamp(0) without time zone, login_count bigint default 0,
    logouttime timestamp(0) without time zone, online_interval interval default interval '0');
create table app.user_login_rec (
    id bigserial primary key, userid int, login_time timestamp without time zone, ip inet);
create table app.user_logout_rec (
    id bigserial primary key, userid int, logout_time timestamp without time zone, ip inet);
insert into app.user_session (userid) select generate_series(1, USERS);
";

const LOGIN: &str = "
insert into app.user_login_rec (userid, login_time, ip) values (u, now(), inet_client_addr());
update app.user_session set logintime = now(), login_count = login_count + 1 where userid = u;
";

const LOGOUT: &str = "
insert into app.user_logout_rec (userid, logout_time, ip) values (u, now(), inet_client_addr());
update app.user_session set logouttime = now(), online_interval = online_interval + (now() - logintime)
 where userid = u;
";

/// A session that logs users in and one that logs them out.
fn login(rows: u32) -> Vec<String> {
    let step = |statements| {
        let user = format!("i::bigint * 48271 % {} + 1", users(rows));
        format!("declare u int := {user}; begin {statements} end; commit;")
    };
    [LOGIN, LOGOUT].map(|statements| repeat(&step(statements), 1, rows / 4)).into()
}

/// The tables of pgbench, its history with a key.
const TPCB_TABLES: &str = "
create table app.branches (bid int primary key, bbalance int, filler char(88));
create table app.tellers (tid int primary key, bid int, tbalance int, filler char(84));
create table app.accounts (aid int primary key, bid int, abalance int, filler char(84));
create table app.history (
    id bigserial primary key, tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
insert into app.branches select i, 0, '' from generate_series(1, 10) i;
insert into app.tellers select i, (i - 1) / 10 + 1, 0, '' from generate_series(1, 100) i;
insert into app.accounts select i, (i - 1) / 10000 + 1, 0, '' from generate_series(1, 100000) i;
";

const TPCB: &str = "
declare
    a int := i::bigint * 48271 % 100000 + 1;
    t int := i::bigint * 16807 % 100 + 1;
    b int := i::bigint * 16807 % 10 + 1;
    delta int := i % 5000;
begin
    update app.accounts set abalance = abalance + delta where aid = a;
    update app.tellers set tbalance = tbalance + delta where tid = t;
    update app.branches set bbalance = bbalance + delta where bid = b;
    insert into app.history (tid, bid, aid, delta, mtime) values (t, b, a, delta, now());
end;
commit;
";

/// 40 columns: a key, 29 short ones, eight numbers, and a text and a jsonb of 2 KB.
fn wide_table() -> String {
    let texts: String = (1..=29).map(|n| format!("t{n} text, ")).collect();
    let numbers: String = (1..=8).map(|n| format!("n{n} numeric, ")).collect();
    format!("create table app.wide (id int primary key, {texts}{numbers}body text, doc jsonb)")
}

/// Ten rows in a transaction.
fn wide(rows: u32) -> String {
    let texts: String = (1..=29).map(|n| format!("'value {n} of ' || r, ")).collect();
    let numbers: String = (1..=8).map(|n| format!("r / {n}.0, ")).collect();
    let body = "(select string_agg(md5((r * 64 + k)::text), '') from generate_series(1, 64) k)";
    let insert = format!(
        "insert into app.wide select r, {texts}{numbers}{body}, jsonb_build_object('id', r, 'body', {body})
           from generate_series(i * 10 - 9, i * 10) r;
         commit;"
    );
    repeat(&insert, 1, rows / 10)
}

const DELETE_TABLE: &str = "
create table app.orders (id int primary key, name text, price numeric, at timestamptz default '2014-01-12');
insert into app.orders select i, 'order ' || i, i / 7.0 from generate_series(1, ROWS) i;
";

/// Ninety old rows go, ten new ones come.
const DELETE: &str = "
delete from app.orders where id between i * 100 - 99 and i * 100 - 10;
insert into app.orders select -id, 'order ' || id, id / 7.0 from generate_series(i * 10 - 9, i * 10) id;
commit;
";

const HOT_TABLE: &str = "
create table app.counters (id int primary key, name text, hits bigint, at timestamptz);
insert into app.counters select i, 'counter ' || i, 0 from generate_series(1, 100) i;
";

/// Ten of a hundred rows.
const HOT: &str = "
update app.counters set hits = hits + 1, at = now() where id between i % 10 * 10 + 1 and i % 10 * 10 + 10;
commit;
";

/// A thousand tables, fewer for a toy.
fn many(rows: u32) -> u32 {
    (rows / 50).clamp(5, 1000)
}

fn rounds_of_tables(rows: u32) -> u32 {
    (rows / 5 / 3 / many(rows)).max(2)
}

const MANY_TABLES: &str = "
do $$ begin
    for t in 1 .. TABLES loop
        execute format('create table app.t%s (id int primary key, name text, n int)', t);
    end loop;
end $$;
";

/// In every batch two rows come into each table, and one of them changes.
fn round_of_tables(tables: u32, rounds: u32) -> String {
    let step = format!(
        "for t in 1 .. {tables} loop
             execute format('insert into app.t%s select r, ''row '' || r, 0 from generate_series($1 * 2, $1 * 2 + 1) r', t)
               using i;
             execute format('update app.t%s set n = n + 1 where id = $1 * 2', t) using i;
         end loop;
         commit; {TICK} commit;"
    );
    repeat(&step, 1, rounds)
}

const BIG: &str =
    "insert into app.big select i, 'row ' || i, i % 1000 from generate_series(1, ROWS) i";

const TINY_TABLE: &str = "create table app.tiny (id bigserial primary key, name text)";

/// The same table beside many that nobody changes. So many locks are not for one transaction; and that the server might look at
/// thousands of new tables just then is no cost of replication.
fn tiny_among(tables: u32) -> String {
    format!(
        "do $$ begin
             {TINY_TABLE};
             for t in 1 .. {tables} loop
                 execute format('create table app.idle%s (id int primary key, name text)
                                 with (autovacuum_enabled = off)', t);
                 if t % 100 = 0 then commit; end if;
             end loop;
         end $$"
    )
}

/// Ten rows, and the batch ends.
const TINY: &str = "
insert into app.tiny (name) select 'row ' || i from generate_series(1, 10);
commit; /*tick*/ commit;
";

/// The same statements with `i` from 1 on, shared by so many sessions.
fn each(statements: &str, times: u32, sessions: u32) -> Vec<String> {
    let share = |session| repeat(statements, session * times + 1, (session + 1) * times);
    (0..sessions).map(share).collect()
}

fn repeat(statements: &str, from: u32, to: u32) -> String {
    format!("do $$ begin for i in {from} .. {to} loop {statements} end loop; end $$")
}
